"""Makes the pictures of the fleet's page that the README shows: `python -m tests.lab.fleet_pictures`."""

import asyncio
import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from playwright.async_api import expect

from tests.lab.browser import Browser
from tests.lab.fleet_page_site import FleetPageSite
from tests.lab.fleet_visitor import FleetVisitor
from tests.lab.seeded_fleet import SeededFleet

_DOCS: Final = Path(__file__).parents[2] / "docs"
_HANDSETS: Final = 1001
_DRAWN_MS: Final = 3_000
_CALLS_EACH: Final = 40
# Calls by the hour of the day, as an office has them.
_BUSY: Final = (1, 1, 1, 1, 1, 2, 5, 14, 30, 42, 44, 36, 24, 34, 42, 38, 30, 20, 12, 8, 6, 4, 2, 1)


class _Believable(SeededFleet):
    """Few are offline or cannot call, some have not spoken yet, and people call by day."""

    def _devices(self) -> list[dict[str, Any]]:
        chance = random.Random(3)
        rows = super()._devices()
        for row in rows:
            luck = chance.random()
            row["state"] = (
                "offline" if luck < 0.03 else "unknown" if luck < 0.036 else "no_line" if luck < 0.041 else "online"
            )
            row["state_since"] = self.now - timedelta(minutes=chance.randrange(3, 60 * (40 if luck < 0.03 else 200)))
        return rows

    def _calls(self, chance: random.Random) -> list[dict[str, Any]]:
        rows = super()._calls(chance)
        for row in rows:
            hour = chance.choices(range(24), weights=_BUSY)[0]
            at = row["started_at"].replace(hour=hour)
            shift = (at if at < self.now else at - timedelta(days=1)) - row["started_at"]
            for name in ("started_at", "answered_at", "ended_at"):
                row[name] = row[name] and row[name] + shift
        return rows


async def _take() -> None:
    browser = Browser()
    await browser.start()
    seeded = _Believable(_HANDSETS, _CALLS_EACH, datetime.now(UTC).replace(microsecond=0))
    with tempfile.TemporaryDirectory() as folder, FleetPageSite(Path(folder), seeded=seeded) as site:
        for name, view, profile in (
            ("fleet.png", "overview", {}),
            ("fleet-dark.png", "calls", {"color_scheme": "dark", "locale": "zh-CN"}),
        ):
            async with FleetVisitor(browser, site, timezone_id="UTC", **profile) as visitor:
                await visitor.enter()
                await visitor.show(view)
                await expect(visitor.page.locator(".plot canvas")).to_be_visible()
                # What is live never ends, so that the network is never idle: the rest is drawn by then.
                await visitor.page.wait_for_timeout(_DRAWN_MS)
                await visitor.page.screenshot(path=_DOCS / name)
    await browser.stop()


if __name__ == "__main__":
    asyncio.run(_take())
