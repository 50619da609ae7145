"""Takes apart what a broker sends: messages for us, all else for the library, and nothing of what may not come."""

from collections import deque
from typing import Final, NamedTuple

LONGEST_PACKET_BYTES: Final = 5 + 268_435_455
"""MQTT 5 section 2.1.4, with the fixed header."""

_MAX_OTHER_BYTES: Final = 8 * 1024
_LENGTH_BYTES: Final = 4
_PUBLISH: Final = 3
# MQTT 5 section 2.2.2.2, those of a message: how many bytes each has, or how many texts with a length of two bytes.
_SUBSCRIPTION_IDENTIFIER: Final = 0x0B
_PROPERTY_BYTES: Final = {0x01: 1, 0x02: 4, 0x23: 2}
_PROPERTY_TEXTS: Final = {0x03: 1, 0x08: 1, 0x09: 1, 0x26: 2}
# CONNACK, PUBACK, SUBACK, PINGRESP, DISCONNECT: all that answers what a client sends.
_OTHERS: Final = frozenset({2, 4, 9, 13, 14})


class HostilePacketError(OSError):
    """A broker sends what no broker may send here; the connection is to be given up."""


class Message(NamedTuple):
    """What the broker brought; nobody has looked into it.

    Attributes:
        topic: where it was published; empty where that is no text.
        payload: what it holds.
        number: its packet identifier, for `Connection.confirm`.
        qos: 1, or 0 where the broker waits for no word.
        subscription: the identifier of the subscription that it came for; 0 where that has none.
    """

    topic: str
    payload: bytes
    number: int
    qos: int
    subscription: int = 0


class PacketReader:
    """Follows one connection's stream, whatever the pieces that it comes in.

    The library would take ten times as long for a message, most of it for properties that nobody here asks for, and it
    would take packets of 256 MB and keep those of QoS 2, which nobody subscribed to, without end.

    Attributes:
        messages: those that are complete, for whoever takes them out.
        others: all other packets, as they came, for the library.
    """

    def __init__(self, max_packet_bytes: int | None = None) -> None:
        """Set up for a connection that is to be opened.

        Args:
            max_packet_bytes: the longest message that may come (MQTT 5 section 3.1.2.11.4), its header included; None:
                the broker is trusted to send none that is too long.
        """
        self.messages: deque[Message] = deque()
        self.others = bytearray()
        self._longest_message = max_packet_bytes or LONGEST_PACKET_BYTES
        self._longest_other = LONGEST_PACKET_BYTES if max_packet_bytes is None else _MAX_OTHER_BYTES
        # What came of a packet that is not complete, and how much there has to be before it is looked at again.
        self._pieces: list[bytes] = []
        self._here = 0
        self._needed = 1

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            HostilePacketError: a packet begins that is too long or may not come, or a message is none.
        """
        self._pieces.append(data)
        self._here += len(data)
        if self._here < self._needed:
            return
        stream = b"".join(self._pieces)
        start = 0
        while True:
            body, end = self._extent(stream, start)
            if end > len(stream):
                break
            if stream[start] >> 4 == _PUBLISH:
                self.messages.append(_message(stream[start], stream[body:end]))
            else:
                self.others += stream[start:end]
            start = end
        self._pieces = [stream[start:]]
        self._here = len(stream) - start
        self._needed = end - start

    def _extent(self, stream: bytes, start: int) -> tuple[int, int]:
        """Say where a packet's body begins and ends; one byte more than there is where its header is not complete."""
        if start == len(stream):
            return start, start + 1
        kind = stream[start] >> 4
        if (kind != _PUBLISH and kind not in _OTHERS) or (kind == _PUBLISH and stream[start] & 0b100):
            raise HostilePacketError(f"The broker sent a packet of type {kind} that nobody asked for.")
        try:
            length, body = _variable_integer(stream, start + 1)
        except IndexError:
            return len(stream), len(stream) + 1
        limit = self._longest_message if kind == _PUBLISH else self._longest_other
        if length > limit:
            raise HostilePacketError(f"The broker sent a packet of more than {limit} bytes.")
        return body, body + length


def _message(first: int, body: bytes) -> Message:
    """Read a PUBLISH packet (MQTT 5 section 3.3).

    Raises:
        HostilePacketError: it is none.
    """
    qos = first >> 1 & 1
    number = 0
    try:
        place = 2 + (body[0] << 8 | body[1])
        topic = body[2:place]
        if qos:
            number = body[place] << 8 | body[place + 1]
            place += 2
        length, place = _variable_integer(body, place)
        subscription = _subscription(body[place : place + length]) if length else 0
    except IndexError as error:
        raise HostilePacketError("The broker sent a message that ends too early.") from error
    if place + length > len(body):
        raise HostilePacketError("The broker sent a message that ends too early.")
    payload = body[place + length :]
    try:
        return Message(topic.decode(), payload, number, qos, subscription)
    except UnicodeDecodeError:
        return Message("", payload, number, qos, subscription)


def _subscription(properties: bytes) -> int:
    """Return the first subscription identifier among a message's properties (MQTT 5 section 3.3.2.3), 0 for none.

    Raises:
        IndexError: they end before the last of them does.
        HostilePacketError: one of them is none of a message's.
    """
    place = 0
    while place < len(properties):
        kind = properties[place]
        place += 1
        if kind == _SUBSCRIPTION_IDENTIFIER:
            return _variable_integer(properties, place)[0]
        if kind not in _PROPERTY_BYTES and kind not in _PROPERTY_TEXTS:
            raise HostilePacketError(f"The broker sent a message with a property {kind}, which is none of a message's.")
        place += _PROPERTY_BYTES.get(kind, 0)
        for _ in range(_PROPERTY_TEXTS.get(kind, 0)):
            place += 2 + (properties[place] << 8 | properties[place + 1])
    if place > len(properties):
        raise IndexError
    return 0


def _variable_integer(data: bytes, start: int) -> tuple[int, int]:
    """Read seven bits a byte, the lowest first (MQTT 5 section 1.5.5); return the number and where it ends.

    Raises:
        IndexError: the data ends before it.
        HostilePacketError: it has no end.
    """
    value = data[start] & 0x7F
    place = start
    while data[place] & 0x80:
        place += 1
        if place - start == _LENGTH_BYTES:
            raise HostilePacketError("The broker sent a length that has no end.")
        value |= (data[place] & 0x7F) << 7 * (place - start)
    return value, place + 1
