"""Requests about the holder's rights: to see, to have erased, to go, and to ask the operator."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from contract.consent import Actor, Channel, RequestState
from firmware.base.errors import StorageError
from firmware.phone.my_data import DataCategory
from firmware.phone.pin import Right
from firmware.phone.requests.rights import (
    AnswerRow,
    CancelAccount,
    CloseRequest,
    EraseMyData,
    FileRequest,
    ListRequests,
    MarkAnswerRead,
    MyDataErased,
    MyDataRow,
    NoteOverride,
    ObjectToAnswer,
    ProveHolder,
    ReadMyData,
    ReadRetention,
    RequestFiled,
    RequestRow,
    RetentionDays,
)
from firmware.privacy.retention import ENDING
from firmware.services import exchange
from firmware.services.dates import date_in_words, day_in_words
from firmware.services.proofs import Proofs
from firmware.services.runner import Handlers
from firmware.store.answers import AnswerState, StoredAnswer, StoredAnswers
from firmware.store.erasure import ERASABLE, StoredErasure
from firmware.store.my_data import StoredMyData
from firmware.store.retention import StoredRetention
from firmware.store.rights import StoredRequests

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RightsParts:
    """What rights are about.

    Attributes:
        exchange_dir: the folder from which the menu imports.
        note_files: is told why files of it cannot be deleted, and nothing where they were.
        forget_bundles: deletes bundles of which something is still to be taken in; may wait for the card.
        rotate_key: writes the store anew with another key, so that old pages open by nothing.
        cancel: begins to give the phone back, and has it start anew.
        reload: tells the phone what the store holds now.
        stop_playing: gives up a recording that is played.
    """

    my_data: StoredMyData
    retention: StoredRetention
    erasure: StoredErasure
    requests: StoredRequests
    answers: StoredAnswers
    exchange_dir: Path
    note_files: Callable[[str], None]
    forget_bundles: Callable[[], None]
    rotate_key: Callable[[], Awaitable[None]]
    cancel: Callable[[Actor], Awaitable[None]]
    reload: Callable[[], None]
    stop_playing: Callable[[], None]


class RightsErrands:
    """Does what the holder has a right to, once it is proved to be the holder who asks."""

    def __init__(self, parts: RightsParts, proofs: Proofs, language: Callable[[], str]) -> None:
        """Set up.

        Args:
            parts: what rights are about.
            proofs: who proved to be who.
            language: which one the display speaks now.
        """
        self._parts = parts
        self._proofs = proofs
        self._language = language

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {
            ProveHolder: self._proofs.prove,
            ReadMyData: self._read,
            ReadRetention: self._read_retention,
            EraseMyData: self._erase,
            CancelAccount: self._cancel,
            FileRequest: self._file,
            ListRequests: self._list,
            CloseRequest: self._close,
            MarkAnswerRead: self._mark_read,
            ObjectToAnswer: self._object,
            NoteOverride: self._note_override,
        }

    async def _read(self, _request: ReadMyData) -> tuple[MyDataRow, ...]:
        counts, days = await self._parts.my_data.counts(), self._parts.retention.periods
        return tuple(
            MyDataRow(category, counts[category], days.get(category, 0), category in ERASABLE)
            for category in DataCategory
        )

    async def _read_retention(self, _request: ReadRetention) -> RetentionDays:
        days = self._parts.retention.periods
        return tuple((category, days.get(category, 0)) for category in ENDING)

    async def _erase(self, request: EraseMyData) -> MyDataErased:
        actor = await self._proofs.take(Right.ERASURE)
        if DataCategory.RECORDINGS in request.categories:
            self._parts.stop_playing()
        await self._forget_files(request.categories)
        erased = await self._parts.erasure.erase(request.categories, actor=actor, channel=Channel.KEYPAD)
        try:
            # Pages that the card has kept of the old store open by nothing then.
            await self._parts.rotate_key()
        except StorageError as error:
            _log.warning("What was erased is gone, but the store keeps its key: %s", error)
        self._parts.reload()
        return MyDataErased(request.categories, erased.count, erased.notices)

    async def _forget_files(self, categories: Collection[DataCategory]) -> None:
        """Destroy what of it would come in again by the menu, or by a bundle that waits for the holder's yes.

        A file that somebody else has put there so that it cannot be deleted is told of, and keeps nothing from going.
        """
        if not exchange.SUFFIXES.keys() & set(categories):
            return
        folder = self._parts.exchange_dir
        try:
            await asyncio.to_thread(exchange.forget, folder, categories)
        except StorageError as error:
            self._parts.note_files(str(error))
        else:
            if not exchange.is_left(folder):
                self._parts.note_files("")
        await asyncio.to_thread(self._parts.forget_bundles)

    async def _cancel(self, _request: CancelAccount) -> None:
        await self._parts.cancel(await self._proofs.take(Right.CANCELLATION))

    async def _file(self, request: FileRequest) -> RequestFiled:
        actor = await self._proofs.take(Right.REQUEST)
        filed = await self._parts.requests.file(request.kind, actor=actor, channel=Channel.KEYPAD)
        if (kept := filed.request) is None:
            return RequestFiled(0, "")
        return RequestFiled(kept.number, self._day(kept.due))

    async def _list(self, _request: ListRequests) -> tuple[RequestRow, ...]:
        return await self._requests()

    async def _close(self, request: CloseRequest) -> tuple[RequestRow, ...]:
        actor = await self._proofs.take(Right.REQUEST)
        requests = self._parts.requests
        await requests.close(request.number, RequestState.ANSWERED, actor=actor, channel=Channel.KEYPAD)
        return await self._requests()

    async def _mark_read(self, request: MarkAnswerRead) -> tuple[RequestRow, ...]:
        await self._parts.answers.mark_read(request.answer_id)
        return await self._requests()

    async def _object(self, request: ObjectToAnswer) -> tuple[RequestRow, ...]:
        actor = await self._proofs.take(Right.REQUEST)
        await self._parts.answers.object_to(request.answer_id, actor=actor, channel=Channel.KEYPAD)
        return await self._requests()

    async def _note_override(self, request: NoteOverride) -> None:
        await self._parts.requests.note_override(request.decision, actor=request.actor, channel=Channel.KEYPAD)

    async def _requests(self) -> tuple[RequestRow, ...]:
        # A clock that has just become right shows in the days at once.
        await self._parts.requests.fix_dates()
        today, language = self._parts.requests.today, self._language()
        answers = await self._parts.answers.newest()
        return tuple(
            RequestRow(
                request.number,
                request.kind,
                date_in_words(request.filed_at, language) if request.filed_at is not None else "",
                self._day(request.due),
                request.state(today),
                _answer_row(answers[request.number], language) if request.number in answers else None,
                objected=request.objected,
            )
            for request in await self._parts.requests.listed()
        )

    def _day(self, day: date | None) -> str:
        if day is None:
            return ""
        return day_in_words(datetime(day.year, day.month, day.day, 12).astimezone().timestamp(), self._language())


def _answer_row(answer: StoredAnswer, language: str) -> AnswerRow:
    said = answer.said
    return AnswerRow(
        answer.answer_id,
        RequestState(said.decision),
        said.text.zh if language == "zh" else said.text.en,
        f"{datetime.fromtimestamp(answer.issued_at, UTC):%Y-%m-%d}",
        answer.state is not AnswerState.UNREAD,
    )
