"""Contacts and lamps at the GPIO lines of an emulated machine, moved and watched by QEMU's qtest protocol.

The lines are those of the PL061 on QEMU's board for arm64. A process inside asks for what it needs through a serial
port, see `tests/hardware/rig.py`.
"""

import json
import queue
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.lab.qmp import QemuMonitor

Act = Callable[..., object]
GROUND: Final = -1
"""The other end of a contact that pulls a line low."""

_DEVICE: Final = "pl061"
_LINES: Final = 8
_PATIENCE_S: Final = 30.0
# The board tells of levels only, and pulls down what nobody drives: whether a line is driven low stands in the
# device's registers (hw/arm/virt.c; ARM's data sheet of the PL061, 3.2), which are read again and again.
_DATA: Final = 0x0903_03FC
_DIRECTION: Final = 0x0903_0400
_LOOK_EVERY_S: Final = 0.004
_GLANCE_EVERY_S: Final = 0.1


class GpioRig:
    """The rig of one machine."""

    def __init__(self, monitor: QemuMonitor, qtest: Path, port: Path) -> None:
        """Set up.

        Args:
            monitor: QEMU's.
            qtest: the socket where QEMU speaks qtest.
            port: the socket that is the far end of the machine's serial port.
        """
        self._monitor = monitor
        self._paths = (qtest, port)
        self._sockets: list[socket.socket] = []
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._commanding = threading.Lock()
        self._settling = threading.RLock()
        self._changes: list[tuple[float, int]] = []
        self._contacts: set[tuple[int, int]] = set()
        self._given: list[bool | None] = [None] * _LINES
        self._device = ""
        self._stopping = threading.Event()

    def start(self) -> None:
        """Take hold of the lines: all are high, as by pull-ups, and outputs are watched from now on."""
        for path in self._paths:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(str(path))
            self._sockets.append(connection)
        threading.Thread(target=self._listen, name="gpio-lines", daemon=True).start()
        self._device = self._find()
        self._command(f"irq_intercept_out {self._device}")
        self._settle()
        threading.Thread(target=self._follow, name="gpio-contacts", daemon=True).start()
        threading.Thread(target=self._serve, name="gpio-rig", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        for connection in self._sockets:
            connection.close()

    def join(self, first: int, second: int) -> None:
        """Close the contact between two lines, or one and the ground (-1)."""
        with self._settling:
            self._contacts.add((first, second))
            self._settle()

    def part(self, first: int, second: int) -> None:
        """Open it."""
        with self._settling:
            self._contacts.discard((first, second))
            self._settle()

    def clear(self) -> None:
        """Open all."""
        with self._settling:
            self._contacts.clear()
            self._settle()

    def watch(self, line: int, seconds: float) -> dict[str, Any]:
        """Watch an output for a time; return its level at first, and when it changed, in seconds."""
        self._changes.clear()
        began, level = time.monotonic(), bool(self._read(_DATA) >> line & 1)
        self._stopping.wait(seconds)
        return {"level": level, "changes": [moment - began for moment, number in [*self._changes] if number == line]}

    def _find(self) -> str:
        folder = "/machine/unattached"
        for entry in self._monitor.execute("qom-list", path=folder):
            if entry["type"] == f"child<{_DEVICE}>":
                return f"{folder}/{entry['name']}"
        raise RuntimeError("This machine has no PL061, whose lines could be moved.")

    def _settle(self) -> None:
        """Give each line what its contacts pull it to."""
        with self._settling:
            driven = self._read(_DIRECTION)
            low = driven & ~self._read(_DATA) if driven else 0
            for line in range(_LINES):
                if driven >> line & 1:
                    # The device keeps nothing that is given to an output: as an input it has what it was driven to.
                    self._given[line] = None
                    continue
                others = [b if a == line else a for a, b in self._contacts if line in {a, b}]
                high = not any(other == GROUND or low >> other & 1 for other in others)
                if high != self._given[line]:
                    self._given[line] = high
                    self._command(f"set_irq_in {self._device} unnamed-gpio-in {line} {int(high)}")

    def _follow(self) -> None:
        """Settle again and again, most often while lines are joined."""
        while not self._stopping.wait(_LOOK_EVERY_S if self._joins_lines else _GLANCE_EVERY_S):
            try:
                self._settle()
            except OSError:
                return

    @property
    def _joins_lines(self) -> bool:
        return any(GROUND not in contact for contact in self._contacts)

    def _read(self, address: int) -> int:
        return int(self._command(f"readb {address:#x}").split()[1], 16)

    def _command(self, words: str) -> str:
        with self._commanding:
            self._sockets[0].sendall(words.encode() + b"\n")
            answer = self._answers.get(timeout=_PATIENCE_S)
        assert answer.startswith("OK"), f"QEMU refused {words}: {answer}"
        return answer

    def _listen(self) -> None:
        for line in self._sockets[0].makefile("r"):
            words = line.split()
            if words[0] == "IRQ":
                self._changes.append((time.monotonic(), int(words[2])))
            else:
                self._answers.put(line)

    def _serve(self) -> None:
        acts: dict[str, Act] = {
            "join": self.join,
            "part": self.part,
            "clear": self.clear,
            "watch": self.watch,
        }
        port = self._sockets[1]
        for line in port.makefile("r"):
            word, *arguments = json.loads(line)
            answer = acts[word](*arguments)
            port.sendall(json.dumps(answer or {}).encode() + b"\n")
