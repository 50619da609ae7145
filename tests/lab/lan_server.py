"""A server of bundles that answers as a test wants, and keeps every byte that it was sent."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from provisioning.lan import LENGTH
from tests.lab.certificates import IssuedCertificate

if TYPE_CHECKING:
    from firmware.setup.lan.servers import Server

Behaviour = Callable[[socket.socket], None]
"""Answers one connection, whose request has come."""

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"


def listed(*bundles: bytes) -> bytes:
    """Return bundles as they stand in an answer."""
    return b"".join(LENGTH.pack(len(bundle)) + bundle for bundle in bundles)


def answer(*bundles: bytes) -> bytes:
    """Return the whole of what an honest server answers."""
    body = listed(*bundles)
    return OK % len(body) + body


def saying(data: bytes) -> Behaviour:
    """Return what answers with these bytes and ends the connection."""
    return lambda connection: connection.sendall(data)


class LanServer:
    """Answers each connection.

    Attributes:
        behaviour: how.
        received: all that came, a piece a connection.
        server: how it is found.
    """

    def __init__(
        self, behaviour: Behaviour, *, host: str = "127.0.0.1", certificate: IssuedCertificate | None = None
    ) -> None:
        """Listen in the network that the calling thread is in; with a certificate, over TLS."""
        self.behaviour = behaviour
        self.received: list[bytes] = []
        self._listener = socket.create_server((host, 0))
        self._tls = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate.certificate, certificate.key)
        self.server: Server = (socket.AF_INET, self._listener.getsockname())
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        with suppress(OSError), self._secured(plain) as connection:
            self.received.append(b"")
            place = len(self.received) - 1
            while not self.received[place].endswith(b"\r\n\r\n"):
                if not (piece := connection.recv(4096)):
                    return
                self.received[place] += piece
            self.behaviour(connection)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(4096):
                self.received[place] += piece

    def _secured(self, connection: socket.socket) -> socket.socket:
        return connection if self._tls is None else self._tls.wrap_socket(connection, server_side=True)
