"""PINs: whose they are, which anybody would try first, and what else opens the store."""

from enum import StrEnum

from firmware.base.words import Word, word


class PinSlot(StrEnum):
    """HOLDER: opens a locked phone and proves who asks. GUARDIAN: answers for a holder who is under 14."""

    HOLDER = "holder"
    GUARDIAN = "guardian"


class Right(StrEnum):
    """A right that is exercised on the phone itself, after its holder's PIN."""

    ACCESS = "access"
    COPY = "copy"
    ERASURE = "erasure"
    CANCELLATION = "cancellation"
    REQUEST = "request"
    RESET = "reset"


MIN_DIGITS = 4
MAX_DIGITS = 8
MIN_DIGITS_FOR_STORE = 6
"""Shorter ones are tried out within hours by whoever has the memory card."""
_CLIMBING = "01234567890123456789"


def weakness(pin: str, *, opens_store: bool = False) -> Word | None:
    """Say why digits are no good as a PIN, or as one that opens the store; None where they are."""
    if opens_store and not MIN_DIGITS_FOR_STORE <= len(pin) <= MAX_DIGITS:
        return word("6 to 8 digits, please.")
    if not MIN_DIGITS <= len(pin) <= MAX_DIGITS:
        return word("4 to 8 digits, please.")
    if any(pin == (pin[:length] * len(pin))[: len(pin)] for length in (1, 2, 3)):
        return word("Too easy: digits repeat.")
    if pin in _CLIMBING or pin in _CLIMBING[::-1]:
        return word("Too easy: digits in a row.")
    return None


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
