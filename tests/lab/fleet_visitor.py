"""Somebody at the fleet's page, who notices where the page goes and what it complains about."""

from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from playwright.async_api import Page, expect

from tests.lab.browser import Browser
from tests.lab.fleet_page_site import USER, FleetPageSite

_PATIENCE_MS: Final = 20_000

# The page says when a part of it has been painted as it should be; Date.now() is the clock of this computer.
_PAINTED: Final = """([selector, name, value]) => new Promise((painted) => {
  const look = () => document.querySelector(selector)?.getAttribute(name) === value;
  const done = () => requestAnimationFrame(() => setTimeout(() => painted(Date.now())));
  if (look()) { done(); return; }
  const observer = new MutationObserver(() => { if (look()) { observer.disconnect(); done(); } });
  observer.observe(document.documentElement, { subtree: true, childList: true, attributes: true });
})"""


class FleetVisitor:
    """A browser's page in a profile of its own.

    Attributes:
        page: Playwright's.
        hosts: where requests went.
        complaints: what the browser wrote as an error, or the page threw.
    """

    def __init__(self, browser: Browser, site: FleetPageSite, **profile: Any) -> None:
        """Set up without opening.

        Args:
            browser: has been started.
            site: what is looked at.
            **profile: as Playwright describes one.
        """
        self._browser, self._site = browser, site
        self._profile: dict[str, Any] = {
            "viewport": {"width": 1440, "height": 900},
            "locale": "en-GB",
            "reduced_motion": "reduce",
            **profile,
        }
        self.hosts: set[str] = set()
        self.complaints: list[str] = []

    async def __aenter__(self) -> Self:
        self.page: Page = await self._browser.blank(**self._profile)
        self.page.set_default_timeout(_PATIENCE_MS)
        self.page.on("request", lambda request: self._goes_to(request.url))
        self.page.on("console", lambda message: self._complains(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(f"{error}\n{error.stack}"))
        await self.page.goto(self._site.url)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.page.context.close()

    async def log_in(self, user: str = USER, password: str | None = None) -> None:
        """Fill in the form and send it."""
        await self.page.fill("#user", user)
        await self.page.fill("#password", self._site.broker.password_of(user) if password is None else password)
        await self.page.keyboard.press("Enter")

    async def enter(self, user: str = USER) -> None:
        """Log in and wait until the page is live and shows handsets."""
        await self.log_in(user)
        await self.expect_live()
        await expect(self.page.locator(".tiles .tile").first).to_be_visible(timeout=_PATIENCE_MS)

    async def begin(self) -> None:
        """Bring the page, which somebody has logged in to, back to how it begins."""
        page = self.page
        if await page.locator(".device").is_visible():
            await page.click("#close")
        if await page.locator("#clear").is_visible():
            await page.click("#clear")
        if await page.locator("#pause").get_attribute("aria-pressed") == "true":
            await page.click("#pause")
        await self.show("overview")
        await self.choose("period", "24")
        await self.choose("order", "fleet")
        await page.locator("nav a").first.focus()

    async def expect_live(self, state: str = "on") -> None:
        await expect(self.page.locator("#standing")).to_have_attribute("data-state", state, timeout=_PATIENCE_MS)

    async def show(self, view: str) -> None:
        """Go to a view by its link."""
        await self.page.click(f'nav a[data-view="{view}"]')

    async def choose(self, name: str, value: str) -> None:
        """Choose in one of the lists above."""
        await self.page.select_option(f"#{name}", value)

    def painted(self, selector: str, attribute: str, value: str) -> Any:
        """Return what is awaited for the time, ms since the epoch, at which a part is painted as it should be."""
        return self.page.evaluate(_PAINTED, [selector, attribute, value])

    async def texts(self, selector: str) -> list[str]:
        return await self.page.locator(selector).all_text_contents()

    def _goes_to(self, url: str) -> None:
        if urlsplit(url).scheme not in {"blob", "data"}:
            self.hosts.add(urlsplit(url).netloc)

    def _complains(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)
