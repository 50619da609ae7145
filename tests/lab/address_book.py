"""The address book of a real handset: many contacts written into it and read from it while the handset does not run."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from firmware.control.admin_requests import ContactListRequest
from firmware.control.client import ask_async
from firmware.control.requests import Role
from firmware.phone.contact import Contact
from firmware.store.contacts import MAX_CONTACTS, StoredContacts
from tests.lab.guarded_store import open_store_of
from tests.lab.handset import Handset

T = TypeVar("T")


class AddressBook:
    """A handset's address book; `country` says how national numbers are to be understood."""

    def __init__(self, handset: Handset, country: str) -> None:
        self._handset = handset
        self._country = country

    async def fill(self, contacts: Sequence[Contact]) -> None:
        """Add contacts while the handset does not run."""
        self._handset.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._at_rest(lambda book: book.merge(contacts))

    async def read(self) -> Sequence[Contact]:
        """Return all of it while the handset does not run."""
        return await self._at_rest(lambda book: book.after(0, MAX_CONTACTS))

    async def count(self) -> int:
        """Return how many there are, as the running handset has it."""
        answer = await ask_async(self._handset.folder / "run", Role.ADMIN, ContactListRequest(after=0, limit=1))
        total = answer["total"]
        assert isinstance(total, int)
        return total

    async def _at_rest(self, work: Callable[[StoredContacts], Awaitable[T]]) -> T:
        store = await open_store_of(self._handset.state_dir)
        try:
            return await work(StoredContacts(store, self._country))
        finally:
            await store.stop()
