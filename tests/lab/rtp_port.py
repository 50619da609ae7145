"""Sends and takes RTP packet by packet, of whatever payload type, without a SIP library between."""

import itertools
import socket
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from G722 import G722

from tests.lab.arrivals import Arrivals
from tests.lab.audio import tone

_HEADER = struct.Struct("!BBHII")
_VERSION = 2
_RTCP = range(200, 208)
_G722_BYTES = 160  # in 20 ms
_PACKETS = 5000  # 100 s


@dataclass(frozen=True, slots=True)
class Packet:
    """What came in.

    Attributes:
        type: of the payload.
        timestamp: of its first sample.
        payload: the rest.
    """

    type: int
    timestamp: int
    payload: bytes


def packet_of(data: bytes) -> Packet | None:
    """Read what came; None where it is no RTP."""
    # RFC 5761 section 4: what is RTCP.
    if len(data) <= _HEADER.size or data[0] >> 6 != _VERSION or data[1] in _RTCP:
        return None
    _, kind, _, timestamp, _ = _HEADER.unpack_from(data)
    return Packet(kind & 0x7F, timestamp, data[_HEADER.size :])


class RtpPort:
    """A UDP port for one stream.

    Attributes:
        port: which.
        heard: the packets that have come in.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._sequence = itertools.count(1)
        self.heard = Arrivals[Packet]("the port", _PACKETS)

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, name="rtp-port", daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._socket.close()

    def speak(
        self,
        port: int,
        payload_type: int,
        payloads: Sequence[bytes],
        *,
        length_ms: int = 20,
        units_per_ms: int = 8,
        lost_one_in: int = 0,
    ) -> None:
        """Send these to a port of loopback.

        Args:
            port: which.
            payload_type: of all of them.
            payloads: what to send.
            length_ms: of each; the next follows so much later.
            units_per_ms: of RTP's clock.
            lost_one_in: so many are lost, each by itself; none where 0.
        """
        due = time.monotonic()
        for payload in payloads:
            number = next(self._sequence)
            header = _HEADER.pack(0x80, payload_type, number & 0xFFFF, number * length_ms * units_per_ms, 1)
            if not lost_one_in or number % lost_one_in:
                self._socket.sendto(header + payload, ("127.0.0.1", port))
            due += length_ms / 1000
            time.sleep(max(0.0, due - time.monotonic()))

    def _listen(self) -> None:
        while True:
            try:
                packet = self._socket.recv(2048)
            except OSError:
                return
            if found := packet_of(packet):
                self.heard.add(found)


def g722(frequency_hz: float, duration_s: float) -> list[bytes]:
    """Return a tone as payloads of 20 ms in G.722."""
    coded = G722(16_000, 64_000).encode(
        tone([frequency_hz], duration_s, rate_hz=16_000, ramp_s=0).samples.astype("<i2")
    )
    return [coded[start : start + _G722_BYTES] for start in range(0, len(coded), _G722_BYTES)]


def redundant(payloads: Sequence[bytes], codec: int) -> list[bytes]:
    """Wrap payloads as RFC 2198 has them, with nothing in them but themselves."""
    return [bytes([codec]) + payload for payload in payloads]
