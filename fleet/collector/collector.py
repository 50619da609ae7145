"""From the broker to the database and back: the collector itself."""

import asyncio
import logging
import math
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from contract.messages import ErasureMessage
from firmware.base.backoff import full_jitter_s
from fleet.api.feed import Feed
from fleet.collector import retention
from fleet.collector.acknowledgements import Acknowledgements
from fleet.collector.batch import Written, write_batch
from fleet.collector.database import forget_for_good, prepare, writing
from fleet.collector.erasing import note_done
from fleet.collector.intake import Intake
from fleet.collector.live import LiveView
from fleet.collector.quarantine import Reason, Rejection, Sender
from fleet.collector.reading import Calls, Reader, Reading
from fleet.collector.received import Received
from fleet.collector.settings import CollectorSettings
from fleet.metrics import Counts

_log = logging.getLogger(__name__)

BATCH: Final = 1000
"""Messages in one transaction at most."""

# From the beginning of one transaction to that of the next, unless there is a whole batch: a hundred small ones cost
# the database more than a large one, and handsets are told every tenth of a second.
_SPACING_S: Final = 0.03
_IDLE_S: Final = 1.0
_RETRY_BASE_S: Final = 0.2
_RETRY_CAP_S: Final = 10.0
# Between two looks whether whoever reads an older state of the file is done.
_FORGET_RETRY_S: Final = 0.2

_T = TypeVar("_T")


class Collector:
    """Takes messages, writes them, and confirms what is on the disk; any number of them run side by side.

    The order is always the same, and whatever is interrupted begins again at its first step, which changes nothing that
    is done: a transaction is committed; the handset's confirmation is handed to the broker, and it says that it has it;
    the broker is told that it may forget the handset's message.

    While the database is away nothing is confirmed, and the broker keeps what does not fit into the window.
    """

    def __init__(
        self,
        settings: CollectorSettings,
        engine: Engine,
        counts: Counts,
        *,
        feed: Feed | None = None,
        turn: Lock | None = None,
        heartbeat: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: random.Random | None = None,
    ) -> None:
        """Set up without connecting.

        Args:
            settings: where messages come from, and which.
            engine: where they go; see open_database.
            counts: told of everything.
            feed: where what comes is shown to whoever looks; None: nobody can.
            turn: held while the database is written, where others in this process write it, too.
            heartbeat: called at each step, at least every minute.
            now: the time of day.
            rng: where the jitter comes from.

        Raises:
            FleetError: a certificate or the key cannot be used.
        """
        self._settings = settings
        self._engine = writing(engine)
        self._turn_to_write = turn or Lock()
        self._counts = counts
        self._heartbeat = heartbeat
        self._now = now
        self._rng = rng
        self._stopping = asyncio.Event()
        self._reader = Reader(settings.devices)
        live = None if feed is None else LiveView(feed, self._reader, now=now)
        self._intake = Intake(settings, counts, live)
        self._acknowledgements = Acknowledgements(settings.name)
        # Notices whose records are deleted, while somebody may still read them in the file's journal.
        self._deleted: list[tuple[Sender, ErasureMessage, Received]] = []
        self._forget_at_s = 0.0
        self._in_work: Sequence[Received] = ()
        self._began_at_s = -math.inf
        self._swept_at: datetime | None = None
        # What is to be deleted of what has grown old, each until a round deletes nothing more.
        self._sweep: deque[retention.Step] = deque()
        self._database_is_up = True
        counts.look_at(self._waiting, self._behind_s)

    def stop(self) -> None:
        """Make `run` finish what it has begun and return."""
        self._stopping.set()
        self._intake.wake()

    async def run(self) -> None:
        """Collect until told to stop.

        Raises:
            FleetError: the database's tables are a newer program's.
        """
        try:
            with suppress(_Stopping):
                await self._persist(lambda: prepare(self._engine))
                self._intake.start()
                while not self._stopping.is_set():
                    await self._turn()
            self._intake.answer(self._acknowledgements.due(math.inf))
        finally:
            await self._intake.stop()
            self._counts.database_up.set(0)

    async def _turn(self) -> None:
        """Do one round: write what came, confirm what is due, delete some of what is old."""
        self._heartbeat()
        pause_s = self._began_at_s + _SPACING_S - time.monotonic()
        if pause_s > 0 and self._intake.waiting < BATCH:
            await self._stops_within(pause_s)
        await self._intake.wait(self._patience_s())
        self._in_work = self._intake.take(BATCH)
        if self._in_work:
            self._began_at_s = time.monotonic()
            await self._write(self._in_work)
            self._in_work = ()
        await self._forget()
        self._intake.answer(self._acknowledgements.due(time.monotonic()))
        await self._expire()

    # --- what came ----------------------------------------------------------------------------------------------------

    async def _write(self, messages: Sequence[Received]) -> None:
        now = self._now()
        readings = [self._reader.read(message.topic, message.payload, now) for message in messages]
        for topic, number in Counter(reading.topic for reading in readings).items():
            self._counts.received.labels(topic).inc(number)
        self._confirm(messages, readings, await self._persist(lambda: self._commit(readings, now)))

    def _commit(self, readings: Sequence[Reading], now: datetime) -> Written:
        """Write all in one transaction, or, where the database will not have one of them, all but that one."""
        try:
            with self._counts.commit_s.time(), self._engine.begin() as connection:
                return write_batch(connection, readings, now, self._oldest(now))
        except (DataError, IntegrityError):
            if len(readings) == 1:
                return self._commit([_refused(readings[0])], now)
        half = len(readings) // 2
        first, second = self._commit(readings[:half], now), self._commit(readings[half:], now)
        return first.joined(second)

    def _confirm(self, messages: Sequence[Received], readings: Sequence[Reading], written: Written) -> None:
        now_s = time.monotonic()
        done: list[Received] = []
        notices = {(sender, notice.epoch, notice.seq) for sender, notice in written.notices}
        answers: dict[Sender, list[Received]] = {}
        for message, reading in zip(messages, readings, strict=True):
            contents = reading.contents
            if isinstance(contents, ErasureMessage) and (reading.sender, contents.epoch, contents.seq) in notices:
                self._deleted.append((reading.sender, contents, message))
            elif isinstance(contents, Calls) and reading.sender in written.confirmed:
                answers.setdefault(reading.sender, []).append(message)
            else:
                done.append(message)
        for sender, numbers in written.confirmed.items():
            self._acknowledgements.add(sender, numbers, answers.get(sender, ()), now_s)
        self._intake.release(done)
        self._tell(written)

    def _tell(self, written: Written) -> None:
        counts = self._counts
        counts.inserted.inc(written.inserted)
        counts.duplicates.inc(written.duplicates)
        counts.erased.inc(written.erased)
        for reason, number in written.withheld.items():
            counts.withheld.labels(reason).inc(number)
        for rejection, number in written.rejections.items():
            counts.quarantined.labels(rejection.reason.value).inc(number)

    # --- what is taken back -------------------------------------------------------------------------------------------

    async def _forget(self) -> None:
        """Confirm notices once nothing of what they name is left."""
        now_s = time.monotonic()
        if not self._deleted or now_s < self._forget_at_s:
            return
        if not await self._persist(self._forget_for_good):
            self._forget_at_s = now_s + _FORGET_RETRY_S
            return
        for sender, notice, message in self._deleted:
            self._acknowledgements.add(sender, [(notice.epoch, notice.seq)], [message], now_s)
            self._counts.erasures.inc()
        self._deleted = []

    def _forget_for_good(self) -> bool:
        if not forget_for_good(self._engine):
            return False
        with self._engine.begin() as connection:
            note_done(connection, ((sender, notice) for sender, notice, _ in self._deleted), self._now())
        return True

    # --- what grows old -----------------------------------------------------------------------------------------------

    def _oldest(self, now: datetime) -> datetime | None:
        days = self._settings.retention_days
        return None if days is None else now - timedelta(days=days)

    async def _expire(self) -> None:
        """Delete some of what is older than is kept; begun at the start, and again each day."""
        now = self._now()
        if not self._sweep:
            if self._swept_at is not None and now - self._swept_at < retention.EVERY:
                return
            self._sweep.extend(retention.steps(self._oldest(now), now - timedelta(days=self._settings.audit_days)))
            self._swept_at = now
        step = self._sweep[0]

        def run() -> int:
            with self._engine.begin() as connection:
                return step.run(connection)

        deleted = await self._persist(run)
        if step.is_about_calls:
            self._counts.expired.inc(deleted)
        if not deleted:
            self._sweep.popleft()

    # --- how it goes --------------------------------------------------------------------------------------------------

    async def _persist(self, work: Callable[[], _T]) -> _T:
        """Do something with the database until it succeeds, beside what comes from the broker meanwhile.

        Raises:
            _Stopping: this collector was told to stop before it did; the broker keeps what is not confirmed.
        """

        def write() -> _T:
            with self._turn_to_write:
                return work()

        attempt = 0
        while True:
            self._heartbeat()
            try:
                result = await asyncio.to_thread(write)
            except SQLAlchemyError as error:
                self._note_failure(error)
                pause_s = full_jitter_s(attempt, base_s=_RETRY_BASE_S, cap_s=_RETRY_CAP_S, rng=self._rng)
                if await self._stops_within(pause_s):
                    raise _Stopping from error
                attempt += 1
                continue
            if not self._database_is_up:
                self._database_is_up = True
                _log.warning("The database takes records again.")
            self._counts.database_up.set(1)
            return result

    async def _stops_within(self, pause_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()
        return self._stopping.is_set()

    def _note_failure(self, error: SQLAlchemyError) -> None:
        self._counts.failures.inc()
        self._counts.database_up.set(0)
        if self._database_is_up:
            self._database_is_up = False
            # The error's own text quotes what was to be written.
            kind = type(getattr(error, "orig", None) or error).__name__
            _log.error("The database does not take records (%s): nothing is confirmed until it does.", kind)

    def _patience_s(self) -> float:
        if self._sweep:
            return 0.0
        until_due_s = max(0.0, self._acknowledgements.due_at_s - time.monotonic())
        return min(until_due_s, _FORGET_RETRY_S if self._deleted else _IDLE_S)

    def _waiting(self) -> float:
        return len(self._in_work) + len(self._deleted) + self._intake.waiting

    def _behind_s(self) -> float:
        in_work = self._in_work
        oldest_s = in_work[0].at_s if in_work else self._intake.oldest_s
        return 0.0 if oldest_s is None else max(0.0, time.monotonic() - oldest_s)


class _Stopping(Exception):  # noqa: N818 - nothing has gone wrong
    """Work is given up, since the collector stops."""


def _refused(reading: Reading) -> Reading:
    rejection = Rejection(reading.sender, reading.topic, Reason.NOT_STORED)
    return replace(reading, contents=None, rejections=(rejection,))
