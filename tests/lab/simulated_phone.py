"""A handset's devices and their simulator, with a page's finger and eye on it, for tests that run in no loop."""

import asyncio
import itertools
import json
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from drivers.simulator.handset import SimulatedDevices
from drivers.simulator.service import SimulatorService
from provisioning.display import DisplayFamily
from tests.lab.patience import wait_until

T = TypeVar("T")


class SimulatedPhone:
    """The devices, their simulator behind its socket, and one page, seen from that side of the websocket.

    Both ends run in one event loop, apart from the test.

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
        self._folder = TemporaryDirectory()
        devices = SimulatedDevices(
            Path(self._folder.name),
            keys,
            repeat_after_ms=repeat_after_ms,
            repeat_every_ms=repeat_every_ms,
            long_press_ms=long_press_ms,
            family=family,
        )
        self.family = family
        self.keys = tuple(name for line in keys for name in line)
        self.keypad = devices.keypad
        self.hook_switch = devices.hook_switch
        self.display = devices.display
        self.indicator = devices.indicator
        self._devices = devices
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulator", daemon=True)
        self._session: ClientSession | None = None
        self._page: ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._received = asyncio.Condition()
        self._state: dict[str, Any] = {}
        self._frame = b""
        self._pongs = 0
        self._lines: list[str] = []
        self._numbers = itertools.count()

    def start(self) -> None:
        self._thread.start()
        self._wait_for(self._open())

    def stop(self) -> None:
        self._wait_for(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    def press(self, name: str) -> None:
        self._wait_for(self._send({"type": "key_down", "key": name}))

    def release(self, name: str) -> None:
        self._wait_for(self._send({"type": "key_up", "key": name}))

    def lift(self) -> None:
        self._move(off_hook=True)

    def replace(self) -> None:
        self._move(off_hook=False)

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

    def _move(self, *, off_hook: bool) -> None:
        """Move the receiver, and wait until the handset knows of it."""
        self._wait_for(self._send({"type": "hook", "off_hook": off_hook}))
        wait_until(lambda: self.hook_switch.is_off_hook is off_hook, timeout_s=self.patience_s)

    def _synchronise(self) -> None:
        """Wait until the page shows all that the handset has shown so far: what it notes comes after that."""
        line = f"Noted {next(self._numbers)}"
        self._loop.call_soon_threadsafe(self._devices.note, line)
        self._wait_for(self._until(lambda: line in self._lines))

    def _wait_for(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(self.patience_s * 2)

    async def _open(self) -> None:
        service = SimulatorService(Path(self._folder.name), port=0)
        self._tasks.append(asyncio.create_task(service.run()))
        await self._devices.start()
        self._session = ClientSession()
        origin = f"http://{urlsplit(service.url).netloc}"
        self._page = await self._session.ws_connect(f"{service.url}phone", headers={"Origin": origin}, autoping=False)
        self._tasks.append(asyncio.create_task(self._read(self._page)))
        await self._until(lambda: bool(self._state and self._frame))

    async def _close(self) -> None:
        if self._page is not None:
            await self._page.close()
        if self._session is not None:
            await self._session.close()
        self._devices.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self, page: ClientWebSocketResponse) -> None:
        async for message in page:
            if message.type is WSMsgType.BINARY:
                self._frame = message.data
            elif message.type is WSMsgType.PING:
                await page.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self._pongs += 1
            else:
                content = json.loads(message.data)
                if content["type"] == "state":
                    self._state = content
                elif content["type"] == "journal":
                    self._lines += [line["text"] for line in content["lines"]]
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
