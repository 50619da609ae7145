"""What is counted while a simulated fleet runs."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self


@dataclass(slots=True)
class Counts:
    """Numbers of one process, or of all together.

    Attributes:
        devices: handsets that are simulated.
        online: handsets that are connected now.
        connects: connections that came about.
        lost: connections that ended without being asked to.
        outages: networks that were cut.
        calls: calls that have ended.
        recorded: call detail records that went to an outbox; the others' holders do not agree.
        sent: records that the broker has, repeats included.
        acked: records that are complete: a collector has confirmed them, or the broker where none does.
        withdrawn: records that were dropped before they were complete, because their holder took the consent back.
        waiting: messages of every kind that are not complete now.
        unsent: messages that the broker does not have now.
        erasures: erasure notices that were made; erased: those that are complete.
        outcomes: outcomes that were made.
        sent_bytes, received_bytes: what connections moved over the network, told at their ends and now and then before.
    """

    devices: int = 0
    online: int = 0
    connects: int = 0
    lost: int = 0
    outages: int = 0
    calls: int = 0
    recorded: int = 0
    sent: int = 0
    acked: int = 0
    withdrawn: int = 0
    waiting: int = 0
    unsent: int = 0
    erasures: int = 0
    erased: int = 0
    outcomes: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        """Add up."""
        every = list(parts)
        return cls(**{each.name: sum(getattr(part, each.name) for part in every) for each in fields(cls)})
