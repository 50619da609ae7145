"""Many simulated handsets in one event loop, each with a publisher of its own: the real one."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence

from firmware.ports.broker import BrokerSettings
from firmware.sync.publisher import Publisher
from fleet.simulator.clock import ClockError, SimulatedClock
from fleet.simulator.counts import Counts
from fleet.simulator.handset import REDIALS_AFTER_S, SimulatedCall, SimulatedHandset
from fleet.simulator.holder import SimulatedHolder
from fleet.simulator.network import Network
from fleet.simulator.outbox import SimulatedOutbox
from fleet.simulator.settings import DAY_S, HOUR_S, Share

_LOOK_S = 0.1
_CLOCK_SET_AFTER_S = 60.0


class SimulatedFleet:
    """Runs from `start` to `stop`.

    Attributes:
        counts: how it stands, at any time.
        handsets: all of them.
    """

    def __init__(self, share: Share) -> None:
        self.counts = Counts(devices=len(share.devices))
        self._share = share
        self._rng = random.Random(share.seed)  # noqa: S311 - a fleet that can be had again keeps no secret
        self._connects = asyncio.Semaphore(share.site.connects_at_once)
        self._loop = asyncio.get_running_loop()
        self._ca = share.site.ca.read_text() if share.site.ca is not None else None
        self.handsets = [self._make(device) for device in share.devices]
        self._publishers: list[Publisher] = []
        self._running: list[asyncio.Task[None]] = []
        self._happening: list[asyncio.Task[None]] = []
        self._calls: dict[SimulatedCall, SimulatedHandset] = {}

    def start(self) -> None:
        """Connect them all, and let things happen."""
        for handset in self.handsets:
            publisher = Publisher(
                handset,
                heartbeat=lambda: None,
                say=lambda _words: None,
                rng=random.Random(self._rng.getrandbits(64)),  # noqa: S311 - likewise
                connect=handset.network.connect,
            )
            self._publishers.append(publisher)
            self._running.append(asyncio.create_task(publisher.run()))
            if handset.clock.steps_later:
                self._loop.call_later(self._rng.expovariate(1 / _CLOCK_SET_AFTER_S), handset.clock.set_right)
        life = self._share.life
        for each_s, what in (
            (life.calls_per_hour / HOUR_S, self._begin_call),
            (life.outages_per_hour / HOUR_S, self._cut),
            (life.changes_per_day / DAY_S, SimulatedHandset.change_something),
        ):
            if each_s > 0:
                self._happening.append(asyncio.create_task(self._happens(each_s * len(self.handsets), what)))

    async def watch(self) -> None:
        """Return when all has ended; raise what should not have happened, as soon as it has."""
        tasks = [*self._running, *self._happening]
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in ended:
            if not task.cancelled():
                task.result()

    async def finish(self) -> None:
        """End calls and outages, let nothing new happen, and give what waits its time to leave."""
        await _cancel(self._happening)
        while self._calls:
            call, handset = self._calls.popitem()
            handset.end_call(call)
        for handset in self.handsets:
            handset.network.restore()
        ends_s = time.monotonic() + self._share.finish_s
        while self.counts.waiting and time.monotonic() < ends_s:  # noqa: ASYNC110 - what is only counted tells nobody
            await asyncio.sleep(_LOOK_S)

    async def stop(self) -> None:
        """Disconnect them all in good order."""
        await _cancel(self._happening)
        for publisher in self._publishers:
            publisher.stop()
        await asyncio.gather(*self._running)

    async def _happens(self, rate_s: float, what: Callable[[SimulatedHandset], None]) -> None:
        """Let something happen at a rate for all of them: of Poisson processes the sum is one."""
        at_s = time.monotonic()
        while True:
            at_s += self._rng.expovariate(rate_s)
            await asyncio.sleep(max(0.0, at_s - time.monotonic()))
            what(self._rng.choice(self.handsets))

    def _begin_call(self, handset: SimulatedHandset, again: str | None = None) -> None:
        call = handset.begin_call(self._share.life.call_s, again)
        self._calls[call] = handset
        self._loop.call_later(call.duration_s, self._end_call, call)

    def _end_call(self, call: SimulatedCall) -> None:
        handset = self._calls.pop(call, None)
        if handset is not None and (number := handset.end_call(call)) is not None:
            self._loop.call_later(self._rng.uniform(*REDIALS_AFTER_S), self._begin_call, handset, number)

    def _cut(self, handset: SimulatedHandset) -> None:
        if handset.network.is_cut:
            return
        self.counts.outages += 1
        handset.network.cut()
        self._loop.call_later(self._rng.expovariate(1 / self._share.life.outage_s), handset.network.restore)

    def _make(self, device: str) -> SimulatedHandset:
        site, life = self._share.site, self._share.life
        # Of the device alone, so that it is the same however many processes there are.
        rng = random.Random(f"{self._share.seed} {device}")  # noqa: S311 - likewise
        wrong = [error for error in ClockError if error is not ClockError.NONE]
        clock = SimulatedClock(rng.choice(wrong) if rng.random() < life.wrong_clocks else ClockError.NONE, rng)
        holder = SimulatedHolder(clock, rng, agrees=rng.random() < life.consent, asks=rng.random() < life.open_requests)
        outbox = SimulatedOutbox(
            device, self._share.epoch, lambda: holder.state, self.counts, time.monotonic,
            confirms=site.confirms, repeat_after_s=life.repeat_after_s,
        )  # fmt: skip
        settings = BrokerSettings(
            device=device,
            fleet=site.fleet,
            host=site.host,
            port=site.port,
            ca_pem=self._ca,
            certificate_pem=(site.certificates / f"{device}.pem").read_text(),
            key_pem=(site.certificates / f"{device}.key").read_text(),
            retry_cap_s=site.longest_pause_s,
            keep_alive_s=site.keep_alive_s,
        )
        parts = (holder, clock, outbox, Network(self._connects))
        return SimulatedHandset(
            settings, parts, rng, self.counts, self._loop.call_later,
            failures=life.failures, troubles=self._share.troubles,
        )  # fmt: skip


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
