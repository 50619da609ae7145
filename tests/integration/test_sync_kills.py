"""The sync process killed at moments of chance: every record arrives, and a repeat is the same, byte for byte."""

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from firmware.base.errors import ControlError
from firmware.ports.broker import BrokerState
from firmware.ports.outbox import OutboxKey, OutboxMessage
from tests.lab import chance
from tests.lab.mosquitto import Received
from tests.lab.sync_site import PREFIX, SyncSite, at_least, record_texts, records_in

KILLS = chance.counted(200, 12)
CALLS_A_KILL = 12


class DeadlyOutbox:
    """The store's outbox, which kills the sync process at a chosen step of its own."""

    def __init__(self, site: SyncSite) -> None:
        self.killed = asyncio.Event()
        self._site = site
        self._outbox = site.store.outbox
        self._step = ""
        self._steps_left = 0

    def arm(self, step: str, after: int) -> None:
        """Kill at the step's n-th time from now."""
        self.killed.clear()
        self._step, self._steps_left = step, after

    async def next_batch(self, limit: int) -> Sequence[OutboxMessage]:
        batch = await self._outbox.next_batch(limit)
        self._pass("messages are handed over")
        return batch

    async def hand_over(self, keys: Sequence[OutboxKey]) -> Collection[OutboxKey]:
        leaving = await self._outbox.hand_over(keys)
        self._pass("handing over is written down")
        return leaving

    async def complete(self, keys: Sequence[OutboxKey]) -> None:
        if self._pass("sync says done"):
            raise ControlError("The word of it came too late.")
        await self._outbox.complete(keys)
        self._pass("done is kept")

    async def wait_for_due(self, timeout_s: float) -> bool:
        return await self._outbox.wait_for_due(timeout_s)

    def _pass(self, step: str) -> bool:
        """Say whether this was the step that killed."""
        if step != self._step or self.killed.is_set():
            return False
        self._steps_left -= 1
        if self._steps_left > 0:
            return False
        self._site.sync.kill()
        self.killed.set()
        return True


STEPS = ("messages are handed over", "handing over is written down", "sync says done", "done is kept")


@pytest.mark.soak
@pytest.mark.timeout(KILLS * 10 + 60)
async def test_kills_at_moments_of_chance_lose_no_record_and_repeat_none_differently(tmp_path: Path) -> None:
    rng = chance.dice()
    call_ids = set()
    async with SyncSite(tmp_path) as site:
        await site.grant()
        deadly = DeadlyOutbox(site)
        await site.stop_handset()
        await site.start_handset(deadly)
        # Few records a message, so that a backlog has many moments at which to be cut short.
        site.change_settings(batch_records=2)
        moments = [*STEPS, "the broker has one more", "any"]
        for kill in range(KILLS):
            if kill % len(moments) == 0:
                rng.shuffle(moments)
            call_ids |= {await site.store.make_call() for _ in range(CALLS_A_KILL)}
            # Each comes in its turn: where chance alone draws, some runs never repeat a record.
            moment = moments[kill % len(moments)]
            deadly.arm(moment, rng.randrange(1, 4))
            before = len(site.observer.received)
            await site.start_sync()
            if moment in STEPS:
                await asyncio.wait_for(deadly.killed.wait(), 30)
            elif moment == "any":
                await asyncio.sleep(rng.uniform(0, 0.3))
            else:
                await site.wait_for(at_least(before + rng.randrange(1, 8)))
            site.sync.kill()
        already = len(site.reports)
        deadly.arm("none", 0)
        await site.start_sync()
        await site.wait_for_report(BrokerState.CONNECTED, after=already)
        # What no life of the process was long enough for waits: a share of every kill's, two in a message.
        await site.wait_for_calls(call_ids, timeout_s=60 + 2 * KILLS)
        received = site.observer.received
    assert {record["id"] for record in records_in(received)} == call_ids
    by_key = texts_by_key(received)
    assert len(by_key) == len(call_ids)
    assert all(len(set(texts)) == 1 for texts in by_key.values()), "a repeat differs from the first"
    repeats = sum(len(texts) - 1 for texts in by_key.values())
    assert repeats, "no kill fell between a PUBACK and its `done`: this run proved nothing"


def texts_by_key(received: list[Received]) -> dict[tuple[str, int, int], list[str]]:
    """Return each record's texts by what names a record."""
    texts: dict[tuple[str, int, int], list[str]] = {}
    for message in received:
        if message.topic == f"{PREFIX}/cdr":
            for record, text in zip(message.document["records"], record_texts(message), strict=True):
                texts.setdefault((record["device"], record["epoch"], record["seq"]), []).append(text)
    return texts
