"""What menus ask about what left the handset; answered by an event of `sharing_answers`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadShares:
    """Read a stretch of who got what, newest first; SharesRead follows."""

    first: int
    limit: int


SharingErrand = ReadShares
