"""What the handset answers to `wecall contacts`, `import` and `export`.

Cards are read and written by the command itself, a handful of contacts to a line of the socket: no file of anybody's
is ever looked into by the handset.
"""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from firmware.base.errors import ControlError
from firmware.control.admin_requests import (
    ContactListRequest,
    ContactMergeRequest,
    ContactPhotoRequest,
    ContactRemoveRequest,
)
from firmware.control.requests import Answer, Empty, written
from firmware.control.server import Handler
from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.services.import_gate import ImportGate
from firmware.services.photos import ContactPhotos
from firmware.store.contacts import StoredContacts
from firmware.store.pictures import StoredPictures
from firmware.vcard.properties import Card, CardProperty, bounded

_MOST_BYTES: Final = 50_000
"""Of the contacts in an answer of several; one of them always fits a line."""


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
    has_picture: bool
    properties: tuple[CardProperty, ...] = ()


class ContactPhotoAnswer(Answer):
    """A contact's picture, a JPEG in base64; empty where it has none."""

    jpeg: str


class ContactsAnswer(Answer):
    """Contacts in the order in which they were added, and how many there are in all."""

    total: int
    contacts: tuple[ContactAnswer, ...]


class MergedAnswer(Answer):
    """What became of contacts, as firmware.store.contact_merge has it in MergeCount and Merged.

    Attributes:
        erasures: for the `since` of what else is sent of the same import, see ContactMergeRequest.
    """

    added: int
    completed: int
    known: int
    refused: int
    wanting: tuple[int, ...]
    erasures: int


class ContactRole:
    """Answers the admin role's requests about contacts."""

    def __init__(
        self,
        contacts: Callable[[], StoredContacts | None],
        pictures: Callable[[], StoredPictures | None],
        gate: ImportGate,
        when_changed: Callable[[], Awaitable[None]],
    ) -> None:
        """Set up.

        Args:
            contacts: the address book; None where there is no store.
            pictures: those that are kept; None where there is no store.
            gate: says whether contacts may come in.
            when_changed: awaited when contacts came or went.
        """
        self._contacts = contacts
        self._pictures = pictures
        self._gate = gate
        self._when_changed = when_changed

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.ADMIN."""
        return {
            "contact_list": self._list,
            "contact_photo": self._photo,
            "contact_merge": self._merge,
            "contact_remove": self._remove,
        }

    @property
    def _kept(self) -> StoredContacts:
        if (contacts := self._contacts()) is None:
            raise ControlError("The store cannot be used, so there are no contacts. See wecall doctor.")
        return contacts

    async def _list(self, request: ContactListRequest) -> ContactsAnswer:
        found = await self._kept.cards_after(request.after, request.limit)
        answers = [_answer(card, with_properties=request.properties) for card in found]
        while len(answers) > 1 and sum(map(_size_bytes, answers)) > _MOST_BYTES:
            answers.pop()
        return ContactsAnswer(total=await self._kept.count(), contacts=tuple(answers))

    async def _photo(self, request: ContactPhotoRequest) -> ContactPhotoAnswer:
        pictures = self._pictures()
        contact = await self._kept.read(request.contact_id)
        if pictures is None or contact is None:
            raise ControlError(f"There is no contact {request.contact_id}. `wecall contacts list` names them.")
        jpeg = await ContactPhotos(pictures).jpeg(contact.picture)
        return ContactPhotoAnswer(jpeg=base64.b64encode(jpeg).decode())

    async def _merge(self, request: ContactMergeRequest) -> MergedAnswer:
        cards = [
            Card(
                Contact(0, each.name, tuple(ContactNumber(n.number, n.kind) for n in each.numbers)),
                bounded(each.properties),
            )
            for each in request.contacts
        ]
        kept = self._kept
        since = kept.erasures if request.since is None else request.since
        await self._gate.require_consent()
        merged = await kept.merge_cards(cards, since=since)
        await self._when_changed()
        count = merged.count
        return MergedAnswer(
            added=count.added,
            completed=count.completed,
            known=count.known,
            refused=count.refused,
            wanting=merged.wanting,
            erasures=since,
        )

    async def _remove(self, request: ContactRemoveRequest) -> Empty:
        if not await self._kept.remove(request.contact_id):
            raise ControlError(f"There is no contact {request.contact_id}. `wecall contacts list` names them.")
        await self._when_changed()
        return Empty()


def _size_bytes(answer: ContactAnswer) -> int:
    # A line of the socket is ASCII.
    return len(json.dumps(written(answer)))


def _answer(card: Card, *, with_properties: bool) -> ContactAnswer:
    contact = card.contact
    return ContactAnswer(
        contact_id=contact.contact_id,
        name=contact.name,
        numbers=tuple(ContactNumberAnswer(number=n.number, kind=n.kind) for n in contact.numbers),
        blocked=contact.blocked,
        has_picture=bool(contact.picture),
        properties=card.properties if with_properties else (),
    )
