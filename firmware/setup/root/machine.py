"""The machine that root changes: where its files are, and its programs."""

import logging
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 120.0

Run = Callable[..., str | None]
"""Runs a program with its arguments; returns what it wrote, None where it is not there or fails."""


def run(*command: str) -> str | None:
    """Run one of the system's programs."""
    try:
        done = subprocess.run(  # noqa: S603 - the commands are ours, and no shell reads them
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        return None
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.warning("%s did not run: %s", command[0], type(error).__name__)
        return None
    if done.returncode != 0:
        # What it says may name networks; its arguments are ours and have no secret in them.
        _log.warning("%s failed with %d", " ".join(command[:3]), done.returncode)
        return None
    return done.stdout


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine; tests have one of their own below another root.

    Attributes:
        root: what its absolute paths begin at.
        run: runs its programs.
        flush: puts on the disk all that was written.
    """

    root: Path = Path("/")
    run: Run = run
    flush: Callable[[], None] = os.sync

    @property
    def state(self) -> Path:
        """What root remembers, for itself alone."""
        return self.root / "var/lib/wecall-apply"

    @property
    def configuration(self) -> Path:
        """The configuration that whoever has root may have written by hand."""
        return self.root / "etc/wecall/config.toml"
