"""What menus ask about the keys of the store; each is answered by an event of `key_answers`."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class GuardStore:
    """Have the PIN open the store after each start from now on, or no more.

    StoreGuarded follows, or PinChecked where it is not the PIN.
    """

    pin: str = field(repr=False)
    guarded: bool


KeyErrand = GuardStore
