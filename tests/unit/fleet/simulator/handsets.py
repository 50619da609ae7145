"""A simulated handset that nobody connects, on clocks that a test drives."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from firmware.ports.broker import BrokerSettings
from fleet.simulator.clock import ClockError, SimulatedClock
from fleet.simulator.counts import Counts
from fleet.simulator.handset import SimulatedHandset
from fleet.simulator.holder import SimulatedHolder
from fleet.simulator.network import Network
from fleet.simulator.outbox import SimulatedOutbox
from fleet.simulator.trouble import Trouble

EPOCH = 1_795_000_000_000
DEVICE = "sim-00001"


@dataclass
class Times:
    """What a test moves: the time of day, and seconds that nobody sets; and what is to be done later."""

    wall_s: float = 1_795_000_000.0
    monotonic_s: float = 100.0
    later: list[Callable[[], None]] = field(default_factory=list)

    def do_what_was_put_off(self) -> None:
        for what in self.later:
            what()
        self.later.clear()


def a_handset(
    *,
    agrees: bool = True,
    asks: bool = False,
    error: ClockError = ClockError.NONE,
    confirms: bool = True,
    failures: float = 0.0,
    times: Times | None = None,
    troubles: Sequence[Trouble] = (),
) -> tuple[SimulatedHandset, Counts]:
    times = times or Times()
    rng = random.Random(5)
    counts = Counts(devices=1)
    clock = SimulatedClock(error, rng, wall=lambda: times.wall_s)
    holder = SimulatedHolder(clock, rng, agrees=agrees, asks=asks)
    outbox = SimulatedOutbox(
        DEVICE, EPOCH, lambda: holder.state, counts, lambda: times.monotonic_s, confirms=confirms, repeat_after_s=60.0
    )
    handset = SimulatedHandset(
        BrokerSettings(device=DEVICE, fleet="trial", host="localhost", port=8883),
        (holder, clock, outbox, Network(asyncio.Semaphore(1))),
        rng,
        counts,
        lambda _after_s, what: times.later.append(what),
        failures=failures,
        troubles=troubles,
    )
    return handset, counts
