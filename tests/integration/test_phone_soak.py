"""Many calls in a row through the whole phone: none fails, and nothing is left behind."""

import asyncio
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from tests.lab import chance
from tests.lab.handset import Handset
from tests.lab.patience import wait_until
from tests.lab.person import Person
from tests.lab.stage import PEER_USER, Choices, Stage

CALLS = chance.counted(1000, 50)
# The library keeps what ends a call for 32 s (RFC 3261 section 17.2.1, timer H), and until then memory only grows.
# A landing ends before that, so what it sees grow by is mostly what is kept.
WARM_UP_S = chance.counted(33, 1)
GROWTH_A_HUNDRED_CALLS_MB = chance.counted(3, 36)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("stage"), Choices()) as stage:
        yield stage


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the handset's process and voice hold."""

    pss_mb: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, handset: Handset) -> "Footprint":
        both = [psutil.Process(pid) for pid in (handset.main.pid, handset.voice.pid)]
        return cls(
            sum(process.memory_full_info().pss for process in both) / 2**20,
            sum(process.num_fds() for process in both),
            sum(process.num_threads() for process in both),
        )

    def is_within(self, descriptors: int, threads: int) -> bool:
        """Whether it holds no more than these."""
        return self.descriptors <= descriptors and self.threads <= threads


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_calls_in_a_row_all_succeed_and_leave_nothing_behind(stage: Stage, person: Person) -> None:
    footprints: list[Footprint] = []
    warm_at = time.monotonic() + WARM_UP_S
    for number in range(CALLS):
        mark = len(stage.peer.events)
        if number % 2:
            stage.peer.call(stage.handset_uri)
            await person.wait_for_mode("ringing")
            await person.lift()
            await person.wait_for_call("active")
        else:
            await person.call(PEER_USER)
        stage.peer.wait_for("echoing", after=mark)
        await person.hang_up()
        stage.peer.wait_for("ended 200", after=mark)
        if time.monotonic() > warm_at:
            footprints.append(Footprint.of(stage.handset))
    calls = stage.handset.ask("log", "--limit", "100")
    assert all(call["answered"] for call in calls)
    assert [call["direction"] for call in calls[:2]] == ["incoming", "outgoing"]
    growth_mb = (
        100 * statistics.linear_regression(range(len(footprints)), [footprint.pss_mb for footprint in footprints]).slope
    )
    first, last = footprints[0], footprints[-1]
    print(f"{CALLS} calls: {growth_mb:+.2f} MB a hundred calls, first {first}, last {last}")  # noqa: T201 - figures
    assert growth_mb < GROWTH_A_HUNDRED_CALLS_MB
    # A call's sockets linger for a moment after it, but no longer.
    early = footprints[:10]
    descriptors = 1 + min(each.descriptors for each in early)
    threads = 1 + min(each.threads for each in early)
    await asyncio.to_thread(
        wait_until, lambda: Footprint.of(stage.handset).is_within(descriptors, threads), "nothing is left behind"
    )
