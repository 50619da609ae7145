"""Which PINs anybody would try first."""

from firmware.base.words import Word, word

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
