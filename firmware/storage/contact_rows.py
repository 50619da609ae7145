"""How contacts are written into the store's tables and read from them, on the storage thread."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from firmware.phone.contact import Contact, ContactMatch, ContactNumber, NumberKind
from firmware.storage.database import Database
from firmware.storage.numbers import PLANS, read_number
from firmware.storage.spelling import VERSION, keys_of, sort_key


class ContactRows:
    """The tables contacts, contact_numbers and contact_keys, for a country's way to write numbers."""

    def __init__(self, country: str) -> None:
        self._plan = PLANS[country]
        self._spelled_by = f"{VERSION} {country}"

    def write(self, database: Database, contact: Contact) -> Contact:
        """Write a contact, new where its id is 0 or unknown, and return it with its id."""
        spelled = sort_key(contact.name)
        values = (contact.name, contact.ring, int(contact.blocked), contact.picture, spelled, self._spelled_by)
        known = contact.contact_id and database.execute(
            "UPDATE contacts SET name = ?, ring = ?, blocked = ?, picture = ?, sort_key = ?, spelled_by = ? "
            "WHERE contact_id = ?",
            *values,
            contact.contact_id,
        )
        if known:
            database.execute("DELETE FROM contact_numbers WHERE contact_id = ?", contact.contact_id)
            database.execute("DELETE FROM contact_keys WHERE contact_id = ?", contact.contact_id)
        else:
            [(contact_id,)] = database.query(
                "INSERT INTO contacts (name, ring, blocked, picture, sort_key, spelled_by) VALUES (?, ?, ?, ?, ?, ?) "
                "RETURNING contact_id",
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

    def _write_keys(self, database: Database, contact_id: int, name: str, numbers: Sequence[str]) -> None:
        for key in sorted(keys_of(name, numbers, self._plan)):
            database.execute(
                "INSERT INTO contact_keys (rank, keys, contact_id, position) VALUES (?, ?, ?, ?)",
                key.rank,
                key.keys,
                contact_id,
                key.position,
            )
