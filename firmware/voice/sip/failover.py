"""Which of its servers an account uses. Knows no network, no clock and no SIP library."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """One place where an account's server can be reached.

    Attributes:
        name: what a TLS certificate has to be for.
        address: as `addresses.canonical` writes it.
        port: there.
    """

    name: str
    address: str
    port: int


class ServerChoice:
    """An account's servers, best first, and the one that it uses now."""

    def __init__(self) -> None:
        self._targets: tuple[Target, ...] = ()
        self._current: Target | None = None
        self._tried: set[Target] = set()

    @property
    def targets(self) -> tuple[Target, ...]:
        """All of them, best first; none until `offer`."""
        return self._targets

    @property
    def current(self) -> Target | None:
        """The one in use."""
        return self._current

    @property
    def is_at_first(self) -> bool:
        """The best one is in use, or there is none."""
        return not self._targets or self._current == self._targets[0]

    def offer(self, targets: Sequence[Target]) -> None:
        """Replace the servers; the one in use stays in use where it is still among them."""
        self._targets = tuple(dict.fromkeys(targets))
        self._tried &= set(self._targets)
        if self._current not in self._targets:
            self._current = self._targets[0] if self._targets else None

    def advance(self) -> bool:
        """Give up on the one in use for the best that has not failed since anything last worked.

        Returns:
            False where all have failed: the best is the one to begin again with, after a rest.
        """
        if self._current is not None:
            self._tried.add(self._current)
        for target in self._targets:
            if target not in self._tried:
                self._current = target
                return True
        self._tried.clear()
        self._current = self._targets[0] if self._targets else None
        return False

    def settle(self) -> None:
        """Note that the one in use works."""
        self._tried.clear()

    def return_to_first(self) -> None:
        """Use the best one again."""
        self._tried.clear()
        self._current = self._targets[0] if self._targets else None
