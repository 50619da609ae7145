"""The address book as the phone knows it."""

from dataclasses import dataclass
from enum import StrEnum


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
        contact_id, name: whose.
        number: the number that fits, or its first; empty where it has none.
    """

    contact_id: int
    name: str
    number: str
