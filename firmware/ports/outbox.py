"""Messages on their way to the broker."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class OutboxKey:
    """Names one message for ever: `epoch` is the store's, `seq` only rises within it."""

    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One message that waits for the broker.

    Attributes:
        topic: the last level of its topic, such as "cdr".
        payload: the JSON of one of the closed models of contract.messages; empty to have the broker forget the
            message that it keeps for the topic.
    """

    key: OutboxKey
    topic: str
    retain: bool
    payload: Mapping[str, object]


class Outbox(Protocol):
    """Messages that wait for the broker, durably; each is kept until it is complete."""

    async def next_batch(self, limit: int) -> Sequence[OutboxMessage]:
        """Return the oldest messages that may leave now, the same ones again until they are complete.

        Consent is asked here once more, so what it does not cover is not among them. None of them may leave before
        `hand_over` was told.
        """
        ...

    async def hand_over(self, keys: Sequence[OutboxKey]) -> Collection[OutboxKey]:
        """Write down that these leave now; return those that still may, and only these leave."""
        ...

    async def complete(self, keys: Sequence[OutboxKey]) -> None:
        """Record that the broker has these; keys that are complete or purged already mean nothing."""
        ...

    async def wait_for_due(self, timeout_s: float) -> bool:
        """Wait until there is a message to hand over; False if there was none in that time."""
        ...
