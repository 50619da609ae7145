"""Lets the lab's peers run ahead of everything else, so that a busy machine is not taken for a broken phone."""

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_NICENESS: Final = -15
# Behind the handset's own audio thread, which nothing here may help to be in time, and behind PulseAudio's threads of
# 5 that stand for the sound cards: what plays to a card must not keep it from taking the sound.
_REAL_TIME: Final = 4
# What carries sound rests every few milliseconds. What does not is stuck, and would keep a core from everybody else:
# the kernel then ends its process by SIGXCPU. A busy machine makes nobody run for so long.
LONGEST_WITHOUT_REST_S: Final = 2
REST_S: Final = 0.001
"""How long a thread that carries sound rests at least, however late it is."""


def prefer(process_id: int) -> None:
    """Prefer a process, and all threads that it starts from now on, where this user may."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, process_id, _NICENESS)


def carry_sound(thread_id: int) -> None:
    """Run a thread before all that carry no sound, as the handset's own would on the device, where this user may.

    To prefer it would not do: niceness counts among the processes of one session only (sched_autogroup), and most
    peers have a session of their own. Its process ends where a thread takes LONGEST_WITHOUT_REST_S at once.
    """
    try:
        _, hard = resource.prlimit(thread_id, resource.RLIMIT_RTTIME)
        resource.prlimit(thread_id, resource.RLIMIT_RTTIME, (LONGEST_WITHOUT_REST_S * 1_000_000, hard))
        os.sched_setscheduler(thread_id, os.SCHED_RR, os.sched_param(_REAL_TIME))
    except PermissionError:
        prefer(thread_id)


def ran_and_waited_s(process_id: int) -> tuple[float, float]:
    """Return for how long a process's threads, taken together, have run, and been kept waiting for a processor."""
    ran_ns = waited_ns = 0
    for thread in Path(f"/proc/{process_id}/task").iterdir():
        # It may have ended since.
        with suppress(FileNotFoundError, ProcessLookupError):
            ran, waited, _ = map(int, (thread / "schedstat").read_text().split())
            ran_ns, waited_ns = ran_ns + ran, waited_ns + waited
    return ran_ns / 1e9, waited_ns / 1e9


@contextmanager
def carrying_sound() -> Iterator[None]:
    """Let the calling thread carry sound meanwhile."""
    thread = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, thread)
    carry_sound(thread)
    try:
        yield
    finally:
        os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, thread, before)
