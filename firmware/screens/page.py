"""What one page of the display holds, before it becomes pixels."""

from dataclasses import dataclass
from enum import StrEnum

from firmware.screens.model import Icon, StatusBar

__all__ = ["Icon", "StatusBar"]


class Align(StrEnum):
    """Where on its line a text stands."""

    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


class Size(StrEnum):
    """How tall a line is: 11, 16 or 32 pixels; LARGE becomes NORMAL where the text is too wide for it."""

    SMALL = "small"
    NORMAL = "normal"
    LARGE = "large"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text.

    Attributes:
        keeps_end: a text that is too wide loses its beginning instead of its end.
        inverted: dark on light, for what must be seen first.
    """

    text: str
    align: Align = Align.LEFT
    size: Size = Size.NORMAL
    keeps_end: bool = False
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page.

    Attributes:
        status: the top row.
        lines: what stands below it, top to bottom; at most three of normal height.
        bar_percent: a bar in the last line, for the volume; None where there is none.
    """

    status: StatusBar
    lines: tuple[Line, ...]
    bar_percent: int | None = None
