"""The sync process as the service manager starts it: `wecall sync`, in a process of its own."""

import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

STOP_TIMEOUT_S = 20.0


class SyncProcess:
    """Starts, stops and kills `wecall sync`; its log lines are kept across restarts."""

    def __init__(self, runtime_dir: Path, *, environment: Mapping[str, str] | None = None) -> None:
        self._runtime_dir = runtime_dir
        self._environment = {"PATH": "/usr/bin:/bin", **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._changed = threading.Condition()
        self._log: list[str] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._process is not None:
            self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has written so far."""
        with self._changed:
            return "".join(self._log)

    def start(self) -> None:
        """Start it; it connects when it can."""
        wecall = Path(sys.executable).with_name("wecall")
        self._process = subprocess.Popen(
            [wecall, "sync", "--runtime-dir", self._runtime_dir],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=self._environment,
        )
        assert self._process.stderr is not None
        threading.Thread(target=self._read, args=(self._process.stderr,), daemon=True).start()

    def stop(self) -> int:
        """End it in good order and return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End it at once and return its exit code."""
        return self._end(signal.SIGKILL)

    def wait_for_log(self, text: str, timeout_s: float = 20.0) -> None:
        """Wait until it has written the text."""
        with self._changed:
            found = self._changed.wait_for(lambda: text in "".join(self._log), timeout_s)
            assert found, f"{text!r} is not in:\n{''.join(self._log)}"

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(number)
        return process.wait(STOP_TIMEOUT_S)

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            with self._changed:
                self._log.append(line.decode(errors="replace"))
                self._changed.notify_all()
