"""A broker of which every byte is the test's: it does what a handset needs, and then what no broker should."""

import asyncio
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Self

from tests.lab.certificates import LOOPBACK, CertificateAuthority
from tests.lab.mqtt_packets import Packet, PacketType, Publish, read_publish

_LENGTH_BYTES: Final = 4

Malice = Callable[["Session"], Awaitable[None]]


class Session:
    """One connection of a device.

    Attributes:
        received: the packets that came, in their order.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received: list[Packet] = []
        self._reader = reader
        self._writer = writer

    @property
    def published(self) -> list[Publish]:
        return [read_publish(packet) for packet in self.received if packet.type is PacketType.PUBLISH]

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def next_packet(self) -> Packet:
        [first] = await self._reader.readexactly(1)
        length = 0
        for position in range(_LENGTH_BYTES):
            [byte] = await self._reader.readexactly(1)
            length |= (byte & 0x7F) << 7 * position
            if not byte & 0x80:
                break
        packet = Packet(PacketType(first >> 4), first & 0x0F, await self._reader.readexactly(length))
        self.received.append(packet)
        return packet


class HandMadeBroker:
    """Accepts devices, confirms what they publish, and does something of the test's once they have subscribed.

    Attributes:
        malice: what it does then; nothing where None.
        unwelcome: it hangs up on whoever publishes below this, as some brokers do whose access list says no.
        sessions: one for each connection.
    """

    def __init__(self, authority: CertificateAuthority, *, keep_alive_s: int | None = None) -> None:
        """Set up without listening; the keep-alive is what it wants of devices instead of theirs."""
        self.malice: Malice | None = None
        self.unwelcome: str | None = None
        self.sessions: list[Session] = []
        self.port = 0
        self._authority = authority
        self._keep_alive_s = keep_alive_s
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self._authority.ca_path)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(*self._authority.issue("hand-made", hosts=LOOPBACK))
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """End every connection, so that devices come anew."""
        for task in self._tasks:
            task.cancel()

    @property
    def published(self) -> list[Publish]:
        """What devices have published, over all connections."""
        return [publish for session in self.sessions for publish in session.published]

    def _connack(self) -> bytes:
        if self._keep_alive_s is None:
            return b"\x20\x03\x00\x00\x00"
        # MQTT 5 section 3.2.2.3.14: the Server Keep Alive.
        return b"\x20\x06\x00\x00\x03\x13" + struct.pack("!H", self._keep_alive_s)

    def _is_unwelcome(self, publish: Publish) -> bool:
        return self.unwelcome is not None and publish.topic.startswith(self.unwelcome)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        session = Session(reader, writer)
        self.sessions.append(session)
        malice: asyncio.Task[None] | None = None
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                packet = await session.next_packet()
                match packet.type:
                    case PacketType.CONNECT:
                        await session.send(self._connack())
                    case PacketType.PUBLISH if self._is_unwelcome(read_publish(packet)):
                        break
                    case PacketType.PUBLISH:
                        await session.send(b"\x40\x02" + struct.pack("!H", read_publish(packet).packet_id))
                    case PacketType.SUBSCRIBE:
                        await session.send(suback(packet))
                        if self.malice is not None:
                            malice = asyncio.create_task(_quietly(self.malice(session)))
                    case PacketType.PINGREQ:
                        await session.send(b"\xd0\x00")
                    case _:
                        pass
        if malice is not None:
            malice.cancel()
            await asyncio.wait({malice})
        writer.transport.abort()


async def _quietly(malice: Awaitable[None]) -> None:
    with suppress(OSError):
        await malice


def suback(subscribe: Packet) -> bytes:
    """Grant what a SUBSCRIBE asks for, QoS 1 each (MQTT 5 section 3.9)."""
    # Packet id, no properties, then each topic filter with its options.
    position, reasons = 3, b""
    while position < len(subscribe.body):
        position += 3 + int.from_bytes(subscribe.body[position : position + 2], "big")
        reasons += b"\x01"
    return b"\x90" + _length(3 + len(reasons)) + subscribe.body[:2] + b"\x00" + reasons


def publish(topic: bytes, payload: bytes, *, qos: int = 1, packet_id: int = 1, retain: bool = False) -> bytes:
    """Write a PUBLISH (MQTT 5 section 3.3)."""
    head = struct.pack("!H", len(topic)) + topic + (struct.pack("!H", packet_id) if qos else b"") + b"\x00"
    return bytes([0x30 | qos << 1 | retain]) + _length(len(head) + len(payload)) + head + payload


def _length(value: int) -> bytes:
    written = b""
    while True:
        value, low = divmod(value, 128)
        written += bytes([low | (0x80 if value else 0)])
        if not value:
            return written
