"""What the page and the simulator may say to each other on the websocket: a closed set of messages.

What the display shows travels as binary messages beside these: the frame exactly as it was shown, always of the
display that was described last.
"""

from typing import Annotated

from msgspec import DecodeError, Meta, Struct, json

_Name = Annotated[str, Meta(max_length=32)]


class ProtocolError(Exception):
    """The page sent something that is not one of its messages; the text names no value that was sent."""


class _Message(Struct, frozen=True, forbid_unknown_fields=True):
    """A message; the field `type` tells which."""


class KeyDown(_Message, frozen=True, tag="key_down"):
    """A key of the page went down."""

    key: _Name


class KeyUp(_Message, frozen=True, tag="key_up"):
    """A key of the page came up."""

    key: _Name


class HookMoved(_Message, frozen=True, tag="hook"):
    """The page's handset was lifted or replaced."""

    off_hook: bool


class DisplayChosen(_Message, frozen=True, tag="display"):
    """The person wants another display."""

    family: _Name


class Hello(_Message, frozen=True, tag="hello"):
    """The first message to a page: what the phone looks like.

    Attributes:
        keys: the key layout, one line a row.
        displays: names and labels of the displays that can be chosen.
    """

    keys: tuple[tuple[str, ...], ...]
    displays: tuple[tuple[str, str], ...]


class DisplayDescription(_Message, frozen=True, tag="display"):
    """Which display the frames from now on are for.

    Attributes:
        family: its name.
        kind: what a frame's bytes are: "bits", "colours" or "letters".
        width, height: in pixels, or in letters.
        dots: for letters, what each code looks like: eight rows of five dots, the leftmost being the fifth bit.
    """

    family: str
    kind: str
    width: int
    height: int
    dots: tuple[tuple[int, ...], ...]


class PhoneState(_Message, frozen=True, tag="state"):
    """All that a page shows apart from the pixels; each message replaces the one before.

    Attributes:
        off_hook: the handset is lifted.
        indicator: the status LED's pattern.
        ringing: the phone rings.
        keys_down: the keys that are down, on whichever page.
        brightness_percent: how bright the display is.
        text: what the display says, in words.
    """

    off_hook: bool
    indicator: str
    ringing: bool
    keys_down: tuple[str, ...]
    brightness_percent: int
    text: str


class JournalLine(Struct, frozen=True):
    """One thing that the phone did; see drivers/simulator/journal.py."""

    at: str
    text: str


class JournalGrown(_Message, frozen=True, tag="journal"):
    """What the phone has done since the message before, oldest first."""

    lines: tuple[JournalLine, ...]


PageMessage = KeyDown | KeyUp | HookMoved | DisplayChosen

_PAGE_MESSAGES = json.Decoder(PageMessage)


def parse_page_message(text: str) -> PageMessage:
    """Read one message of the page.

    Raises:
        ProtocolError: it is none of the messages that a page may send.
    """
    try:
        return _PAGE_MESSAGES.decode(text)
    except DecodeError as error:
        raise ProtocolError("This is not a message that a page may send.") from error


def text_of(message: Hello | DisplayDescription | PhoneState | JournalGrown) -> str:
    """Write a message for the page."""
    return json.encode(message).decode()
