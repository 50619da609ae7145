"""Requests about the address book."""

from collections.abc import Callable

from firmware.phone.contact import Contact, ContactMatch
from firmware.phone.events import BlockedContactsLoaded, Event
from firmware.phone.request import Stretch
from firmware.phone.requests.contacts import (
    DeleteContact,
    ListContacts,
    ReadContact,
    SaveContact,
    SearchContacts,
)
from firmware.services.runner import Handlers
from firmware.store.contacts import StoredContacts


class ContactErrands:
    """Finds, reads and keeps contacts; after each change the phone hears whom it must not let ring."""

    def __init__(self, contacts: StoredContacts, post: Callable[[Event], None]) -> None:
        """`post` tells the phone, in the main thread."""
        self._contacts = contacts
        self._post = post

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {
            SearchContacts: self._search,
            ListContacts: self._list,
            ReadContact: self._read,
            SaveContact: self._save,
            DeleteContact: self._delete,
        }

    async def _search(self, request: SearchContacts) -> tuple[ContactMatch, ...]:
        return await self._contacts.search(request.keys, request.limit)

    async def _list(self, request: ListContacts) -> Stretch[ContactMatch]:
        contacts = await self._contacts.listed(request.first, request.limit)
        return Stretch(request.first, await self._contacts.count(), contacts)

    async def _read(self, request: ReadContact) -> Contact | None:
        return await self._contacts.read(request.contact_id)

    async def _save(self, request: SaveContact) -> Contact:
        saved = await self._contacts.save(request.contact)
        await self._tell_blocked()
        return saved

    async def _delete(self, request: DeleteContact) -> None:
        await self._contacts.remove(request.contact_id)
        await self._tell_blocked()

    async def _tell_blocked(self) -> None:
        self._post(BlockedContactsLoaded(tuple(await self._contacts.blocked_numbers())))
