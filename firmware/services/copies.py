"""Requests about what leaves by a stick: after the PIN alone, each with its entry in the ledger."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from contract.consent import Actor, Channel
from firmware.base.errors import HandsetError
from firmware.base.words import Text, counted, word
from firmware.phone.pin import Right
from firmware.phone.recording import RecordingId
from firmware.phone.request import Outcome, Progressed, Request
from firmware.phone.requests.rights import CopyContacts, CopyMyData, CopyRecording, DrawPassphrase
from firmware.services.contact_files import EXPORT_NAME, ContactFiles
from firmware.services.data_copy import DataCopy, draw_passphrase
from firmware.services.exports import Export, Exports
from firmware.services.proofs import Proofs
from firmware.services.runner import Handlers
from firmware.store.recordings import StoredRecordings
from firmware.store.rights import StoredRequests

_log = logging.getLogger(__name__)

_PLUG_IN = word("Ready: plug a stick in within 10 minutes. Anybody can read it.")


@dataclass(frozen=True, slots=True)
class CopyParts:
    """What copies are made of.

    Attributes:
        requests: counts copies of everything, and writes of each copy that it was made.
        copy: makes copies of everything.
        exports: where a stick fetches copies.
    """

    requests: StoredRequests
    copy: DataCopy
    contact_files: ContactFiles
    recordings: StoredRecordings
    exports: Exports


class CopyErrands:
    """Makes one copy at a time, once it is proved to be the holder who asks."""

    def __init__(self, parts: CopyParts, proofs: Proofs, post: Callable[[Progressed], None]) -> None:
        """`post` takes what is told while a copy is made, in the main thread."""
        self._parts = parts
        self._proofs = proofs
        self._post = post
        self._one_at_a_time = asyncio.Lock()
        self._percent = -1

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {
            DrawPassphrase: self._draw,
            CopyMyData: self._everything,
            CopyContacts: self._contacts,
            CopyRecording: self._recording,
        }

    async def _draw(self, _request: DrawPassphrase) -> str:
        return await asyncio.to_thread(draw_passphrase)

    async def _everything(self, request: CopyMyData) -> Outcome:
        actor = await self._proofs.take(Right.COPY)

        async def make() -> tuple[Mapping[str, Export], Text]:
            files = await self._parts.copy.write(request.passphrase, partial(self._tell, request))
            if request.passphrase:
                return files, word(
                    "Ready: plug a stick in within 10 minutes. It opens with the words and both of its files."
                )
            return files, _PLUG_IN

        if await self._parts.requests.begin_copy(actor=actor, channel=Channel.KEYPAD):
            return Outcome(False, word("Three copies a day are enough. Try again tomorrow."))
        return await self._offer(make)

    async def _contacts(self, request: CopyContacts) -> Outcome:
        await self._note("contacts", await self._proofs.take(Right.COPY))

        async def make() -> tuple[Mapping[str, Export], Text]:
            file = await asyncio.to_thread(self._parts.exports.begin)
            try:
                written = await self._parts.contact_files.export(file, partial(self._tell, request))
            except BaseException:
                file.close()
                raise
            count = counted("{count} contact.", "{count} contacts.", written)
            return {EXPORT_NAME: file}, word("{first} {second}", first=count, second=_PLUG_IN)

        return await self._offer(make)

    async def _recording(self, request: CopyRecording) -> Outcome:
        await self._note(f"recording:{request.recording_id}", await self._proofs.take(Right.COPY))

        async def make() -> tuple[Mapping[str, Export], Text]:
            name, file = await self._write_recording(request.recording_id)
            return {name: file}, _PLUG_IN

        return await self._offer(make)

    async def _write_recording(self, recording_id: RecordingId) -> tuple[str, Export]:
        """Write a recording as a file that any player takes; return its name, which tells when it was made."""
        recordings, file = self._parts.recordings, await asyncio.to_thread(self._parts.exports.begin)
        try:
            parts = await recordings.read_ogg(recording_id)
            recording = await recordings.read(recording_id)
            suffix, began_at = (recording.sound_format.value, recording.began_at) if recording else ("ogg", 0.0)

            def write() -> None:
                for part in parts:
                    file.write(part)
                file.finish()

            await asyncio.to_thread(write)
        except BaseException:
            file.close()
            raise
        return f"wecall-{time.strftime('%Y%m%d-%H%M%S', time.localtime(began_at))}.{suffix}", file

    async def _note(self, what: str, actor: Actor) -> None:
        await self._parts.requests.note_copy(what, actor=actor, channel=Channel.KEYPAD)

    async def _offer(self, make: Callable[[], Awaitable[tuple[Mapping[str, Export], Text]]]) -> Outcome:
        """Have a stick fetch what is made, or say why there is nothing."""
        async with self._one_at_a_time:
            self._percent = -1
            generation = self._parts.exports.generation
            try:
                files, words = await make()
            except (HandsetError, OSError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                _log.warning("A copy of something of the holder's came to nothing: %s", reason)
                return Outcome(False, word("The files cannot be read or written."))
            if not self._parts.exports.offer(files, generation):
                return Outcome(False, word("Something was deleted meanwhile. Start again."))
            return Outcome(True, words)

    def _tell(self, request: Request[Outcome], percent: int) -> None:
        if percent != self._percent:
            self._percent = percent
            self._post(Progressed(request, percent))
