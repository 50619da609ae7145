"""What a check says, and how several are run: side by side, each bounded in time, none hiding another."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fleet.errors import FleetError

PATIENCE_S: Final = 30.0
"""How long all checks together may take: as long as a connection to a database that does not answer, and the canary."""


class State(StrEnum):
    """How something stands; NOT_TRIED: nobody knows, and the sentence says why."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: what was looked at.
        state: how it stands.
        says: a sentence, with what to do where something is to be done.
    """

    what: str
    state: State
    says: str


@dataclass(frozen=True, slots=True)
class Check:
    """Looks at one thing.

    Attributes:
        what: the thing.
        look: returns its rows; a FleetError that it raises is one.
    """

    what: str
    look: Callable[[], Iterable[Row]]


def run_all(checks: Sequence[Check], patience_s: float = PATIENCE_S) -> list[Row]:
    """Run checks side by side, and return what they say in their order."""
    found: dict[int, list[Row]] = {}

    def run(number: int) -> None:
        check = checks[number]
        try:
            rows = [*check.look()]
        except FleetError as error:
            rows = [Row(check.what, State.BAD, str(error))]
        except Exception as error:  # noqa: BLE001 - whatever it stumbles over, the others are to be seen
            rows = [Row(check.what, State.BAD, f"The check itself failed with {type(error).__name__}: {error}")]
        found[number] = rows

    # A check that hangs keeps nobody from the end of the command.
    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(checks))]
    for thread in threads:
        thread.start()
    ends_at_s = time.monotonic() + patience_s
    rows = []
    for number, (check, thread) in enumerate(zip(checks, threads, strict=True)):
        thread.join(max(0.0, ends_at_s - time.monotonic()))
        nothing = [Row(check.what, State.BAD, f"There was no answer within {patience_s:.0f} s.")]
        rows += found.get(number, nothing)
    return rows
