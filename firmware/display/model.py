"""What one page holds, before a display family makes pixels or characters of it. Nothing here knows a size.

A family's renderer fits a page into its room by these rules, in this order: what is `Importance.NEEDED` is always
there; a paragraph wraps where there is room for more rows, and is cut with an ellipsis where there is none; the least
important blocks go first. Nothing overflows.
"""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Protocol


class Icon(StrEnum):
    """The signs in the status bar."""

    REGISTERED = "registered"
    REGISTERING = "registering"
    NOT_REGISTERED = "not_registered"
    MICROPHONE = "microphone"
    MUTED = "muted"
    RECORDING = "recording"
    MISSED = "missed"
    PROBLEM = "problem"
    SPEAKER = "speaker"
    LOCK = "lock"
    QUALITY_0 = "quality_0"
    QUALITY_1 = "quality_1"
    QUALITY_2 = "quality_2"
    QUALITY_3 = "quality_3"
    QUALITY_4 = "quality_4"
    VOICEMAIL = "voicemail"
    MESSAGE = "message"
    DO_NOT_DISTURB = "do_not_disturb"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class StatusBar:
    """The top row.

    Attributes:
        icons: from left to right, each with the number beside it, 0 for none.
        text: on the right: the time of day, or how long the call has lasted.
    """

    icons: tuple[tuple[Icon, int], ...] = ()
    text: str = ""


class Role(StrEnum):
    """What a text is to its page; a family chooses size, weight and colour by it."""

    CLOCK = "clock"
    DIGITS = "digits"
    NAME = "name"
    HEADLINE = "headline"
    TEXT = "text"
    DETAIL = "detail"


class Importance(IntEnum):
    """What goes first where there is no room."""

    NEEDED = 0
    USEFUL = 1
    SPARE = 2


class Flow(StrEnum):
    """What happens to a text that is wider than its line."""

    WRAP = "wrap"
    CUT_END = "cut_end"
    CUT_START = "cut_start"


@dataclass(frozen=True, slots=True)
class Block:
    """One text, on lines of its own.

    Attributes:
        text: in the page's language; may hold any letters, also ones that a family cannot show.
        centred: in the middle of its lines, not at their beginning.
        rows: how many lines it may take at most where it wraps.
    """

    text: str
    role: Role = Role.TEXT
    flow: Flow = Flow.CUT_END
    centred: bool = True
    importance: Importance = Importance.USEFUL
    rows: int = 3


@dataclass(frozen=True, slots=True)
class ListRow:
    """One row of a list or of a card.

    Attributes:
        label: what it is; never cut.
        value: what it is set to.
        number: the digit that chooses it, 0 for none.
        detail: what else is known of it, which stands on the selected row alone.
        sign: a letter before the label that says what kind of thing it is, empty for none.
        said: the label as it is said aloud, with what the sign means; empty for the label.
    """

    label: str
    value: str = ""
    number: int = 0
    detail: str = ""
    sign: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class List:
    """Rows of which as many are shown as fit whole, around the one that is selected.

    Attributes:
        rows: a stretch of the whole list.
        first: which row of the whole list `rows` begins with.
        selected: which row of the whole list is chosen; None where nothing is to be chosen.
        total: how many rows the whole list has; a bar beside it shows where one is.
    """

    rows: tuple[ListRow, ...]
    first: int = 0
    selected: int | None = None
    total: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """Facts: label and value, of which as many lines are shown as fit, from the `scroll`-th step on.

    A family scrolls by its own page, the last page stays; `scroll` may be beyond the end. In a circular one the first
    page comes after the last.
    """

    rows: tuple[ListRow, ...]
    scroll: int = 0
    is_circular: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A text that is being typed; its end, where the next letter goes, is always seen.

    Attributes:
        text: what is shown of it; dots for a PIN.
        mode: how letters are typed, shown small; empty for none.
        candidates: what the keys may mean; the chosen one stands out.
        candidate: which is chosen.
        note: a sentence below, empty for none.
        above: what somebody else writes meanwhile: its end fills the upper half. None for no such half.
        for_the_eye: what is typed is neither said nor told from afar.
    """

    text: str
    mode: str = ""
    candidates: tuple[str, ...] = ()
    candidate: int = 0
    note: str = ""
    above: str | None = None
    for_the_eye: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code as large as fits, with a quiet zone (ISO/IEC 18004 section 9.1), and a caption where there is room.

    A family that has no pixels shows the payload as text.
    """

    payload: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """Somebody whom a digit calls.

    Attributes:
        digit: that.
        name: theirs.
        picture: names a picture, empty for none.
        sign: a letter between them that says how their phone stands, empty where that is not known.
        said: the same in words, as they are said aloud.
    """

    digit: str
    name: str
    picture: str = ""
    sign: str = ""
    said: str = ""

    @property
    def text(self) -> str:
        """What is to be read."""
        return " ".join(filter(None, (self.digit, self.sign, self.name)))


Body = tuple[Block, ...] | List | Card | Entry | Code


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page.

    Attributes:
        status: the top row.
        body: what the page is about.
        title: above the body, standing out; empty for none.
        told_as: what is said aloud first where there is no title and the eye knows by the body; empty for nothing.
        cancel, ok: what these keys do now, in a word; shown at the bottom where there is room, empty for nothing.
        scroll: which part of a sentence is shown by a family that has not room for all of it; None where the person
            has no keys to turn it over by.
        bar_percent: a bar below the body, for volumes and for work under way; None for none.
        picture: names a picture: beside the body, or behind the idle page's; empty for none.
        people: whom the digits call, below the body: as many as fit whole, and nobody where the body needs the room.
        asks: OK and CANCEL answer a question: what they do is shown on every display.
        turn: how often a page that a person only looks at has been turned over: where a selected row is longer than
            the display its parts follow each other in a circle.
        is_urgent: somebody calls, or the call is for help: shown as strikingly as the family can.
        large_text, high_contrast: how the holder wants it.
    """

    status: StatusBar = field(default_factory=StatusBar)
    body: Body = ()
    title: str = ""
    told_as: str = ""
    cancel: str = ""
    ok: str = ""
    scroll: int | None = None
    bar_percent: int | None = None
    picture: str = ""
    people: tuple[Tile, ...] = ()
    asks: bool = False
    turn: int = 0
    is_urgent: bool = False
    large_text: bool = False
    high_contrast: bool = False


class Pictures(Protocol):
    """Where renderers find pictures; never waits."""

    def picture(self, name: str, width_px: int, height_px: int) -> bytes | None:
        """Return a picture as rows of red, green and blue bytes in just that size; None while it is not at hand."""
        ...


class Renderer(Protocol):
    """One display family."""

    def render(self, page: Page) -> bytes:
        """Return the frame as the family's Display takes it.

        Packed one-bit rows, most significant bit leftmost, for mono families; rows of red, green and blue bytes for
        colour ones; rows of characters, one byte of the controller's own set each, for character ones.
        """
        ...
