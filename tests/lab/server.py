"""A program that runs beside a test."""

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.lab.warm_process import WarmProcess

_STOP_TIMEOUT_S = 60.0
_LOOK_S = 0.02


class Server(ABC):
    """Starts and stops one, by itself or as a context, and keeps what it writes."""

    def __init__(self, log: Path, *, may_hang: bool = False) -> None:
        """Start nothing yet.

        Args:
            log: the file that takes what it writes.
            may_hang: it is known not to end at times, and is then ended at once.
        """
        self._log = log
        self._may_hang = may_hang
        self._process: subprocess.Popen[bytes] | WarmProcess | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it ended or does not answer; the message holds its log.
        """

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start in the same place."""
        self.stop()
        self.start()

    def _launch(
        self,
        command: Sequence[str | os.PathLike[str]],
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Begin to run a command, in a session of its own; of our environment it has only where programs are."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=folder,
                env=environment or {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
            )

    def _launch_warm(self, module: str, *arguments: str) -> None:
        """Begin to run a module's `main` as the command that it is."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            streams = (nothing.fileno(), log.fileno(), log.fileno())
            self._process = WarmProcess(module, *arguments, streams=streams)

    def _wait_until(self, is_ready: Callable[[], bool], complaint: str, timeout_s: float) -> None:
        """Wait for something of it; where it ends before, or that does not come, say so with its log."""
        ends_at = time.monotonic() + timeout_s
        while not is_ready():
            if self._process is None or self._process.poll() is not None or time.monotonic() > ends_at:
                self.kill()
                raise RuntimeError(f"{complaint}:\n{self.log[-5000:]}")
            time.sleep(_LOOK_S)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            if not self._may_hang:
                raise
