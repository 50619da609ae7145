"""Contacts and lamps at the GPIO lines of an emulated machine, moved and watched by QEMU's qtest protocol.

The lines are those of the PL061 on QEMU's board for arm64. A process inside asks for what it needs through a serial
port, see `tests/hardware/rig.py`.
"""

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any, Final

from tests.lab.qmp import QemuMonitor

_DEVICE: Final = "pl061"
_LINES: Final = 8
_GROUND: Final = -1
_PATIENCE_S: Final = 10.0


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
        self._changed = threading.Condition()
        self._answers = 0
        self._levels = [True] * _LINES
        self._changes: list[tuple[float, int]] = []
        self._contacts: set[tuple[int, int]] = set()
        self._given = [True] * _LINES
        self._device = ""

    def start(self) -> None:
        """Take hold of the lines: all are let go of, as by pull-ups, and outputs are watched from now on."""
        for path in self._paths:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(str(path))
            self._sockets.append(connection)
        threading.Thread(target=self._listen, name="gpio-lines", daemon=True).start()
        self._device = self._find()
        self._say(f"irq_intercept_out {self._device}")
        for line in range(_LINES):
            self._set(line, True)
        threading.Thread(target=self._serve, name="gpio-rig", daemon=True).start()

    def stop(self) -> None:
        for connection in self._sockets:
            connection.close()

    def join(self, first: int, second: int) -> None:
        """Close the contact between two lines, or one and the ground (-1)."""
        with self._changed:
            self._contacts.add((first, second))
            self._settle()

    def part(self, first: int, second: int) -> None:
        """Open it."""
        with self._changed:
            self._contacts.discard((first, second))
            self._settle()

    def level(self, line: int) -> bool:
        """Return what an output line drives; high where it is let go of."""
        with self._changed:
            return self._levels[line]

    def _find(self) -> str:
        folder = "/machine/unattached"
        for entry in self._monitor.execute("qom-list", path=folder):
            if entry["type"] == f"child<{_DEVICE}>":
                return f"{folder}/{entry['name']}"
        raise RuntimeError("This machine has no PL061, whose lines could be moved.")

    def _settle(self) -> None:
        """Give each line what its contacts pull it to."""
        for line in range(_LINES):
            others = [b if a == line else a for a, b in self._contacts if line in {a, b}]
            high = not any(other == _GROUND or not self._levels[other] for other in others)
            if high != self._given[line]:
                self._set(line, high)

    def _set(self, line: int, high: bool) -> None:
        self._given[line] = high
        self._send(f"set_irq_in {self._device} unnamed-gpio-in {line} {int(high)}")

    def _send(self, words: str) -> None:
        self._sockets[0].sendall(words.encode() + b"\n")

    def _say(self, words: str) -> None:
        """Send a command and wait until it is carried out."""
        with self._changed:
            before = self._answers
            self._send(words)
            assert self._changed.wait_for(lambda: self._answers > before, _PATIENCE_S), f"QEMU has not answered {words}"

    def _listen(self) -> None:
        for line in self._sockets[0].makefile("r"):
            words = line.split()
            with self._changed:
                if words[0] == "IRQ":
                    number = int(words[2])
                    self._levels[number] = words[1] == "raise"
                    self._changes.append((time.monotonic(), number))
                    self._settle()
                else:
                    assert words[0] == "OK", line
                    self._answers += 1
                self._changed.notify_all()

    def _serve(self) -> None:
        port = self._sockets[1]
        for line in port.makefile("r"):
            word, *arguments = json.loads(line)
            answer: dict[str, Any] = {}
            if word == "watch":
                answer = self._watch(*arguments)
            elif word == "clear":
                with self._changed:
                    self._contacts.clear()
                    self._settle()
            else:
                {"join": self.join, "part": self.part}[word](*arguments)
            port.sendall(json.dumps(answer).encode() + b"\n")

    def _watch(self, line: int, seconds: float) -> dict[str, Any]:
        with self._changed:
            began, level = time.monotonic(), self._levels[line]
            self._changes.clear()
        time.sleep(seconds)
        with self._changed:
            changes = [moment - began for moment, number in self._changes if number == line]
        return {"level": level, "changes": changes}
