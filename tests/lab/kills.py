"""Processes that are killed at one of their steps, as a power cut might, and what they leave behind.

A fork of the tests' own process could wait without an end for a lock that another of its threads held, so they are
forks of a process that has one thread and has loaded what they need. There is one such process for all tests of a run.
"""

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from firmware.store.database import Database
from tests import touched
from tests.lab import chance

_FORKS: Final = multiprocessing.get_context("forkserver")
_PATIENCE_S: Final = 60.0
_STEP: Final = "tests.step"
_TOUCHES: Final = {
    "open", "os.link", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", _STEP
}  # fmt: skip
_loaded: list[str] = []

Trap = Callable[[int, Path], None]


def load(module: str) -> None:
    """Have a module loaded before the first fork; each module whose functions are to be killed asks for it."""
    _loaded.append(module)
    _FORKS.set_forkserver_preload(_loaded)


def get_ready() -> None:
    """Start what will be forked, which goes on being preferred as this process is now."""
    forkserver.ensure_running()


def start_apart(function: Callable[..., object], *arguments: Any) -> BaseProcess:
    """Call a function in a process of its own, and do not wait for it."""
    # A run that is over waits for nobody.
    process = _FORKS.Process(target=_call, args=(os.environ.get(touched.WHERE), function, *arguments), daemon=True)
    process.start()
    return process


def _call(where_touched: str | None, function: Callable[..., object], *arguments: Any) -> None:
    """Call a function in a process that was forked: its environment is that of a process which was started long ago."""
    if where_touched is not None:
        os.environ[touched.WHERE] = where_touched
        touched.begin()
    function(*arguments)


def run_apart(function: Callable[..., object], *arguments: Any) -> int:
    """Call a function in a process of its own that may be killed; return the exit code, 0 or -SIGKILL."""
    process = start_apart(function, *arguments)
    process.join(_PATIENCE_S)
    assert process.exitcode in {0, -signal.SIGKILL}
    return int(process.exitcode)


# --- traps: each is armed in the process that is killed ---


def at_touch(number: int, folder: Path) -> None:
    """Be killed just before touching a folder for the nth time. Python tells of each touch (sys.addaudithook)."""
    touches = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal touches
        if event in _TOUCHES and str(arguments[0]).startswith(str(folder)):
            touches += 1
            if touches == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def announce(owner: Any, name: str, folder: Path) -> None:
    """Let each call of a function count as a touch of the folder too, as Python does not by itself."""
    function = getattr(owner, name)

    def announced(*arguments: Any) -> Any:
        sys.audit(_STEP, str(folder))
        return function(*arguments)

    setattr(owner, name, announced)


def at_statement(number: int, _folder: Path) -> None:
    """Be killed just before the nth statement to the store; what opening it takes does not count."""
    statements = 0

    def counted(original: Any) -> Any:
        def run(self: Database, sql: str, *parameters: Any) -> Any:
            nonlocal statements
            if not sql.startswith("PRAGMA"):
                statements += 1
                if statements == number:
                    os.kill(os.getpid(), signal.SIGKILL)
            return original(self, sql, *parameters)

        return run

    Database.query = counted(Database.query)  # type: ignore[method-assign]
    Database.execute = counted(Database.execute)  # type: ignore[method-assign]


# --- what is left behind ---


@dataclass(frozen=True, slots=True)
class Cut:
    """What a process has left behind.

    Attributes:
        step: before which it was to be killed.
        ended: it came to its end before that.
    """

    step: int
    folder: Path
    ended: bool


def run_killed_at(step: int, folder: Path, change: Callable[[Path], object], trap: Trap = at_touch) -> int:
    """Call a function in a process that is killed just before its nth step; return the exit code."""
    return run_apart(_call_killed_at, trap, step, folder, change)


def _call_killed_at(trap: Trap, step: int, folder: Path, change: Callable[[Path], object]) -> None:
    trap(step, folder)
    change(folder)


def cuts(whole: Path, change: Callable[[Path], object], trap: Trap = at_touch, *, one_in: int = 4) -> Iterator[Cut]:
    """Give what is left of a folder's copies where a function is killed at its steps, and at last where it is not.

    Args:
        whole: is copied for each step.
        change: what is done to the copy.
        trap: what counts as a step.
        one_in: at a landing, one step in so many; the soak takes each.
    """
    killed = False
    for step in chance.steps(one_in):
        folder = shutil.copytree(whole, whole.parent / f"step-{step}", symlinks=True)
        ended = run_killed_at(step, folder, change, trap) == 0
        yield Cut(step, folder, ended)
        shutil.rmtree(folder)
        if ended:
            break
        killed = True
    assert killed, "nothing was ever killed"


def all_met(met: Collection[object], possible: Collection[object]) -> bool:
    """Say whether what was met is what may be; all of it, where a process was killed at each step."""
    return set(met) == set(possible) if chance.SOAK else set(met) <= set(possible)


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """Give a place where many stores are quickly made: a process that is killed loses nothing in memory either."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)
