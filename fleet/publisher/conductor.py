"""Brings a message to its handsets, stage by stage, through lost connections, until it is there or must stop."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from contract.messages import topic_name
from firmware.base.backoff import full_jitter_s
from fleet.publications import publication_topic
from fleet.publisher.connection import (
    Accepted,
    BrokerLine,
    Event,
    LineLostError,
    Outcome,
    Status,
    Subscribed,
    refusal_of,
)
from fleet.publisher.record import Record, RecordFolder
from fleet.publisher.roll_out import Step, StopReason
from fleet.publisher.screen import Screen

if TYPE_CHECKING:
    from contract.results import OutcomeCode

_RETRY_BASE_S: Final = 0.5
_RETRY_CAP_S: Final = 30.0
_LOOK_S: Final = 1.0
_ANSWER_TIMEOUT_S: Final = 30.0
_FIRST_FAILURE: Final = 0x80
# Outcomes come one by one for hours, and each look at a large stage takes some milliseconds.
_GATHER_S: Final = 0.2
# Outcomes and answers that are written down together.
_MOST_AT_ONCE: Final = 500


class Conductor:
    """One roll-out from its record to its end; what is written down is never asked of a handset again."""

    def __init__(
        self,
        connect: Callable[[], BrokerLine],
        record: Record,
        folder: RecordFolder,
        payload: bytes,
        screen: Screen,
        *,
        stage_timeout_s: float,
    ) -> None:
        """Set up without connecting.

        Args:
            connect: makes a connection that is not open yet.
            record: what is to be done, and how far it has come.
            folder: where the other records are, whose handsets may answer now.
            payload: the message.
            screen: shows how it goes.
            stage_timeout_s: how long a stage waits for the answers of handsets that were online.
        """
        self._connect = connect
        self._record = record
        self._folder = folder
        self._payload = payload
        self._screen = screen
        self._stage_timeout_s = stage_timeout_s
        self._ends_s: float | None = None
        self._online: dict[str, bool] = {}
        self._on_the_way: dict[int, str] = {}
        self._level = record.plan.publication.kind.topic

    def run(self) -> StopReason | None:
        """Go on until it is done or has stopped by itself; return why it stopped.

        Raises:
            FleetError: the broker cannot be reached at all, or does not take what is published.
            OSError: the record cannot be written.
        """
        attempt = -1
        while True:
            try:
                with self._connect() as line:
                    attempt = 0
                    stopped = self._serve(line)
                    line.close(forget=self._folder.all_are_done())
                    return stopped
            except LineLostError as error:
                if attempt < 0:
                    raise
                self._wait_for_another(attempt, error)
                attempt += 1

    def _wait_for_another(self, attempt: int, error: LineLostError) -> None:
        self._on_the_way.clear()
        self._screen.said(f"{error} It is tried again.")
        time.sleep(full_jitter_s(attempt, base_s=_RETRY_BASE_S, cap_s=_RETRY_CAP_S))

    def _serve(self, line: BrokerLine) -> StopReason | None:
        self._subscribe(line)
        self._tell_what_it_is(line)
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
                    return self._stop(line)
                case Step.SEND:
                    self._send(line)
                    self._take(line, _LOOK_S)
                case Step.WAIT:
                    if self._ends_s is None:
                        self._ends_s = time.monotonic() + self._stage_timeout_s
                    self._take(line, min(_LOOK_S, self._ends_s - time.monotonic()), gather_s=_GATHER_S)

    def _waited_out(self) -> bool:
        return self._ends_s is not None and time.monotonic() >= self._ends_s

    def _stop(self, line: BrokerLine) -> StopReason:
        reason = self._record.roll_out.why_stopped(waited_out=self._waited_out())
        assert reason is not None  # noqa: S101 - it is why this is called
        ends_s = time.monotonic() + _ANSWER_TIMEOUT_S
        while self._on_the_way and time.monotonic() < ends_s:
            self._take(line, _LOOK_S)
        self._record.note_stopped(reason)
        self._screen.moved(self._record)
        return reason

    # --- what goes out ------------------------------------------------------------------------------------------------

    def _subscribe(self, line: BrokerLine) -> None:
        number = line.listen()
        self._until(line, lambda event: isinstance(event, Subscribed) and event.number == number)

    def _tell_what_it_is(self, line: BrokerLine) -> None:
        """Publish what it is called, before anybody hears of an outcome of it."""
        publication = self._record.plan.publication
        topic = publication_topic(self._record.plan.fleet, publication.message)
        number = line.publish(topic, publication.written())
        self._on_the_way[number] = topic
        self._until(line, lambda event: isinstance(event, Accepted) and event.number == number)

    def _send(self, line: BrokerLine) -> None:
        most = line.most_on_the_way(len(self._payload))
        on_the_way = set(self._on_the_way.values())
        for device in self._record.roll_out.unsent:
            if len(self._on_the_way) >= most:
                break
            if device not in on_the_way:
                topic = topic_name(self._record.plan.fleet, device, self._level)
                self._on_the_way[line.publish(topic, self._payload)] = device

    # --- what comes in ------------------------------------------------------------------------------------------------

    def _until(self, line: BrokerLine, is_it: Callable[[Event], bool]) -> None:
        ends_s = time.monotonic() + _ANSWER_TIMEOUT_S
        while (rest_s := ends_s - time.monotonic()) > 0:
            event = line.next_event(rest_s)
            if event is None:
                break
            self._take_up(line, [event])
            if is_it(event):
                return
        raise LineLostError("The broker does not answer any more.")

    def _take(self, line: BrokerLine, timeout_s: float, *, gather_s: float = 0.0) -> None:
        """Wait for something, then take up all that there is, or comes soon after: it is written down together."""
        event = line.next_event(timeout_s)
        ends_s = time.monotonic() + gather_s
        events: list[Event] = []
        while event is not None:
            events.append(event)
            event = line.next_event(ends_s - time.monotonic()) if len(events) < _MOST_AT_ONCE else None
        self._take_up(line, events)

    def _take_up(self, line: BrokerLine, events: Iterable[Event]) -> None:
        sent: dict[str, bool] = {}
        outcomes: list[Outcome] = []
        refused: Exception | None = None
        for event in events:
            match event:
                case Status(device, online):
                    self._online[device] = bool(online)
                case Outcome():
                    outcomes.append(event)
                case Accepted(number, code) if (to := self._on_the_way.pop(number, None)) is not None:
                    if code >= _FIRST_FAILURE:
                        refused = refusal_of(line.name, to, code)
                    elif "/" not in to:
                        sent[to] = self._online.get(to, False)
        self._record.note_sent(sent)
        self._note(outcomes)
        line.acknowledge([outcome.receipt for outcome in outcomes])
        if refused is not None:
            raise refused

    def _note(self, outcomes: Iterable[Outcome]) -> None:
        by_message: dict[tuple[str, str], list[tuple[str, OutcomeCode]]] = {}
        for outcome in outcomes:
            by_message.setdefault((outcome.fleet, outcome.message), []).append((outcome.device, outcome.code))
        for (fleet, message), said in by_message.items():
            if message == self._record.message:
                if fleet == self._record.plan.fleet:
                    self._record.note_outcomes(said)
            elif (other := self._folder.find(message)) is not None:
                with other:
                    if fleet == other.plan.fleet:
                        other.note_outcomes(said)
