"""How long tests wait for what is sure to come: where it does not, and for no reason but a busy computer, in vain."""

import time
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 30.0
"""How long something may take that would happen at once, on a computer that has other things to do."""


def wait_until(
    condition: Callable[[], object],
    what: str = "it happens",
    timeout_s: float = PATIENCE_S,
    *,
    look_s: float = 0.01,
) -> None:
    """Wait for something of which nothing tells, and look every `look_s`.

    Raises:
        AssertionError: it did not come about in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s in vain until {what}"
        time.sleep(look_s)
