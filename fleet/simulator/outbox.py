"""The outbox of a simulated handset: the rules of the real one, kept in memory, so that it ends with the simulator."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from contract.messages import MAX_RANGES, RETAINED, ErasureMessage, ErasureReason, QueuedMessage, RecordRange, Topic
from firmware.ports.outbox import OutboxKey, OutboxMessage
from firmware.privacy.consent import ConsentState
from firmware.privacy.egress.gate import ConsentGate, Refusal
from fleet.simulator.counts import Counts

_CONFIRMED: Final = frozenset({Topic.CDR, Topic.ERASURE})
_LONGEST_REPEAT_S: Final = 6 * 3600.0


@dataclass(slots=True)
class _Waiting:
    topic: Topic
    ledger_entries: int
    payload: Mapping[str, object]
    was_handed_over: bool = False
    with_broker: bool = False


class SimulatedOutbox:
    """Keeps messages until they are complete.

    Attributes:
        recorded: the numbers of all call detail records that were ever queued.
        left: those that were handed over and not taken back since: recipients have them, or may.
        taken_back: those that no recipient may keep.
    """

    def __init__(
        self,
        device: str,
        epoch: int,
        state: Callable[[], ConsentState],
        counts: Counts,
        monotonic: Callable[[], float],
        *,
        confirms: bool,
        repeat_after_s: float,
    ) -> None:
        """Set up an empty one.

        Args:
            device: whose it is.
            epoch: what its numbers belong to.
            state: what the holder agrees to.
            counts: what it counts into.
            monotonic: seconds that no setting of a clock moves.
            confirms: only a collector's word completes records and erasure notices.
            repeat_after_s: when what no collector has confirmed leaves once more.
        """
        self._device = device
        self.epoch = epoch
        self._state = state
        self._counts = counts
        self._monotonic = monotonic
        self._confirms = confirms
        self._first_repeat_s = self._repeat_after_s = repeat_after_s
        self._repeat_at_s = monotonic() + repeat_after_s
        self._last_seq = 0
        self._waiting: dict[int, _Waiting] = {}
        self._queued = asyncio.Event()
        self.recorded: set[int] = set()
        self.left: set[int] = set()
        self.taken_back: set[int] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def append(
        self, topic: Topic, make: Callable[[int, int], QueuedMessage], ledger_entries_at_start: int
    ) -> Refusal | None:
        """Queue a message if consent allows, and say why where it does not; see StoredOutbox."""
        refusal = ConsentGate(self._state()).refusal(topic, ledger_entries_at_start)
        if refusal is not None:
            return refusal
        self._last_seq += 1
        payload = make(self.epoch, self._last_seq).plain()
        if topic in RETAINED:
            self._drop(seq for seq, each in self._waiting.items() if each.topic is topic)
        self._waiting[self._last_seq] = _Waiting(topic, ledger_entries_at_start, payload)
        self._counts.waiting += 1
        self._counts.unsent += 1
        if topic is Topic.CDR:
            self.recorded.add(self._last_seq)
            self._counts.recorded += 1
        self._queued.set()
        return None

    async def next_messages(self, limit: int, wait_s: float) -> Sequence[OutboxMessage]:
        """Wait for messages that are due, and hand them over; none if there were none in that time."""
        self._repeat_unconfirmed()
        if not (due := self._due(limit)):
            self._queued.clear()
            repeats_in_s = self._repeat_at_s - self._monotonic() if self._confirms else wait_s
            with suppress(TimeoutError):
                async with asyncio.timeout(min(wait_s, repeats_in_s)):
                    await self._queued.wait()
            self._repeat_unconfirmed()
            due = self._due(limit)
        return due

    def complete(self, keys: Iterable[OutboxKey]) -> None:
        """Note that the broker has these, and forget those that wait for nobody else's word."""
        done = []
        for key in keys:
            waiting = self._waiting.get(key.seq) if key.epoch == self.epoch else None
            if waiting is None:
                continue
            self._counts.sent += waiting.topic is Topic.CDR
            if not (self._confirms and waiting.topic in _CONFIRMED):
                done.append(key.seq)
            elif not waiting.with_broker:
                waiting.with_broker = True
                self._counts.unsent -= 1
        self._finish(done)

    def confirm(self, messages: Iterable[RecordRange]) -> None:
        """Note that a collector has these, as far as they were handed over, and forget them."""
        confirmed = {
            seq
            for each in messages
            if each.epoch == self.epoch
            for seq in range(each.first, min(each.last, self._last_seq) + 1)
            if (waiting := self._waiting.get(seq)) and waiting.topic in _CONFIRMED and waiting.was_handed_over
        }
        if confirmed:
            self._repeat_after_s = self._first_repeat_s
        self._finish(confirmed)

    def take_back(self, reason: ErasureReason) -> None:
        """Drop the records that wait, and have recipients delete those that left or may have."""
        waiting = [seq for seq, each in self._waiting.items() if each.topic is Topic.CDR]
        self._counts.withdrawn += len(waiting)
        self._drop(waiting)
        self.taken_back.update(self.left, waiting)
        ranges = [RecordRange(epoch=self.epoch, first=first, last=last) for first, last in spans(self.left)]
        self.left.clear()
        for first in range(0, len(ranges), MAX_RANGES):
            self._append_erasure(reason, tuple(ranges[first : first + MAX_RANGES]))

    def _append_erasure(self, reason: ErasureReason, ranges: tuple[RecordRange, ...]) -> None:
        self._counts.erasures += 1
        self.append(
            Topic.ERASURE,
            lambda epoch, seq: ErasureMessage(
                device=self._device, reason=reason, cancelled=False, records=ranges, epoch=epoch, seq=seq
            ),
            0,
        )

    def _due(self, limit: int) -> list[OutboxMessage]:
        gate = ConsentGate(self._state())
        due: list[OutboxMessage] = []
        for seq, waiting in self._waiting.items():
            if waiting.with_broker or gate.refusal(waiting.topic, waiting.ledger_entries) is not None:
                continue
            waiting.was_handed_over = True
            if waiting.topic is Topic.CDR:
                self.left.add(seq)
            key = OutboxKey(self.epoch, seq)
            due.append(OutboxMessage(key, waiting.topic.value, waiting.topic in RETAINED, waiting.payload))
            if len(due) == limit:
                break
        return due

    def _repeat_unconfirmed(self) -> None:
        """Let what no collector has confirmed leave once more: ever more rarely."""
        if not self._confirms or self._monotonic() < self._repeat_at_s:
            return
        for waiting in self._waiting.values():
            self._counts.unsent += waiting.with_broker
            waiting.with_broker = False
        self._repeat_at_s = self._monotonic() + self._repeat_after_s
        self._repeat_after_s = min(2 * self._repeat_after_s, _LONGEST_REPEAT_S)

    def _finish(self, numbers: Iterable[int]) -> None:
        for seq in numbers:
            topic = self._waiting[seq].topic
            self._counts.acked += topic is Topic.CDR
            self._counts.erased += topic is Topic.ERASURE
            self._drop((seq,))

    def _drop(self, numbers: Iterable[int]) -> None:
        for seq in list(numbers):
            waiting = self._waiting.pop(seq)
            self._counts.waiting -= 1
            self._counts.unsent -= not waiting.with_broker


def spans(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Join numbers that follow each other: the first and the last of each run."""
    for _, run in groupby(enumerate(sorted(numbers)), key=lambda placed: placed[1] - placed[0]):
        every = [number for _, number in run]
        yield every[0], every[-1]
