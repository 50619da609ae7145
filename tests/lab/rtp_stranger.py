"""Somebody on the same network who wants to be heard in a call of others, or to hear it: sends from any address."""

import os
import random
import socket
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from tests.lab.network import Namespace
from tests.lab.rtp_port import g722

STRANGER_HZ: Final = 1000
"""What it wants to be heard with: loud, in each codec that needs no dynamic number."""
_FROM_ANYWHERE: Final = {socket.AF_INET: (socket.SOL_IP, 19), socket.AF_INET6: (socket.IPPROTO_IPV6, 75)}
"""IP_TRANSPARENT and IPV6_TRANSPARENT, which the socket module does not name (linux/in.h, linux/in6.h)."""
_PCMU, _PCMA, _G722, _COMFORT_NOISE = 0, 8, 9, 13
_SQUARE: Final = {
    _PCMU: (b"\x80" * 4 + b"\x00" * 4) * 20,
    _PCMA: (b"\xaa" * 4 + b"\x2a" * 4) * 20,
    _G722: g722(STRANGER_HZ, 0.02)[0],
}
_MAGIC: Final = 0x2112A442


class RtpStranger:
    """Sends what a call's ports may take for a part of the call: sound, reports, digits, handshakes, checks of ICE."""

    def __init__(self, place: Namespace, dice: random.Random) -> None:
        """Set up without sending.

        Args:
            place: the network that it is in.
            dice: what decides by chance.
        """
        self._place = place
        self._dice = dice
        self._turn = dice.randrange(1 << 16)

    def send(self, source: str, source_port: int, destination: str, ports: Iterable[int]) -> None:
        """Send one of each kind to each port, as if they came from there.

        Args:
            source, source_port: whose packets they look like; nobody else of this network may be there.
            destination: the phone's address.
            ports: of the phone's.
        """
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        with self._place.entered(), socket.socket(family, socket.SOCK_DGRAM) as sending:
            sending.setsockopt(*_FROM_ANYWHERE[family], 1)
            sending.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sending.bind((source, source_port))
            for port in ports:
                for packet in self._packets():
                    sending.sendto(packet, (destination, port))

    def _packets(self) -> Iterator[bytes]:
        self._turn += 1
        source = self._dice.randrange(1 << 32)
        for codec, sound in _SQUARE.items():
            yield self._rtp(codec, source, sound)
        dynamic = self._dice.randrange(96, 128)
        yield self._rtp(dynamic, source, self._dice.randbytes(160))
        yield self._rtp(dynamic, source, struct.pack("!BBH", self._dice.randrange(16), 0x8A, 800))  # RFC 4733's digit
        yield self._rtp(_COMFORT_NOISE, source, b"\x00")
        yield self._report(200, source) + self._report(203, source)  # a sender's report, and BYE (RFC 3550)
        yield self._report(201, source)
        yield struct.pack("!HHI", 0x0001, 8, _MAGIC) + os.urandom(12) + struct.pack("!HHI", 0x0025, 0, 0)  # STUN
        yield b"\x16\xfe\xff" + bytes(8) + struct.pack("!H", 64) + b"\x01" + self._dice.randbytes(63)  # DTLS

    def _rtp(self, kind: int, source: int, payload: bytes) -> bytes:
        header = struct.pack("!BBHII", 0x80, kind, self._turn & 0xFFFF, self._turn * 160 & 0xFFFFFFFF, source)
        return header + payload

    def _report(self, kind: int, source: int) -> bytes:
        blocks = self._dice.randbytes(20) if kind == 200 else b""
        return struct.pack("!BBHI", 0x81 if kind == 203 else 0x80, kind, 1 + len(blocks) // 4, source) + blocks
