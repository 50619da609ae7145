"""Telephone numbers that belong to nobody: those that regulators keep for films and examples, and extensions."""

import random
from typing import Final

# North America: 555-0100 to 555-0199 of every area (NANPA); Great Britain: Ofcom's for drama; France: ARCEP's for
# audiovisual works; Australia: ACMA's for creative works. Each X is any digit.
_FICTIONAL: Final = (
    "+121255501XX", "+141555501XX", "+160455501XX",
    "+441632960XXX", "+442079460XXX", "+441614960XXX", "+447700900XXX",
    "+3319900XXXX", "+3363998XXXX",
    "+6125550XXXX", "+6187010XXXX",
)  # fmt: skip
_WITHHELD: Final = 0.05
_INTERNAL: Final = 0.3


def fictional_number(rng: random.Random) -> str | None:
    """Return the other end of a call: a number outside, an extension, or None where it is withheld."""
    kind = rng.random()
    if kind < _WITHHELD:
        return None
    if kind < _WITHHELD + _INTERNAL:
        return str(rng.randrange(1000, 2000))
    return "".join(str(rng.randrange(10)) if each == "X" else each for each in rng.choice(_FICTIONAL))
