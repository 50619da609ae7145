"""How often a server is looked at: often while something happens, and ever more rarely while nothing does."""

from collections.abc import Callable
from typing import Final

# For so long after the last call or change nothing is eased; after ten times as long all is.
_LIVELY_S: Final = 60.0


class Attention:
    """The seconds between looks at one server, by how long it has been quiet."""

    def __init__(self, clock: Callable[[], float], *, probe_s: float, idle_probe_s: float, check_s: float) -> None:
        """Begin as after a change.

        Args:
            clock: seconds, monotonic.
            probe_s: between OPTIONS while something happens.
            idle_probe_s: between them after ten quiet minutes; `probe_s` or less eases nothing.
            check_s: between REGISTERs that look whether the registrar has forgotten us, while something happens; they
                ease off with the square, until those that renew the registration are all that is left.
        """
        self._clock = clock
        self._probe_s = probe_s
        self._most = max(1.0, idle_probe_s / probe_s)
        self._check_s = check_s
        self._since_s = clock()

    def renew(self) -> None:
        """Look often again: there is a call, or something has changed."""
        self._since_s = self._clock()

    @property
    def is_eased(self) -> bool:
        """Looks are rarer than while something happens."""
        return self._factor > 1

    @property
    def probe_s(self) -> float:
        """Seconds between OPTIONS now."""
        return self._probe_s * self._factor

    @property
    def check_s(self) -> float:
        """Seconds between REGISTERs now."""
        return self._check_s * self._factor**2

    @property
    def _factor(self) -> float:
        return min(self._most, max(1.0, (self._clock() - self._since_s) / _LIVELY_S))
