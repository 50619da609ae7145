"""How often somebody may fail to log in: a few times a minute from an address, and so many times in all."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Lock
from typing import Final

PER_MINUTE: Final = 6
"""Failures from one address."""

PER_MINUTE_IN_ALL: Final = 60
"""Failures of everybody together: each is a connection to the broker, and somebody may have many addresses."""

_MAX_KNOWN: Final = 10_000
"""Addresses that are remembered. `PER_MINUTE_IN_ALL` lets them come so slowly that who is forgotten has served time."""

_MINUTE_S: Final = 60.0
_PREFIX_BITS: Final = 64
"""Whoever has one address of IPv6 has as many as a network has (RFC 4291 section 2.5.1), so that these are one."""

Address = IPv4Address | IPv6Address


class Attempts:
    """Counts failures in buckets that fill up again: a burst, then one at a time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = Lock()
        self._all = (float(PER_MINUTE_IN_ALL), now())
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, visitor: str) -> float:
        """Count an attempt before it is made, so that many at once are many.

        Args:
            visitor: from `visitor_of`.

        Returns:
            0, or how many seconds to wait where it is one too many and was not counted.
        """
        with self._lock:
            now = self._now()
            mine, wait_mine = _drawn(self._known.get(visitor, (float(PER_MINUTE), now)), PER_MINUTE, now)
            everybodys, wait_all = _drawn(self._all, PER_MINUTE_IN_ALL, now)
            if wait_mine or wait_all:
                return max(wait_mine, wait_all)
            self._all = everybodys
            self._known[visitor] = mine
            self._known.move_to_end(visitor)
            while len(self._known) > _MAX_KNOWN:
                self._known.popitem(last=False)
            return 0.0

    def give_back(self, visitor: str) -> None:
        """Count an attempt no more: it did not fail."""
        with self._lock:
            level, at = self._all
            self._all = (level + 1, at)
            if visitor in self._known:
                level, at = self._known[visitor]
                self._known[visitor] = (level + 1, at)


def visitor_of(peer: str, forwarded: Sequence[str], proxy: bool | Address) -> str:
    """Say where somebody comes from, as attempts are counted.

    Args:
        peer: the other end of the connection.
        forwarded: the headers X-Forwarded-For, each a list with commas.
        proxy: the one that may say so: at this address, or on this computer; False: none.

    Returns:
        An address, or a network of IPv6. Of what the proxy hands on its own word counts, the last one, since whatever
        stands before it may be the visitor's. Where that is no address, all come from the proxy.
    """
    found = _address(peer)
    if found is not None and (found.is_loopback if proxy is True else found == proxy) and forwarded:
        found = _address(forwarded[-1].rpartition(",")[2].strip()) or found
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, _PREFIX_BITS), strict=False))
    return str(found or "")


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _drawn(bucket: tuple[float, float], per_minute: int, now: float) -> tuple[tuple[float, float], float]:
    level, at = bucket
    level = min(float(per_minute), level + (now - at) * per_minute / _MINUTE_S)
    if level < 1:
        return (level, now), (1 - level) * _MINUTE_S / per_minute
    return (level - 1, now), 0.0
