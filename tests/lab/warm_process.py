"""Programs in Python that start at once: forks of a process that has loaded what they need (tests.lab.kills)."""

import faulthandler
import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.reduction import DupFd
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tests import touched
from tests.lab import kills


class WarmProcess:
    """A module's `main` in a process of its own, with what `subprocess.Popen` has of it."""

    def __init__(
        self, module: str, *arguments: str, streams: tuple[int, int, int], environment: Mapping[str, str] | None = None
    ) -> None:
        """Start it.

        Args:
            module: which is loaded before the first fork, where it was asked for by `kills.load`.
            arguments: of its command line.
            streams: the descriptors that it has for its input, its output and its errors.
            environment: all that it has; that of this process where left out.
        """
        self.args = [module, *arguments]
        its_own = [DupFd(descriptor) for descriptor in streams]
        self._process = kills.start_apart(_run, self.args, its_own, dict(environment or os.environ))
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return how it ended, as `subprocess` tells it; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it runs still.
        """
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def send_signal(self, how: signal.Signals) -> None:
        """Send it a signal; harmless where it has ended."""
        # It may have ended without anybody here having heard of it yet.
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, how)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def completed(module: str, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run a module's `main` to its end and return that, with all that it has said.

    Raises:
        subprocess.TimeoutExpired: it ran for too long, and was ended.
    """
    with Path(os.devnull).open("rb") as nothing, TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        process = WarmProcess(module, *arguments, streams=(nothing.fileno(), output.fileno(), errors.fileno()))
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        said = [(stream.seek(0), stream.read())[1] for stream in (output, errors)]
    return subprocess.CompletedProcess(process.args, code, *said)


def _run(arguments: list[str], streams: list[Any], environment: dict[str, str]) -> None:
    for place, stream in enumerate(streams):
        descriptor = stream.detach()
        os.dup2(descriptor, place)
        os.close(descriptor)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout, sys.stderr = (
        os.fdopen(place, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
        for place in (1, 2)
    )
    faulthandler.enable()
    os.environ.clear()
    os.environ.update(environment)
    touched.begin()
    sys.argv = arguments
    importlib.import_module(arguments[0]).main()
