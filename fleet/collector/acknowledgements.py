"""What handsets are told of what is on the disk, joined for some time so that each hears of it in few words."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from contract.downlink import MAX_CONFIRMED_RANGES, AckMessage
from contract.messages import RecordRange
from fleet.collector.quarantine import Sender
from fleet.collector.received import Received

JOIN_S: Final = 0.1
"""So long a confirmation waits for others of the same handset, which takes some twenty a second at most."""

MANY: Final = 1000
"""So many messages do not wait: the broker sends no others while its window is full of them."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One message to a handset, and those of its messages that the broker may forget once it has this one."""

    sender: Sender
    payload: bytes
    answers: tuple[Received, ...]


@dataclass(slots=True)
class _Waiting:
    since_s: float
    numbers: list[tuple[int, int]] = field(default_factory=list)
    answers: list[Received] = field(default_factory=list)


class Acknowledgements:
    """Those that are not sent yet."""

    def __init__(self, collector: str) -> None:
        self._collector = collector
        self._waiting: dict[Sender, _Waiting] = {}

    def add(
        self, sender: Sender, numbers: Iterable[tuple[int, int]], answers: Iterable[Received], now_s: float
    ) -> None:
        """Take up what a handset is to hear.

        Args:
            sender: the handset.
            numbers: epoch and seq of what is on the disk, or deleted for good.
            answers: the messages that brought them.
            now_s: on a clock that nobody sets.
        """
        waiting = self._waiting.setdefault(sender, _Waiting(now_s))
        waiting.numbers.extend(numbers)
        waiting.answers.extend(answers)

    def due(self, now_s: float) -> list[Acknowledgement]:
        """Take out what has waited long enough; `inf` takes out everything."""
        if sum(len(waiting.answers) for waiting in self._waiting.values()) >= MANY:
            now_s = math.inf
        ripe = [sender for sender, waiting in self._waiting.items() if waiting.since_s + JOIN_S <= now_s]
        return [message for sender in ripe for message in self._messages(sender, self._waiting.pop(sender))]

    @property
    def due_at_s(self) -> float:
        """When the next is due; `inf` where nothing waits."""
        # Whoever waits longest stands first.
        first = next(iter(self._waiting.values()), None)
        return math.inf if first is None else first.since_s + JOIN_S

    def _messages(self, sender: Sender, waiting: _Waiting) -> list[Acknowledgement]:
        ranges = join(waiting.numbers)
        starts = range(0, len(ranges), MAX_CONFIRMED_RANGES)
        return [
            Acknowledgement(
                sender,
                AckMessage(
                    collector=self._collector, messages=tuple(ranges[start : start + MAX_CONFIRMED_RANGES])
                ).written(),
                tuple(waiting.answers) if start == starts[-1] else (),
            )
            for start in starts
        ]


def join(numbers: Iterable[tuple[int, int]]) -> Sequence[RecordRange]:
    """Write numbers as the fewest ranges that hold these and no others: others may not have come."""
    ranges: list[list[int]] = []
    for epoch, seq in sorted(set(numbers)):
        if ranges and ranges[-1][0] == epoch and ranges[-1][2] + 1 == seq:
            ranges[-1][2] = seq
        else:
            ranges.append([epoch, seq, seq])
    return [RecordRange(epoch=epoch, first=first, last=last) for epoch, first, last in ranges]
