"""What befalls a fleet and when, drawn from a seed before it begins."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Blow(StrEnum):
    """One thing that goes wrong."""

    HANDSET_KILLED = "handset killed"
    SYNC_KILLED = "sync process killed"
    BOTH_KILLED = "handset and sync process killed"
    BROKER_KILLED = "broker killed"
    COLLECTOR_KILLED = "collector killed"
    COLLECTOR_FROZEN = "collector frozen"
    DATABASE_AWAY = "database away"
    ONE_CUT_OFF = "one cut off"
    ALL_CUT_OFF = "all cut off"
    ONE_SILENCED = "one silenced"


_WEIGHTS: Final = {
    Blow.HANDSET_KILLED: 5,
    Blow.SYNC_KILLED: 5,
    Blow.BOTH_KILLED: 3,
    Blow.BROKER_KILLED: 2,
    Blow.COLLECTOR_KILLED: 3,
    Blow.COLLECTOR_FROZEN: 3,
    Blow.DATABASE_AWAY: 2,
    Blow.ONE_CUT_OFF: 4,
    Blow.ALL_CUT_OFF: 1,
    Blow.ONE_SILENCED: 2,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One blow.

    Attributes:
        pause_s: how long after the one before.
        target: whom it meets, as a number to be divided by how many there are.
        lasts_s: until what was hit is there again.
    """

    pause_s: float
    blow: Blow
    target: int
    lasts_s: float

    def __str__(self) -> str:
        return f"{self.pause_s:.2f} s later: {self.blow} ({self.target}) for {self.lasts_s:.2f} s"


def schedule(rng: random.Random, lasts_s: float, pause_s: float) -> Sequence[Step]:
    """Draw what befalls within a time, a blow every so many seconds on average; each kind comes in its turn.

    Where chance alone draws, a short run never sees some of them.
    """
    steps: list[Step] = []
    deck = rng.sample(list(Blow), len(Blow))
    passed_s = 0.0
    while passed_s < lasts_s or len(steps) < len(Blow):
        if not deck:
            deck = list(Blow)
            deck += rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=len(deck))
            rng.shuffle(deck)
        step = Step(rng.expovariate(1 / pause_s), deck.pop(), rng.randrange(1 << 16), rng.uniform(0.1, 3))
        passed_s += step.pause_s
        steps.append(step)
    return steps
