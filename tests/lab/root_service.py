"""The service that has root, served in a thread of this process on a socket of its own."""

import select
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from firmware.setup.root.record import RecordError
from firmware.setup.root.service import Service
from tests.lab.root_machine import RootMachine


class RootService:
    """Starts when somebody asks, as the service manager has it start, and as often.

    Attributes:
        path: of the socket.
        now_s: what its clock says.
        starts: how often it was started.
        ended: how often it came to its end by itself.
    """

    def __init__(self, machine: RootMachine, path: Path, *, deadline_s: float = 120, linger_s: float = 0) -> None:
        self.machine = machine
        self.path = path
        self.now_s = 0.0
        self.starts = 0
        self.ended = 0
        self._deadline_s = deadline_s
        self._linger_s = linger_s
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stops = False

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stops = True
        (self.machine.machine.state / "record.json").unlink(missing_ok=True)
        # Somebody who asks for nothing that there is has it look.
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.connect(str(self.path))
            caller.sendall(b"\n")
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while not self._stops:
            # What the service manager does: it waits until somebody connects, and starts the service then.
            select.select([self._listener], [], [])
            self.starts += 1
            work = self.machine.work()
            with suppress(RecordError):
                work.recover()
            folder = self.machine.machine.state
            Service(
                work,
                self._listener,
                folder,
                deadline_s=self._deadline_s,
                look_s=0.01,
                linger_s=self._linger_s,
                clock=lambda: self.now_s,
            ).serve()
            self.ended += 1
