"""What the process that opens a copy says to the handset: a line of JSON at a time, each of a closed form."""

from enum import IntEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Base64Bytes, BaseModel, ConfigDict, Field, TypeAdapter

from contract.calls import CallDirection
from firmware.phone.contact import MAX_NUMBER, cleaned_number
from firmware.phone.preferences import Preferences
from firmware.phone.text_entry import MAX_WRITTEN
from firmware.ports.recording import SoundFormat
from firmware.vcard.lines import BATCH, CardLine

FORMAT: Final = 1
"""Of copies: what their manifests say."""
WORDS: Final = 7
"""So many are drawn for a copy, of 2048 each: 77 bits, whose guesses age makes expensive."""
MAX_LINE_BYTES: Final = 3 * 1024 * 1024
MAX_PICTURE_BYTES: Final = 1_000_000
MAX_SOUND_BYTES: Final = 500_000
MESSAGES_AT_ONCE: Final = 50
_MOST_RULES: Final = 200
_LATEST_S: Final = 4_102_444_800.0
"""The year 2100, by seconds since the epoch."""


class Failure(IntEnum):
    """Why a copy is not read: the exit code of the process."""

    WRONG_WORDS = 10
    NOT_A_COPY = 11
    DAMAGED = 12
    TOO_NEW = 13


def _number(number: str) -> str:
    if number != cleaned_number(number):
        raise ValueError("is no number as one is kept")
    return number


_Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}\z")]
_PictureName = Annotated[str, Field(pattern=r"^[0-9a-f]{16}\z")]
_NoPicture = Annotated[str, Field(pattern=r"^([0-9a-f]{16})?\z")]
_Number = Annotated[str, Field(max_length=MAX_NUMBER), AfterValidator(_number)]
_Ring = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\z")]
_Moment = Annotated[float, Field(ge=0, le=_LATEST_S)]
_Written = tuple[Annotated[str, Field(pattern=r"^[0-9]{1,8}\z")], Annotated[str, Field(max_length=8)]]
_Percent = Annotated[int, Field(ge=0, le=100)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RestoredContact(CardLine):
    """One contact: as on a card, with what the holder has set for it."""

    ring: _Ring | Literal[""] = ""
    blocked: bool = False
    picture: _NoPicture = ""


class ContactsLine(_Line):
    """Contacts; those with a picture are given it when that comes."""

    kind: Literal["contacts"] = "contacts"
    contacts: Annotated[tuple[RestoredContact, ...], Field(max_length=BATCH)]


class RestoredMessage(_Line):
    """One text message, as firmware.phone.call.TextMessage."""

    message_id: _Id
    direction: CallDirection
    number: _Number
    display_name: Annotated[str, Field(max_length=200)]
    text: Annotated[str, Field(max_length=20_000)]
    at: _Moment
    read: bool
    delivered: bool


class MessagesLine(_Line):
    """Messages, oldest first."""

    kind: Literal["messages"] = "messages"
    messages: Annotated[tuple[RestoredMessage, ...], Field(max_length=MESSAGES_AT_ONCE)]


class _Bounds(BaseModel):
    """What the holder may have set, where the type alone does not say it."""

    model_config = ConfigDict(extra="ignore")

    forward_always: _Number
    forward_busy: _Number
    forward_no_answer: _Number
    blocked: Annotated[tuple[_Number, ...], Field(max_length=_MOST_RULES)]
    allowed: Annotated[tuple[_Number, ...], Field(max_length=_MOST_RULES)]
    speed_dials: Annotated[tuple[tuple[Annotated[str, Field(pattern=r"^[1-9]\z")], _Number], ...], Field(max_length=9)]
    language: Annotated[str, Field(pattern=r"^([a-z]{2}(-[A-Z]{2})?)?\z")]
    brightness_percent: _Percent
    screen_off_s: Annotated[int, Field(ge=0, le=86_400)]
    ring: _Ring
    ringer_percent: _Percent | None
    earpiece_percent: _Percent | None
    speaker_percent: _Percent | None
    background: _NoPicture
    written: Annotated[tuple[_Written, ...], Field(max_length=MAX_WRITTEN)]


def _in_bounds(preferences: Preferences) -> Preferences:
    _Bounds.model_validate(TypeAdapter(Preferences).dump_python(preferences))
    return preferences


class SettingsLine(_Line):
    """What the holder has set."""

    kind: Literal["settings"] = "settings"
    preferences: Annotated[Preferences, AfterValidator(_in_bounds)]


class PictureLine(_Line):
    """One picture as a file, which another process decodes.

    Attributes:
        picture: what named it, and names it again.
        name: what the person calls it.
        of_contact: it came on a contact's card, and goes with the contact.
        content: the file.
    """

    kind: Literal["picture"] = "picture"
    picture: _PictureName
    name: Annotated[str, Field(max_length=60)]
    of_contact: bool
    content: Annotated[Base64Bytes, Field(max_length=2 * MAX_PICTURE_BYTES, repr=False)]


class RecordingLine(_Line):
    """What is known of a recording, whose sound comes next."""

    kind: Literal["recording"] = "recording"
    recording_id: _PictureName
    call_id: _Id
    number: _Number
    name: Annotated[str, Field(max_length=200)]
    sound_format: SoundFormat
    began_at: _Moment
    clock_synced: bool
    is_complete: bool
    duration_s: Annotated[float, Field(gt=0, le=864_000)]
    lost_s: Annotated[float, Field(ge=0, le=864_000)]
    kept: bool
    kept_until: _Moment | None


class SoundLine(_Line):
    """The next chunk of a recording, as firmware.store.recording_files has it."""

    kind: Literal["sound"] = "sound"
    samples: Annotated[int, Field(ge=0, le=480_000)]
    sound: Annotated[Base64Bytes, Field(max_length=2 * MAX_SOUND_BYTES, repr=False)]


class SoundEndLine(_Line):
    """The recording is whole; one that has no such line is not kept."""

    kind: Literal["sound_end"] = "sound_end"


class ProgressLine(_Line):
    """How far the copy is read, in per cent, and how many things in it are none that may be kept."""

    kind: Literal["progress"] = "progress"
    percent: _Percent
    left_out: Annotated[int, Field(ge=0)] = 0


Line = (
    ContactsLine | MessagesLine | SettingsLine | PictureLine | RecordingLine | SoundLine | SoundEndLine | ProgressLine
)
LINES: Final[TypeAdapter[Line]] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])
