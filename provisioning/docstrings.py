"""Docstrings taken apart: what is written beside the code is also what people read who never see the code."""

import inspect
import re
from dataclasses import dataclass
from functools import cache
from typing import Final

_ATTRIBUTES: Final = "Attributes:"
_ENTRY: Final = re.compile(r"    (?P<names>\w+(?:, \w+)*): (?P<text>.*)")
_MORE: Final = " " * 8


@dataclass(frozen=True, slots=True)
class Told:
    """What a class says of itself.

    Attributes:
        meaning: of the whole, in paragraphs.
        attributes: by the name of each, the names that a sentence is about, and the sentence without its full stop.
    """

    meaning: str
    attributes: dict[str, tuple[tuple[str, ...], str]]


@cache
def told(model: type) -> Told:
    """Take a docstring in Google's style apart."""
    before, _, after = (inspect.getdoc(model) or "").partition(f"\n{_ATTRIBUTES}\n")
    attributes: dict[str, tuple[tuple[str, ...], str]] = {}
    names: tuple[str, ...] = ()
    rest: list[str] = []
    for line in after.splitlines():
        if found := _ENTRY.fullmatch(line):
            names = tuple(found["names"].split(", "))
            attributes |= dict.fromkeys(names, (names, found["text"]))
        elif names and line.startswith(_MORE):
            attributes |= dict.fromkeys(names, (names, f"{attributes[names[0]][1]} {line.strip()}"))
        else:
            names = ()
            rest.append(line)
    return Told(
        "\n".join((before, *rest)).strip(),
        {name: (names, text.removesuffix(".")) for name, (names, text) in attributes.items()},
    )
