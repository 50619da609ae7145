"""The call log of a handset that runs, as its administrator reads it."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.lab.handset import Handset

Call = Mapping[str, Any]


def logged_calls(handset: Handset) -> list[Call]:
    """Return the latest calls, newest first."""
    calls: list[Call] = handset.ask("log", "--limit", "100")
    return calls


def new_calls(after: Sequence[Call], before: Sequence[Call]) -> list[Call]:
    """Return what came in front of the calls that were there before."""
    return list(after[: after.index(before[0])]) if before else list(after)
