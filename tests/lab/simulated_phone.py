"""The simulator in an event loop of its own, with a page's finger and eye on it, for tests that run in no loop."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from drivers.simulator import Simulator
from provisioning.display import DisplayFamily

if TYPE_CHECKING:
    from firmware.ports import devices as ports

T = TypeVar("T")


class _Device(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...


class _InLoop:
    """A simulated device that is started and stopped in the simulator's loop, whichever thread asks for it."""

    _device: _Device
    _run: Callable[[Callable[[], None]], None]

    def __init__(self, device: _Device, run: Callable[[Callable[[], None]], None]) -> None:
        object.__setattr__(self, "_device", device)
        object.__setattr__(self, "_run", run)

    def __getattr__(self, name: str) -> object:
        return getattr(self._device, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._device, name, value)

    def start(self) -> None:
        self._run(self._device.start)

    def stop(self) -> None:
        self._run(self._device.stop)


class SimulatedPhone:
    """A simulator and one page, seen from the page's side of the websocket.

    Attributes:
        keypad, hook_switch, display, indicator: the devices, not started.
        keys: the names of its keys.
        family: which display it has.
        patience_s: how long anything may take.
        taps: how often the handset can be lifted and replaced quickly.
    """

    patience_s = 10.0
    taps = 200

    def __init__(
        self,
        keys: tuple[tuple[str, ...], ...],
        *,
        repeat_after_ms: int,
        repeat_every_ms: int,
        long_press_ms: int,
        family: DisplayFamily = DisplayFamily.OLED_128X64,
    ) -> None:
        simulator = Simulator(
            keys,
            repeat_after_ms=repeat_after_ms,
            repeat_every_ms=repeat_every_ms,
            long_press_ms=long_press_ms,
            family=family,
        )
        self.family = family
        self.keys = tuple(name for line in keys for name in line)
        self.keypad = cast("ports.Keypad", _InLoop(simulator.keypad, self._run))
        self.hook_switch = cast("ports.HookSwitch", _InLoop(simulator.hook_switch, self._run))
        self.display = cast("ports.Display", _InLoop(simulator.display, self._run))
        self.indicator = cast("ports.Indicator", _InLoop(simulator.indicator, self._run))
        self._simulator = simulator
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulator", daemon=True)
        self._session: ClientSession | None = None
        self._page: ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._received = asyncio.Condition()
        self._state: dict[str, Any] = {}
        self._frame = b""
        self._pongs = 0

    def start(self) -> None:
        self._thread.start()
        self._wait_for(self._open())

    def stop(self) -> None:
        self._wait_for(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def press(self, name: str) -> None:
        self._wait_for(self._send({"type": "key_down", "key": name}))

    def release(self, name: str) -> None:
        self._wait_for(self._send({"type": "key_up", "key": name}))

    def lift(self) -> None:
        self._wait_for(self._send({"type": "hook", "off_hook": True}))

    def replace(self) -> None:
        self._wait_for(self._send({"type": "hook", "off_hook": False}))

    def shows(self, frame: bytes) -> bool:
        """Whether the page shows exactly this frame, now or soon."""
        try:
            self._wait_for(self._until(lambda: self._frame == frame))
        except TimeoutError:
            return False
        return True

    def is_dark(self) -> bool:
        """Whether the page shows a display that sleeps."""
        self._synchronise()
        return bool(self._state["brightness_percent"] == 0)

    def pattern(self) -> str:
        """Return the status LED's pattern on the page."""
        self._synchronise()
        return str(self._state["indicator"])

    def _synchronise(self) -> None:
        # A state is sent whole: one that shows a movement of the handset shows all that came before it.
        for off_hook in (True, False):
            self._wait_for(self._send({"type": "hook", "off_hook": off_hook}))
            self._wait_for(self._until(lambda: self._state["off_hook"] is off_hook))  # noqa: B023 - awaited at once

    def _wait_for(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(self.patience_s * 2)

    def _run(self, call: Callable[[], None]) -> None:
        async def run() -> None:
            call()

        self._wait_for(run())

    async def _open(self) -> None:
        await self._simulator.start()
        self._session = ClientSession()
        origin = f"http://{urlsplit(self._simulator.url).netloc}"
        self._page = await self._session.ws_connect(
            f"{self._simulator.url}phone", headers={"Origin": origin}, autoping=False
        )
        self._reader = asyncio.create_task(self._read(self._page))
        await self._until(lambda: bool(self._state and self._frame))

    async def _close(self) -> None:
        if self._page is not None:
            await self._page.close()
        if self._reader is not None:
            await self._reader
        if self._session is not None:
            await self._session.close()
        await self._simulator.stop()

    async def _read(self, page: ClientWebSocketResponse) -> None:
        async for message in page:
            if message.type is WSMsgType.BINARY:
                self._frame = message.data
            elif message.type is WSMsgType.PING:
                await page.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self._pongs += 1
            elif json.loads(message.data)["type"] == "state":
                self._state = json.loads(message.data)
            async with self._received:
                self._received.notify_all()

    async def _send(self, message: dict[str, object]) -> None:
        """Send and wait until the simulator has acted on it: it answers a ping in turn."""
        assert self._page is not None
        wanted = self._pongs + 1
        await self._page.send_json(message)
        await self._page.ping()
        await self._until(lambda: self._pongs >= wanted)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(self.patience_s), self._received:
            await self._received.wait_for(condition)
