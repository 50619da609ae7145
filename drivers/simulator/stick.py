"""The simulator's USB port: a file that is chosen on the page is what lies on the stick."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

MOST_BYTES = 64 * 1024 * 1024

TakeBundle = Callable[[bytes], Awaitable[None]]

_PIECE_BYTES = 64 * 1024
_BUNDLE_NAME = "bundle.wecall"


class SimulatedStick:
    """A stick with one bundle on it: a folder with what the page sends, seen to by the program for real sticks.

    Attributes:
        when_plugged: takes the bundle.
    """

    def __init__(self, runtime_dir: Path, note: Callable[[str], None]) -> None:
        """`runtime_dir` is where the handset's sockets are; `note` tells the person at the page."""
        self.when_plugged: TakeBundle = self._plug_in
        self._runtime_dir = runtime_dir
        self._folder = runtime_dir / "stick"
        self._note = note

    async def serve(self, request: web.Request) -> web.Response:
        """Take a file that the page sends."""
        # A form of any site may send a file to any host and only names the site in Origin.
        if request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden(text="Only the simulator's own page may plug in a stick.")
        bundle = bytearray()
        async for piece in request.content.iter_chunked(_PIECE_BYTES):
            bundle += piece
            if len(bundle) > MOST_BYTES:
                raise web.HTTPRequestEntityTooLarge(MOST_BYTES, len(bundle), text="This file is too large for a stick.")
        await self.when_plugged(bytes(bundle))
        return web.Response(status=204)

    async def _plug_in(self, bundle: bytes) -> None:
        await asyncio.to_thread(self._visit, bundle)
        self._note(f"A stick is in. What becomes of it is on the display, and in a report in {self._folder}.")

    def _visit(self, bundle: bytes) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for left in self._folder.iterdir():
            left.unlink()
        (self._folder / _BUNDLE_NAME).write_bytes(bundle)
        # Of a session of its own: it waits while the handset starts anew, and writes its report after that.
        subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "firmware.cli", "stick", self._folder, "--runtime-dir", self._runtime_dir],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
