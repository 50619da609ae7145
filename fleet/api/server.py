"""The HTTP server, on a thread of its own."""

import os
import socket
import ssl
from threading import Thread
from typing import Final

import uvicorn
from fastapi import FastAPI

from fleet.api.feed import MAX_FOLLOWERS
from fleet.api.settings import HttpSettings
from fleet.errors import FleetError

_BACKLOG: Final = 128
_MAX_REQUESTS: Final = 100
"""At once, beside those that follow what is live; more are told to come again (503)."""

_SLOWEST_MS: Final = 60_000
"""For how long somebody may read nothing of what is sent to them."""

_STOP_TIMEOUT_S: Final = 5


class HttpServer:
    """Serves an app from `start` to `stop`.

    Attributes:
        port: where it listens; known once it has started.
    """

    def __init__(self, app: FastAPI, settings: HttpSettings) -> None:
        self.port = settings.port
        self._app = app
        self._settings = settings
        self._server: uvicorn.Server | None = None
        self._thread: Thread | None = None

    def start(self) -> None:
        """Listen; whoever connects from now on is answered.

        Raises:
            FleetError: the address cannot be had, or the certificate cannot be used.
        """
        settings = self._settings
        config = uvicorn.Config(
            self._app,
            log_config=None,
            # Its lines would name the handsets that somebody looked for, and everybody's address.
            access_log=False,
            log_level="warning",
            server_header=False,
            lifespan="off",
            ws="none",
            limit_concurrency=_MAX_REQUESTS + MAX_FOLLOWERS,
            backlog=_BACKLOG,
            # It believes more of a proxy than what that says itself; see fleet.api.attempts.
            proxy_headers=False,
            timeout_graceful_shutdown=_STOP_TIMEOUT_S,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.key,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise FleetError(
                f"The HTTP server's certificate and key, {settings.certificate} and {settings.key}, cannot be used. "
                "Check that both are PEM files, that they belong together, and who may read them."
            ) from error
        listener = self._listener()
        self.port = listener.getsockname()[1]
        server = self._server = uvicorn.Server(config)
        self._thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="http", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer what has been asked, then listen no more."""
        server, self._server = self._server, None
        thread, self._thread = self._thread, None
        if server is not None and thread is not None:
            server.should_exit = True
            thread.join(2 * _STOP_TIMEOUT_S)

    def _listener(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # asyncio sends small answers at once (TCP_NODELAY) where a socket says that it is TCP; else they wait 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # What is accepted has it from here: the kernel ends a connection whose other end is gone, or does not read.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SLOWEST_MS)
            listener.bind((host, port))
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            why = os.strerror(error.errno) if error.errno else "there is no such address"
            raise FleetError(
                f"The HTTP server cannot listen on {host}, port {port}: {why}. Choose another `port`, or "
                "see what has it: ss -ltnp"
            ) from error
        return listener
