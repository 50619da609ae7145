"""A phone in a browser: the WebRTC of Chromium, whose session descriptions somebody else carries."""

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import numpy as np
import psutil
from playwright.async_api import Page, Route

from tests.lab.audio import Samples, Sound
from tests.lab.browser import Browser

T = TypeVar("T")

_URL: Final = "http://localhost/"  # microphones are for pages from a trusted place alone
_PAGE: Final = Path(__file__).with_name("web_phone.html")
_STEP_S: Final = 30.0
_ARGUMENTS: Final = (
    "--use-fake-ui-for-media-stream",  # yes to the microphone
    "--autoplay-policy=no-user-gesture-required",
    # Addresses, in place of names that only its own network knows.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)
"""A browser that nobody has to press a button in."""


class WebPhone:
    """One page with one call at a time. Any thread may use it, one at a time."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str] | None = None,
        has_sound_card: bool = False,
        sends_redundancy: bool = False,
    ) -> None:
        """Set up without starting.

        Args:
            environment: variables that the browser has beside those of this process.
            has_sound_card: it hears and plays by PulseAudio; otherwise it says a tone, and keeps what it hears.
            sends_redundancy: it prefers RED (RFC 2198), and reads descriptions as if the other end did, as pages do
                that want it sent: Chromium sends by the other end's order.
        """
        self._mark = f"--web-phone={secrets.token_hex(8)}"  # of no meaning to it
        without = ["--mute-audio"] if has_sound_card else []
        self._browser = Browser((*_ARGUMENTS, self._mark), environment=environment, without=without)
        self._options = {"hasSoundCard": has_sound_card, "sendsRedundancy": sends_redundancy}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="web-phone", daemon=True)
        self._page: Page | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the browser, in the network of this thread, and load the page."""
        self._thread.start()
        self._do(self._start())

    def stop(self) -> None:
        """End the browser."""
        self._do(self._browser.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def process_ids(self) -> list[int]:
        """All processes of the browser."""
        first = [each for each in psutil.process_iter(["cmdline"]) if self._mark in (each.info["cmdline"] or ())]
        return [each.pid for one in first for each in (one, *one.children(recursive=True))]

    def offer(self) -> str:
        """Begin a call, or change one, and return what to offer."""
        return str(self._ask("offer"))

    def answer(self, offer: str) -> str:
        """Take an offer, in a new call or in the one that runs, and return the answer."""
        return str(self._ask("answer", offer))

    def accept(self, answer: str) -> None:
        """Take the answer to the last offer."""
        self._ask("accept", answer)

    def hold(self, *, is_held: bool) -> None:
        """Let the next offer put the call on hold, or take it back from there."""
        self._ask("hold", is_held)

    def hang_up(self) -> None:
        """End the call; harmless where there is none."""
        self._ask("hangUp")

    def say(self, frequency_hz: float) -> None:
        """Speak this tone from now on."""
        self._ask("say", frequency_hz)

    def last_heard(self, duration_s: float) -> Sound:
        """Return the last of what it heard, two thirds of a second at the most."""
        heard = self._ask("heard")
        samples: Samples = np.array(heard["samples"], dtype=np.float64) * 32767
        return Sound(samples[-round(duration_s * heard["rate"]) :], heard["rate"])

    @property
    def spare_packets(self) -> int:
        """How many packets came that it had already: where none is late, those that came within others (RFC 2198)."""
        return int(self._ask("sparePackets"))

    async def _start(self) -> None:
        await self._browser.start()
        # Whoever may use the microphone may know this computer's addresses.
        page = await self._browser.blank(permissions=["microphone"])
        await page.route(_URL, _serve)
        await page.goto(_URL)
        await page.evaluate("options => phone.begin(options)", self._options)
        self._page = page

    def _ask(self, name: str, argument: object = None) -> Any:
        assert self._page is not None
        return self._do(self._page.evaluate(f"argument => phone.{name}(argument)", argument))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_STEP_S)


async def _serve(route: Route) -> None:
    await route.fulfill(path=_PAGE)
