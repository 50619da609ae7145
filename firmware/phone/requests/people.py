"""People whom the idle page shows: what the address book knows of numbers, and who is called most."""

from dataclasses import dataclass

from firmware.phone.request import Request


@dataclass(frozen=True, slots=True)
class Person:
    """A contact, and which of its numbers is meant.

    Attributes:
        contact_id: names the contact in the store.
        name: never empty.
        number: as it was asked for, or as the call log has it.
        picture: names the contact's picture, empty where it has none.
    """

    contact_id: int
    name: str
    number: str
    picture: str = ""


@dataclass(frozen=True, slots=True)
class PeopleFound:
    """What was found.

    Attributes:
        known: whose the numbers are, as far as the address book has somebody.
        called: who was called and answered most often, that one first; blocked contacts are left out.
    """

    known: tuple[Person, ...] = ()
    called: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class FindPeople(Request[PeopleFound]):
    """Find whose some numbers are, and whom the call log has most often; it is counted here and told to nobody."""

    numbers: tuple[str, ...]
