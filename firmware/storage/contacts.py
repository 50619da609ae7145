"""The address book."""

from collections.abc import Sequence
from dataclasses import dataclass

from firmware.ports import CallerContact
from firmware.storage.database import Database
from firmware.storage.numbers import PLANS, read_number, same_line
from firmware.storage.store import Store


@dataclass(frozen=True, slots=True)
class Contact:
    """One person or place, with its numbers as they were typed."""

    contact_id: int
    name: str
    numbers: tuple[str, ...]


class StoredContacts:
    """Contacts in the store; `country` says how national numbers are to be understood."""

    def __init__(self, store: Store, country: str) -> None:
        self._store = store
        self._plan = PLANS[country]

    async def contact_of(self, number: str) -> CallerContact | None:
        """Return the contact that has a number, however either is written; None where nobody has it."""
        return await self._store.run(lambda database: self.contact_in(database, number))

    async def add(self, name: str, numbers: Sequence[str], ring: str = "") -> int:
        """Add a contact and return its id; `ring` is how the handset rings for it, empty for as usual."""

        def add(database: Database) -> int:
            [(contact_id,)] = database.query(
                "INSERT INTO contacts (name, ring) VALUES (?, ?) RETURNING contact_id", name, ring
            )
            for number in dict.fromkeys(numbers):
                database.execute(
                    "INSERT INTO contact_numbers (contact_id, number, tail) VALUES (?, ?, ?)",
                    contact_id,
                    number,
                    read_number(number, self._plan).tail,
                )
            return int(contact_id)

        return await self._store.transact(add)

    async def remove(self, contact_id: int) -> bool:
        """Remove a contact; False where there was none."""
        return await self._store.transact(
            lambda database: database.execute("DELETE FROM contacts WHERE contact_id = ?", contact_id) > 0
        )

    async def list(self) -> tuple[Contact, ...]:
        """Return all contacts by name."""

        def read(database: Database) -> tuple[Contact, ...]:
            numbers: dict[int, list[str]] = {}
            for contact_id, number in database.query("SELECT contact_id, number FROM contact_numbers ORDER BY rowid"):
                numbers.setdefault(contact_id, []).append(number)
            return tuple(
                Contact(contact_id, name, tuple(numbers.get(contact_id, ())))
                for contact_id, name in database.query(
                    "SELECT contact_id, name FROM contacts ORDER BY name, contact_id"
                )
            )

        return await self._store.run(read)

    def contact_in(self, database: Database, number: str) -> CallerContact | None:
        """Return the contact that has a number, on the storage thread."""
        if not number:
            return None
        line = read_number(number, self._plan)
        rows = database.query(
            "SELECT name, ring, number FROM contact_numbers JOIN contacts USING (contact_id) WHERE tail = ? "
            "ORDER BY contact_id",
            line.tail,
        )
        known = [(CallerContact(name, ring), read_number(candidate, self._plan)) for name, ring, candidate in rows]
        exact = [contact for contact, candidate in known if candidate.digits == line.digits]
        alike = {contact.name: contact for contact, candidate in known if same_line(candidate, line, self._plan)}
        if exact:
            return exact[0]
        # A number without its area code may be somebody's in every town: then it names nobody.
        return alike.popitem()[1] if len(alike) == 1 else None
