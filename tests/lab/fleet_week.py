"""Days of a simulated fleet's calls in a collector's database, without waiting for them.

Handsets are the simulator's, on a clock that is driven; what they hand over is packed as sync does, read and written as
a collector does.
"""

import asyncio
import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

from sqlalchemy import Engine

from contract.messages import topic_name
from firmware.ports.broker import BrokerSettings
from firmware.sync.publications import pack
from fleet.collector.batch import write_batch
from fleet.collector.database import prepare, writing
from fleet.collector.reading import MAX_BYTES, Reader, Reading
from fleet.simulator.certificates import device_names
from fleet.simulator.clock import ClockError, SimulatedClock
from fleet.simulator.counts import Counts
from fleet.simulator.handset import REDIALS_AFTER_S, SimulatedHandset
from fleet.simulator.holder import SimulatedHolder
from fleet.simulator.network import Network
from fleet.simulator.outbox import SimulatedOutbox
from fleet.simulator.trouble import Trouble

_MESSAGES: Final = 1000
_BATCH: Final = 2000
_EVERY_S: Final = 6 * 3600.0
"""How often handsets hand over what they have."""


@dataclass
class FleetWeek:
    """Fills a database with the days before `end`.

    Attributes:
        fleet: its name.
        devices: how many handsets.
        days: how many.
        calls_a_day: of each handset.
        troubles: what is broken.
        seed: the same one, the same calls.
        end: when the last call has begun.
    """

    fleet: str = "lab"
    devices: int = 1000
    days: float = 7.0
    calls_a_day: float = 30.0
    call_s: float = 90.0
    troubles: Sequence[Trouble] = ()
    seed: int = 1
    end: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    _at_s: float = field(default=0.0, init=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The handsets."""
        return device_names("sim", 1, self.devices)

    @property
    def start(self) -> datetime:
        """When the first call may begin."""
        return self.end - timedelta(days=self.days)

    def fill(self, engine: Engine) -> int:
        """Make the tables where they are missing, and write the calls; return how many there are."""
        prepare(engine)
        return asyncio.run(self._fill(writing(engine)))

    async def _fill(self, engine: Engine) -> int:
        rng = random.Random(self.seed)
        self._at_s = self.start.timestamp()
        end_s, counts = self.end.timestamp(), Counts(devices=self.devices)
        handsets = [self._handset(device, counts) for device in self.names]
        order = count()
        waiting: list[tuple[float, int, Callable[[], None]]] = []

        def later(after_s: float, what: Callable[[], None]) -> None:
            if self._at_s + after_s < end_s:
                heapq.heappush(waiting, (self._at_s + after_s, next(order), what))

        def begin(handset: SimulatedHandset, again: str | None = None) -> None:
            call = handset.begin_call(self.call_s, again)

            def end() -> None:
                number = handset.end_call(call)
                if number is not None:
                    later(rng.uniform(*REDIALS_AFTER_S), lambda: begin(handset, number))

            later(call.duration_s, end)

        rate_s = self.devices * self.calls_a_day / 86_400

        def next_call() -> None:
            begin(rng.choice(handsets))
            later(rng.expovariate(rate_s), next_call)

        later(0.0, next_call)
        carried_at_s = self._at_s
        while waiting:
            self._at_s, _, what = heapq.heappop(waiting)
            what()
            if self._at_s - carried_at_s > _EVERY_S:
                carried_at_s = self._at_s
                await self._carry(engine, handsets)
        await self._carry(engine, handsets)
        assert counts.waiting == 0
        return counts.recorded

    async def _carry(self, engine: Engine, handsets: Sequence[SimulatedHandset]) -> None:
        """Bring what waits on handsets into the database."""
        now = datetime.fromtimestamp(self._at_s, UTC)
        readings: list[Reading] = []
        for handset in handsets:
            while len(handset.outbox):
                messages = await handset.next_messages(0.0)
                for publication in pack(messages, handset.device, MAX_BYTES):
                    topic = topic_name(self.fleet, handset.device, publication.topic)
                    reading = Reader().read(topic, publication.payload, now)
                    assert not reading.rejections
                    readings.append(reading)
                await handset.done([message.key for message in messages])
        for start in range(0, len(readings), _BATCH):
            with engine.begin() as connection:
                write_batch(connection, readings[start : start + _BATCH], now, None)

    def _handset(self, device: str, counts: Counts) -> SimulatedHandset:
        rng = random.Random(f"{self.seed} {device}")
        clock = SimulatedClock(ClockError.NONE, rng, wall=lambda: self._at_s)
        holder = SimulatedHolder(clock, rng, agrees=True, asks=False)
        outbox = SimulatedOutbox(
            device, 1, lambda: holder.state, counts, lambda: self._at_s, confirms=False, repeat_after_s=900.0
        )
        return SimulatedHandset(
            BrokerSettings(device=device, fleet=self.fleet, host="localhost", port=8883, batch_records=_MESSAGES),
            (holder, clock, outbox, Network(asyncio.Semaphore(1))),
            rng,
            counts,
            lambda _after_s, _what: None,
            failures=0.0,
            troubles=self.troubles,
        )
