"""What the handset and voice say to each other: one closed list each way.

Most of it is what the phone knows anyway: its commands are orders, its events are news. Whoever reads news reads what a
process says that a packet may have taken over, so it takes what is on the list, of the types that are declared, within
bounds, and nothing else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

import msgspec

from firmware.phone.call import CallId, TextMessage
from firmware.phone.news import VoiceNews
from firmware.phone.orders import LineOrder, SoundOrder
from firmware.phone.requests.handset import Loudness
from firmware.voice.channel import RefusedError

# --- orders: from the handset -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Configure:
    """Run with the VoiceSettings in the file that comes with it. A voice that runs with others ends itself."""


@dataclass(frozen=True, slots=True)
class UseRingTone:
    """Ring with the sound in the file that comes with it, where no other ring is asked for."""


@dataclass(frozen=True, slots=True)
class PlaySound:
    """Play the sound in the file that comes with it once, in place of the one before; without a file be silent.

    Attributes:
        in_ear: in the earpiece or the loudspeaker, whichever is open; else by the ringer.
        beside_call: with the microphone open, too.
    """

    in_ear: bool
    beside_call: bool = False


@dataclass(frozen=True, slots=True)
class Announce:
    """Play the sound in the file that comes with it to both ends of the calls; AnnouncementOver follows."""

    number: int


@dataclass(frozen=True, slots=True)
class ListenTo:
    """Play what comes out of the pipe that comes with it, in place of the one before."""


@dataclass(frozen=True, slots=True)
class Tap:
    """Put what is said in calls into the pipe that comes with it, in place of the one before, while somebody reads."""


@dataclass(frozen=True, slots=True)
class TrySound:
    """Open every sound device and shut it again; SoundTried follows."""


@dataclass(frozen=True, slots=True)
class AskReport:
    """Say how everything is; Report follows."""


@dataclass(frozen=True, slots=True)
class AskLoudness:
    """Say how loud the microphone is; Loudness follows."""


@dataclass(frozen=True, slots=True)
class ForgetCall:
    """The end of a call is written down; nobody is to be told of it any more."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class Leave:
    """End all calls, unregister, and end."""


Order = (
    Configure
    | UseRingTone
    | PlaySound
    | Announce
    | ListenTo
    | Tap
    | TrySound
    | AskReport
    | AskLoudness
    | ForgetCall
    | Leave
    | LineOrder
    | SoundOrder
)

# --- news: from voice -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """The first word of each connection.

    Attributes:
        program: where the firmware lies that voice runs.
        settings: the SHA-256 of the settings that it runs with, empty where it has none.
    """

    program: str
    settings: str


@dataclass(frozen=True, slots=True)
class OrderTaken:
    """The call is known: it has been placed, or it will be as soon as its server is found."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class AnnouncementOver:
    """All of an announcement went out, or it did not."""

    number: int
    made: bool


@dataclass(frozen=True, slots=True)
class SoundTried:
    """What does not open; empty where all does."""

    fault: Literal["", "sound", "microphone"]


@dataclass(frozen=True, slots=True)
class RingerFault:
    """Why the phone cannot ring, a sentence; empty once it can."""

    sentence: str


GATEWAY: Final = "gateway"
NAME_SERVER: Final = "name server"
SIGNAL: Final = "signal"
"""How strong Wi-Fi is, as in "-61 dBm"."""


@dataclass(frozen=True, slots=True)
class Report:
    """How everything is.

    Attributes:
        sip_build: what the SIP library is and can do, in words; empty while it is not up.
        sound: how the audio loop has fared, in words.
        network: pairs of a word and its value: addresses by their interface, GATEWAY, NAME_SERVER, SIGNAL.
    """

    sip_build: str
    sound: str
    network: tuple[tuple[str, str], ...]


News = VoiceNews | Hello | OrderTaken | AnnouncementOver | SoundTried | RingerFault | Loudness | Report

# --- on the wire: a name from the list, and the fields of what it names -----------------------------------------------

LONGEST_TEXT: Final = 4_000
"""Characters of a text message; all else is shorter."""
_LONGEST: Final = 512
_MOST: Final = 64
_LARGEST: Final = {
    "sip_code": 699,
    "began_ago_s": 30 * 86_400,
    "answered_ago_s": 30 * 86_400,
    "ended_ago_s": 30 * 86_400,
}
"""The largest numbers by the names of their fields (RFC 3261 section 21; no call lasts a month). None is below 0."""
_LARGEST_OTHER: Final = 10**9
_ID: Final = re.compile(r"[0-9a-f]{32}")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_encoder: Final = msgspec.msgpack.Encoder()
_named: Final = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])


def _decoders(union: Any) -> Mapping[str, msgspec.msgpack.Decoder[Any]]:
    return {kind.__name__: msgspec.msgpack.Decoder(kind) for kind in union.__args__}


_ORDERS: Final = _decoders(Order)
_NEWS: Final = _decoders(News)


def encode(message: Order | News) -> bytes:
    """Return a message as it travels."""
    return _encoder.encode((type(message).__name__, message))


def decode_order(data: bytes) -> Order:
    """Return an order.

    Raises:
        RefusedError: it is none.
    """
    order: Order = _decode(data, _ORDERS)
    return order


def decode_news(data: bytes) -> News:
    """Return news.

    Raises:
        RefusedError: it is none, or not within bounds.
    """
    news: News = _decode(data, _NEWS)
    _check(news)
    return news


def _decode(data: bytes, known: Mapping[str, msgspec.msgpack.Decoder[Any]]) -> Any:
    try:
        name, body = _named.decode(data)
        decoder = known.get(name)
        if decoder is None:
            raise RefusedError("A message has a name that is not on the list.")
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        # Its own words may quote what was said.
        raise RefusedError("A message is not of its declared type.") from error


def _check(value: Any, name: str = "") -> None:  # noqa: C901 - one flat table: a case for each type
    match value:
        case str() if name in {"call_id", "new_call_id", "joined", "message_id"}:
            if not _ID.fullmatch(value):
                raise RefusedError("A message names a call or a text as none is named.")
        case str():
            if len(value) > (LONGEST_TEXT if name == "text" else _LONGEST) or _CONTROLS.search(value):
                raise RefusedError("A message has words that are too long, or controls in them.")
        case tuple():
            if len(value) > _MOST:
                raise RefusedError("A message has too many parts.")
            for part in value:
                _check(part, name)
        case int() | float() if not 0 <= value <= _LARGEST.get(name, _LARGEST_OTHER):
            raise RefusedError("A message has a number that is out of bounds.")
        case TextMessage() | _ if hasattr(value, "__dataclass_fields__"):
            for each in fields(value):
                _check(getattr(value, each.name), each.name)
