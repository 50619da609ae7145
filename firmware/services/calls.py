"""Requests about the call log."""

import asyncio
from collections.abc import Callable

from firmware.phone.call_statistics import CallStatistics
from firmware.phone.events import Event, MissedCallsCounted
from firmware.phone.kept_text import Utterance
from firmware.phone.request import Stretch
from firmware.phone.requests.calls import ClearCalls, CountCalls, DeleteCall, ListCalls, LoggedCall, ReadCallText
from firmware.phone.requests.people import FindPeople, PeopleFound
from firmware.ports.store import CallLog, CallLogEntry
from firmware.services.dates import moment_in_words
from firmware.services.runner import Handlers


class CallErrands:
    """Reads and counts the call log, and forgets calls.

    A call that is deleted takes along what still waits for the broker about it; see StoredCallLog for what has been
    handed over already.
    """

    def __init__(
        self,
        call_log: CallLog,
        *,
        attribute: Callable[[str], str],
        language: Callable[[], str],
        post: Callable[[Event], None],
    ) -> None:
        """Set up.

        Args:
            call_log: where calls are kept.
            attribute: says where a number belongs, from the card and so on any thread; empty where that is unknown.
            language: which one the display speaks now.
            post: tells the phone how many missed calls are left, in the main thread.
        """
        self._call_log = call_log
        self._attribute = attribute
        self._language = language
        self._post = post

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {
            ListCalls: self._list,
            DeleteCall: self._delete,
            ClearCalls: self._clear,
            CountCalls: self._count,
            FindPeople: self._find_people,
            ReadCallText: self._read_text,
        }

    async def _list(self, request: ListCalls) -> Stretch[LoggedCall]:
        total, entries = await self._call_log.listed(request.kind, request.first, request.limit)
        places = await asyncio.to_thread(lambda: [self._attribute(entry.number) for entry in entries])
        calls = tuple(self._logged(entry, place) for entry, place in zip(entries, places, strict=True))
        return Stretch(request.first, total, calls)

    async def _delete(self, request: DeleteCall) -> None:
        await self._call_log.delete(request.call_id)
        await self._tell_missed()

    async def _clear(self, request: ClearCalls) -> None:
        await self._call_log.clear(request.kind)
        await self._tell_missed()

    async def _count(self, _request: CountCalls) -> CallStatistics:
        return await self._call_log.statistics()

    async def _find_people(self, request: FindPeople) -> PeopleFound:
        return await self._call_log.people(request.numbers)

    async def _read_text(self, request: ReadCallText) -> tuple[Utterance, ...]:
        return tuple(await self._call_log.text_of(request.call_id))

    async def _tell_missed(self) -> None:
        self._post(MissedCallsCounted(await self._call_log.count_unseen_missed()))

    def _logged(self, entry: CallLogEntry, place: str) -> LoggedCall:
        talked_s = entry.ended_at - entry.answered_at if entry.ended_at and entry.answered_at else 0
        return LoggedCall(
            call_id=entry.call_id,
            direction=entry.direction,
            number=entry.number,
            name=entry.name,
            at=moment_in_words(entry.started_at, self._language()),
            duration_s=round(talked_s),
            answered=entry.answered_at is not None,
            reason=entry.reason,
            decision=entry.decision,
            quality=entry.quality,
            attribution=place,
            contact_id=entry.contact_id,
            verification=entry.verification,
        )
