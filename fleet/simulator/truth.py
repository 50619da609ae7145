"""What really happened at a simulated handset, for whoever checks what a collector has of it."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from fleet.simulator.handset import SimulatedHandset
from fleet.simulator.outbox import spans


class Truth(BaseModel):
    """One line of the file of `--truth`; numbers of calls, and nothing that was said or dialled in them.

    Attributes:
        device, epoch: whose numbers they are.
        kept: from which to which number a collector has records, if it has confirmed all.
        taken_back: those that nobody may have, once their erasure is confirmed.
        waiting: how many messages were not complete at the end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    epoch: int
    kept: tuple[tuple[int, int], ...]
    taken_back: tuple[tuple[int, int], ...]
    waiting: int

    @classmethod
    def of(cls, handset: SimulatedHandset) -> Self:
        """Tell of a handset."""
        outbox = handset.outbox
        return cls(
            device=handset.device,
            epoch=outbox.epoch,
            kept=tuple(spans(outbox.recorded - outbox.taken_back)),
            taken_back=tuple(spans(outbox.taken_back)),
            waiting=len(outbox),
        )
