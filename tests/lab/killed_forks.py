"""Processes to be killed, by the hundred: forks of one that has loaded what they need.

A fork of the tests' own process could wait without an end for a lock that another of its threads held, so they are
forks of a process that has one thread. There is one such process for all tests of a run.
"""

import multiprocessing
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.lab.killed_at import kill_at

_FORKS: Final = multiprocessing.get_context("forkserver")
_PATIENCE_S: Final = 60.0
_loaded: list[str] = []


def load(module: str) -> None:
    """Have a module loaded before the first fork; each module whose functions are to be killed asks for it."""
    _loaded.append(module)
    _FORKS.set_forkserver_preload(_loaded)


def run_apart(function: Callable[..., object], *arguments: Any) -> int:
    """Call a function in a process of its own that may be killed; return the exit code, 0 or -SIGKILL."""
    process = _FORKS.Process(target=function, args=arguments)
    process.start()
    process.join(_PATIENCE_S)
    assert process.exitcode in {0, -signal.SIGKILL}
    return int(process.exitcode)


def run_killed_at(step: int, folder: Path, change: Callable[[Path], None]) -> int:
    """Call a function in a process that is killed just before it touches the folder for the nth time."""
    return run_apart(_call_killed_at, step, folder, change)


def _call_killed_at(step: int, folder: Path, change: Callable[[Path], None]) -> None:
    kill_at(step, folder)
    change(folder)
