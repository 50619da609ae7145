"""Everything that the phone may ask for, as frozen values in the imperative."""

from dataclasses import dataclass, field
from enum import StrEnum

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallQuality, Decision, TextMessage, Verification
from firmware.phone.events import Timer
from firmware.phone.orders import LineOrder, SoundOrder
from firmware.phone.preferences import Preferences, SetUp
from firmware.phone.recording import RecordingEnd, RecordingNotice
from firmware.phone.request import Request
from firmware.phone.view import PhoneView


class IndicatorPattern(StrEnum):
    """What the status LED shows."""

    OFF = "off"
    ON = "on"
    SLOW_BLINK = "slow_blink"
    FAST_BLINK = "fast_blink"
    PULSE = "pulse"


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Post TimerExpired(timer) after delay_s, replacing an earlier start of the same timer."""

    timer: Timer
    delay_s: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget a timer, running or not."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class ShowPage:
    """Show this state on the display."""

    view: PhoneView


@dataclass(frozen=True, slots=True)
class SetIndicator:
    """Set the status LED."""

    pattern: IndicatorPattern


@dataclass(frozen=True, slots=True)
class SetBrightness:
    """Set how bright the display is, in per cent; 0 switches its light off."""

    percent: int


@dataclass(frozen=True, slots=True)
class Click:
    """Let a key be heard: in the earpiece or the loudspeaker of a phone in use, else where it rings."""

    in_ear: bool


@dataclass(frozen=True, slots=True)
class StopSpeaking:
    """Silence what is being said of the display."""


@dataclass(frozen=True, slots=True)
class AnnounceRecording:
    """Let both ends hear something about the recording; after BEGINNING and GREETING, RecordingAnnounced follows."""

    notice: RecordingNotice


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Record a call from now on; RecordingStarted or RecordingEnded follows. One is recorded at a time.

    Attributes:
        call_id: which call.
        number: the other end's, as the call log has it.
        name: what the other end is called, empty where that is not known.
        message: it is one for the answering machine.
    """

    call_id: CallId
    number: str
    name: str = ""
    message: bool = False


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """Record nothing until ResumeRecording: the call is on hold, and what is heard is not of it."""


@dataclass(frozen=True, slots=True)
class ResumeRecording:
    """Undo PauseRecording."""


@dataclass(frozen=True, slots=True)
class StopRecording:
    """Record no more; RecordingEnded follows with this reason, unless the recording had ended before."""

    reason: RecordingEnd = RecordingEnd.STOPPED


@dataclass(frozen=True, slots=True)
class OpenCallRecord:
    """Write the call detail record's first line, before the first packet of an outgoing call; or go on with a record.

    Attributes:
        call_id: the record's id.
        direction: who began the call.
        number: E.164 number, extension or URI as dialled or received, without in-call DTMF.
        dialled: the digits to offer for redial; empty for incoming calls.
        account: whose call it is: an account's name, empty for the default account.
        decision: BARRED where what was dialled never becomes a call, so that its record never leaves, come what may.
        began_ago_s: how long ago the call began, where it was found running.
        verification: what the server said of the caller's number; it never leaves.
    """

    call_id: CallId
    direction: CallDirection
    number: str
    dialled: str = ""
    account: str = ""
    decision: Decision | None = None
    began_ago_s: float = 0.0
    verification: Verification | None = None


@dataclass(frozen=True, slots=True)
class MarkCallAnswered:
    """Write the moment of answer into the record, unless that is known there."""

    call_id: CallId
    answered_ago_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CloseCallRecord:
    """Complete the record: it may now be synced where consent allows, but for what never became a call (BARRED).

    Attributes:
        call_id: the record's id.
        reason: how the call ended.
        sip_code: the status code that ended it, 0 where there was none.
        decision: what the handset decided by itself; stays in the local log.
        ended_ago_s: how long ago the call ended.
    """

    call_id: CallId
    reason: DisconnectReason
    sip_code: int
    decision: Decision | None = None
    ended_ago_s: float = 0.0


@dataclass(frozen=True, slots=True)
class KeepCallQuality:
    """Write into the local log how a call sounded; it never leaves (W8)."""

    call_id: CallId
    quality: CallQuality


@dataclass(frozen=True, slots=True)
class KeepCallText:
    """Write into the local log what was written in a call; it never leaves.

    Attributes:
        call_id: the record's id.
        letters: with backspaces and line ends in them.
        ours: they were written here, not at the other end.
    """

    call_id: CallId
    letters: str = field(repr=False)
    ours: bool


@dataclass(frozen=True, slots=True)
class SavePreferences:
    """Keep what the holder has set."""

    preferences: Preferences


@dataclass(frozen=True, slots=True)
class SaveSetUp:
    """Keep how the phone came to be set up."""

    set_up: SetUp


@dataclass(frozen=True, slots=True)
class KeepMessage:
    """Keep a text message, or what has become of it."""

    message: TextMessage


@dataclass(frozen=True, slots=True)
class MarkMessagesRead:
    """The holder has seen the text messages."""


@dataclass(frozen=True, slots=True)
class DeleteMessage:
    """Forget a text message."""

    message_id: str


@dataclass(frozen=True, slots=True)
class LookUpCaller:
    """Look a number up; CallerNamed and NumberAttributed follow where it is known."""

    call_id: CallId
    number: str


@dataclass(frozen=True, slots=True)
class MarkMissedCallsSeen:
    """The holder has seen the missed calls."""


@dataclass(frozen=True, slots=True)
class ReportImpossibleEvent:
    """Log that an event arrived that this mode cannot have; `event` is the event's type name, no values."""

    mode: str
    event: str


Command = (
    LineOrder
    | SoundOrder
    | StartTimer
    | CancelTimer
    | ShowPage
    | SetIndicator
    | SetBrightness
    | Click
    | StopSpeaking
    | AnnounceRecording
    | StartRecording
    | PauseRecording
    | ResumeRecording
    | StopRecording
    | OpenCallRecord
    | MarkCallAnswered
    | CloseCallRecord
    | KeepCallQuality
    | KeepCallText
    | SavePreferences
    | SaveSetUp
    | KeepMessage
    | MarkMessagesRead
    | DeleteMessage
    | LookUpCaller
    | MarkMissedCallsSeen
    | ReportImpossibleEvent
    | Request[object]
)
