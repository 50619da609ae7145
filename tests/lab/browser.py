"""Debian's Chromium without the windows around its pages, driven as a person would."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, Playwright, async_playwright, expect

from tests.lab.patience import PATIENCE_S

# What is expected of a page comes at once, but for a busy computer.
expect.set_options(timeout=1000 * PATIENCE_S)

EXECUTABLE = Path("/usr/bin/chromium-headless-shell")

_ARGUMENTS = (
    # Tests run as root and in containers, where Chromium's own sandbox cannot be set up.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    # Nothing but the page under test is asked for anything.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


class Browser:
    """A browser without a window; each page has a profile of its own."""

    def __init__(
        self,
        arguments: Sequence[str] = (),
        *,
        environment: Mapping[str, str] | None = None,
        without: Sequence[str] = (),
    ) -> None:
        """Set up without starting.

        Args:
            arguments: more of Chromium's.
            environment: variables that it has beside those of this process.
            without: arguments that Playwright adds, and it is not to have.
        """
        self._arguments = (*_ARGUMENTS, *arguments)
        self._environment = {**os.environ, **(environment or {})}
        self._without = list(without)
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None

    async def start(self) -> None:
        self._playwright = await async_playwright().start()
        self._chromium = await self._playwright.chromium.launch(
            executable_path=EXECUTABLE,
            args=self._arguments,
            env=dict(self._environment),
            ignore_default_args=self._without,
        )

    async def stop(self) -> None:
        if self._chromium is not None:
            await self._chromium.close()
        if self._playwright is not None:
            await self._playwright.stop()

    async def open(
        self,
        url: str,
        *,
        width_px: int = 1280,
        height_px: int = 800,
        color_scheme: Literal["light", "dark"] = "light",
        reduced_motion: Literal["no-preference", "reduce"] = "reduce",
        touch: bool = False,
        device_scale_factor: float = 1,
    ) -> Page:
        """Open a page in a profile of its own and return it loaded."""
        page = await self.blank(
            viewport={"width": width_px, "height": height_px},
            color_scheme=color_scheme,
            reduced_motion=reduced_motion,
            has_touch=touch,
            device_scale_factor=device_scale_factor,
        )
        await page.goto(url)
        return page

    async def blank(self, **profile: Any) -> Page:
        """Return a page in a profile of its own, as Playwright describes one, which has loaded nothing yet."""
        if self._chromium is None:
            raise RuntimeError("The browser has not been started; call start() first.")
        context = await self._chromium.new_context(**profile)
        return await context.new_page()
