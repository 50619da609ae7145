"""The simulator's USB port: a file that is chosen on the page is what lies on the stick."""

from collections.abc import Awaitable, Callable

from aiohttp import web

MOST_BYTES = 64 * 1024 * 1024

TakeBundle = Callable[[bytes], Awaitable[None]]

_PIECE_BYTES = 64 * 1024


class SimulatedStick:
    """A stick with one bundle on it.

    Attributes:
        when_plugged: takes the bundle; None where the phone takes no sticks.
    """

    def __init__(self) -> None:
        self.when_plugged: TakeBundle | None = None

    async def serve(self, request: web.Request) -> web.Response:
        """Take a file that the page sends."""
        # A form of any site may send a file to any host and only names the site in Origin.
        if request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden(text="Only the simulator's own page may plug in a stick.")
        if self.when_plugged is None:
            raise web.HTTPNotFound(text="This phone takes no sticks.")
        bundle = bytearray()
        async for piece in request.content.iter_chunked(_PIECE_BYTES):
            bundle += piece
            if len(bundle) > MOST_BYTES:
                raise web.HTTPRequestEntityTooLarge(MOST_BYTES, len(bundle), text="This file is too large for a stick.")
        await self.when_plugged(bytes(bundle))
        return web.Response(status=204)
