"""How contacts are written into the store's tables and read from them, on the storage thread."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from firmware.phone.contact import Contact, ContactMatch, ContactNumber, NumberKind
from firmware.phone.countries import COUNTRIES
from firmware.store.database import Database
from firmware.store.numbers import read_number
from firmware.store.spelling import VERSION, keys_of, sort_key
from firmware.vcard.properties import Card, Properties, of_contact, properties_json, read_properties, without_name


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
