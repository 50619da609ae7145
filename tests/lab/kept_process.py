"""A process that is started again whenever it ends, as systemd does it for a unit with Restart=always."""

import os
import select
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.lab.handset import WecallProcess

_PAUSE_S: Final = 0.1


class KeptProcess:
    """Keeps a process running until it is told to stop.

    Attributes:
        process: what it keeps.
        starts: how often it was started.
    """

    def __init__(self, process: "WecallProcess", *successors: "WecallProcess") -> None:
        """`successors` take the process's place, each when the one before has ended."""
        self.process = process
        self._successors = list(successors)
        self.starts = 0
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None

    @property
    def pid(self) -> int:
        """The running process's."""
        return self.process.pid

    def launch(self) -> None:
        """Start it, without waiting, unless it is kept already."""
        if self._keeper is not None:
            return
        self._stopping.clear()
        self._begin()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()

    def release(self) -> None:
        """Start it no more once it ends."""
        self._stopping.set()

    def stop(self) -> None:
        """End it in good order, for good."""
        self._finish(self.process.stop)

    def die(self) -> None:
        """Let it be killed once, and started again."""
        os.kill(self.pid, signal.SIGKILL)

    def kill(self) -> None:
        """End it at once, for good, as a power failure would."""
        self._finish(self.process.kill)

    def _finish(self, end: Callable[[], object]) -> None:
        keeper, self._keeper = self._keeper, None
        self._stopping.set()
        with suppress(RuntimeError):
            end()
        if keeper is not None:
            keeper.join()
            # Begun while it was to end.
            self.process.kill()

    def _begin(self) -> None:
        if self.starts and self._successors:
            self.process = self._successors.pop(0)
        self.starts += 1
        self.process.launch()

    def _keep(self) -> None:
        while not self._stopping.is_set():
            self._wait_for_end()
            if self._stopping.wait(_PAUSE_S):
                return
            self._begin()

    def _wait_for_end(self) -> None:
        try:
            descriptor = os.pidfd_open(self.process.pid)
        except (RuntimeError, ProcessLookupError):
            return
        try:
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            while not self._stopping.is_set() and not poller.poll(200):
                continue
        finally:
            os.close(descriptor)
