"""A server of updates over TLS, on real sockets, that does what a test says with each request."""

import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.lab.certificates import LOOPBACK, CertificateAuthority, IssuedCertificate

PATH = "/releases/phone.raucb"
_RANGE = re.compile(rb"\r\nRange: bytes=(\d+)-(\d+)\r\n")


@dataclass(frozen=True)
class Asked:
    """One request, and what a behaviour answers it with.

    Attributes:
        head: as the server sees it, byte for byte.
        first, last: the range.
        count: how many came before it.
        content: the file.
        connection: to answer on.
    """

    head: bytes
    first: int
    last: int
    count: int
    content: bytes
    connection: socket.socket

    @property
    def body(self) -> bytes:
        return self.content[self.first : self.last + 1]

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def begin(self, *, status: str = "206 Partial Content", length: int | None = None, more: str = "") -> None:
        """Send what stands before an honest body, but for what is said."""
        length = self.last - self.first + 1 if length is None else length
        self.send(
            f"HTTP/1.1 {status}\r\nServer: lab\r\nContent-Length: {length}\r\n"
            f"Content-Range: bytes {self.first}-{self.last}/{len(self.content)}\r\n{more}\r\n".encode()
        )


Behaviour = Callable[[Asked], bool]
"""Answers a request, and says whether the connection stays."""


def honest(asked: Asked) -> bool:
    asked.begin()
    asked.send(asked.body)
    return True


@dataclass
class UpdateServer:
    """Serves one file.

    Attributes:
        authority: whose certificate the server shows.
        content: the file.
        behaviour: what it does with each request.
        hosts: the names in its certificate.
        is_plain: it speaks HTTP without TLS.
        host: where it listens.
        asked: every request's head, as it came.
        connections: how many were opened.
    """

    authority: CertificateAuthority
    content: bytes
    behaviour: Behaviour = honest
    hosts: tuple[str, ...] = LOOPBACK
    is_plain: bool = False
    host: str = "127.0.0.1"
    asked: list[bytes] = field(default_factory=list)
    connections: int = 0
    _listener: socket.socket | None = None
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        assert self._listener is not None
        return int(self._listener.getsockname()[1])

    @property
    def address(self) -> str:
        name = "localhost" if self.host in LOOPBACK else self.host
        return f"https://{name}:{self.port}{PATH}"

    @property
    def fetched_bytes(self) -> int:
        """How much was asked for, over all requests."""
        found = [match for match in map(_RANGE.search, self.asked) if match is not None]
        return sum(int(match.group(2)) - int(match.group(1)) + 1 for match in found)

    def start(self) -> None:
        self._listener = socket.create_server((self.host, 0))
        issued = self.authority.issue("updates", hosts=(*self.hosts, self.host))
        threading.Thread(target=self._accept, args=(issued,), daemon=True).start()

    def stop(self) -> None:
        assert self._listener is not None
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self, issued: IssuedCertificate) -> None:
        assert self._listener is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(issued.certificate, issued.key)
        with suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                self._open.append(plain)
                self.connections += 1
                threading.Thread(target=self._serve, args=(plain, context), daemon=True).start()

    def _serve(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        with suppress(OSError):
            if self.is_plain:
                plain.recv(1)
                plain.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                plain.close()
                return
            with context.wrap_socket(plain, server_side=True) as connection:
                while head := _read_head(connection):
                    match = _RANGE.search(head)
                    assert match is not None
                    count = len(self.asked)
                    self.asked.append(head)
                    first, last = int(match.group(1)), int(match.group(2))
                    if not self.behaviour(Asked(head, first, last, count, self.content, connection)):
                        return


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = connection.recv(1)
        if not more:
            return b""
        head += more
    return head
