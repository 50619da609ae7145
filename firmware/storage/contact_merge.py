"""Adding many contacts without adding anybody twice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from firmware.phone.contact import Contact, ContactNumber
from firmware.phone.contact_text import MAX_NUMBERS
from firmware.storage.contact_rows import ContactRows
from firmware.storage.database import Database
from firmware.storage.numbers import NumberingPlan, read_number, same_line
from firmware.storage.spelling import sort_key

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
        completed: they were there and lacked numbers.
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


def merge(
    database: Database, rows: ContactRows, plan: NumberingPlan, contacts: Sequence[Contact], room: int
) -> MergeCount:
    """Add contacts in the caller's transaction; the same ones once more change nothing.

    Two contacts are one where they have the same name and share a number, or where one of them has no number at all.
    What the holder has set for the one that is there (ring, blocking, picture, what each number is) stays.
    """
    added = completed = known = refused = 0
    for contact in contacts:
        there = _find(database, rows, plan, contact)
        if there is not None:
            missing = _missing(there, contact, plan)
            if missing:
                rows.write(database, replace(there, numbers=there.numbers + missing))
                completed += 1
            else:
                known += 1
        elif added < room:
            rows.write(database, replace(contact, contact_id=0))
            added += 1
        else:
            refused += 1
    return MergeCount(added, completed, known, refused)


def _find(database: Database, rows: ContactRows, plan: NumberingPlan, contact: Contact) -> Contact | None:
    """Return the contact that this one is; of several the one that lacks the fewest of its numbers."""
    spelled = sort_key(contact.name)
    ids = {row[0] for row in database.query(_SAME_NAME_WITHOUT_NUMBERS if contact.numbers else _ANY_OF_NAME, spelled)}
    for number in contact.numbers:
        tail = read_number(number.number, plan).tail
        ids.update(row[0] for row in database.query(_SAME_NAME_AND_TAIL, spelled, tail))
    same = [there for there in rows.read(database, sorted(ids)) if _is_same(there, contact, plan)]
    return min(same, key=lambda there: len(_missing(there, contact, plan)), default=None)


def _is_same(there: Contact, contact: Contact, plan: NumberingPlan) -> bool:
    if not there.numbers or not contact.numbers:
        return True
    return any(_has(there.numbers, number, plan) for number in contact.numbers)


def _missing(there: Contact, contact: Contact, plan: NumberingPlan) -> tuple[ContactNumber, ...]:
    missing = tuple(number for number in contact.numbers if not _has(there.numbers, number, plan))
    return missing[: MAX_NUMBERS - len(there.numbers)]


def _has(numbers: Sequence[ContactNumber], wanted: ContactNumber, plan: NumberingPlan) -> bool:
    line = read_number(wanted.number, plan)
    return any(same_line(read_number(number.number, plan), line, plan) for number in numbers)
