"""What left a watched home, by protocol, and during which calls."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import dns.message

from tests.lab.packets import Frame, Packet
from tests.lab.watched_home import DNS_PORT, HOME, OUTSIDE, WatchedHome

_AUDIO_PORT: Final = re.compile(rb"\r\nm=audio (\d+) ")
_CALL_ID: Final = re.compile(rb"\r\nCall-ID: *([^\r\n]+)", re.IGNORECASE)
_CSEQ: Final = re.compile(rb"\r\nCSeq: *\d+ (\w+)", re.IGNORECASE)
_ARP: Final = b"\x08\x06"
_IPV4: Final = b"\x08\x00"
_IPV6: Final = b"\x86\xdd"
_ICMP_UNREACHABLE: Final = 3
_ICMPV6: Final = 58
# Multicast listener reports, and router and neighbour discovery: the kernel's own words about its own addresses.
_ICMPV6_KINDS: Final = frozenset({131, 132, 133, 135, 136, 143})


class Protocol(StrEnum):
    """Whom a frame is for, and as what."""

    SIP = "sip"
    AUDIO = "audio"
    BROKER = "broker"
    DNS = "dns"
    KERNEL = "kernel"
    STRANGE = "strange"


@dataclass(frozen=True, slots=True)
class Talk:
    """A call, from its first answer to the end that whoever hung up announced, by the monotonic clock."""

    began_at: float
    ended_at: float


class Wire:
    """All frames of a time, sorted.

    Attributes:
        frames: those that left home, each with what it is.
        talks: when there was a call.
    """

    def __init__(self, home: WatchedHome, frames: Sequence[Frame]) -> None:
        self._sip_port = home.registrar.udp_port
        self._relay_port = home.relay_port
        self._rtp_port = home.rtp_port
        self._audio_ports = {
            int(port)
            for frame in frames
            if not frame.leaves and frame.packet and self._is_sip(frame.packet)
            for port in _AUDIO_PORT.findall(frame.packet.payload)
        }
        self.frames = [(self._sort(frame), frame) for frame in frames if frame.leaves]
        self.talks = self._find_talks(frames)

    def sent_as(self, protocol: Protocol) -> bytes:
        """Return every byte that left as this, payloads only where it has ports."""
        return b"\n".join(
            frame.packet.payload if frame.packet else frame.content for kind, frame in self.frames if kind is protocol
        )

    @property
    def names_asked_for(self) -> set[str]:
        """Every name that the name server was asked for."""
        return {
            question.name.to_text(omit_final_dot=True)
            for kind, frame in self.frames
            if kind is Protocol.DNS and frame.packet
            for question in dns.message.from_wire(frame.packet.payload).question
        }

    @property
    def audio(self) -> list[Frame]:
        """Each packet of RTP or RTCP that left."""
        return [frame for kind, frame in self.frames if kind is Protocol.AUDIO]

    def sends_from(self, port: int) -> bool:
        """Say whether anything left from a UDP port."""
        return any(frame.packet and frame.packet.source_port == port for _, frame in self.frames)

    @property
    def connections(self) -> int:
        """How many connections were made to the relay."""
        opened = (frame.packet for kind, frame in self.frames if kind is Protocol.BROKER)
        return len({packet.source_port for packet in opened if packet})

    def _is_sip(self, packet: Packet) -> bool:
        return not packet.is_tcp and self._sip_port in {packet.source_port, packet.destination_port}

    def _sort(self, frame: Frame) -> Protocol:
        packet = frame.packet
        if packet is None:
            return Protocol.KERNEL if _is_of_the_kernel(frame.content) else Protocol.STRANGE
        if (packet.source, packet.destination) != (HOME, OUTSIDE):
            return Protocol.STRANGE
        if packet.is_tcp:
            return Protocol.BROKER if packet.destination_port == self._relay_port else Protocol.STRANGE
        if packet.destination_port == DNS_PORT:
            return Protocol.DNS
        if packet.destination_port == self._sip_port:
            return Protocol.SIP
        to_a_peer = {packet.destination_port, packet.destination_port - 1} & self._audio_ports
        return Protocol.AUDIO if packet.is_rtp and to_a_peer else Protocol.STRANGE

    def _find_talks(self, frames: Sequence[Frame]) -> list[Talk]:
        began: dict[bytes, float] = {}
        talks = []
        for frame in frames:
            if not frame.packet or not self._is_sip(frame.packet):
                continue
            message = frame.packet.payload
            call, sequence = _CALL_ID.search(message), _CSEQ.search(message)
            if not call or not sequence:
                continue
            if message.startswith(b"SIP/2.0 200") and sequence[1] == b"INVITE":
                began.setdefault(call[1], frame.at)
            elif message.startswith(b"BYE ") and call[1] in began:
                talks.append(Talk(began.pop(call[1]), frame.at))
        return talks + [Talk(at, float("inf")) for at in began.values()]


def _is_of_the_kernel(frame: bytes) -> bool:
    """Whether it asks for a neighbour's address, or says that a port is shut, quoting the packet that came there."""
    kind, packet = frame[12:14], frame[14:]
    if kind == _ARP:
        return True
    if kind == _IPV4:
        header = 4 * (packet[0] & 15)
        return packet[9] == 1 and packet[header] == _ICMP_UNREACHABLE
    if kind == _IPV6:
        # A hop-by-hop header of eight bytes comes before a listener report (RFC 3810 section 5).
        extension = 8 if packet[6] == 0 else 0
        following = packet[40] if extension else packet[6]
        return following == _ICMPV6 and packet[40 + extension] in _ICMPV6_KINDS
    return False
