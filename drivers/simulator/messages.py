"""What a page, the simulator and the handset may say to each other: a closed list each way.

A page speaks JSON on a websocket; what the display shows travels beside that as binary messages, each the frame exactly
as it was shown, of the display that was described last. The handset connects with the simulator's socket, says what its
devices are and then what they show, and is told how the receiver lies and then what pages say. There each message is
MessagePack behind four bytes that say how long it is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Final, TypeVar

from msgspec import DecodeError, Meta, Struct, json, msgpack

from drivers.errors import DeviceError
from drivers.simulator.devices import Layout

SOCKET_NAME: Final = "devices.sock"
"""The socket's name in the folder of the handset's sockets."""

MOST_LINES: Final = 200
"""How much of what the phone did is kept; the oldest makes room.

It may hold numbers and names: it is shown on the simulator's own page, which is served to this machine only, lives in
memory and ends with the process. Nothing of it may be logged.
"""

_LENGTH_BYTES: Final = 4

_Name = Annotated[str, Meta(max_length=32)]

T = TypeVar("T")


class ProtocolError(Exception):
    """The page sent something that is not one of its messages; the text names no value that was sent."""


class Message(Struct, frozen=True, forbid_unknown_fields=True):
    """A message; the field `type` tells which."""


class KeyDown(Message, frozen=True, tag="key_down"):
    """A key of the page went down."""

    key: _Name


class KeyUp(Message, frozen=True, tag="key_up"):
    """A key of the page came up."""

    key: _Name


class HookMoved(Message, frozen=True, tag="hook"):
    """The receiver was lifted or replaced, or lies so when the handset connects."""

    off_hook: bool


class Typed(Message, frozen=True, tag="typed"):
    """Letters came from the computer's keyboard, with backspaces and line ends among them."""

    text: Annotated[str, Meta(min_length=1, max_length=200)]


class DisplayChosen(Message, frozen=True, tag="display"):
    """The person wants another display."""

    family: _Name


FromPage = KeyDown | KeyUp | HookMoved | Typed | DisplayChosen


class PageSaid(Message, frozen=True, tag="page"):
    """One of the pages, by a number of the simulator's, said this."""

    page: int
    message: FromPage


class PageClosed(Message, frozen=True, tag="closed"):
    """A page has gone, and holds no key any more."""

    page: int


FromSimulator = HookMoved | PageSaid | PageClosed


class PhoneDescribed(Message, frozen=True, tag="phone"):
    """What a handset's devices are.

    Attributes:
        keys: the key layout, one line a row.
        glyphs: what the codes 0 to 7 of a display of letters look like: eight rows of five dots.
    """

    keys: Layout
    glyphs: tuple[tuple[int, ...], ...]


class FrameShown(Message, frozen=True, tag="frame"):
    """A display of this family shows this frame."""

    family: str
    frame: bytes


class PhoneState(Message, frozen=True, tag="state"):
    """All else that is seen of the phone; each message replaces the one before.

    Attributes:
        off_hook: the handset is lifted.
        indicator: the status LED's pattern.
        ringing: the phone rings.
        keys_down: the keys that are down, on whichever page.
        brightness_percent: how bright the display is.
        text: what the display says, in words.
        is_writing: letters of a keyboard are taken.
    """

    off_hook: bool
    indicator: str
    ringing: bool
    keys_down: tuple[str, ...]
    brightness_percent: int
    text: str
    is_writing: bool = False


class Noted(Message, frozen=True, tag="note"):
    """The phone did something."""

    text: str


FromHandset = PhoneDescribed | FrameShown | PhoneState | Noted


class Hello(Message, frozen=True, tag="hello"):
    """The first message to a page: the key layout, and names and labels of the displays that can be chosen."""

    keys: Layout
    displays: tuple[tuple[str, str], ...]


class DisplayDescription(Message, frozen=True, tag="display"):
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


class JournalLine(Struct, frozen=True):
    """One thing that the phone did, and the local time of day, such as "14:03:59"."""

    at: str
    text: str


class JournalGrown(Message, frozen=True, tag="journal"):
    """What the phone has done since the message before, oldest first."""

    lines: tuple[JournalLine, ...]


FROM_HANDSET: Final = msgpack.Decoder(FromHandset)
FROM_SIMULATOR: Final = msgpack.Decoder(FromSimulator)
_FROM_PAGE: Final = json.Decoder(FromPage)


def parse_page_message(text: str) -> FromPage:
    """Read one message of the page.

    Raises:
        ProtocolError: it is none of the messages that a page may send.
    """
    try:
        return _FROM_PAGE.decode(text)
    except DecodeError as error:
        raise ProtocolError("This is not a message that a page may send.") from error


def encode(message: FromHandset | FromSimulator) -> bytes:
    """Write a message as it travels between the handset and the simulator."""
    body = msgpack.encode(message)
    return len(body).to_bytes(_LENGTH_BYTES) + body


async def received(reader: asyncio.StreamReader, decoder: msgpack.Decoder[T]) -> AsyncIterator[T]:
    """Yield each message until the other end has gone.

    Raises:
        DeviceError: the other end sent something that is none of its messages.
    """
    with suppress(EOFError, ConnectionError):
        while True:
            length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES))
            body = await reader.readexactly(length)
            try:
                message = decoder.decode(body)
            except DecodeError as error:
                raise DeviceError(
                    "The handset and its simulator do not understand each other. Start both from the same version."
                ) from error
            yield message
