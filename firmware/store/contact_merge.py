"""How contacts stand in the store's tables, and how many are added without adding anybody twice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from firmware.phone.contact import MAX_NUMBERS, Contact, ContactMatch, ContactNumber, NumberKind
from firmware.phone.countries import COUNTRIES
from firmware.phone.country import Country
from firmware.phone.dial_string import parse_number
from firmware.store.database import Database
from firmware.store.spelling import VERSION, keys_of, read_number, same_line, sort_key
from firmware.vcard.properties import (
    Card,
    Properties,
    merged,
    of_contact,
    properties_json,
    read_properties,
    without_name,
)

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


class ContactRows:
    """The tables contacts, contact_numbers and contact_keys, for a country's way to write numbers."""

    def __init__(self, country: str) -> None:
        self._plan = COUNTRIES[country]
        self._spelled_by = f"{VERSION} {country}"

    def write(self, database: Database, contact: Contact, properties: Properties | None = None) -> Contact:
        """Write a contact, new where its id is 0 or unknown, and return it with its id.

        Args:
            database: the store.
            contact: the contact.
            properties: what is kept of its card; None for what is kept already, without what it no longer fits.
        """
        if properties is None:
            properties = self._properties_under(database, contact)
        kept = properties_json(of_contact(properties, contact))
        spelled = sort_key(contact.name)
        values = (contact.name, contact.ring, int(contact.blocked), contact.picture, spelled, self._spelled_by, kept)
        known = contact.contact_id and database.execute(
            "UPDATE contacts SET name = ?, ring = ?, blocked = ?, picture = ?, sort_key = ?, spelled_by = ?, "
            "properties = ? WHERE contact_id = ?",
            *values,
            contact.contact_id,
        )
        if known:
            database.execute("DELETE FROM contact_numbers WHERE contact_id = ?", contact.contact_id)
            database.execute("DELETE FROM contact_keys WHERE contact_id = ?", contact.contact_id)
        else:
            [(contact_id,)] = database.query(
                "INSERT INTO contacts (name, ring, blocked, picture, sort_key, spelled_by, properties) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING contact_id",
                *values,
            )
            contact = replace(contact, contact_id=contact_id)
        for number in contact.numbers:
            database.execute(
                "INSERT INTO contact_numbers (contact_id, number, kind, tail) VALUES (?, ?, ?, ?)",
                contact.contact_id,
                number.number,
                number.kind.value,
                read_number(number.number, self._plan).tail,
            )
        self._write_keys(database, contact.contact_id, contact.name, [number.number for number in contact.numbers])
        return contact

    def read(self, database: Database, contact_ids: Sequence[int]) -> tuple[Contact, ...]:
        """Return contacts as they are kept, without those that are gone."""
        contacts = []
        for contact_id in contact_ids:
            for name, ring, blocked, picture in database.query(
                "SELECT name, ring, blocked, picture FROM contacts WHERE contact_id = ?", contact_id
            ):
                numbers = self._numbers(database, contact_id)
                contacts.append(Contact(contact_id, name, numbers, ring, bool(blocked), picture))
        return tuple(contacts)

    def read_cards(self, database: Database, contact_ids: Sequence[int]) -> tuple[Card, ...]:
        """Return contacts with what is kept of their cards, without those that are gone."""
        return tuple(
            Card(contact, self.properties(database, contact.contact_id)) for contact in self.read(database, contact_ids)
        )

    def properties(self, database: Database, contact_id: int) -> Properties:
        """Return what is kept of a contact's card; nothing where the contact is gone."""
        rows = database.query("SELECT properties FROM contacts WHERE contact_id = ?", contact_id)
        return read_properties(rows[0][0]) if rows else ()

    def matches(self, database: Database, found: Iterable[tuple[int, int]]) -> tuple[ContactMatch, ...]:
        """Return contacts as a search or a list shows them; `found` are their ids, each with the place of a number."""
        matches = []
        for contact_id, position in found:
            [(name,)] = database.query("SELECT name FROM contacts WHERE contact_id = ?", contact_id)
            numbers = self._numbers(database, contact_id)
            matches.append(ContactMatch(contact_id, name, numbers[position].number if numbers else ""))
        return tuple(matches)

    def spell_anew(self, database: Database, limit: int) -> bool:
        """Spell contacts that something else has spelled; False where there are none."""
        rows = database.query(
            # In two halves, each of which the index has.
            "SELECT contact_id, name FROM contacts WHERE spelled_by < ?1 OR spelled_by > ?1 LIMIT ?2",
            self._spelled_by,
            limit,
        )
        for contact_id, name in rows:
            database.execute("DELETE FROM contact_keys WHERE contact_id = ?", contact_id)
            numbers = [number.number for number in self._numbers(database, contact_id)]
            for number in numbers:
                database.execute(
                    "UPDATE contact_numbers SET tail = ? WHERE contact_id = ? AND number = ?",
                    read_number(number, self._plan).tail,
                    contact_id,
                    number,
                )
            self._write_keys(database, contact_id, name, numbers)
            database.execute(
                "UPDATE contacts SET sort_key = ?, spelled_by = ? WHERE contact_id = ?",
                sort_key(name),
                self._spelled_by,
                contact_id,
            )
        return bool(rows)

    def _numbers(self, database: Database, contact_id: int) -> tuple[ContactNumber, ...]:
        rows = database.query(
            "SELECT number, kind FROM contact_numbers WHERE contact_id = ? ORDER BY rowid", contact_id
        )
        return tuple(ContactNumber(number, NumberKind(kind)) for number, kind in rows)

    def _properties_under(self, database: Database, contact: Contact) -> Properties:
        """Return what is kept of a contact's card, as far as it fits what the contact is called now."""
        kept = self.properties(database, contact.contact_id)
        same = database.query(
            "SELECT 1 FROM contacts WHERE contact_id = ? AND name = ?", contact.contact_id, contact.name
        )
        return kept if same else without_name(kept)

    def _write_keys(self, database: Database, contact_id: int, name: str, numbers: Sequence[str]) -> None:
        for key in sorted(keys_of(name, numbers, self._plan)):
            database.execute(
                "INSERT INTO contact_keys (rank, keys, contact_id, position) VALUES (?, ?, ?, ?)",
                key.rank,
                key.keys,
                contact_id,
                key.position,
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
