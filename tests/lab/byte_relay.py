"""A relay between a device and its broker that counts bytes and looks at none."""

import asyncio
from contextlib import suppress
from typing import Final, Self

_CHUNK_BYTES: Final = 65536


class ByteRelay:
    """Passes TCP on, whatever is in it.

    Attributes:
        port: where it listens on loopback.
        to_broker, to_device: how many bytes went each way, over all connections.
        connections: how many there were that are over.
    """

    def __init__(self, broker_port: int, *, most: int | None = None) -> None:
        """Set up without listening; where there are so many connections at most, later ones are refused."""
        self.port = 0
        self.to_broker = 0
        self.to_device = 0
        self.connections = 0
        self._broker_port = broker_port
        self._most = most
        self._begun = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def wait_for_connections(self, count: int, timeout_s: float = 30) -> None:
        """Wait until that many connections are over."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: self.connections >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._begun += 1
        if self._begun == self._most and self._server is not None:
            self._server.close()
        task.add_done_callback(self._tasks.discard)
        broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", self._broker_port)
        # Raised further, the streams' own callback would log a cancellation as a failure.
        with suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._carry(reader, broker_writer, to_broker=True),
                self._carry(broker_reader, writer, to_broker=False),
            )
        writer.transport.abort()
        broker_writer.transport.abort()
        async with self._changed:
            self.connections += 1
            self._changed.notify_all()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_broker: bool) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if to_broker:
                    self.to_broker += len(chunk)
                else:
                    self.to_device += len(chunk)
                # What goes to one who has left already was sent all the same.
                with suppress(OSError):
                    writer.write(chunk)
                    await writer.drain()
        # Half of it: the other way goes on until its own end.
        with suppress(OSError):
            writer.write_eof()
