"""What the handset answers to `wecall contacts`, `import` and `export`.

Cards are read and written by the command itself, a handful of contacts to a line of the socket: no file of anybody's
is ever looked into by the handset.
"""

from collections.abc import Awaitable, Callable, Mapping

from firmware.control.requests import Answer, ContactListRequest, ContactMergeRequest, ContactRemoveRequest, Empty
from firmware.control.server import Handler
from firmware.errors import ControlError
from firmware.import_gate import ImportGate
from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.storage.contacts import StoredContacts


class ContactNumberAnswer(Answer):
    """One number and what it is."""

    number: str
    kind: NumberKind


class ContactAnswer(Answer):
    """One contact."""

    contact_id: int
    name: str
    numbers: tuple[ContactNumberAnswer, ...]
    blocked: bool


class ContactsAnswer(Answer):
    """Contacts in the order in which they were added, and how many there are in all."""

    total: int
    contacts: tuple[ContactAnswer, ...]


class MergedAnswer(Answer):
    """What became of contacts, as firmware.storage.contact_merge.MergeCount."""

    added: int
    completed: int
    known: int
    refused: int


class ContactRole:
    """Answers the admin role's requests about contacts."""

    def __init__(
        self,
        contacts: Callable[[], StoredContacts | None],
        gate: ImportGate,
        when_changed: Callable[[], Awaitable[None]],
    ) -> None:
        """Set up.

        Args:
            contacts: the address book; None where there is no store.
            gate: says whether contacts may come in.
            when_changed: awaited when contacts came or went.
        """
        self._contacts = contacts
        self._gate = gate
        self._when_changed = when_changed

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.ADMIN."""
        return {"contact_list": self._list, "contact_merge": self._merge, "contact_remove": self._remove}

    @property
    def _kept(self) -> StoredContacts:
        if (contacts := self._contacts()) is None:
            raise ControlError("The store cannot be used, so there are no contacts. See wecall doctor.")
        return contacts

    async def _list(self, request: ContactListRequest) -> ContactsAnswer:
        found = await self._kept.after(request.after, request.limit)
        return ContactsAnswer(
            total=await self._kept.count(),
            contacts=tuple(
                ContactAnswer(
                    contact_id=contact.contact_id,
                    name=contact.name,
                    numbers=tuple(ContactNumberAnswer(number=n.number, kind=n.kind) for n in contact.numbers),
                    blocked=contact.blocked,
                )
                for contact in found
            ),
        )

    async def _merge(self, request: ContactMergeRequest) -> MergedAnswer:
        contacts = [
            Contact(0, each.name, tuple(ContactNumber(n.number, n.kind) for n in each.numbers))
            for each in request.contacts
        ]
        kept = self._kept
        await self._gate.require_consent()
        count = await kept.merge(contacts)
        await self._when_changed()
        return MergedAnswer(added=count.added, completed=count.completed, known=count.known, refused=count.refused)

    async def _remove(self, request: ContactRemoveRequest) -> Empty:
        if not await self._kept.remove(request.contact_id):
            raise ControlError(f"There is no contact {request.contact_id}. `wecall contacts list` names them.")
        await self._when_changed()
        return Empty()
