"""What the phone says, before it is said in somebody's language."""

from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True, slots=True)
class Word:
    """A message of the catalogues (firmware/display/catalogues), in English, translated when it is shown.

    Attributes:
        text: the English message with its places, such as "{count} missed calls".
        values: what belongs in each place; words among them are translated too.
        many: the English message where `count` is not one; empty for a message that counts nothing.
    """

    text: str
    values: tuple[tuple[str, "Text | int"], ...] = ()
    many: str = ""


Text = Union[Word, str]  # noqa: UP007 - the alias is part of its own definition
"""Something to show: a word of ours, or somebody's name or number, which is shown as it is."""


def word(text: str, **values: "Text | int") -> Word:
    """Make a message out of its English text and what belongs in its places."""
    return Word(text, tuple(values.items()))


def counted(one: str, many: str, count: int, **values: "Text | int") -> Word:
    """Make a message about a number of things, such as "{count} missed call" and "{count} missed calls"."""
    return Word(one, (("count", count), *values.items()), many)
