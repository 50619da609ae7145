"""What each answer tells a browser to leave alone."""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_EVERYWHERE: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_NOTHING: Final = "default-src 'none'; frame-ancestors 'none'"
_YEAR_S: Final = 31_536_000


def page_policy(websocket: str | None) -> str:
    """Return the Content-Security-Policy of the page: all is its own, but for the broker's websocket."""
    connect = "'self'"
    if websocket is not None:
        address = urlsplit(websocket)
        connect += f" {address.scheme}://{address.netloc}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src {connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class SecurityHeaders:
    """Adds them to every answer, errors too."""

    def __init__(self, app: ASGIApp, *, websocket: str | None, tls: bool) -> None:
        self._app = app
        self._page_policy = page_policy(websocket)
        self._tls = tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        of_data = scope["path"].startswith(("/api/", "/metrics", "/openapi.json"))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_EVERYWHERE)
                headers["Content-Security-Policy"] = _NOTHING if of_data else self._page_policy
                headers["Cache-Control"] = "no-store" if of_data else "no-cache"
                if self._tls:
                    headers["Strict-Transport-Security"] = f"max-age={_YEAR_S}"
            await send(message)

        await self._app(scope, receive, send_with_headers)
