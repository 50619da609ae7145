"""What left the handset: who got what, day by day."""

from dataclasses import dataclass

from contract.messages import Topic
from firmware.phone.request import Request, Stretch


@dataclass(frozen=True, slots=True)
class SharedRow:
    """What one recipient got in a day.

    Attributes:
        recipient: the broker's name.
        kind: what it got.
        day: as "25 Nov", in the display's language.
        count: how many.
        arrived: how many of them the recipient's broker confirmed; the rest may have arrived.
        confirmed: how many a collector behind it confirmed.
        confirmed_by: who these were, in a line.
        taken_back: how many it was told to delete, or is yet to be told.
    """

    recipient: str
    kind: Topic
    day: str
    count: int
    arrived: int
    confirmed: int = 0
    confirmed_by: str = ""
    taken_back: int = 0


@dataclass(frozen=True, slots=True)
class ReadShares(Request[Stretch[SharedRow]]):
    """Read a stretch of who got what, newest first."""

    first: int
    limit: int
