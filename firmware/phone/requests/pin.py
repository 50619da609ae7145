"""The PINs, and the keys of the store that the holder's may guard."""

from dataclasses import dataclass, field

from firmware.phone.pin import Guard, PinSlot
from firmware.phone.request import Request


@dataclass(frozen=True, slots=True)
class PinChecked:
    """A PIN was compared; after wrong ones the next is looked at no sooner than in `wait_s` seconds."""

    accepted: bool
    wait_s: int = 0


@dataclass(frozen=True, slots=True)
class CheckPin(Request[PinChecked]):
    """Compare a PIN with the one that is set; the answer comes later after each wrong one."""

    pin: str = field(repr=False)
    slot: PinSlot = PinSlot.HOLDER


@dataclass(frozen=True, slots=True)
class SetPin(Request[None]):
    """Set a PIN, or take it away where it is empty; PinChanged comes before the answer."""

    pin: str = field(repr=False)
    slot: PinSlot = PinSlot.HOLDER


@dataclass(frozen=True, slots=True)
class PinChanged:
    """A PIN is set, or none is, as the store says at the start and after each change."""

    is_set: bool
    slot: PinSlot = PinSlot.HOLDER


@dataclass(frozen=True, slots=True)
class GuardStore(Request[PinChecked]):
    """Have the PIN open the store after each start from now on, or no more.

    StoreGuarded comes before the answer where it is the right PIN.
    """

    pin: str = field(repr=False)
    guarded: bool


@dataclass(frozen=True, slots=True)
class StoreGuarded:
    """What the thief of the memory card lacks, as the handset says at the start and after each change."""

    guards: frozenset[Guard]


@dataclass(frozen=True, slots=True)
class StoreWaitsForPin:
    """The store stays closed until somebody types the PIN: nothing that is kept in it is known yet."""
