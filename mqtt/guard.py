"""Counts the bytes that a broker sends into packets, before anything of them is kept in memory."""

from typing import Final

_MAX_OTHER_BYTES: Final = 8 * 1024
_LENGTH_BYTES: Final = 4
_PUBLISH: Final = 3
# CONNACK, PUBACK, SUBACK, PINGRESP, DISCONNECT: all that answers what a client sends.
_OTHERS: Final = frozenset({2, 4, 9, 13, 14})


class HostilePacketError(OSError):
    """A broker sends what no broker may send here; the connection is to be given up."""


class PacketGuard:
    """Follows one connection's stream, whatever the pieces that it comes in.

    The library would take packets of 256 MB, and keep those of QoS 2, which nobody subscribed to, without end.
    """

    def __init__(self, max_packet_bytes: int) -> None:
        """Set up for a connection that is to be opened.

        Args:
            max_packet_bytes: the longest message that may come (MQTT 5 section 3.1.2.11.4), its header included.
        """
        self._max_packet_bytes = max_packet_bytes
        self._type = 0
        self._length = 0
        self._length_bytes = 0
        self._is_in_header = False
        self._body_left = 0

    def feed(self, data: bytes) -> None:
        """Look at the next bytes.

        Raises:
            HostilePacketError: a packet begins that is too long or may not come.
        """
        position = 0
        while position < len(data):
            if self._body_left:
                skipped = min(self._body_left, len(data) - position)
                self._body_left -= skipped
                position += skipped
                continue
            byte = data[position]
            position += 1
            if self._is_in_header:
                self._take_length(byte)
            else:
                self._begin(byte)

    def _begin(self, byte: int) -> None:
        self._type = byte >> 4
        is_exactly_once = self._type == _PUBLISH and byte & 0b100
        if (self._type != _PUBLISH and self._type not in _OTHERS) or is_exactly_once:
            raise HostilePacketError(f"The broker sent a packet of type {self._type} that nobody asked for.")
        self._length = self._length_bytes = 0
        self._is_in_header = True

    def _take_length(self, byte: int) -> None:
        # MQTT 5 section 1.5.5: seven bits a byte, the lowest first.
        self._length |= (byte & 0x7F) << 7 * self._length_bytes
        self._length_bytes += 1
        limit = self._max_packet_bytes if self._type == _PUBLISH else _MAX_OTHER_BYTES
        goes_on = bool(byte & 0x80)
        if self._length > limit or (goes_on and self._length_bytes == _LENGTH_BYTES):
            raise HostilePacketError(f"The broker sent a packet of more than {limit} bytes.")
        if not goes_on:
            self._is_in_header = False
            self._body_left = self._length
