"""How long what is kept stays: a time for each category, counted by what the handset witnesses itself.

Nothing here asks for the time of day. The handset counts the seconds for which it runs, by a clock that nobody sets,
and once a day marks how far each category has come. What was there at a mark is as old as the mark at least, and so
goes when that is older than the category's time. A clock that is wrong, or set by somebody who means harm, therefore
deletes nothing early and keeps nothing for ever; days for which the handset was off come on top.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from firmware.phone.my_data import DataCategory

DAY_S: Final = 86_400
_MARK_EVERY_S: Final = DAY_S
_NIGHT_HOUR: Final = 3
_LEAST_APART_S: Final = 2 * 3600

ENDING: Final = (
    DataCategory.CALLS,
    DataCategory.MESSAGES,
    DataCategory.RECORDINGS,
    DataCategory.SHARES,
    DataCategory.NOTICES,
    DataCategory.REQUESTS,
)
"""What goes after a time; all else stays until the holder deletes it, or cancels the account."""

Periods = Mapping[DataCategory, int]
"""For how many days each category is kept; none, or 0, for until the holder deletes it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far each category had come when the handset had run for so long.

    Attributes:
        witnessed_s: for how many seconds the handset had run in all.
        positions: the newest thing of each category that was there and settled, by the number that only rises.
    """

    witnessed_s: float
    positions: Mapping[DataCategory, int]


def is_due(last: Mark | None, witnessed_s: float, hour: int) -> bool:
    """Tell whether it is time for another mark: each night, and once in 24 hours whatever the clock says."""
    if last is None:
        return True
    apart_s = witnessed_s - last.witnessed_s
    return apart_s >= _MARK_EVERY_S or (hour == _NIGHT_HOUR and apart_s >= _LEAST_APART_S)


def ended(marks: Iterable[Mark], periods: Periods, witnessed_s: float) -> dict[DataCategory, int]:
    """Return up to which number each category's things have been kept long enough."""
    gone: dict[DataCategory, int] = {}
    for mark in marks:
        for category, position in mark.positions.items():
            days = periods.get(category, 0)
            if days and witnessed_s - mark.witnessed_s >= days * DAY_S:
                gone[category] = max(position, gone.get(category, 0))
    return gone


def needed(marks: Sequence[Mark], periods: Periods, witnessed_s: float) -> list[Mark]:
    """Return the marks that something is yet to follow from, or followed from last."""
    longest_s = max((days for days in periods.values()), default=0) * DAY_S
    old = [mark for mark in marks if witnessed_s - mark.witnessed_s >= longest_s]
    newest_old = max((mark.witnessed_s for mark in old), default=0.0)
    return [mark for mark in marks if mark.witnessed_s >= newest_old]
