"""Ends what a program has started, in whatever moment it is told to end."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import psutil

_PR_SET_CHILD_SUBREAPER: Final = 36  # linux/prctl.h
_END_S: Final = 5.0

_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def adopting() -> Iterator[None]:
    """Become, for a while, the parent of whatever those lose theirs that this process has started."""
    _adopt(True)
    try:
        yield
    finally:
        _adopt(False)


def end_descendants() -> None:
    """End at once whatever this process has started, and what that has; only for who has adopted.

    A signal may come between the start of a program and the moment at which anybody knows its number.
    """
    while left := descendants():
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, _END_S)


def descendants() -> list[psutil.Process]:
    """Return what runs that this process has started, and what that has; the dead are buried."""
    found = psutil.Process().children(recursive=True)
    return [process for process in found if not _is_buried(process)]


def _is_buried(process: psutil.Process) -> bool:
    try:
        if process.status() != psutil.STATUS_ZOMBIE:
            return False
        # Of one that was adopted nobody else asks how it ended.
        with suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
    except psutil.NoSuchProcess:
        pass
    return True


def _adopt(adopts: bool) -> None:
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, int(adopts), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "This process may not adopt others")
