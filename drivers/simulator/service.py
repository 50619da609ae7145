"""The simulator's process: waits for a handset and shows its devices as a page for as long as that runs."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from drivers.errors import DeviceError
from drivers.simulator.messages import (
    FROM_HANDSET,
    SOCKET_NAME,
    FromSimulator,
    HookMoved,
    PhoneDescribed,
    encode,
    received,
)
from drivers.simulator.server import HOST, Simulator, listen

logger = logging.getLogger(__name__)


class SimulatorService:
    """Serves one handset after another; how the receiver lies outlasts them.

    Whoever opens the page while there is no handset waits until there is one.

    Attributes:
        url: the page's address.
        simulator: what shows the latest handset; None until there was one.
    """

    def __init__(self, runtime_dir: Path, port: int) -> None:
        """Listen for pages and for a handset.

        Args:
            runtime_dir: where the handset's sockets are, this one among them.
            port: the page's; 0 lets the system choose.

        Raises:
            DeviceError: the port or the socket cannot be listened on.
        """
        self._runtime_dir = runtime_dir
        self._pages = listen(port)
        self.url = f"http://{HOST}:{self._pages.getsockname()[1]}/"
        self._handsets = _listen_for_handsets(runtime_dir / SOCKET_NAME)
        self._off_hook = False
        self.simulator: Simulator | None = None

    async def run(self) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        with self._pages, self._handsets:
            while True:
                connection, _ = await loop.sock_accept(self._handsets)
                reader, writer = await asyncio.open_unix_connection(sock=connection)
                try:
                    await self._serve(reader, writer)
                except DeviceError as error:
                    logger.warning("The simulator hung up on a handset: %s", error)
                finally:
                    writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def tell(message: FromSimulator) -> None:
            writer.write(encode(message))

        messages = received(reader, FROM_HANDSET)
        phone = await anext(messages, None)
        if not isinstance(phone, PhoneDescribed):
            return
        self.simulator = simulator = Simulator(phone, self._pages, tell, self._runtime_dir, off_hook=self._off_hook)
        tell(HookMoved(self._off_hook))
        await simulator.start()
        try:
            async for message in messages:
                simulator.show(message)
        finally:
            self._off_hook = simulator.off_hook
            await simulator.stop()


async def run(runtime_dir: Path, port: int, when_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        runtime_dir: as SimulatorService takes it.
        port: likewise.
        when_ready: told the page's address.

    Raises:
        DeviceError: the port or the socket cannot be listened on.
    """
    service = SimulatorService(runtime_dir, port)
    serving = asyncio.create_task(service.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    when_ready(service.url)
    with suppress(asyncio.CancelledError):
        await serving


def _listen_for_handsets(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        # Left by a simulator that was killed.
        path.unlink(missing_ok=True)
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise DeviceError(f"The simulator cannot make its socket {path}: {error.strerror or error}.") from error
    listener.listen()
    return listener
