"""What the page and the simulator may say to each other on the websocket: a closed set of messages.

What the display shows travels as binary messages beside these: the frame exactly as it was shown, always of the
display that was described last.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class ProtocolError(Exception):
    """The page sent something that is not one of its messages; the text names no value that was sent."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class KeyDown(_Message):
    """A key of the page went down."""

    type: Literal["key_down"]
    key: Annotated[str, Field(max_length=32)]


class KeyUp(_Message):
    """A key of the page came up."""

    type: Literal["key_up"]
    key: Annotated[str, Field(max_length=32)]


class HookMoved(_Message):
    """The page's handset was lifted or replaced."""

    type: Literal["hook"]
    off_hook: bool


class DisplayChosen(_Message):
    """The person wants another display."""

    type: Literal["display"]
    family: Annotated[str, Field(max_length=32)]


class Hello(_Message):
    """The first message to a page: what the phone looks like.

    Attributes:
        type: tells the messages apart.
        keys: the key layout, one line a row.
        displays: names and labels of the displays that can be chosen.
    """

    type: Literal["hello"] = "hello"
    keys: tuple[tuple[str, ...], ...]
    displays: tuple[tuple[str, str], ...]


class DisplayDescription(_Message):
    """Which display the frames from now on are for.

    Attributes:
        type: tells the messages apart.
        family: its name.
        kind: what a frame's bytes are: "bits", "colours" or "letters".
        width, height: in pixels, or in letters.
        dots: for letters, what each code looks like: eight rows of five dots, the leftmost being the fifth bit.
    """

    type: Literal["display"] = "display"
    family: str
    kind: str
    width: int
    height: int
    dots: tuple[tuple[int, ...], ...]


class PhoneState(_Message):
    """All that a page shows apart from the pixels; each message replaces the one before.

    Attributes:
        type: tells the messages apart.
        off_hook: the handset is lifted.
        indicator: the status LED's pattern.
        ringing: the phone rings.
        keys_down: the keys that are down, on whichever page.
        brightness_percent: how bright the display is.
        text: what the display says, in words.
    """

    type: Literal["state"] = "state"
    off_hook: bool
    indicator: str
    ringing: bool
    keys_down: tuple[str, ...]
    brightness_percent: int
    text: str


class JournalLine(_Message):
    """One thing that the phone did; see drivers/simulator/journal.py."""

    at: str
    text: str


class JournalGrown(_Message):
    """What the phone has done since the message before, oldest first."""

    type: Literal["journal"] = "journal"
    lines: tuple[JournalLine, ...]


PageMessage = KeyDown | KeyUp | HookMoved | DisplayChosen

_PAGE_MESSAGES: TypeAdapter[PageMessage] = TypeAdapter(Annotated[PageMessage, Field(discriminator="type")])


def parse_page_message(text: str) -> PageMessage:
    """Read one message of the page.

    Raises:
        ProtocolError: it is none of the messages that a page may send.
    """
    try:
        return _PAGE_MESSAGES.validate_json(text)
    except ValidationError as error:
        raise ProtocolError("This is not a message that a page may send.") from error
