"""A process that reads what comes from anywhere gives up all that reading does not need."""

import ctypes
import os
import resource
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

_CLONE_NEWNET: Final = 0x40000000
_CLONE_NEWUSER: Final = 0x10000000
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_SIGKILL: Final = 9


def shut_in(niceness: int, limits: Mapping[int, int]) -> None:
    """End with the parent, have no network and no way to more rights; what this machine does not allow is skipped.

    Args:
        niceness: how much to stand back behind a call.
        limits: the most of each `resource.RLIMIT_...`, for good.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    with suppress(OSError):
        os.nice(niceness)
    with suppress(OSError):
        # Where memory runs out it is this process that goes, not a call.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    for limit, most in limits.items():
        resource.setrlimit(limit, (most, most))
