"""What the handset answers to `wecall mydata` and `wecall export`: to whoever has the PIN of who answers."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from contract.consent import Actor, Channel
from firmware.app.admin.pin_proof import prove
from firmware.base.errors import ControlError
from firmware.control.admin_requests import ContactExportRequest, MyDataExportRequest, MyDataImportRequest
from firmware.control.requests import Answer, Empty
from firmware.control.server import Handler
from firmware.phone.pin import Right
from firmware.services.data_copy import DataCopy, draw_passphrase
from firmware.services.exports import Exports
from firmware.services.restore.restorer import Restorer
from firmware.store.pin import StoredPin, who_answers
from firmware.store.rights import StoredRequests

_log = logging.getLogger(__name__)


class MyDataExported(Answer):
    """A copy is written.

    Attributes:
        files: their names, by which they are fetched.
        passphrase: the words that were drawn for it; empty where anybody can read it.
    """

    files: tuple[str, ...]
    passphrase: str


class MyDataImported(Answer):
    """A copy has come back: how much of what was not here; `unasked` recordings wait for the holder's yes to them."""

    contacts: int
    messages: int
    pictures: int
    recordings: int
    settings: bool
    left_out: int
    unasked: int


@dataclass(frozen=True, slots=True)
class CopyParts:
    """What a copy takes: who may have one, how often, what writes it and what brings it back.

    Attributes:
        pins: the guardian's, which comes first where there is one, and the holder's.
    """

    pins: Mapping[Actor, StoredPin]
    requests: StoredRequests
    copy: DataCopy
    exports: Exports
    restorer: Restorer


class MyDataRole:
    """Answers the admin role's requests for copies."""

    def __init__(self, parts: Callable[[], CopyParts | None]) -> None:
        """`parts` returns what it takes; None where there is no store."""
        self._parts = parts

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.ADMIN."""
        return {
            "my_data_export": self._export,
            "my_data_import": self._import,
            "contact_export": self._note_contacts,
        }

    async def _export(self, request: MyDataExportRequest) -> MyDataExported:
        parts = self._parts_now()
        actor = await self._require_pin(parts, request.pin)
        if await parts.requests.begin_copy(actor=actor, channel=Channel.COMMAND_LINE):
            raise ControlError("Three copies a day are enough. Try again tomorrow.")
        passphrase = "" if request.open else await asyncio.to_thread(draw_passphrase)
        generation = parts.exports.generation
        try:
            files = await parts.copy.write(passphrase, lambda _percent: None)
        except OSError as error:
            raise ControlError(f"The handset's card cannot be written: {error.strerror}.") from error
        if not parts.exports.offer(files, generation):
            raise ControlError("Something was erased while the copy was made, so it is not kept. Order it again.")
        _log.info("A copy of the holder's data was made")
        return MyDataExported(files=tuple(files), passphrase=passphrase)

    async def _import(self, request: MyDataImportRequest, file: BinaryIO) -> MyDataImported:
        parts = self._parts_now()
        await self._require_pin(parts, request.pin)
        restored = await parts.restorer.restore(file, request.key, request.passphrase, lambda _percent: None)
        _log.info("A copy of the holder's data came back")
        return MyDataImported(
            contacts=restored.contacts.added + restored.contacts.completed,
            messages=restored.messages,
            pictures=restored.pictures,
            recordings=restored.recordings,
            settings=restored.settings,
            left_out=restored.left_out + restored.contacts.refused,
            unasked=restored.unasked,
        )

    async def _note_contacts(self, request: ContactExportRequest) -> Empty:
        parts = self._parts_now()
        actor = await self._require_pin(parts, request.pin)
        await parts.requests.note_copy("contacts", actor=actor, channel=Channel.COMMAND_LINE)
        return Empty()

    def _parts_now(self) -> CopyParts:
        if (parts := self._parts()) is None:
            raise ControlError("The store cannot be used, so there is nothing to copy. See wecall doctor.")
        return parts

    async def _require_pin(self, parts: CopyParts, typed: str) -> Actor:
        """Let only whoever has the PIN go on: the guardian, where the holder is under 14.

        Raises:
            ControlError: there is none, or it is another one.
        """
        actor = await who_answers(parts.pins)
        if actor is None:
            raise ControlError("A copy is for the holder alone, by a PIN. Set one on the phone: Settings, Lock.")
        await prove(parts.pins[actor], parts.requests, typed, actor=actor, right=Right.COPY, done="copied")
        return actor
