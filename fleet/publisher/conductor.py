"""Brings a message to its handsets, stage by stage, through lost connections, until it is there or must stop."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from contract.messages import topic_name
from firmware.base.backoff import full_jitter_s
from fleet.publications import Publication, publication_topic
from fleet.publisher.connection import ANSWER_TIMEOUT_S, Accepted, BrokerLine, LineLostError, Outcome, Status
from fleet.publisher.record import Record, RecordFolder
from fleet.publisher.roll_out import Step, StopReason
from fleet.publisher.screen import Screen
from fleet.publisher.signed_file import Published

if TYPE_CHECKING:
    from contract.results import OutcomeCode

_RETRY_BASE_S: Final = 0.5
_RETRY_CAP_S: Final = 30.0
_LOOK_S: Final = 1.0
# Outcomes come one by one for hours, and each look at a large stage takes some milliseconds.
_GATHER_S: Final = 0.2


class Conductor:
    """One roll-out from its record to its end; what is written down is never asked of a handset again."""

    def __init__(
        self,
        connect: Callable[[], BrokerLine],
        record: Record,
        folder: RecordFolder,
        published: Published,
        screen: Screen,
        *,
        stage_timeout_s: float,
    ) -> None:
        """Set up without connecting.

        Args:
            connect: makes a connection that is not open yet.
            record: what is to be done, and how far it has come.
            folder: where the other records are, whose handsets may answer now.
            published: what each handset gets.
            screen: shows how it goes.
            stage_timeout_s: how long a stage waits for the answers of handsets that were online.
        """
        self._connect = connect
        self._record = record
        self._folder = folder
        self._published = published
        self._screen = screen
        self._stage_timeout_s = stage_timeout_s
        self._ends_s: float | None = None
        self._online: dict[str, bool] = {}
        self._on_the_way: set[str] = set()
        self._told: set[str] = set()
        self._level = record.plan.publication.kind.topic

    async def run(self) -> StopReason | None:
        """Go on until it is done or has stopped by itself; return why it stopped.

        Raises:
            FleetError: the broker cannot be reached at all, or does not take what is published.
            OSError: the record cannot be written.
        """
        attempt = -1
        while True:
            try:
                async with self._connect() as line:
                    await line.open()
                    attempt = 0
                    return await self._serve(line)
            except LineLostError as error:
                if attempt < 0:
                    raise
                self._on_the_way.clear()
                self._screen.said(f"{error} It is tried again.")
                await asyncio.sleep(full_jitter_s(attempt, base_s=_RETRY_BASE_S, cap_s=_RETRY_CAP_S))
                attempt += 1

    async def _serve(self, line: BrokerLine) -> StopReason | None:
        await line.listen()
        self._told.clear()
        roll_out = self._record.roll_out
        while True:
            passed = roll_out.passed
            step = roll_out.next_step(waited_out=self._waited_out())
            if roll_out.passed > passed:
                self._ends_s = None
                self._record.note_passed()
            self._screen.moved(self._record)
            match step:
                case Step.DONE:
                    return None
                case Step.STOP:
                    return await self._stop(line)
                case Step.SEND:
                    await self._send(line)
                    await self._take(line, _LOOK_S)
                case Step.WAIT:
                    if self._ends_s is None:
                        self._ends_s = time.monotonic() + self._stage_timeout_s
                    await self._take(line, min(_LOOK_S, self._ends_s - time.monotonic()), gather_s=_GATHER_S)

    def _waited_out(self) -> bool:
        return self._ends_s is not None and time.monotonic() >= self._ends_s

    async def _stop(self, line: BrokerLine) -> StopReason:
        reason = self._record.roll_out.why_stopped(waited_out=self._waited_out())
        assert reason is not None  # noqa: S101 - it is why this is called
        ends_s = time.monotonic() + ANSWER_TIMEOUT_S
        while self._on_the_way and time.monotonic() < ends_s:
            await self._take(line, _LOOK_S)
        self._record.note_stopped(reason)
        self._screen.moved(self._record)
        return reason

    # --- what goes out ------------------------------------------------------------------------------------------------

    async def _send(self, line: BrokerLine) -> None:
        plan = self._record.plan
        most = line.most_on_the_way(self._published.size_bytes)
        for device in self._record.roll_out.unsent:
            if len(self._on_the_way) >= most:
                break
            if device not in self._on_the_way:
                payload = self._published.payload_of(device)
                await self._tell_what_it_is(line, self._published.publication_of(device, plan.publication))
                self._on_the_way.add(device)
                line.post(device, topic_name(plan.fleet, device, self._level), payload)

    async def _tell_what_it_is(self, line: BrokerLine, publication: Publication) -> None:
        """Publish what it is called, before anybody hears of an outcome of it."""
        if publication.message not in self._told:
            topic = publication_topic(self._record.plan.fleet, publication.message)
            await line.publish(topic, publication.written())
            self._told.add(publication.message)

    # --- what comes in ------------------------------------------------------------------------------------------------

    async def _take(self, line: BrokerLine, timeout_s: float, *, gather_s: float = 0.0) -> None:
        """Wait for something, then take up all that there is: it is written down together."""
        sent: dict[str, bool] = {}
        outcomes: list[Outcome] = []
        refusal: Exception | None = None
        for event in await line.next_events(timeout_s, gather_s=gather_s):
            match event:
                case Status(device, online):
                    self._online[device] = bool(online)
                case Outcome():
                    outcomes.append(event)
                case Accepted(device, None):
                    self._on_the_way.discard(device)
                    sent[device] = self._online.get(device, False)
                case Accepted(device, refusal):
                    self._on_the_way.discard(device)
        self._record.note_sent(sent)
        self._note(outcomes)
        for outcome in outcomes:
            line.confirm(outcome.receipt)
        if refusal is not None:
            raise refusal

    def _note(self, outcomes: Iterable[Outcome]) -> None:
        own: list[tuple[str, OutcomeCode]] = []
        others: dict[tuple[str, str], list[tuple[str, OutcomeCode]]] = {}
        for outcome in outcomes:
            said = (outcome.device, outcome.code)
            if self._record.plan.brings(outcome.fleet, outcome.device, outcome.message):
                own.append(said)
            else:
                others.setdefault((outcome.fleet, outcome.message), []).append(said)
        self._record.note_outcomes(own)
        for (fleet, message), their in others.items():
            if (other := self._folder.that_brings(message)) is not None:
                with other:
                    other.note_outcomes(each for each in their if other.plan.brings(fleet, each[0], message))
