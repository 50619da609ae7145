"""Keeps whoever has not logged in from filling the memory."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES: Final = 4096
"""The longest body of a request: a user's name and a password."""


class BodyLimit:
    """Refuses requests whose body is longer than any that means something."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0

        async def receive_a_little() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY_BYTES:
                raise HTTPException(413, f"The request's body is longer than {MAX_BODY_BYTES} bytes.")
            return message

        await self._app(scope, receive_a_little, send)
