"""Errands about the address book."""

from collections.abc import Callable, Mapping

from firmware.phone.answers import ContactDeleted, ContactRead, ContactSaved, ContactsFound, ContactsListed
from firmware.phone.errands import DeleteContact, Errand, ListContacts, ReadContact, SaveContact, SearchContacts
from firmware.phone.events import BlockedContactsLoaded, Event
from firmware.services.runner import Handler
from firmware.store.contacts import StoredContacts


class ContactErrands:
    """Finds, reads and keeps contacts; after each change the phone hears whom it must not let ring."""

    def __init__(self, contacts: StoredContacts, post: Callable[[Event], None]) -> None:
        """`post` tells the phone, in the main thread."""
        self._contacts = contacts
        self._post = post

    @property
    def handlers(self) -> Mapping[type[Errand], Handler]:
        """What the runner needs."""
        return {
            SearchContacts: self._search,
            ListContacts: self._list,
            ReadContact: self._read,
            SaveContact: self._save,
            DeleteContact: self._delete,
        }

    async def _search(self, errand: SearchContacts) -> ContactsFound:
        return ContactsFound(errand.keys, await self._contacts.search(errand.keys, errand.limit))

    async def _list(self, errand: ListContacts) -> ContactsListed:
        contacts = await self._contacts.listed(errand.first, errand.limit)
        return ContactsListed(errand.first, await self._contacts.count(), contacts)

    async def _read(self, errand: ReadContact) -> ContactRead:
        return ContactRead(await self._contacts.read(errand.contact_id))

    async def _save(self, errand: SaveContact) -> ContactSaved:
        saved = await self._contacts.save(errand.contact)
        await self._tell_blocked()
        return ContactSaved(saved)

    async def _delete(self, errand: DeleteContact) -> ContactDeleted:
        await self._contacts.remove(errand.contact_id)
        await self._tell_blocked()
        return ContactDeleted(errand.contact_id)

    async def _tell_blocked(self) -> None:
        self._post(BlockedContactsLoaded(tuple(await self._contacts.blocked_numbers())))
