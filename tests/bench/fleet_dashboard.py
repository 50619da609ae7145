"""How long it takes from a handset's word to the page's picture of it, in a real Chromium, among ever more handsets.

The handset says in turns that it is online and offline; the time runs from before it publishes until the browser has
painted the frame in which its tile is so. Both clocks are this computer's.
"""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.table import Table

from tests.lab.browser import Browser
from tests.lab.fleet_page_site import FleetPageSite
from tests.lab.fleet_visitor import FleetVisitor
from tests.lab.stage import empty

SIZES: Final = (100, 300, 1_000)
GOAL_MS: Final = 1000
_CHANGES: Final = 41
_PATIENCE_S: Final = 110.0
_OPTIONS: Final = ("--calls-per-hour", "60", "--call-seconds", "5", "--outages", "1", "--outage-seconds", "10")


@dataclass(frozen=True, slots=True)
class Latency:
    """How late the page was, from a handset's word to the pixel."""

    handsets: int
    changes: int
    median_ms: float
    p95_ms: float
    worst_ms: float


def measure(folder: Path) -> list[Latency]:
    """Measure among fleets of each size, each with a page of its own."""
    return asyncio.run(_measure(folder))


async def _measure(folder: Path) -> list[Latency]:
    browser = Browser()
    await browser.start()
    try:
        return [await _among(browser, empty(folder / f"{size}"), size) for size in SIZES]
    finally:
        await browser.stop()


async def _among(browser: Browser, folder: Path, size: int) -> Latency:
    with FleetPageSite(folder) as site, site.simulator(size, "lab", *_OPTIONS) as simulator:
        await asyncio.to_thread(simulator.wait_for, lambda counts: counts.connects >= size, _PATIENCE_S)
        async with FleetVisitor(browser, site) as visitor:
            await visitor.enter()
            with site.handset("handset-0001") as handset:
                times_ms = []
                for number in range(_CHANGES):
                    state = ("online", "offline")[number % 2]
                    painted = asyncio.ensure_future(
                        visitor.painted('[data-key="north/handset-0001"]', "data-state", state)
                    )
                    await asyncio.sleep(0)
                    sent_at = await asyncio.to_thread(handset.status, state)
                    times_ms.append(await painted - sent_at * 1000)
    # The first may find the state as it was.
    times_ms = times_ms[1:]
    return Latency(
        size, len(times_ms), statistics.median(times_ms), statistics.quantiles(times_ms, n=20)[-1], max(times_ms)
    )


def table(rows: Sequence[Latency]) -> Table:
    """Return them as people read them."""
    shown = Table(
        "handsets", "changes", "median, ms", "p95, ms", "worst, ms", f"p95 within {GOAL_MS} ms",
        title="From a handset's word to the page's picture",
    )  # fmt: skip
    for row in rows:
        shown.add_row(
            f"{row.handsets:,}", str(row.changes), f"{row.median_ms:.0f}", f"{row.p95_ms:.0f}", f"{row.worst_ms:.0f}",
            "yes" if row.p95_ms <= GOAL_MS else "no",
        )  # fmt: skip
    return shown
