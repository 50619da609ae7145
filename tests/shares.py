"""How tests take to others that run beside them."""

import enum
import re
from typing import Final


class Shares(enum.IntEnum):
    """How a test takes to others that run beside it; those with the lower number come first."""

    COMPUTES = 0
    """It is about what comes of something and not about when."""
    BOOTS = 1
    """It runs in the one computer that is booted for all of them."""
    WAITS = 2
    """It mostly waits, for longer than a busy computer takes."""
    ALONE = 3
    """It hears every gap in a sound, or holds something against a clock."""


_ALONE: Final = re.compile(
    r"^tests/(contract/|bench/|integration/test_("
    r"media_|sip_(conference|flood|jitter_buffer|lines_network|lines_servers|transfer)|"
    r"phone_(bad_input|callers|calls|conference|recording|several_calls|speaker|transfer)"
    r")\w*\.py::|integration/test_sip_calls\.py::test_ringing_is_signalled_within)"
)


def shares(nodeid: str) -> Shares:
    """Return how a test shares the machine, by where it stands."""
    if nodeid.startswith("tests/unit/") or "_kills.py::" in nodeid:
        return Shares.COMPUTES
    if nodeid.startswith("tests/system/"):
        return Shares.BOOTS
    return Shares.ALONE if _ALONE.match(nodeid) else Shares.WAITS
