"""The simulator: a small web server in the main event loop that serves one page and speaks with it."""

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from aiohttp.typedefs import Handler, Middleware

from drivers.errors import DeviceError
from drivers.simulator.devices import (
    Layout,
    SimulatedHookSwitch,
    SimulatedIndicator,
    SimulatedKeypad,
    SimulatedRingerLight,
)
from drivers.simulator.display import FAMILIES, Family, Shown, SimulatedDisplay
from drivers.simulator.journal import Journal
from drivers.simulator.protocol import (
    DisplayChosen,
    DisplayDescription,
    Hello,
    HookMoved,
    JournalGrown,
    JournalLine,
    KeyDown,
    KeyUp,
    PhoneState,
    ProtocolError,
    parse_page_message,
    text_of,
)
from drivers.simulator.stick import SimulatedStick

HOST = "127.0.0.1"

logger = logging.getLogger(__name__)

_PAGE_FILES = {
    "/": ("index.html", "text/html"),
    "/phone.css": ("phone.css", "text/css"),
    "/phone.js": ("phone.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_LONGEST_MESSAGE_BYTES = 1024
# A page whose computer went to sleep never says goodbye; its keys come up when two of these are missed.
_HEARTBEAT_S = 10.0
_CLOSE_TIMEOUT_S = 2.0


def listen(host: str, port: int) -> socket.socket:
    """Begin to listen for pages.

    Raises:
        DeviceError: the address cannot be listened on.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise DeviceError(
            f"The simulator cannot listen on {host} port {port}: {reason}. Choose another port."
        ) from error


@dataclass(eq=False, slots=True)
class _Page:
    """One open page; `changed` wakes its sender."""

    socket: web.WebSocketResponse
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Simulator(Shown):
    """A phone to click: the handset's devices on a web page.

    Everything but `show`, `ring` and `silence` of the devices belongs to the event loop in which `start` ran.

    Attributes:
        keypad, hook_switch, display, indicator: the devices, as the firmware's ports want them.
        ringer_light: shows on the page that the phone rings; a ringer without sound.
        stick: what is plugged in on the page.
    """

    def __init__(
        self,
        keys: Layout,
        host: str = HOST,
        port: int = 0,
        *,
        repeat_after_ms: int = 500,
        repeat_every_ms: int = 120,
        long_press_ms: int = 1000,
        family: str = "oled_128x64",
        glyphs: Sequence[Sequence[int]] = (),
        listener: socket.socket | None = None,
    ) -> None:
        """Make the devices.

        Args:
            keys: the key layout, one line a row.
            host: the address to serve the page on.
            port: the port; 0 lets the system choose.
            repeat_after_ms: how long a key is down before it repeats.
            repeat_every_ms: how often it does then.
            long_press_ms: how long a key is down before it counts as held.
            family: the display to begin with.
            glyphs: what the codes 0 to 7 of a display of letters look like: eight rows of five dots.
            listener: what listens on that address already, and goes on when this stops; None makes one.
        """
        self.keypad = SimulatedKeypad(
            keys,
            self._wake_pages,
            repeat_after_ms=repeat_after_ms,
            repeat_every_ms=repeat_every_ms,
            long_press_ms=long_press_ms,
        )
        self.hook_switch = SimulatedHookSwitch(self._wake_pages)
        self.display = SimulatedDisplay(self._wake_pages, family, glyphs)
        self.indicator = SimulatedIndicator(self._wake_pages)
        self.ringer_light = SimulatedRingerLight(self._wake_pages)
        self.stick = SimulatedStick()
        self._journal = Journal(self._wake_pages)
        self._host = host
        self._port = port
        self._listener = listener
        self._pages: set[_Page] = set()
        self._runner: web.AppRunner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_lock = threading.Lock()

    @property
    def url(self) -> str:
        """The page's address; with port 0 it is known once the simulator has started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/"

    def note(self, text: str) -> None:
        """Add a line to what the page tells of the phone's doings."""
        self._journal.add(text)

    async def start(self) -> None:
        """Serve the page.

        Raises:
            DeviceError: the address cannot be listened on.
        """
        application = web.Application(middlewares=[_refuse_foreign_hosts(self._host)])
        application.on_response_prepare.append(_add_headers)
        application.router.add_get("/phone", self._serve_page)
        application.router.add_post("/stick", self.stick.serve)
        for path, (file, content_type) in _PAGE_FILES.items():
            application.router.add_get(path, _serve_file(file, content_type))
        listener = listen(self._host, self._port) if self._listener is None else self._listener.dup()
        self._port = listener.getsockname()[1]
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()
        with self._loop_lock:
            self._loop = asyncio.get_running_loop()

    async def stop(self) -> None:
        """Say goodbye to every page and free the port."""
        with self._loop_lock:
            self._loop = None
        goodbye = b"The phone was switched off."
        await asyncio.gather(*(page.socket.close(code=WSCloseCode.GOING_AWAY, message=goodbye) for page in self._pages))
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _wake_pages(self) -> None:
        """Let every page's sender look for something new; from any thread."""
        with self._loop_lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._wake_senders)

    def _wake_senders(self) -> None:
        for page in self._pages:
            page.changed.set()

    @property
    def _state(self) -> PhoneState:
        return PhoneState(
            off_hook=self.hook_switch.is_off_hook,
            indicator=self.indicator.pattern,
            ringing=self.ringer_light.is_ringing,
            keys_down=self.keypad.keys_down,
            brightness_percent=self.display.brightness_percent,
            text=self.display.text,
        )

    async def _serve_page(self, request: web.Request) -> web.WebSocketResponse:
        # Browsers let any site open a websocket to any host and only name the site in Origin (RFC 6455 section 10.2).
        if request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden(text="Only the simulator's own page may use the phone.")
        socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_S, timeout=_CLOSE_TIMEOUT_S, max_msg_size=_LONGEST_MESSAGE_BYTES
        )
        await socket.prepare(request)
        page = _Page(socket)
        self._pages.add(page)
        sender = asyncio.create_task(self._send_changes(page))
        try:
            await self._receive(page)
        finally:
            self._pages.discard(page)
            self.keypad.release_all(page)
            sender.cancel()
        return socket

    async def _send_changes(self, page: _Page) -> None:
        """Send what is new; a page that is slow misses frames and is never behind by more than one."""
        sent_state: PhoneState | None = None
        sent_family: Family | None = None
        sent_frame: bytes | None = None
        told = 0
        with contextlib.suppress(ConnectionError):
            await page.socket.send_str(text_of(self._hello))
            while True:
                page.changed.clear()
                # Read together: a frame of another display must never follow the description of this one.
                state, (family, frame) = self._state, self.display.shown
                if family != sent_family:
                    await page.socket.send_str(text_of(self._description_of(family)))
                    sent_family, sent_frame = family, None
                if state != sent_state:
                    await page.socket.send_str(text_of(state))
                    sent_state = state
                if frame != sent_frame:
                    await page.socket.send_bytes(frame)
                    sent_frame = frame
                if entries := self._journal.since(told):
                    lines = tuple(JournalLine(at=entry.at, text=entry.text) for entry in entries)
                    await page.socket.send_str(text_of(JournalGrown(lines)))
                    told = entries[-1].number
                await page.changed.wait()

    @property
    def _hello(self) -> Hello:
        displays = tuple((family.name, family.label) for family in FAMILIES.values())
        return Hello(keys=self.keypad.keys, displays=displays)

    def _description_of(self, family: Family) -> DisplayDescription:
        return DisplayDescription(
            family=family.name,
            kind=family.kind,
            width=family.width,
            height=family.height,
            dots=self.display.dots_of(family),
        )

    async def _receive(self, page: _Page) -> None:
        async for message in page.socket:
            try:
                self._apply(page, message)
            except ProtocolError as error:
                logger.warning("The simulator hung up on a page that broke the protocol: %s", error)
                await page.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=str(error).encode())

    def _apply(self, page: _Page, message: WSMessage) -> None:
        if message.type is not WSMsgType.TEXT:
            raise ProtocolError("A page sends text only.")
        match parse_page_message(message.data):
            case KeyDown(key=key):
                self._press(page, key)
            case KeyUp(key=key):
                self.keypad.release(key, page)
            case HookMoved(off_hook=off_hook):
                self.hook_switch.move(off_hook=off_hook)
            case DisplayChosen(family=family):
                _obey(lambda: self.display.choose(family))

    def _press(self, page: _Page, key: str) -> None:
        _obey(lambda: self.keypad.press(key, page))


def _obey(action: Callable[[], None]) -> None:
    """Do what a page asks for; what it names must be there."""
    try:
        action()
    except ValueError as error:
        raise ProtocolError(str(error)) from error


def _serve_file(name: str, content_type: str) -> Handler:
    body = Path(__file__).with_name("page").joinpath(name).read_bytes()

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type, charset="utf-8")

    return serve


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


def _refuse_foreign_hosts(own_host: str) -> Middleware:
    """Refuse requests by any name but our own.

    A site may let its own name point to this machine once its script has been loaded (DNS rebinding), and is then of
    the same origin as the page; but the name still stands in Host. An address needs no name service and is safe.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_own(request.host, own_host):
            raise web.HTTPMisdirectedRequest(text="The simulator does not answer to this name. Use its address.")
        return await handler(request)

    return check


def _is_own(host_header: str, own_host: str) -> bool:
    try:
        name = urlsplit(f"//{host_header}").hostname or ""
        if name in {"localhost", own_host.lower()}:
            return True
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
