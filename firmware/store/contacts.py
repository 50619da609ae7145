"""The address book."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from firmware.phone.contact import Contact, ContactMatch, cleaned
from firmware.phone.countries import COUNTRIES
from firmware.phone.dial_string import parse_number
from firmware.ports.store import CallerContact
from firmware.store import contact_merge
from firmware.store.contact_merge import ContactRows, MergeCount, Merged
from firmware.store.database import Database
from firmware.store.spelling import RANKS, KeyRange, ranges_of, read_number, same_line
from firmware.store.store import Store
from firmware.vcard.properties import Card

MAX_CONTACTS: Final = 100_000

_SPELLED_AT_ONCE: Final = 50
"""So many contacts are spelled while others wait for the store: some ten milliseconds."""


class StoredContacts:
    """Contacts in the store."""

    def __init__(
        self, store: Store, country: str, forget_files: Callable[[Iterable[str]], Awaitable[None]] | None = None
    ) -> None:
        """Set up.

        Args:
            store: the store.
            country: says how national numbers are to be understood.
            forget_files: deletes the files of photos whose contacts are gone; without it they stay, readable by nobody,
                until the store opens again.
        """
        self._store = store
        self._forget_files = forget_files
        self._plan = COUNTRIES[country]
        self._rows = ContactRows(country)
        self._total: int | None = None

    # --- one contact ---

    async def contact_of(self, number: str) -> CallerContact | None:
        """Return the contact that has a number, however either is written; None where nobody has it."""
        return await self._store.run(lambda database: self.contact_in(database, number))

    async def read(self, contact_id: int) -> Contact | None:
        """Return a contact, None where it is gone."""

        def read(database: Database) -> Contact | None:
            found = self._rows.read(database, [contact_id])
            return found[0] if found else None

        return await self._store.run(read)

    async def save(self, contact: Contact) -> Contact:
        """Keep a contact, new where its id is 0 or where that contact is gone, and return it as it was kept."""
        kept = cleaned(contact)

        def write(database: Database) -> tuple[Contact, list[str]]:
            saved = self._rows.write(database, kept)
            return saved, _forget_photos(database, saved.contact_id, besides=saved.picture)

        saved, photos = await self._store.transact(write)
        self._total = None
        await self._delete_photos(photos)
        return saved

    async def remove(self, contact_id: int) -> bool:
        """Remove a contact; False where there was none."""

        def remove(database: Database) -> tuple[bool, list[str]]:
            photos = _forget_photos(database, contact_id)
            return database.execute("DELETE FROM contacts WHERE contact_id = ?", contact_id) > 0, photos

        removed, photos = await self._store.erase(remove, importable=True)
        self._total = None
        await self._delete_photos(photos)
        return removed

    # --- many of them ---

    @property
    def erasures(self) -> int:
        """How often contacts or pictures were erased; what an import takes in meanwhile could bring them back."""
        return self._store.erasures

    async def merge(self, contacts: Sequence[Contact]) -> MergeCount:
        """Add contacts in one transaction; those that are there already get the numbers that they lack.

        Two are one where they have the same name and share a number, or where one of them has no number.
        """
        return (await self.merge_cards([Card(contact) for contact in contacts])).count

    async def merge_cards(self, cards: Sequence[Card], *, since: int | None = None) -> Merged:
        """Add contacts as `merge` does, with what else is on their cards but the photos.

        Args:
            cards: the contacts.
            since: what `erasures` was when the import began that they are a part of.

        Raises:
            ErasedMeanwhileError: something was erased since then, so none of them is added.
        """
        clean = [replace(card, contact=cleaned(card.contact)) for card in cards]
        room = MAX_CONTACTS - await self.count()
        merged = await self._store.transact(
            lambda database: contact_merge.merge(database, self._rows, self._plan, clean, room), since=since
        )
        self._total = None
        return merged

    async def _delete_photos(self, photos: Sequence[str]) -> None:
        """Let nothing of photos be left whose rows are gone."""
        if photos:
            # The log would keep the page with the file's key for a while.
            await self._store.overwrite_log()
            if self._forget_files is not None:
                await self._forget_files(photos)

    async def count(self) -> int:
        """Return how many contacts there are."""
        if self._total is None:
            [(total,)] = await self._store.run(lambda database: database.query("SELECT count(*) FROM contacts"))
            self._total = int(total)
        return self._total

    async def listed(self, first: int, limit: int) -> tuple[ContactMatch, ...]:
        """Return a stretch of the address book in its order, each with its first number."""
        total = await self.count()

        def read(database: Database) -> tuple[ContactMatch, ...]:
            ids = _window(database, first, min(limit, total - first), total)
            return self._rows.matches(database, [(contact_id, 0) for contact_id in ids])

        return await self._store.run(read) if 0 <= first < total else ()

    async def after(self, contact_id: int, limit: int) -> tuple[Contact, ...]:
        """Return whole contacts in the order in which they were added, those after one of them."""
        return tuple(card.contact for card in await self.cards_after(contact_id, limit))

    async def cards_after(self, contact_id: int, limit: int) -> tuple[Card, ...]:
        """Return contacts as `after` does, with what is kept of their cards but the photos."""

        def read(database: Database) -> tuple[Card, ...]:
            rows = database.query(
                "SELECT contact_id FROM contacts WHERE contact_id > ? ORDER BY contact_id LIMIT ?", contact_id, limit
            )
            return self._rows.read_cards(database, [row[0] for row in rows])

        return await self._store.run(read)

    async def search(self, keys: str, limit: int) -> tuple[ContactMatch, ...]:
        """Return the contacts that keys may mean, by name or number, the best first; see firmware.store.spelling."""

        def find(database: Database) -> tuple[ContactMatch, ...]:
            found: dict[int, int] = {}
            ranges = ranges_of(keys, self._plan)
            for rank in RANKS:
                for where in ranges:
                    if where.rank == rank:
                        _collect(database, found, limit, where)
            return self._rows.matches(database, found.items())

        return await self._store.run(find)

    async def blocked_numbers(self) -> tuple[str, ...]:
        """Return the numbers of all contacts that never ring."""
        rows = await self._store.run(
            lambda database: database.query(
                "SELECT number FROM contacts JOIN contact_numbers USING (contact_id) WHERE blocked = 1"
            )
        )
        return tuple(number for (number,) in rows)

    async def spell_anew(self) -> bool:
        """Spell some of the contacts that an older firmware, or one in another country, has kept; False when done."""
        return await self._store.transact(lambda database: self._rows.spell_anew(database, _SPELLED_AT_ONCE))

    def contact_in(self, database: Database, number: str) -> CallerContact | None:
        """Return the contact that has a number, on the storage thread."""
        if not number:
            return None
        line = read_number(number, self._plan)
        rows = database.query(
            "SELECT contact_id, name, ring, blocked, picture, number "
            "FROM contact_numbers JOIN contacts USING (contact_id) WHERE tail = ? ORDER BY contact_id",
            line.tail,
        )
        known = [
            (CallerContact(name, ring, bool(blocked), picture, contact_id), candidate)
            for contact_id, name, ring, blocked, picture, candidate in rows
        ]
        lines = [(contact, text, read_number(text, self._plan)) for contact, text in known]
        exact = [(contact, text) for contact, text, candidate in lines if candidate.digits == line.digits]
        whole = [contact for contact, text in exact if not parse_number(text).post_dial]
        if whole:
            return whole[0]
        # Behind one number there may be many extensions, and a caller's is not told: then it names nobody.
        behind = {contact.name: contact for contact, _ in exact}
        alike = behind or {
            contact.name: contact for contact, _, candidate in lines if same_line(candidate, line, self._plan)
        }
        # A number without its area code may be somebody's in every town: then it names nobody.
        return alike.popitem()[1] if len(alike) == 1 else None


def _forget_photos(database: Database, contact_id: int, besides: str = "") -> list[str]:
    rows = database.query(
        "DELETE FROM pictures WHERE contact_id = ? AND picture <> ? RETURNING picture", contact_id, besides
    )
    return [picture for (picture,) in rows]


def _window(database: Database, first: int, limit: int, total: int) -> list[int]:
    """Return who stands at a place of the list; counted from its nearer end."""
    if first <= total // 2:
        rows = database.query(
            "SELECT contact_id FROM contacts ORDER BY sort_key, contact_id LIMIT ? OFFSET ?", limit, first
        )
        return [row[0] for row in rows]
    rows = database.query(
        "SELECT contact_id FROM contacts ORDER BY sort_key DESC, contact_id DESC LIMIT ? OFFSET ?",
        limit,
        total - first - limit,
    )
    return [row[0] for row in reversed(rows)]


def _collect(database: Database, found: dict[int, int], limit: int, where: KeyRange) -> None:
    """Add contacts whose keys lie in a range until there are enough, each once, in the order of their keys."""
    after: tuple[str, int, int] = (where.start, -1, -1)
    while len(found) < limit:
        rows = database.query(
            "SELECT keys, contact_id, position FROM contact_keys "
            "WHERE rank = ? AND (keys, contact_id, position) > (?, ?, ?) AND keys < ? "
            "ORDER BY keys, contact_id, position LIMIT ?",
            where.rank,
            *after,
            where.end,
            2 * limit,
        )
        for _, contact_id, position in rows:
            if len(found) < limit:
                found.setdefault(contact_id, position)
        if len(rows) < 2 * limit:
            return
        after = rows[-1]
