"""An installer who serves a folder of bundles to a network, by the command."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Self

from tests.lab.network import Namespace


class ServingDesk:
    """Serves until it is stopped.

    Attributes:
        said: what the command had printed in the end.
    """

    def __init__(self, namespace: Namespace, folder: Path, *options: str) -> None:
        """`namespace` must have its cables already."""
        program = [sys.executable, "-m", "firmware.cli", "bundle", "serve", str(folder), *options]
        self._command = namespace.command(*program)
        self._process: subprocess.Popen[str] | None = None
        self.said = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        )
        # Once it says so, it is announced.
        self.said = self._output.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Press Ctrl-C."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self.said += self._output.read()
            self._process.wait()
            self._process = None

    @property
    def _output(self) -> IO[str]:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout
