"""Talks to a QEMU that runs a machine (docs/interop/qmp-spec.rst of QEMU)."""

import json
import socket
import time
from pathlib import Path
from typing import Any, Final

_PATIENCE_S: Final = 60.0


class QemuMonitor:
    """The monitor of one machine."""

    def __init__(self, path: Path) -> None:
        """Connect.

        Raises:
            OSError: nobody listens at this path yet.
        """
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))
        self._buffer = b""
        self._events: list[dict[str, Any]] = []
        self._receive(time.monotonic() + _PATIENCE_S)
        self.execute("qmp_capabilities")

    def close(self) -> None:
        self._socket.close()

    def execute(self, command: str, **arguments: object) -> Any:
        """Run a command and return its answer.

        Raises:
            RuntimeError: QEMU refused; the message holds why.
        """
        request = {"execute": command, "arguments": arguments}
        self._socket.sendall(json.dumps(request, default=str).encode() + b"\n")
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            message = self._receive(deadline)
            if "event" in message:
                self._events.append(message)
            elif "error" in message:
                raise RuntimeError(f"QEMU refused {command}: {message['error']['desc']}")
            else:
                return message["return"]

    def wait_for(self, event: str, **data: object) -> None:
        """Wait for an event with these data, and forget those before it."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            message = self._events.pop(0) if self._events else self._receive(deadline)
            if message.get("event") == event and data.items() <= message["data"].items():
                return

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            chunk = self._socket.recv(65536)
            if not chunk:
                raise RuntimeError("QEMU has gone.")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message
