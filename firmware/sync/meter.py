"""Counts what a connection moves, as the network sees it."""

import socket
import struct
from contextlib import suppress
from typing import Final

from firmware.ports.broker import Traffic

# linux/tcp.h: tcpi_bytes_received of struct tcp_info, from Linux 4.1 on; tcpi_bytes_sent and, of these, those that were
# sent again, tcpi_bytes_retrans, from 4.19 on.
_RECEIVED: Final = struct.Struct("=128xQ")
_SENT: Final = struct.Struct("=200xQQ")


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
