"""Adding many contacts without adding anybody twice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from firmware.phone.contact import MAX_NUMBERS, Contact, ContactNumber
from firmware.phone.country import Country
from firmware.phone.dial_string import parse_number
from firmware.store.contact_rows import ContactRows
from firmware.store.database import Database
from firmware.store.numbers import read_number, same_line
from firmware.store.spelling import sort_key
from firmware.vcard.properties import Card, merged, of_contact

# However many share a name, as in a file that is made to be slow, few are looked at.
_ANY_OF_NAME: Final = "SELECT contact_id FROM contacts WHERE sort_key = ? ORDER BY contact_id LIMIT 1"
_SAME_NAME_WITHOUT_NUMBERS: Final = (
    "SELECT contact_id FROM (SELECT contact_id FROM contacts WHERE sort_key = ? ORDER BY contact_id LIMIT 50) AS same "
    "WHERE NOT EXISTS (SELECT 1 FROM contact_numbers WHERE contact_numbers.contact_id = same.contact_id) LIMIT 1"
)
_SAME_NAME_AND_TAIL: Final = (
    "SELECT contact_id FROM contact_numbers CROSS JOIN contacts USING (contact_id) WHERE sort_key = ? AND tail = ? "
    "ORDER BY contact_id LIMIT 50"
)


@dataclass(frozen=True, slots=True)
class MergeCount:
    """What became of contacts.

    Attributes:
        added: they are new.
        completed: they were there and lacked numbers, or something else of their cards.
        known: they were there.
        refused: there is no room for more.
    """

    added: int = 0
    completed: int = 0
    known: int = 0
    refused: int = 0

    def __add__(self, other: "MergeCount") -> "MergeCount":
        return MergeCount(
            self.added + other.added,
            self.completed + other.completed,
            self.known + other.known,
            self.refused + other.refused,
        )


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of cards.

    Attributes:
        count: of how many of them what.
        wanting: for each card in turn the contact that it is, where that has no picture; 0 for the others.
    """

    count: MergeCount
    wanting: tuple[int, ...]


def merge(database: Database, rows: ContactRows, plan: Country, cards: Sequence[Card], room: int) -> Merged:
    """Add contacts in the caller's transaction; the same ones once more change nothing.

    Two contacts are one where they have the same name and share a number, or where one of them has no number at all.
    What the holder has set for the one that is there (ring, blocking, picture, what each number is) stays, and so does
    what its own card said; what it lacks of the other card is added.
    """
    added = completed = known = refused = 0
    wanting: list[int] = []
    for card in cards:
        kept: Contact | None = _find(database, rows, plan, card.contact)
        if kept is not None:
            whole = replace(kept, numbers=kept.numbers + _missing(kept, card.contact, plan))
            there = rows.properties(database, kept.contact_id)
            properties = merged(there, of_contact(card.properties, whole))
            if whole != kept or properties != there:
                rows.write(database, whole, properties)
                completed += 1
            else:
                known += 1
        elif added < room:
            kept = rows.write(database, replace(card.contact, contact_id=0), card.properties)
            added += 1
        else:
            refused += 1
        wanting.append(kept.contact_id if kept is not None and not kept.picture else 0)
    return Merged(MergeCount(added, completed, known, refused), tuple(wanting))


def _find(database: Database, rows: ContactRows, plan: Country, contact: Contact) -> Contact | None:
    """Return the contact that this one is; of several the one that lacks the fewest of its numbers."""
    spelled = sort_key(contact.name)
    ids = {row[0] for row in database.query(_SAME_NAME_WITHOUT_NUMBERS if contact.numbers else _ANY_OF_NAME, spelled)}
    for number in contact.numbers:
        tail = read_number(number.number, plan).tail
        ids.update(row[0] for row in database.query(_SAME_NAME_AND_TAIL, spelled, tail))
    same = [there for there in rows.read(database, sorted(ids)) if _is_same(there, contact, plan)]
    return min(same, key=lambda there: len(_missing(there, contact, plan)), default=None)


def _is_same(there: Contact, contact: Contact, plan: Country) -> bool:
    if not there.numbers or not contact.numbers:
        return True
    return any(_has(there.numbers, number, plan) for number in contact.numbers)


def _missing(there: Contact, contact: Contact, plan: Country) -> tuple[ContactNumber, ...]:
    missing = tuple(number for number in contact.numbers if not _has(there.numbers, number, plan))
    return missing[: MAX_NUMBERS - len(there.numbers)]


def _has(numbers: Sequence[ContactNumber], wanted: ContactNumber, plan: Country) -> bool:
    """Whether a number is there, however it is written; with another extension it is another number."""
    line, post_dial = read_number(wanted.number, plan), parse_number(wanted.number).post_dial
    return any(
        same_line(read_number(number.number, plan), line, plan) and parse_number(number.number).post_dial == post_dial
        for number in numbers
    )
