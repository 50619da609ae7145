"""A contact of the address book, what may be in one whoever has written it, and one as a small vCard."""

import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class NumberKind(StrEnum):
    """What a number of a contact is."""

    MOBILE = "mobile"
    HOME = "home"
    WORK = "work"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ContactNumber:
    """One number of a contact, as it was typed or received."""

    number: str
    kind: NumberKind = NumberKind.OTHER


@dataclass(frozen=True, slots=True)
class Contact:
    """One person or place.

    Attributes:
        contact_id: names it in the store; 0 for one that is not kept yet.
        name: as typed, in any script.
        numbers: the first one is called where nobody chooses.
        ring: the handset's ring for it, empty for as usual.
        blocked: none of its numbers ever rings.
        picture: names its picture in the store, empty where it has none.
    """

    contact_id: int
    name: str
    numbers: tuple[ContactNumber, ...] = ()
    ring: str = ""
    blocked: bool = False
    picture: str = ""


@dataclass(frozen=True, slots=True)
class ContactMatch:
    """A contact among those that a search has found.

    Attributes:
        contact_id, name: whose; 0 for whom a digit calls.
        number: the number that fits, or its first; empty where it has none.
    """

    contact_id: int
    name: str
    number: str


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


_TYPES = {NumberKind.MOBILE: ";TYPE=CELL", NumberKind.HOME: ";TYPE=HOME", NumberKind.WORK: ";TYPE=WORK"}
_MOST_NUMBERS = 5
"""More would make a code so fine that a camera cannot read it from a small display."""


def vcard_text(contact: Contact) -> str:
    """Write a contact with its name and its first numbers."""
    name = _escaped(contact.name)
    numbers = [_number(number) for number in contact.numbers[:_MOST_NUMBERS]]
    # Some phones take the name from N alone, and want it even where it is not split up.
    return "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", f"N:{name};;;;", f"FN:{name}", *numbers, "END:VCARD", ""])


def _number(number: ContactNumber) -> str:
    """Write a number; a SIP address as RFC 4770 has it."""
    if "@" in number.number:
        return f"IMPP{_TYPES.get(number.kind, '')}:{number.number}"
    return f"TEL{_TYPES.get(number.kind, '')}:{_escaped(number.number)}"


def _escaped(text: str) -> str:
    for character in "\\;,":
        text = text.replace(character, f"\\{character}")
    return text
