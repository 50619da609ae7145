"""Errands about the holder's rights: to see, to have a copy, to have erased, to go, and to ask the operator."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

from firmware.data_copy import DataCopy, draw_passphrase
from firmware.errands.dates import date_in_words, day_in_words
from firmware.errands.runner import Handler
from firmware.errors import HandsetError, StorageError
from firmware.ordered_files import OrderedFiles
from firmware.phone.answers import Answer, PinChecked
from firmware.phone.errands import Errand
from firmware.phone.my_data import DataCategory
from firmware.phone.pin_slot import PinSlot
from firmware.phone.purpose import Actor, Channel
from firmware.phone.rights import RequestState, Right
from firmware.phone.rights_answers import (
    CopyFinished,
    CopyProgressed,
    MyDataErased,
    MyDataRead,
    MyDataRow,
    PassphraseDrawn,
    RequestFiled,
    RequestRow,
    RequestsListed,
    RetentionRead,
)
from firmware.phone.rights_errands import (
    CancelAccount,
    CloseRequest,
    CopyMyData,
    DrawPassphrase,
    EraseMyData,
    FileRequest,
    ListRequests,
    NoteOverride,
    ProveHolder,
    ReadMyData,
    ReadRetention,
)
from firmware.phone.words import word
from firmware.privacy.retention import ENDING
from firmware.privacy.rights import Request
from firmware.storage.erasure import ERASABLE, StoredErasure
from firmware.storage.my_data import StoredMyData
from firmware.storage.pin import StoredPin
from firmware.storage.retention import StoredRetention
from firmware.storage.rights import StoredRequests

_log = logging.getLogger(__name__)

_PROOF_S: Final = 300.0
"""So long a PIN that was typed for a right counts for it."""

_ACTORS: Final = {PinSlot.HOLDER: Actor.HOLDER, PinSlot.GUARDIAN: Actor.GUARDIAN}


@dataclass(frozen=True, slots=True)
class RightsParts:
    """What rights are about.

    Attributes:
        pins: whose PIN proves it.
        ordered: what a stick may fetch.
        rotate_key: writes the store anew with another key, so that old pages open by nothing.
        cancel: begins to give the phone back, and has it start anew.
        reload: tells the phone what the store holds now.
        stop_playing: gives up a recording that is played.
    """

    pins: Mapping[PinSlot, StoredPin]
    my_data: StoredMyData
    retention: StoredRetention
    erasure: StoredErasure
    requests: StoredRequests
    copy: DataCopy
    ordered: OrderedFiles
    rotate_key: Callable[[], Awaitable[None]]
    cancel: Callable[[Actor], Awaitable[None]]
    reload: Callable[[], None]
    stop_playing: Callable[[], None]


class RightsErrands:
    """Does what the holder has a right to, once it is proved to be the holder who asks."""

    def __init__(self, parts: RightsParts, language: Callable[[], str], post: Callable[[Answer], None]) -> None:
        """Set up.

        Args:
            parts: what rights are about.
            language: which one the display speaks now.
            post: takes what is told while a copy is made, in the main thread.
        """
        self._parts = parts
        self._language = language
        self._post = post
        self._proofs: dict[Right, tuple[float, Actor]] = {}
        self._percent = -1

    @property
    def handlers(self) -> Mapping[type[Errand], Handler]:
        """What the runner needs."""
        return {
            ProveHolder: self._prove,
            ReadMyData: self._read,
            ReadRetention: self._read_retention,
            DrawPassphrase: self._draw,
            CopyMyData: self._copy,
            EraseMyData: self._erase,
            CancelAccount: self._cancel,
            FileRequest: self._file,
            ListRequests: self._list,
            CloseRequest: self._close,
            NoteOverride: self._note_override,
        }

    async def _prove(self, errand: ProveHolder) -> PinChecked:
        actor = _ACTORS[errand.slot]
        verdict = await self._parts.pins[errand.slot].check(errand.pin)
        if verdict.accepted:
            self._proofs[errand.right] = (monotonic() + _PROOF_S, actor)
        elif verdict.looked_at:
            # Keys that are pressed while a wait runs must not make the ledger grow, nor tell the operator each time.
            await self._parts.requests.note_check_failed(errand.right, actor=actor, channel=Channel.KEYPAD)
        return PinChecked(verdict.accepted, verdict.wait_s)

    def _proved(self, right: Right) -> Actor:
        """Return who proved to be who for a right just now; it counts once.

        Raises:
            StorageError: nobody did.
        """
        until_s, actor = self._proofs.pop(right, (0.0, Actor.HOLDER))
        if monotonic() > until_s:
            raise StorageError("The holder's PIN was not typed for this, or too long ago. Type it, and try again.")
        return actor

    async def _read(self, _errand: ReadMyData) -> MyDataRead:
        counts, days = await self._parts.my_data.counts(), self._parts.retention.periods
        return MyDataRead(
            tuple(
                MyDataRow(category, counts[category], days.get(category, 0), category in ERASABLE)
                for category in DataCategory
            )
        )

    async def _read_retention(self, _errand: ReadRetention) -> RetentionRead:
        days = self._parts.retention.periods
        return RetentionRead(tuple((category, days.get(category, 0)) for category in ENDING))

    async def _draw(self, _errand: DrawPassphrase) -> PassphraseDrawn:
        return PassphraseDrawn(await asyncio.to_thread(draw_passphrase))

    async def _copy(self, errand: CopyMyData) -> CopyFinished:
        actor = self._proved(Right.COPY)
        if await self._parts.requests.begin_copy(actor=actor, channel=Channel.KEYPAD):
            return CopyFinished(False, word("Three copies a day are enough. Try again tomorrow."))
        self._percent = -1
        try:
            names = await self._parts.copy.write(errand.passphrase, self._tell)
        except (HandsetError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            _log.warning("The copy of the holder's data came to nothing: %s", reason)
            return CopyFinished(False, word("The files cannot be read or written."))
        self._parts.ordered.order(names)
        if errand.passphrase:
            return CopyFinished(
                True, word("Ready: plug a stick in within 10 minutes. It opens with the words and both of its files.")
            )
        return CopyFinished(True, word("Ready: plug a stick in within 10 minutes. Anybody can read it."))

    def _tell(self, percent: int) -> None:
        if percent != self._percent:
            self._percent = percent
            self._post(CopyProgressed(percent))

    async def _erase(self, errand: EraseMyData) -> MyDataErased:
        actor = self._proved(Right.ERASURE)
        if DataCategory.RECORDINGS in errand.categories:
            self._parts.stop_playing()
        erased = await self._parts.erasure.erase(errand.categories, actor=actor, channel=Channel.KEYPAD)
        try:
            # Pages that the card has kept of the old store open by nothing then.
            await self._parts.rotate_key()
        except StorageError as error:
            _log.warning("What was erased is gone, but the store keeps its key: %s", error)
        self._parts.reload()
        return MyDataErased(errand.categories, erased.count, erased.notices)

    async def _cancel(self, _errand: CancelAccount) -> None:
        await self._parts.cancel(self._proved(Right.CANCELLATION))

    async def _file(self, errand: FileRequest) -> RequestFiled:
        actor = self._proved(Right.REQUEST)
        filed = await self._parts.requests.file(errand.kind, actor=actor, channel=Channel.KEYPAD)
        if (request := filed.request) is None:
            return RequestFiled(0, "", clock_synced=True)
        return RequestFiled(request.number, self._due(request), request.clock_synced)

    async def _list(self, _errand: ListRequests) -> RequestsListed:
        return await self._requests()

    async def _close(self, errand: CloseRequest) -> RequestsListed:
        actor = self._proved(Right.REQUEST)
        requests = self._parts.requests
        await requests.close(errand.number, RequestState.ANSWERED, actor=actor, channel=Channel.KEYPAD)
        return await self._requests()

    async def _note_override(self, errand: NoteOverride) -> None:
        await self._parts.requests.note_override(errand.decision, actor=errand.actor, channel=Channel.KEYPAD)

    async def _requests(self) -> RequestsListed:
        today, language = self._parts.requests.today, self._language()
        return RequestsListed(
            tuple(
                RequestRow(
                    request.number,
                    request.kind,
                    date_in_words(request.filed_at, language),
                    self._due(request),
                    request.state(today),
                )
                for request in await self._parts.requests.listed()
            )
        )

    def _due(self, request: Request) -> str:
        noon = datetime(request.due.year, request.due.month, request.due.day, 12).astimezone()
        return day_in_words(noon.timestamp(), self._language())
