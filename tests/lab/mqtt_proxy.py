"""A bad network between devices and their broker: it loses, doubles, delays and cuts what passes, all from a seed.

It ends TLS with the broker's own certificate and goes on with the certificate of whoever came, so that both sides see
the same names as without it.
"""

import asyncio
import random
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.lab.certificates import IssuedCertificate
from tests.lab.mqtt_packets import PacketType

_LENGTH_BYTES: Final = 4
_DUPLICATE: Final = 0x08
_QUALITY: Final = 0x06
_CHANCEY: Final = frozenset({PacketType.PUBLISH, PacketType.PUBACK})
"""What may be lost, doubled and delayed; of anything else a connection is only cut."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How often, of all PUBLISH and PUBACK packets, something becomes of one; 0 is never, 1 always.

    Attributes:
        lost_with_connection: it is lost, and the connection soon after it, so that its sender hears of it.
        lost: it is lost, and nothing tells of it.
        doubled: it comes twice, the second time later.
        delayed: others overtake it.
        swapped: the next one overtakes it.
        cut: the connection ends at a byte of it.
        delay_s: the longest delay, and the longest time until a connection is cut.
    """

    lost_with_connection: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    delayed: float = 0.0
    swapped: float = 0.0
    cut: float = 0.0
    delay_s: float = 1.0


NONE: Final = Faults()


class MqttProxy:
    """Takes connections from `start` to `stop`, on a port that it keeps.

    Attributes:
        port: where clients connect.
        faults: what becomes of packets from now on.
        counts: what has become of them, by name.
    """

    def __init__(
        self,
        ca_path: Path,
        own: IssuedCertificate,
        certificate_of: Callable[[str], IssuedCertificate],
        broker_port: int,
        rng: random.Random,
    ) -> None:
        """Set up without listening.

        Args:
            ca_path: whom broker and clients trust, PEM.
            own: what it shows to clients: the broker's own.
            certificate_of: returns the certificate of a client by its common name.
            broker_port: where the broker is, on loopback.
            rng: decides what becomes of each packet.
        """
        self.port = 0
        self.faults = NONE
        self.counts: Counter[str] = Counter()
        self._ca_path = ca_path
        self._own = own
        self._certificate_of = certificate_of
        self._broker_port = broker_port
        self._rng = rng
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(self._ca_path)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(*self._own)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        links = list(self._links)
        for link in links:
            link.cut()
        await asyncio.gather(*(link.ended.wait() for link in links))

    @property
    def names(self) -> set[str]:
        """Who is connected."""
        return {link.name for link in self._links}

    @property
    def unanswered(self) -> int:
        """How many messages went to clients that these have not acknowledged."""
        return sum(len(link.unanswered) for link in self._links)

    def cut(self, name: str | None = None) -> None:
        """End the connections of a client, or of all, at once."""
        for link in self._of(name):
            self.counts["cut off"] += 1
            link.cut()

    def silence(self, name: str | None = None) -> None:
        """Let nothing pass any more on the connections of a client, or of all, without ending them."""
        for link in self._of(name):
            self.counts["silenced"] += 1
            link.passes.clear()

    def end_silence(self) -> None:
        """End what was silenced, as a router does that has forgotten it."""
        for link in self._of(None):
            if not link.passes.is_set():
                link.cut()

    def _of(self, name: str | None) -> list["_Link"]:
        return [link for link in self._links if name in (None, link.name)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = _common_name(writer)
        try:
            onward = await asyncio.open_connection(
                "127.0.0.1", self._broker_port, ssl=self._context(name), server_hostname="localhost"
            )
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
            return
        link = _Link(name, writer, onward[1])
        self._links.add(link)
        self.counts["connections"] += 1
        pumps = [
            asyncio.create_task(self._pump(link, reader, onward[1])),
            asyncio.create_task(self._pump(link, onward[0], writer)),
        ]
        try:
            await asyncio.wait([*pumps, asyncio.create_task(link.cuts.wait())], return_when=asyncio.FIRST_COMPLETED)
        finally:
            link.cut()
            for pump in pumps:
                pump.cancel()
            await asyncio.wait(pumps)
            self._links.discard(link)
            link.ended.set()

    def _context(self, name: str) -> ssl.SSLContext:
        context = self._contexts.get(name)
        if context is None:
            context = ssl.create_default_context(cafile=self._ca_path)
            context.load_cert_chain(*self._certificate_of(name))
            self._contexts[name] = context
        return context

    async def _pump(self, link: "_Link", source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        lane = _Lane(sink)
        to_broker = sink is link.onward
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                packet = await _read(source)
                await link.passes.wait()
                link.note(packet, to_broker=to_broker)
                self._pass(link, lane, packet)
                await sink.drain()

    def _pass(self, link: "_Link", lane: "_Lane", packet: bytes) -> None:
        kind = PacketType(packet[0] >> 4)
        fate = self._fate() if kind in _CHANCEY else ""
        if fate:
            self.counts[f"{kind.name} {fate}"] += 1
        later_s = self._rng.uniform(0.0, self.faults.delay_s)
        loop = asyncio.get_running_loop()
        match fate:
            case "lost with connection":
                loop.call_later(later_s, link.cut)
            case "lost":
                pass
            case "doubled":
                lane.write(packet)
                again = bytes([packet[0] | _DUPLICATE]) + packet[1:] if kind is PacketType.PUBLISH else packet
                loop.call_later(later_s, lane.write, again)
            case "delayed":
                loop.call_later(later_s, lane.write, packet)
            case "swapped":
                lane.hold(packet)
                # What nothing comes to overtake goes on by itself.
                loop.call_later(self.faults.delay_s, lane.release)
            case "cut":
                lane.end_with(packet[: self._rng.randrange(len(packet))])
                loop.call_later(later_s, link.cut)
            case _:
                lane.write(packet)
                lane.release()

    def _fate(self) -> str:
        chance = self._rng.random()
        faults = self.faults
        for fate, share in (
            ("lost with connection", faults.lost_with_connection),
            ("lost", faults.lost),
            ("doubled", faults.doubled),
            ("delayed", faults.delayed),
            ("swapped", faults.swapped),
            ("cut", faults.cut),
        ):
            if chance < share:
                return fate
            chance -= share
        return ""


class _Link:
    """One client's connection and the one that goes on from it."""

    def __init__(self, name: str, back: asyncio.StreamWriter, onward: asyncio.StreamWriter) -> None:
        self.name = name
        self.onward = onward
        self.unanswered: set[int] = set()
        self.passes = asyncio.Event()
        self.passes.set()
        self.cuts = asyncio.Event()
        self.ended = asyncio.Event()
        self._writers = (back, onward)

    def note(self, packet: bytes, *, to_broker: bool) -> None:
        """Keep in mind which messages the client has to acknowledge."""
        kind, body = PacketType(packet[0] >> 4), _body(packet)
        if to_broker and kind is PacketType.PUBACK:
            self.unanswered.discard(int.from_bytes(body[:2]))
        elif not to_broker and kind is PacketType.PUBLISH and packet[0] & _QUALITY:
            topic_bytes = int.from_bytes(body[:2])
            self.unanswered.add(int.from_bytes(body[2 + topic_bytes : 4 + topic_bytes]))

    def cut(self) -> None:
        self.cuts.set()
        for writer in self._writers:
            writer.transport.abort()


class _Lane:
    """One way of a connection."""

    def __init__(self, sink: asyncio.StreamWriter) -> None:
        self._sink = sink
        self._held: list[bytes] = []

    def write(self, packet: bytes) -> None:
        if not self._sink.is_closing():
            self._sink.write(packet)

    def end_with(self, part: bytes) -> None:
        """Send part of a packet, and nothing after it."""
        self.write(part)
        self._sink.close()

    def hold(self, packet: bytes) -> None:
        """Keep a packet until `release`."""
        self._held.append(packet)

    def release(self) -> None:
        held, self._held = self._held, []
        for packet in held:
            self.write(packet)


async def _read(source: asyncio.StreamReader) -> bytes:
    """Return one packet, whole (MQTT 5 section 2.1)."""
    packet = await source.readexactly(1)
    length = 0
    for position in range(_LENGTH_BYTES):
        byte = await source.readexactly(1)
        packet += byte
        length |= (byte[0] & 0x7F) << 7 * position
        if not byte[0] & 0x80:
            break
    return packet + await source.readexactly(length)


def _body(packet: bytes) -> bytes:
    """Return what follows a packet's length."""
    start = 1
    while packet[start] & 0x80:
        start += 1
    return packet[start + 1 :]


def _common_name(writer: asyncio.StreamWriter) -> str:
    """Return whom a client's certificate names."""
    certificate = writer.get_extra_info("peercert")
    return next(str(value) for part in certificate["subject"] for key, value in part if key == "commonName")
