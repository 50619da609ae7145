"""How far tests go that count, and what chance decides in them.

A landing goes a part of the way, elsewhere each time: WECALL_SEED, which each run prints, has the same again. The soak
(WECALL_SOAK=1) goes the whole way.
"""

import itertools
import os
import random
import secrets
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

SOAK: Final = os.environ.get("WECALL_SOAK") == "1"
# Processes that this one starts, and those that share out the tests, have the same.
SEED: Final = int(os.environ.setdefault("WECALL_SEED", str(secrets.randbelow(1 << 32))))


def counted(full: int, landing: int) -> int:
    """Return how often something is done: as often as the soak does it, or as often as a landing does."""
    return full if SOAK else landing


def dice() -> random.Random:
    """Return what decides by chance in the test that runs now: for the same seed the same, whatever ran before."""
    return random.Random(f"{SEED} {os.environ.get('PYTEST_CURRENT_TEST', '').partition(' ')[0]}")


def some(things: Iterable[T], one_in: int) -> Iterator[T]:
    """Return each of some things in the soak, else one in so many, of which chance says where it begins."""
    return iter(things) if SOAK else itertools.islice(things, dice().randrange(one_in), None, one_in)


def steps(one_in: int = 10) -> Iterator[int]:
    """Return the steps, counted from 1 on, to kill a process at: in the soak each, else one in so many; no end."""
    return some(itertools.count(1), one_in)
