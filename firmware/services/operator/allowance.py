"""How much of what comes over the network is looked at."""

from collections.abc import Callable

from firmware.base.errors import HandsetError


class InboundBusyError(HandsetError):
    """More messages come than the handset looks at; this one is to be brought again."""


class Allowance:
    """So many at once and so many a second, whoever sends them."""

    def __init__(self, monotonic: Callable[[], float], *, burst: int, per_s: float) -> None:
        self._monotonic = monotonic
        self._burst = burst
        self._per_s = per_s
        self._left: float = burst
        self._counted_at_s = monotonic()

    def use(self) -> None:
        """Take one off.

        Raises:
            InboundBusyError: there is none left now.
        """
        now_s = self._monotonic()
        self._left = min(self._burst, self._left + (now_s - self._counted_at_s) * self._per_s)
        self._counted_at_s = now_s
        if self._left < 1:
            raise InboundBusyError("More messages came from the operator than this handset looks at. Send fewer.")
        self._left -= 1
