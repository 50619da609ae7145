"""Bare clients of a broker: TLS with a certificate each, CONNECT and nothing more, and back at once when it was away.

What they take is what the broker and this computer need for handshakes alone; the fleet's bench compares with it.

python -m tests.bench.fleet_bare PORT CA CERTIFICATE...    # how many are in, a line each time it changes
"""

import asyncio
import os
import resource
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

_AT_ONCE: Final = 50
"""Handshakes that one process begins at a time, as many as one of the simulator."""

_RETRY_S: Final = 0.2
_LOOK_S: Final = 0.02
_ROOT: Final = Path(__file__).parents[2]


class BareClients:
    """As many processes as there are processors; `wait_until` says when so many clients are in."""

    def __init__(self, port: int, ca: Path, certificates: Sequence[Path]) -> None:
        """Set up: the key of each certificate lies beside it, and its common name is what the file is called."""
        self._shares = [certificates[first :: os.cpu_count() or 1] for first in range(os.cpu_count() or 1)]
        self._command = [sys.executable, "-m", "tests.bench.fleet_bare", str(port), str(ca)]
        self._processes: list[subprocess.Popen[str]] = []
        self._online: dict[int, int] = {}

    def __enter__(self) -> Self:
        for share in self._shares:
            process = subprocess.Popen(
                [*self._command, *map(str, share)], stdout=subprocess.PIPE, text=True, cwd=_ROOT
            )  # fmt: skip
            self._processes.append(process)
            threading.Thread(target=self._read, args=(process,), daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def wait_until(self, clients: int, timeout_s: float) -> None:
        """Wait until exactly so many are in."""
        ends_s = time.monotonic() + timeout_s
        while (online := sum(self._online.values())) != clients:
            if time.monotonic() > ends_s:
                raise AssertionError(f"{online} bare clients are in after {timeout_s:.0f} s, not {clients}.")
            time.sleep(_LOOK_S)

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._online[process.pid] = int(line)


async def _run(port: int, ca: str, certificates: Sequence[Path]) -> None:
    handshakes = asyncio.Semaphore(_AT_ONCE)
    online = 0

    async def client(certificate: Path) -> None:
        nonlocal online
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        while True:
            try:
                async with handshakes:
                    reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
                    writer.write(_connect(certificate.stem))
                    await reader.readexactly(5)
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(_RETRY_S)
                continue
            online += 1
            with suppress(OSError):
                await reader.read()
            online -= 1
            writer.close()

    async def tell() -> None:
        told = 0
        while True:
            if online != told:
                told = online
                sys.stdout.write(f"{told}\n")
                sys.stdout.flush()
            await asyncio.sleep(_LOOK_S)

    await asyncio.gather(tell(), *map(client, certificates))


def _connect(client_id: str) -> bytes:
    """Write CONNECT (MQTT 5 section 3.1): a clean start, a keep-alive of 120 s, no properties."""
    body = b"\x00\x04MQTT\x05\x02\x00\x78\x00" + struct.pack("!H", len(client_id)) + client_id.encode()
    return bytes([0x10, len(body)]) + body


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_run(int(sys.argv[1]), sys.argv[2], [Path(path) for path in sys.argv[3:]]))
