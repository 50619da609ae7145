"""A relay between a device and its broker that ends TLS on both sides and keeps what it sees in the clear."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Self

from tests.lab.certificates import LOOPBACK, CertificateAuthority, IssuedCertificate

_CHUNK_BYTES: Final = 65536


class Way(Enum):
    """Which way bytes went."""

    TO_BROKER = "to_broker"
    TO_DEVICE = "to_device"


@dataclass(slots=True)
class Recording:
    """One connection, in the order in which the relay saw it."""

    chunks: list[tuple[Way, bytes]] = field(default_factory=list)

    def bytes_that_went(self, way: Way) -> bytes:
        """Return everything that went one way."""
        return b"".join(chunk for direction, chunk in self.chunks if direction is way)


class Relay:
    """Looks like the broker to the device and like the device to the broker.

    Attributes:
        recordings: one for each connection that a device made.
        answers_flow: while it is not set, what the broker sends is held back.
    """

    def __init__(
        self,
        authority: CertificateAuthority,
        device_certificate: IssuedCertificate,
        broker_port: int,
        *,
        address: str = "127.0.0.1",
        names: Sequence[str] = LOOPBACK,
    ) -> None:
        """Set up without listening.

        Args:
            authority: signs what the relay shows to the device.
            device_certificate: what the relay shows to the broker.
            broker_port: the broker's, on loopback.
            address: where it listens.
            names: what its certificate is for.
        """
        self.recordings: list[Recording] = []
        self.answers_flow = asyncio.Event()
        self.answers_flow.set()
        self.port = 0
        self._authority = authority
        self._device_certificate = device_certificate
        self._broker_port = broker_port
        self._address = address
        self._names = tuple(names)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; on the same port again after a stop."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self._authority.ca_path)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(*self._authority.issue("relay", hosts=self._names))
        self._server = await asyncio.start_server(self._serve, self._address, self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut every connection and listen no more."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def bytes_that_went(self, way: Way) -> bytes:
        """Return everything that went one way, over all connections."""
        return b"".join(recording.bytes_that_went(way) for recording in self.recordings)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        recording = Recording()
        self.recordings.append(recording)
        context = ssl.create_default_context(cafile=self._authority.ca_path)
        context.load_cert_chain(*self._device_certificate)
        broker_writer: asyncio.StreamWriter | None = None
        with suppress(OSError, asyncio.CancelledError):
            broker_reader, broker_writer = await asyncio.open_connection(
                "localhost", self._broker_port, ssl=context, family=2
            )
            ways = [
                asyncio.create_task(self._carry(reader, broker_writer, recording, Way.TO_BROKER)),
                asyncio.create_task(self._carry(broker_reader, writer, recording, Way.TO_DEVICE)),
            ]
            try:
                # Either end's end is the other's, at once, so that the broker publishes a last will when it should.
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        writer.transport.abort()
        if broker_writer is not None:
            broker_writer.transport.abort()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recording: Recording, way: Way
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if way is Way.TO_DEVICE:
                    await self.answers_flow.wait()
                recording.chunks.append((way, chunk))
                writer.write(chunk)
                await writer.drain()
            # What was written last, a DISCONNECT as a rule, goes out before the connection is cut.
            writer.close()
            await writer.wait_closed()
