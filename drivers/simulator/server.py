"""The simulator's web server: serves one page, shows there what a handset says, and tells that what pages say."""

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from aiohttp.typedefs import Handler
from msgspec import json

from drivers.errors import DeviceError
from drivers.simulator.display import FAMILIES, Family, dots_of
from drivers.simulator.messages import (
    MOST_LINES,
    DisplayChosen,
    DisplayDescription,
    FrameShown,
    FromHandset,
    FromSimulator,
    Hello,
    HookMoved,
    JournalGrown,
    JournalLine,
    KeyDown,
    Message,
    Noted,
    PageClosed,
    PageSaid,
    PhoneDescribed,
    PhoneState,
    ProtocolError,
    parse_page_message,
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


def listen(port: int) -> socket.socket:
    """Begin to listen for pages; with port 0 the system chooses one.

    Raises:
        DeviceError: the port cannot be listened on.
    """
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise DeviceError(
            f"The simulator cannot listen on {HOST} port {port}: {reason}. Choose another port."
        ) from error


@dataclass(eq=False, slots=True)
class _Page:
    """One open page; `changed` wakes its sender."""

    number: int
    socket: web.WebSocketResponse
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Message) -> None:
        await self.socket.send_str(json.encode(message).decode())


class Simulator:
    """A phone to click: a handset's devices on a web page.

    Attributes:
        off_hook: how the receiver lies.
        stick: what is plugged in on the page.
        state: the phone's latest; None until it has said it.
        shown: likewise what its display shows.
    """

    def __init__(
        self,
        phone: PhoneDescribed,
        listener: socket.socket,
        tell: Callable[[FromSimulator], None],
        runtime_dir: Path,
        *,
        off_hook: bool = False,
    ) -> None:
        """Set up.

        Args:
            phone: what its devices are.
            listener: where pages come, from `listen`; it outlasts this.
            tell: tells the handset what pages say.
            runtime_dir: where the handset's sockets are.
            off_hook: how the receiver lies.
        """
        self.off_hook = off_hook
        self.stick = SimulatedStick(runtime_dir, self.note)
        self.state: PhoneState | None = None
        self.shown: FrameShown | None = None
        self._phone = phone
        self._keys = frozenset(key for line in phone.keys for key in line)
        self._listener = listener
        self._tell = tell
        self._lines: deque[JournalLine] = deque(maxlen=MOST_LINES)
        self._line_count = 0
        self._pages: set[_Page] = set()
        self._page_count = 0
        self._runner: web.AppRunner | None = None

    def show(self, message: FromHandset) -> None:
        """Show on every page what the handset says.

        Raises:
            DeviceError: it says what it has said already.
        """
        match message:
            case FrameShown():
                self.shown = message
            case PhoneState():
                self.state = message
            case Noted(text):
                self.note(text)
            case PhoneDescribed():
                raise DeviceError("A handset says what its devices are once, when it connects.")
        self._wake_pages()

    def note(self, text: str) -> None:
        """Add a line to what the page tells of the phone's doings."""
        self._lines.append(JournalLine(time.strftime("%H:%M:%S"), text))
        self._line_count += 1
        self._wake_pages()

    async def start(self) -> None:
        """Serve the page."""
        application = web.Application(middlewares=[_refuse_foreign_names])
        application.on_response_prepare.append(_add_headers)
        application.router.add_get("/phone", self._serve_page)
        application.router.add_post("/stick", self.stick.serve)
        for path, (file, content_type) in _PAGE_FILES.items():
            application.router.add_get(path, _serve_file(file, content_type))
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener.dup()).start()

    async def stop(self) -> None:
        """Say goodbye to every page and serve none any more."""
        goodbye = b"The phone was switched off."
        await asyncio.gather(*(page.socket.close(code=WSCloseCode.GOING_AWAY, message=goodbye) for page in self._pages))
        if self._runner is not None:
            await self._runner.cleanup()

    def _wake_pages(self) -> None:
        for page in self._pages:
            page.changed.set()

    async def _serve_page(self, request: web.Request) -> web.WebSocketResponse:
        # Browsers let any site open a websocket to any host and only name the site in Origin (RFC 6455 section 10.2).
        if request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden(text="Only the simulator's own page may use the phone.")
        socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_S, timeout=_CLOSE_TIMEOUT_S, max_msg_size=_LONGEST_MESSAGE_BYTES
        )
        await socket.prepare(request)
        self._page_count += 1
        page = _Page(self._page_count, socket)
        self._pages.add(page)
        sender = asyncio.create_task(self._send_changes(page))
        try:
            await self._receive(page)
        finally:
            self._pages.discard(page)
            self._tell(PageClosed(page.number))
            sender.cancel()
        return socket

    async def _send_changes(self, page: _Page) -> None:
        """Send what is new; a page that is slow misses frames and is never behind by more than one."""
        state: PhoneState | None = None
        shown: FrameShown | None = None
        line_count = 0
        displays = tuple((family.name, family.label) for family in FAMILIES.values())
        with contextlib.suppress(ConnectionError):
            await page.send(Hello(self._phone.keys, displays))
            while True:
                page.changed.clear()
                before, shown = shown, self.shown
                if shown is not None and shown != before:
                    if before is None or shown.family != before.family:
                        await page.send(self._description_of(FAMILIES[shown.family]))
                    await page.socket.send_bytes(shown.frame)
                if self.state is not None and self.state != state:
                    state = self.state
                    await page.send(state)
                if new := min(self._line_count - line_count, len(self._lines)):
                    line_count = self._line_count
                    await page.send(JournalGrown(tuple(self._lines)[-new:]))
                await page.changed.wait()

    def _description_of(self, family: Family) -> DisplayDescription:
        dots = dots_of(family, self._phone.glyphs)
        return DisplayDescription(family.name, family.kind, family.width, family.height, dots)

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
        said = parse_page_message(message.data)
        match said:
            case KeyDown(key) if key not in self._keys:
                raise ProtocolError("This phone has no such key.")
            case DisplayChosen(family) if family not in FAMILIES:
                raise ProtocolError("There is no such display.")
            case HookMoved(off_hook):
                self.off_hook = off_hook
            case _:
                pass
        self._tell(PageSaid(page.number, said))


def _serve_file(name: str, content_type: str) -> Handler:
    body = Path(__file__).with_name("page").joinpath(name).read_bytes()

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type, charset="utf-8")

    return serve


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


@web.middleware
async def _refuse_foreign_names(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests by any name but our own.

    A site may let its own name point to this machine once its script has been loaded (DNS rebinding), and is then of
    the same origin as the page; but the name still stands in Host. An address needs no name service and is safe.
    """
    if not _is_own(request.host):
        raise web.HTTPMisdirectedRequest(text="The simulator does not answer to this name. Use its address.")
    return await handler(request)


def _is_own(host_header: str) -> bool:
    try:
        name = urlsplit(f"//{host_header}").hostname or ""
        if name != "localhost":
            ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
