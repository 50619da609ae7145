"""Lets the lab's peers run ahead of everything else, so that a busy machine is not taken for a broken phone."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_NICENESS = -15


def prefer(process_id: int) -> None:
    """Prefer a process, and all threads that it starts from now on, where this user may."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, process_id, _NICENESS)


@contextmanager
def preferred() -> Iterator[None]:
    """Prefer the calling thread meanwhile: it does what a thread that is preferred on the device would do."""
    thread = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, thread)
    prefer(thread)
    yield
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, thread, before)
