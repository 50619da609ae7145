"""Sees every packet that passes a device: what is on the wire, not what somebody meant to send."""

import ipaddress
import socket
import struct
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from tests.lab.network import CableEnd

_ETH_P_ALL: Final = 3
_ETHERNET_HEADER: Final = 14
_IPV4: Final = 0x0800
_IPV6: Final = 0x86DD
# RFC 791 section 3.1
_FRAGMENT_OFFSET: Final = 0x1FFF
_TCP: Final = 6
_UDP: Final = 17
# As long as segmentation offload lets a frame be, and its header.
_FRAME_BYTES: Final = 1 << 17
_BUFFER_BYTES: Final = 1 << 25
# asm-generic/socket.h
_SO_RCVBUFFORCE: Final = 33
_SO_TIMESTAMPNS: Final = 35
_TIMESPEC: Final = struct.Struct("@qq")
_STAMP_BYTES: Final = socket.CMSG_SPACE(_TIMESPEC.size)
# linux/if_arp.h: a TUN device carries packets without frames.
_ARPHRD_NONE: Final = 0xFFFE
# linux/if_packet.h
_PACKET_OUTGOING: Final = 4
_SOL_PACKET: Final = 263
_PACKET_STATISTICS: Final = 6
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of TCP or UDP.

    Attributes:
        source, destination: addresses.
        source_port, destination_port: there.
        is_tcp: it is of TCP, otherwise of UDP.
        dscp: its differentiated services code point (RFC 2474).
        payload: what it carries.
    """

    source: str
    destination: str
    source_port: int
    destination_port: int
    is_tcp: bool
    dscp: int
    payload: bytes

    @property
    def is_rtp(self) -> bool:
        """Whether its first bytes are RTP's or RTCP's (RFC 7983 section 7)."""
        return not self.is_tcp and len(self.payload) >= 8 and 128 <= self.payload[0] < 192


@dataclass(frozen=True, slots=True)
class Frame:
    """One Ethernet frame, whatever is in it.

    Attributes:
        at: when it passed, by the monotonic clock.
        leaves: the end's own namespace sent it.
        content: every byte of it.
        packet: what it carries, where that is TCP or UDP.
    """

    at: float
    leaves: bool
    content: bytes
    packet: Packet | None


class PacketTrace:
    """Keeps what passes one end of a cable."""

    def __init__(self, end: CableEnd) -> None:
        self._end = end
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._frames: list[Frame] = []

    def __enter__(self) -> Self:
        with self._end.namespace.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
            # When it passed, not when this process was given a turn to look.
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._socket.bind((self._end.device, 0))
        self._socket.settimeout(_POLL_S)
        self._thread = threading.Thread(target=self._listen, name="packet-trace", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self._socket is not None:
            self._socket.close()

    @property
    def packets(self) -> list[Packet]:
        """What has passed so far, in order."""
        return [frame.packet for frame in list(self._frames) if frame.packet is not None]

    @property
    def frames(self) -> list[Frame]:
        """Every frame that has passed so far, in order, those that carry neither TCP nor UDP among them."""
        return list(self._frames)

    @property
    def lost(self) -> int:
        """How many frames passed unseen since this was asked last."""
        assert self._socket is not None
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        return int(struct.unpack("II", statistics)[1])

    def _listen(self) -> None:
        assert self._socket is not None
        while not self._stopping.is_set():
            try:
                frame, stamps, _, (_, protocol, kind, hardware, _) = self._socket.recvmsg(_FRAME_BYTES, _STAMP_BYTES)
            except TimeoutError:
                continue
            except OSError:
                # The device is down.
                continue
            if hardware == _ARPHRD_NONE:
                frame = bytes(_ETHERNET_HEADER - 2) + struct.pack("!H", protocol) + frame
            seconds, nanoseconds = _TIMESPEC.unpack(stamps[0][2])
            at = seconds + nanoseconds / 1e9 + time.monotonic() - time.time()
            self._frames.append(Frame(at, kind == _PACKET_OUTGOING, frame, parse(frame)))


def parse(frame: bytes) -> Packet | None:
    """Read an Ethernet frame; None where it holds neither TCP nor UDP, or a later part of a packet."""
    (kind,) = struct.unpack_from("!H", frame, 12)
    packet = frame[_ETHERNET_HEADER:]
    if kind == _IPV4:
        header, protocol, traffic_class = 4 * (packet[0] & 15), packet[9], packet[1]
        source, destination = packet[12:16], packet[16:20]
        if struct.unpack_from("!H", packet, 6)[0] & _FRAGMENT_OFFSET:
            return None
    elif kind == _IPV6:
        header, protocol = 40, packet[6]
        traffic_class = (struct.unpack_from("!H", packet)[0] >> 4) & 0xFF
        source, destination = packet[8:24], packet[24:40]
    else:
        return None
    if protocol not in {_TCP, _UDP}:
        return None
    ports = struct.unpack_from("!HH", packet, header)
    inner = 4 * (packet[header + 12] >> 4) if protocol == _TCP else 8
    return Packet(
        source=str(ipaddress.ip_address(source)),
        destination=str(ipaddress.ip_address(destination)),
        source_port=ports[0],
        destination_port=ports[1],
        is_tcp=protocol == _TCP,
        dscp=traffic_class >> 2,
        payload=packet[header + inner :],
    )
