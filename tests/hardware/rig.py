"""What is at the far end of an emulated machine's devices, for tests that run inside it.

Outside, `tests/lab/gpio_rig.py` has contacts and lamps at the machine's eight GPIO lines. What goes over the I2C stub
is told by the kernel's own tracing.
"""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final, Protocol

_PORT: Final = Path("/dev/virtio-ports/rig")
_TRACING: Final = Path("/sys/kernel/tracing")
_ADAPTERS: Final = Path("/sys/bus/i2c/devices")
_WRITE: Final = re.compile(r"smbus_write: i2c-(\d+) a=([0-9a-f]+) f=\S+ c=([0-9a-f]+) (\w+) l=\d+ \[([0-9a-f-]*)\]")

GROUND: Final = -1
"""The other end of a contact that pulls a line low."""

LINES: Final = 8
"""How many the machine has, from GPIO 0."""

SETTLE_S: Final = 0.1
"""How long a line may take to follow another one: the contacts are in another process, outside."""


class Rig:
    """Contacts between lines, and an eye on them."""

    def __init__(self) -> None:
        self._port: IO[bytes] = _PORT.open("r+b", buffering=0)

    @classmethod
    def is_here(cls) -> bool:
        """Say whether this is such a machine."""
        return _PORT.exists() and any(Path("/dev").glob("gpiochip*"))

    def join(self, first: int, second: int) -> None:
        """Close the contact between two lines, or one and GROUND."""
        self._ask("join", first, second)

    def part(self, first: int, second: int) -> None:
        """Open it again."""
        self._ask("part", first, second)

    def watch(self, line: int, seconds: float) -> tuple[bool, list[float]]:
        """Watch an output for a time; return its level at first, and when it changed, in seconds."""
        answer = self._ask("watch", line, seconds)
        return bool(answer["level"]), [float(moment) for moment in answer["changes"]]

    def close(self) -> None:
        """Open all contacts and let the port go."""
        self._ask("clear")
        self._port.close()

    def _ask(self, *words: object) -> dict[str, Any]:
        self._port.write(json.dumps(words).encode() + b"\n")
        received = b""
        while not received.endswith(b"\n"):
            received += self._port.read(65536) or b""
        answer: dict[str, Any] = json.loads(received)
        return answer


class BlockPanel(Protocol):
    """A fake panel that takes blocks."""

    def write_i2c_block_data(self, address: int, kind: int, block: Sequence[int]) -> None: ...


class BytePanel(Protocol):
    """A fake panel that takes single bytes."""

    def write_byte(self, address: int, value: int) -> None: ...


def stub_bus() -> int | None:
    """Return the number of the I2C bus that the kernel's stub is, None where there is none."""
    for adapter in _ADAPTERS.glob("i2c-*"):
        if (adapter / "name").read_text().startswith("SMBus stub"):
            return int(adapter.name.removeprefix("i2c-"))
    return None


class BusEar:
    """Hears what is written to the I2C bus, and gives it to a fake panel."""

    def __init__(self) -> None:
        (_TRACING / "events/smbus/smbus_write/enable").write_text("1")
        self._pipe = os.open(_TRACING / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK)
        self._rest = ""
        self.writes()

    def close(self) -> None:
        os.close(self._pipe)
        (_TRACING / "events/smbus/smbus_write/enable").write_text("0")

    def tell(self, panel: BlockPanel | BytePanel) -> None:
        """Have a panel take what was written since the last time."""
        for address, command, block in self.writes():
            if block:
                panel.write_i2c_block_data(address, command, block)  # type: ignore[union-attr]
            else:
                panel.write_byte(address, command)  # type: ignore[union-attr]

    def writes(self) -> list[tuple[int, int, list[int]]]:
        """Return what was written: address, command and block, before which the trace has its length."""
        try:
            while chunk := os.read(self._pipe, 1 << 16):
                self._rest += chunk.decode()
        except BlockingIOError:
            pass
        *lines, self._rest = self._rest.split("\n")
        found = [_WRITE.search(line) for line in lines]
        return [
            (int(match[2], 16), int(match[3], 16), [int(byte, 16) for byte in match[5].split("-") if byte][1:])
            for match in found
            if match
        ]
