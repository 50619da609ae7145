"""The simulator page's other end without a browser: presses keys, lifts the handset, sees the pixels."""

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import aiohttp


class PhonePage:
    """A page of the simulator, as a program uses it.

    Attributes:
        state: the simulator's latest `state` message; drivers/simulator/messages.py has what is in it.
        family: which display it has.
        frame: what that shows: of a mono family packed rows of one bit a pixel.
        lines: what the phone did, oldest first.
        is_closed: the handset has closed it, as it does when it starts anew.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._receiver: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self.state: dict[str, Any] = {}
        self.family = ""
        self.frame = b""
        self.lines: list[str] = []
        self.is_closed = False

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(f"{self._url}phone", origin=self._url.rstrip("/"))
        self._receiver = asyncio.create_task(self._receive(self._socket))
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._receiver is not None:
            self._receiver.cancel()
        if self._socket is not None:
            await self._socket.close()
        if self._session is not None:
            await self._session.close()

    async def press(self, key: str) -> None:
        """Press and release one key."""
        await self._send(type="key_down", key=key)
        await self._send(type="key_up", key=key)

    async def press_down(self, key: str) -> None:
        """Press a key and keep it down."""
        await self._send(type="key_down", key=key)

    async def release(self, key: str) -> None:
        """Let a key go."""
        await self._send(type="key_up", key=key)

    async def dial(self, digits: str) -> None:
        """Press one key after another."""
        for digit in digits:
            await self.press(digit)

    async def write(self, text: str) -> None:
        """Write letters by the computer's keyboard."""
        await self._send(type="typed", text=text)

    async def lift(self) -> None:
        """Lift the handset."""
        await self._send(type="hook", off_hook=True)

    async def replace(self) -> None:
        """Put the handset down."""
        await self._send(type="hook", off_hook=False)

    async def choose_display(self, family: str) -> None:
        """Give the phone another display."""
        await self._send(type="display", family=family)

    async def wait_until(self, reached: Callable[[Self], bool], timeout_s: float) -> None:
        """Wait until the page shows something.

        Raises:
            TimeoutError: it does not within `timeout_s`.
        """
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: reached(self))

    async def _send(self, **message: object) -> None:
        assert self._socket is not None
        await self._socket.send_str(json.dumps(message))

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            async with self._changed:
                if message.type is aiohttp.WSMsgType.BINARY:
                    self.frame = message.data
                elif message.type is aiohttp.WSMsgType.TEXT:
                    content = json.loads(message.data)
                    match content["type"]:
                        case "state":
                            self.state = content
                        case "display":
                            self.family, self.frame = content["family"], b""
                        case "journal":
                            self.lines += [line["text"] for line in content["lines"]]
                self._changed.notify_all()
        async with self._changed:
            self.is_closed = True
            self._changed.notify_all()
