"""What keeps the phone's memory shut to whoever has the memory card alone."""

from enum import StrEnum


class Guard(StrEnum):
    """Something that opens the store and is not on the card.

    Attributes:
        PIN: the holder's PIN, typed after each start.
        BOARD: the key that is burnt into the Raspberry Pi.
        TPM: the machine's security chip.
    """

    PIN = "pin"
    BOARD = "board"
    TPM = "tpm"


def stolen_card(guards: frozenset[Guard]) -> str:
    """Say plainly what a thief of the card gets, to whoever looks after the phone."""
    if not guards:
        return (
            "Whoever takes the memory card can read everything that is stored here: "
            "the keys to it lie on the same card."
        )
    with_what = " and ".join(_NEEDS[guard] for guard in Guard if guard in guards)
    return f"The memory card alone cannot be read: opening it takes {with_what} as well."


def stolen_phone(guards: frozenset[Guard]) -> str:
    """Say plainly what a thief of the whole phone gets, to whoever looks after the phone."""
    if Guard.PIN in guards:
        return "A stolen phone that was switched off opens to whoever knows the PIN or has the time to try all of them."
    return "Whoever takes the whole phone can read everything that is stored here."


_NEEDS = {
    Guard.PIN: "the holder's PIN",
    Guard.BOARD: "this Raspberry Pi's own key",
    Guard.TPM: "this machine's security chip (TPM)",
}
