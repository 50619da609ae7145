"""How tests take to others that run beside them."""

import enum
import fcntl
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final


class Shares(enum.IntEnum):
    """How a test takes to others that run beside it; those with the lower number come first."""

    BOOTS = 0
    """It runs in the one computer that is booted for all of them."""
    WAITS = 1
    """It mostly waits: others compute meanwhile, and it bears with a busy computer."""
    COMPUTES = 2
    """It is about what comes of something and not about when."""
    ALONE = 3
    """It holds the phone's own speed against a clock."""


_ALONE: Final = re.compile(
    r"^tests/(bench/|integration/test_(sip_flood\w*\.py|sip_calls\.py::test_ringing_is_signalled_within|"
    r"media_loop\.py::test_(dial_tone_is_heard_within|the_loop_itself_costs))"
    r")"
)


def shares(nodeid: str) -> Shares:
    """Return how a test shares the machine, by where it stands."""
    if _ALONE.match(nodeid):
        return Shares.ALONE
    if nodeid.startswith(("tests/unit/", "tests/contract/")) or "_kills.py::" in nodeid:
        return Shares.COMPUTES
    return Shares.BOOTS if nodeid.startswith("tests/system/") else Shares.WAITS


class Machine:
    """What the processes that run tests share: all but one that must be alone may use it at once."""

    def __init__(self) -> None:
        # Any file serves that all of them have.
        self._lock = os.open(__file__, os.O_RDONLY)

    @contextmanager
    def used_by(self, nodeid: str) -> Generator[None]:
        """Let a test run once it may; a test that must be alone waits for those that run."""
        fcntl.flock(self._lock, fcntl.LOCK_EX if shares(nodeid) is Shares.ALONE else fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
