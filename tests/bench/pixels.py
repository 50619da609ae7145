"""How soon a key is seen: from its going down on the simulator's page to the new frame, through the whole handset."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from rich.table import Table

from firmware.display.families import FAMILIES
from tests.lab.person import Person
from tests.lab.stage import Stage

PRESSES: Final = 100
GOAL_MS: Final = 50
_KEYS: Final = ("volume_down", "volume_down", "volume_up", "volume_up")
_PATIENCE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class KeyToPixels:
    """How long keys in a menu took to be seen on one family of displays."""

    family: str
    median_ms: float
    p95_ms: float
    worst_ms: float


def measure(folder: Path) -> list[KeyToPixels]:
    """Move up and down the main menu on every family of displays."""
    with Stage(folder) as stage:
        return asyncio.run(_measure(stage))


async def _measure(stage: Stage) -> list[KeyToPixels]:
    async with Person(stage.handset) as person:
        await person.wait_for_line()
        return [await _on(person, family) for family in FAMILIES]


async def _on(person: Person, family: str) -> KeyToPixels:
    await person.choose_display(family)
    await person.wait_until(lambda page: page.family == family and bool(page.frame), _PATIENCE_S)
    await person.press("menu")
    await person.wait_for_mode("menu")
    times_ms = []

    def changed(page: Person) -> bool:
        return page.frame != before

    for key in islice(cycle(_KEYS), PRESSES):
        before = person.frame
        began = time.monotonic()
        await person.press_down(key)
        await person.wait_until(changed, _PATIENCE_S)
        times_ms.append((time.monotonic() - began) * 1000)
        await person.release(key)
    await person.press("menu")
    await person.wait_for_mode("idle")
    return KeyToPixels(family, statistics.median(times_ms), statistics.quantiles(times_ms, n=20)[-1], max(times_ms))


def table(rows: Sequence[KeyToPixels]) -> Table:
    """Return them as people read them."""
    result = Table("display", "median, ms", "p95, ms", "worst, ms", f"p95 within {GOAL_MS} ms", title="Key to pixels")
    for row in rows:
        holds = "yes" if row.p95_ms <= GOAL_MS else "no"
        result.add_row(row.family, f"{row.median_ms:.1f}", f"{row.p95_ms:.1f}", f"{row.worst_ms:.1f}", holds)
    return result
