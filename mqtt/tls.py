"""TLS with a certificate and a key that exist in memory only, and a socket that counts and looks at what comes."""

import os
import socket
import ssl
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from mqtt.packets import HostilePacketError, PacketReader
from mqtt.problems import BrokerError, BrokerProblem

# linux/tcp.h: tcpi_bytes_received of struct tcp_info, from Linux 4.1 on; tcpi_bytes_sent and, of these, those that were
# sent again, tcpi_bytes_retrans, from 4.19 on.
_RECEIVED: Final = struct.Struct("=128xQ")
_SENT: Final = struct.Struct("=200xQQ")
# No record of TLS holds more (RFC 8446 section 5.1).
_RECORD_BYTES: Final = 16 * 1024
# Brokers put each message into a record of its own. Others have their turn after so many.
_RECORDS_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where a broker takes MQTT over TLS, and what it is shown.

    Attributes:
        ca_pem: the authorities that sign the broker's certificate; the system's where None.
        certificate_pem, key_pem: our own; both or neither.
        keep_alive_s: seconds after which a silent connection is asked whether it lives.
    """

    host: str
    port: int
    ca_pem: str | None = None
    certificate_pem: str | None = None
    key_pem: str | None = field(default=None, repr=False)
    keep_alive_s: int = 120

    @classmethod
    def read(cls, host: str, port: int, keep_alive_s: int, ca: Path, *own: Path) -> Self:
        """Return one whose certificates are in files.

        Args:
            host: its name or address.
            port: its port.
            keep_alive_s: see above.
            ca: the authorities' certificates.
            own: our certificate and our key, or nothing.

        Raises:
            BrokerError: one of them cannot be used.
        """
        try:
            # What authorities are called stands beside some certificates, in any letters.
            pem = [path.read_text("ascii", errors="ignore") for path in (ca, *own)]
        except OSError as error:
            raise BrokerError(BrokerProblem.DEVICE_CERTIFICATE_UNUSABLE) from error
        names = ("ca_pem", "certificate_pem", "key_pem")
        server = cls(host=host, port=port, keep_alive_s=keep_alive_s, **dict(zip(names, pem, strict=False)))
        tls_context(server, Meter(), PacketReader())
        return server


@dataclass(frozen=True, slots=True)
class Traffic:
    """How many bytes a connection, or all of them on a day, moved over the network."""

    sent_bytes: int = 0
    received_bytes: int = 0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.sent_bytes + other.sent_bytes, self.received_bytes + other.received_bytes)

    def __sub__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.sent_bytes - other.sent_bytes, self.received_bytes - other.received_bytes)


class Meter:
    """What one TCP connection has moved: all of TLS, its handshake too.

    The kernel counts, without the headers of TCP and IP and without what had to be sent again. Counting what is written
    into TLS would leave the handshake out, which is most of what a handset moves whose broker does not let it in.

    Attributes:
        traffic: how much it was at the last look.
    """

    def __init__(self) -> None:
        self.traffic = Traffic()

    def look(self, connection: socket.socket) -> None:
        """Read the kernel's counters; of a connection that is closed they stay what they were."""
        with suppress(OSError):
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SENT.size)
            if len(info) == _SENT.size:
                sent_bytes, again_bytes = _SENT.unpack(info)
                [received_bytes] = _RECEIVED.unpack_from(info)
                self.traffic = Traffic(sent_bytes - again_bytes, received_bytes)


class WatchedSocket(ssl.SSLSocket):
    """Remembers why reading failed, paho closes the socket and forgets; keeps messages back, and joins what is written.

    In TLS 1.3 the broker judges our certificate after the handshake is over for us, so its alert arrives as the failure
    of an ordinary read.

    Attributes:
        failure: why reading failed.
        is_paused: nothing is read, as if nothing came.
        unsent: what waits for `flush`.
        meter, packets: of the one connection that a context is for; see `tls_context`.
    """

    failure: OSError | None = None
    is_paused = False
    meter: Meter
    packets: PacketReader
    unsent: bytearray

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            # paho leaves it to the garbage collector.
            self.close()
            raise

    def close(self) -> None:
        with suppress(OSError):
            self.flush()
        self.meter.look(self)
        super().close()

    def send(self, data: Any, flags: int = 0) -> int:  # noqa: ARG002 - TLS knows no flags
        """Keep it until `flush`: a thousand acknowledgements become one record of TLS and not a thousand."""
        self.unsent += data
        return len(data)

    def flush(self) -> None:
        """Send what was kept, as far as there is room.

        Raises:
            OSError: ssl.SSLWantWriteError where there is no room now; the connection is lost with any other.
        """
        while self.unsent:
            sent = super().send(self.unsent)
            del self.unsent[:sent]

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:  # noqa: ARG002 - TLS knows no flags
        """Return what is no message, as far as it is there."""
        if self.is_paused:
            raise ssl.SSLWantReadError
        packets = self.packets
        try:
            for _ in range(_RECORDS_AT_ONCE):
                if packets.others or len(packets.messages) >= _RECORDS_AT_ONCE:
                    break
                data = self.read(_RECORD_BYTES)
                if not data:
                    return data
                packets.feed(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except (ssl.SSLError, HostilePacketError) as error:
            self.failure = error
            raise
        if not packets.others:
            raise ssl.SSLWantReadError
        data = bytes(packets.others[:buflen])
        del packets.others[:buflen]
        return data

    def pending(self) -> int:
        """Say how many bytes can be had although no descriptor is readable."""
        return super().pending() + len(self.packets.others)


def tls_context(server: Server, meter: Meter, packets: PacketReader) -> ssl.SSLContext:
    """Build the context for one connection of the library's.

    Args:
        server: whose certificates.
        meter: counts what the connection moves.
        packets: takes what the broker sends apart.

    Raises:
        BrokerError: a certificate or the key cannot be used.
    """
    context = plain_context(server)
    context.sslsocket_class = type(
        "OneSocket", (WatchedSocket,), {"meter": meter, "packets": packets, "unsent": bytearray()}
    )
    return context


def plain_context(server: Server) -> ssl.SSLContext:
    """Build a context: the broker is always verified, and shown our certificate if we have one.

    Raises:
        BrokerError: a certificate or the key cannot be used.
    """
    try:
        # No certificate at all is not the system's: those count where there is no text.
        context = ssl.create_default_context(cadata=server.ca_pem if server.ca_pem is None else f"{server.ca_pem}\n")
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if server.certificate_pem is not None and server.key_pem is not None:
            _load(context, server.certificate_pem, server.key_pem)
    except (ssl.SSLError, ValueError) as error:
        raise BrokerError(BrokerProblem.DEVICE_CERTIFICATE_UNUSABLE) from error
    return context


def _load(context: ssl.SSLContext, certificate_pem: str, key_pem: str) -> None:
    # OpenSSL reads PEM from files only; this file has no name, and is gone when the descriptor closes.
    memory_fd = os.memfd_create("device-certificate", os.MFD_CLOEXEC)
    with os.fdopen(memory_fd, "wb") as file:
        file.write(f"{certificate_pem.strip()}\n{key_pem.strip()}\n".encode())
        file.flush()
        # An empty password, or else OpenSSL would ask for that of an encrypted key at the terminal.
        context.load_cert_chain(f"/proc/self/fd/{memory_fd}", password="")
