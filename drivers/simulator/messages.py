"""What a handset and its simulator may say to each other on their socket: a closed list each way.

The simulator listens and the handset connects: its first message says what its devices are, the rest what they show.
The simulator tells first how the receiver lies, and then what a person does. Each message is MessagePack behind four
bytes that say how long it is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final, TypeVar

from msgspec import DecodeError, Struct, msgpack

from drivers.errors import DeviceError
from drivers.simulator.devices import KeyAction, Layout

SOCKET_NAME: Final = "devices.sock"
"""The socket's name in the folder of the handset's sockets."""

_LENGTH_BYTES: Final = 4

T = TypeVar("T")


class PhoneDescribed(Struct, frozen=True, tag=True):
    """What a handset's devices are; see `Simulator` for each."""

    keys: Layout
    repeat_after_ms: int
    repeat_every_ms: int
    long_press_ms: int
    family: str
    glyphs: tuple[tuple[int, ...], ...]


class FrameShown(Struct, frozen=True, tag=True):
    """The display shows this frame, unless it has become one of another family meanwhile."""

    frame: bytes


class StateShown(Struct, frozen=True, tag=True):
    """All else that is seen of the phone; each message replaces the one before."""

    indicator: str
    ringing: bool
    brightness_percent: int
    text: str


class Noted(Struct, frozen=True, tag=True):
    """The phone did something; see drivers/simulator/journal.py."""

    text: str


class HookMoved(Struct, frozen=True, tag=True):
    """The receiver was lifted or replaced, or lies so when the handset connects."""

    off_hook: bool


class KeyReported(Struct, frozen=True, tag=True):
    """A key was pressed, repeats, or has been held for the long-press time."""

    key: str
    action: KeyAction


class FamilyChosen(Struct, frozen=True, tag=True):
    """The person has chosen another display."""

    family: str


FromHandset = PhoneDescribed | FrameShown | StateShown | Noted
FromSimulator = HookMoved | KeyReported | FamilyChosen

FROM_HANDSET: Final = msgpack.Decoder(FromHandset)
FROM_SIMULATOR: Final = msgpack.Decoder(FromSimulator)


def encode(message: FromHandset | FromSimulator) -> bytes:
    """Write a message as it travels."""
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
