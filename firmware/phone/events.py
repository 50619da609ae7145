"""Everything that can happen to the phone, as frozen values named in the past tense."""

from dataclasses import dataclass
from enum import StrEnum

from firmware.phone.bundle_news import BundleNews
from firmware.phone.call import (
    CallId,
    TextMessage,
)
from firmware.phone.key import Key
from firmware.phone.news import VoiceNews
from firmware.phone.preferences import Preferences, SetUp
from firmware.phone.recording import RecordingEnd, RecordingId
from firmware.phone.request import Answered, Progressed
from firmware.phone.requests.activation import CodeArrived
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.requests.pin import PinChanged, StoreGuarded, StoreWaitsForPin
from firmware.phone.requests.policies import DocumentsChanged
from firmware.phone.requests.recordings import PlaybackProgressed
from firmware.phone.updates import UpdateTold


class Timer(StrEnum):
    """The timers that the phone may start; starting one that runs restarts it."""

    INTER_DIGIT = "inter_digit"
    DIGIT_ROW = "digit_row"
    DIAL_TONE = "dial_tone"
    NO_ANSWER = "no_answer"
    CALL_ENDED = "call_ended"
    CALL_CLOCK = "call_clock"
    NOTICE = "notice"
    HOTLINE = "hotline"
    AUTO_ANSWER = "auto_answer"
    ANSWERING_MACHINE = "answering_machine"
    AUTO_REDIAL = "auto_redial"
    HOLD_REMINDER = "hold_reminder"
    POST_DIAL = "post_dial"
    EMERGENCY_CALLBACK = "emergency_callback"
    INFO = "info"
    LET_GO = "let_go"
    RING_PREVIEW = "ring_preview"
    LOCK = "lock"
    LIGHT = "light"
    FLASH = "flash"
    SPEAK = "speak"
    SPEECH = "speech"
    FIRST_RUN = "first_run"
    RECORDING = "recording"
    RECORDING_QUESTION = "recording_question"
    BUNDLE = "bundle"
    BUNDLE_PATIENCE = "bundle_patience"


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key went down."""

    key: Key


@dataclass(frozen=True, slots=True)
class KeyRepeated:
    """A key that is still down repeated, at the configured rate."""

    key: Key


@dataclass(frozen=True, slots=True)
class KeyHeld:
    """A key has been down for the configured long-press time."""

    key: Key


@dataclass(frozen=True, slots=True)
class KeyReleased:
    """A key came up."""

    key: Key


@dataclass(frozen=True, slots=True)
class TextTyped:
    """Letters came from a keyboard beside the phone's keys, with backspaces and line ends among them."""

    text: str


@dataclass(frozen=True, slots=True)
class HandsetLifted:
    """The hook switch went off-hook."""


@dataclass(frozen=True, slots=True)
class HandsetReplaced:
    """The hook switch went on-hook."""


@dataclass(frozen=True, slots=True)
class TimerExpired:
    """A timer that a command started has run out."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class CallerNamed:
    """The address book knows the other end of a call.

    Attributes:
        ring: the contact's own ring, empty where it has none.
        blocked: the holder wants no call of theirs to ring.
        picture: names the contact's picture, empty where it has none.
    """

    call_id: CallId
    name: str
    ring: str = ""
    blocked: bool = False
    picture: str = ""


@dataclass(frozen=True, slots=True)
class NumberAttributed:
    """Region and carrier of the other end's number are known, in the display's language."""

    call_id: CallId
    attribution: str


@dataclass(frozen=True, slots=True)
class MessagesLoaded:
    """The text messages that are kept, newest first."""

    messages: tuple[TextMessage, ...]


@dataclass(frozen=True, slots=True)
class PreferencesLoaded:
    """The store remembers what the holder has set."""

    preferences: Preferences


@dataclass(frozen=True, slots=True)
class SetUpLoaded:
    """The store has said how the phone came to be set up, after it has said all that the holder has set."""

    set_up: SetUp


@dataclass(frozen=True, slots=True)
class BlockedContactsLoaded:
    """The numbers of all contacts that the holder has blocked, at the start and after each change."""

    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MinuteStarted:
    """A minute of local time began.

    Attributes:
        weekday: 0 for Monday.
        minute: of the day, from 0.
        trusted: the clock has been set from the network.
    """

    weekday: int
    minute: int
    trusted: bool


@dataclass(frozen=True, slots=True)
class LastDialledLoaded:
    """The call log's last dialled digits are known, for redial after a restart."""

    digits: str


@dataclass(frozen=True, slots=True)
class RecordingAnnounced:
    """Everybody in the call has heard that it is about to be recorded; or could not be told, where not `made`."""

    made: bool


@dataclass(frozen=True, slots=True)
class RecordingStarted:
    """A call is being recorded: what is heard from now on is kept."""

    call_id: CallId
    recording_id: RecordingId


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """A call is no longer recorded, or could not be; what was recorded of it so far is kept."""

    call_id: CallId
    reason: RecordingEnd


@dataclass(frozen=True, slots=True)
class CallerFellSilent:
    """Whoever leaves a message has said nothing for a while."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class RecordingsTrimmed:
    """So many of the oldest recordings were deleted to make room; those that the holder keeps never are."""

    count: int


@dataclass(frozen=True, slots=True)
class MissedCallsCounted:
    """The call log's number of missed calls that nobody has seen yet changed."""

    count: int


@dataclass(frozen=True, slots=True)
class AccountKnown:
    """The store has opened: `account` is the default account's opaque id, the one in its call records."""

    account: str


Event = (
    VoiceNews
    | KeyPressed
    | KeyRepeated
    | KeyHeld
    | KeyReleased
    | TextTyped
    | HandsetLifted
    | HandsetReplaced
    | TimerExpired
    | CallerNamed
    | NumberAttributed
    | MessagesLoaded
    | PreferencesLoaded
    | SetUpLoaded
    | BlockedContactsLoaded
    | MinuteStarted
    | LastDialledLoaded
    | RecordingAnnounced
    | RecordingStarted
    | RecordingEnded
    | CallerFellSilent
    | RecordingsTrimmed
    | MissedCallsCounted
    | AccountKnown
    | BundleNews
    | UpdateTold
    | Answered
    | Progressed
    | PlaybackProgressed
    | CodeArrived
    | ConsentsChanged
    | DocumentsChanged
    | PinChanged
    | StoreGuarded
    | StoreWaitsForPin
)
