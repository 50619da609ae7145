"""What the handset answers to `wecall contacts`, `import` and `export`.

A file of cards is given to a process that can do nothing else, as it came: nothing here looks into it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import BinaryIO

from firmware.base.errors import ControlError, StorageError
from firmware.control.admin_requests import (
    ContactAddRequest,
    ContactCardsRequest,
    ContactImportRequest,
    ContactListRequest,
    ContactRemoveRequest,
)
from firmware.control.export_role import pieces_of
from firmware.control.requests import Answer, Empty, FileAnswer, WithFile
from firmware.control.server import Handler
from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.services.contact_files import ContactFiles
from firmware.services.exports import Exports
from firmware.services.import_gate import ImportGate
from firmware.services.photos import ContactPhotos
from firmware.store.contacts import StoredContacts
from firmware.store.pictures import StoredPictures


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


class AddedAnswer(Answer):
    """What became of a contact; it was there already where none of these."""

    added: int
    completed: int
    refused: int


class ImportedAnswer(Answer):
    """What became of the cards of a file, as firmware.services.contact_files has it in Report.

    Attributes:
        broken: of how many cards none became a contact.
        mistakes: the first of them, each with its line.
        unfinished: the file was not read to its end.
        erasures: for the `since` of what else is brought of the same import.
    """

    added: int
    completed: int
    known: int
    refused: int
    cut: int
    photos_left_out: int
    broken: int
    mistakes: tuple[tuple[int, str], ...]
    unfinished: bool
    erasures: int


class ContactRole:
    """Answers the admin role's requests about contacts."""

    def __init__(
        self,
        contacts: Callable[[], StoredContacts | None],
        pictures: Callable[[], StoredPictures | None],
        gate: ImportGate,
        when_changed: Callable[[], Awaitable[None]],
        exports: Exports,
    ) -> None:
        """Set up.

        Args:
            contacts: the address book; None where there is no store.
            pictures: those that are kept; None where there is no store.
            gate: says whether contacts may come in.
            when_changed: awaited when contacts came or went.
            exports: where a file of cards is made.
        """
        self._contacts = contacts
        self._pictures = pictures
        self._gate = gate
        self._when_changed = when_changed
        self._exports = exports
        self._one_at_a_time = asyncio.Lock()

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.ADMIN."""
        return {
            "contact_list": self._list,
            "contact_add": self._add,
            "contact_import": self._import,
            "contact_cards": self._cards,
            "contact_remove": self._remove,
        }

    @property
    def _kept(self) -> StoredContacts:
        if (contacts := self._contacts()) is None:
            raise ControlError("The store cannot be used, so there are no contacts. See wecall doctor.")
        return contacts

    @property
    def _files(self) -> ContactFiles:
        if (pictures := self._pictures()) is None:
            raise ControlError("The store cannot be used, so there are no contacts. See wecall doctor.")
        return ContactFiles(self._kept, ContactPhotos(pictures), self._gate, lambda _event: None)

    async def _list(self, request: ContactListRequest) -> ContactsAnswer:
        found = await self._kept.after(request.after, request.limit)
        return ContactsAnswer(total=await self._kept.count(), contacts=tuple(map(_answer, found)))

    async def _add(self, request: ContactAddRequest) -> AddedAnswer:
        contact = Contact(0, request.name, tuple(ContactNumber(each.number, each.kind) for each in request.numbers))
        kept = self._kept
        await self._gate.require_consent()
        count = await kept.merge([contact])
        await self._when_changed()
        return AddedAnswer(added=count.added, completed=count.completed, refused=count.refused)

    async def _import(self, request: ContactImportRequest, file: BinaryIO) -> ImportedAnswer:
        async with self._one_at_a_time:
            try:
                report = await self._files.import_file(file, request.since)
            finally:
                await self._when_changed()
        count = report.count
        return ImportedAnswer(
            added=count.added,
            completed=count.completed,
            known=count.known,
            refused=count.refused,
            cut=report.cut,
            photos_left_out=report.photos_left_out,
            broken=report.broken,
            mistakes=tuple((line, mistake.value.replace("_", " ")) for line, mistake in report.mistakes),
            unfinished=bool(report.unfinished),
            erasures=report.since,
        )

    async def _cards(self, request: ContactCardsRequest) -> WithFile:
        files, exports, generation = self._files, self._exports, self._exports.generation

        def check_nothing_was_erased() -> None:
            if exports.generation != generation:
                raise StorageError("Something was erased since this began, so it does not go on. Ask for it again.")

        def read(offset: int, size_bytes: int) -> bytes:
            check_nothing_was_erased()
            return file.read(offset, size_bytes)

        try:
            file = await asyncio.to_thread(exports.begin)
            try:
                async with self._one_at_a_time:
                    await files.export(file, lambda _percent: None, request.version)
                check_nothing_was_erased()
            except BaseException:
                file.close()
                raise
        except OSError as error:
            raise ControlError(f"The handset's card cannot be written: {error.strerror}.") from error
        return WithFile(answer=FileAnswer(size_bytes=file.size_bytes), pieces=pieces_of(read, file.close))

    async def _remove(self, request: ContactRemoveRequest) -> Empty:
        if not await self._kept.remove(request.contact_id):
            raise ControlError(f"There is no contact {request.contact_id}. `wecall contacts list` names them.")
        await self._when_changed()
        return Empty()


def _answer(contact: Contact) -> ContactAnswer:
    return ContactAnswer(
        contact_id=contact.contact_id,
        name=contact.name,
        numbers=tuple(ContactNumberAnswer(number=n.number, kind=n.kind) for n in contact.numbers),
        blocked=contact.blocked,
    )
