"""What a contact may hold, whoever has written it: a person, an old phone's file, or somebody who means harm."""

import unicodedata
from dataclasses import replace
from typing import Final

from firmware.phone.contact import Contact, ContactNumber

MAX_NAME: Final = 80
MAX_NUMBER: Final = 64
MAX_NUMBERS: Final = 20

# Joiners decide how letters of Persian and of Indian scripts look; all other characters of their kind only hide things,
# such as the marks that turn the direction of writing.
_JOINERS: Final = "\u200c\u200d"
_LEFT_OUT: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MOST_MARKS: Final = 3
"""Marks over one letter; more of them would be drawn over the lines above."""


def cleaned_name(name: str) -> str:
    """Return a name in one line, without characters that cannot be seen, and no longer than a name may be."""
    kept = "".join(_visible(character) for character in unicodedata.normalize("NFC", name[: 20 * MAX_NAME]))
    words = " ".join(_without_heaps_of_marks(kept).split())
    cut = words[:MAX_NAME]
    # A mark belongs to the letter before it: what was cut in between would be another letter.
    while len(words) > len(cut) and cut and unicodedata.combining(words[len(cut)]):
        cut = cut[:-1]
    return cut.strip()


def cleaned(contact: Contact) -> Contact:
    """Return a contact as it may be kept: its name cleaned, its numbers bounded and none of them twice."""
    numbers: dict[str, ContactNumber] = {}
    for number in contact.numbers:
        text = cleaned_number(number.number)
        if text and len(numbers) < MAX_NUMBERS:
            numbers.setdefault(text, replace(number, number=text))
    return replace(contact, name=cleaned_name(contact.name), numbers=tuple(numbers.values()))


def cleaned_number(number: str) -> str:
    """Return a number as written, without characters that cannot be seen; empty where it is too long to be one."""
    if len(number) > MAX_NUMBER * 4:
        return ""
    # The full-width digits of Chinese keyboards are digits.
    text = " ".join("".join(map(_visible, unicodedata.normalize("NFKC", number))).split())
    return text if len(text) <= MAX_NUMBER else ""


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    hidden = unicodedata.category(character) in _LEFT_OUT and character not in _JOINERS
    return "" if hidden else character


def _without_heaps_of_marks(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)
