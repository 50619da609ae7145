"""Everything that the phone may ask for, as frozen values in the imperative."""

from dataclasses import dataclass
from enum import StrEnum

from firmware.phone.call import (
    CallDirection,
    CallId,
    CallQuality,
    Decision,
    DisconnectReason,
    RejectReason,
    SipUri,
    TextMessage,
)
from firmware.phone.errands import Errand
from firmware.phone.events import Key, Timer
from firmware.phone.preferences import Preferences
from firmware.phone.recording import RecordingEnd, RecordingNotice, RecordingSign
from firmware.phone.set_up import SetUp
from firmware.phone.view import PhoneView


class Tone(StrEnum):
    """The tones that a country's tone plan defines (ITU-T E.180), and a few beeps of our own.

    CALL_WAITING and HOLD_REMINDER sound over a running call; WARNING comes before a call that answers itself.
    """

    DIAL = "dial"
    RINGBACK = "ringback"
    BUSY = "busy"
    REORDER = "reorder"
    CONFIRMATION = "confirmation"
    CALL_WAITING = "call_waiting"
    STUTTER_DIAL = "stutter_dial"
    HOLD_REMINDER = "hold_reminder"
    WARNING = "warning"


class AudioRoute(StrEnum):
    """Where a volume applies."""

    EARPIECE = "earpiece"
    SPEAKER = "speaker"
    RINGER = "ringer"


class IndicatorPattern(StrEnum):
    """What the status LED shows."""

    OFF = "off"
    ON = "on"
    SLOW_BLINK = "slow_blink"
    FAST_BLINK = "fast_blink"
    PULSE = "pulse"


@dataclass(frozen=True, slots=True)
class PlaceCall:
    """Send an INVITE.

    Attributes:
        call_id: names the call.
        uri: whom to call.
        account: whose call it is: an account's name, empty for the default account.
        anonymous: withhold who calls (RFC 3323).
    """

    call_id: CallId
    uri: SipUri
    account: str = ""
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class SignalRinging:
    """Answer an incoming call with 180 Ringing."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class AnswerCall:
    """Accept an incoming call."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class RejectCall:
    """Turn an incoming call away."""

    call_id: CallId
    reason: RejectReason


@dataclass(frozen=True, slots=True)
class HangUpCall:
    """End a call in whatever state it is."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class HoldCall:
    """Ask the far end to stop sending (RFC 6337 section 5.3)."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class ResumeCall:
    """Undo HoldCall."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class RedirectCall:
    """Tell a caller whom to call instead (302, RFC 3261 section 21.3.3)."""

    call_id: CallId
    uri: SipUri


@dataclass(frozen=True, slots=True)
class TransferCall:
    """Ask the other end to call somebody else (blind transfer, RFC 5589 section 6); TransferChanged follows."""

    call_id: CallId
    uri: SipUri


@dataclass(frozen=True, slots=True)
class TransferToCall:
    """Ask the other end of a call to take the other call's place (attended transfer, RFC 5589 section 7)."""

    call_id: CallId
    other_call_id: CallId


@dataclass(frozen=True, slots=True)
class JoinCalls:
    """Let the other ends hear each other: a conference mixed here. Calls on hold are resumed first."""

    call_ids: tuple[CallId, ...]


@dataclass(frozen=True, slots=True)
class SplitCalls:
    """Undo JoinCalls: nobody hears anybody but this handset."""


@dataclass(frozen=True, slots=True)
class SendDtmf:
    """Send one digit in a call, in the way that was negotiated (RFC 4733, INFO or in-band)."""

    call_id: CallId
    key: Key


@dataclass(frozen=True, slots=True)
class OpenAudio:
    """Open the earpiece, or the loudspeaker; `talk` opens the microphone too, and False shuts it."""

    talk: bool
    speaker: bool = False


@dataclass(frozen=True, slots=True)
class CloseAudio:
    """Shut the earpiece and the microphone."""


@dataclass(frozen=True, slots=True)
class SetMute:
    """Send silence in place of the microphone, or stop doing so."""

    muted: bool


@dataclass(frozen=True, slots=True)
class SetVolume:
    """Set a volume, 0 to 100 per cent."""

    route: AudioRoute
    percent: int


@dataclass(frozen=True, slots=True)
class PlayTone:
    """Play a tone in the earpiece until StopTone or another tone."""

    tone: Tone


@dataclass(frozen=True, slots=True)
class StopTone:
    """Silence the tone."""


@dataclass(frozen=True, slots=True)
class StartRinging:
    """Ring; `pattern` is "normal", "internal", "external", "priority" or "recall"; unknown ones ring as normal."""

    pattern: str = "normal"


@dataclass(frozen=True, slots=True)
class StopRinging:
    """Stop ringing."""


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
class SignalRecording:
    """Tell a call's other end by SIP whether the call is recorded here (RFC 7866 section 6.1.2)."""

    call_id: CallId
    sign: RecordingSign


@dataclass(frozen=True, slots=True)
class AnnounceRecording:
    """Let both ends hear something about the recording; after BEGINNING, RecordingAnnounced follows."""

    notice: RecordingNotice


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Record a call from now on; RecordingStarted or RecordingEnded follows. One is recorded at a time.

    Attributes:
        call_id: which call.
        number: the other end's, as the call log has it.
        name: what the other end is called, empty where that is not known.
    """

    call_id: CallId
    number: str
    name: str = ""


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
    """Write the call detail record's first line, before the first packet of an outgoing call.

    Attributes:
        call_id: the record's id.
        direction: who began the call.
        number: E.164 number, extension or URI as dialled or received, without in-call DTMF.
        dialled: the digits to offer for redial; empty for incoming calls.
        account: whose call it is: an account's name, empty for the default account.
        decision: BARRED where what was dialled never becomes a call, so that its record never leaves, come what may.
    """

    call_id: CallId
    direction: CallDirection
    number: str
    dialled: str = ""
    account: str = ""
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class MarkCallAnswered:
    """Write the moment of answer into the record."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class CloseCallRecord:
    """Complete the record: it may now be synced where consent allows, but for what never became a call (BARRED).

    Attributes:
        call_id: the record's id.
        reason: how the call ended.
        sip_code: the status code that ended it, 0 where there was none.
        decision: what the handset decided by itself; stays in the local log.
    """

    call_id: CallId
    reason: DisconnectReason
    sip_code: int
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class KeepCallQuality:
    """Write into the local log how a call sounded; it never leaves (W8)."""

    call_id: CallId
    quality: CallQuality


@dataclass(frozen=True, slots=True)
class SavePreferences:
    """Keep what the holder has set."""

    preferences: Preferences


@dataclass(frozen=True, slots=True)
class SaveSetUp:
    """Keep how the phone came to be set up."""

    set_up: SetUp


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Send a text message (RFC 3428); MessageSent follows."""

    message_id: str
    uri: SipUri
    text: str
    account: str = ""


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
    PlaceCall
    | SignalRinging
    | AnswerCall
    | RejectCall
    | HangUpCall
    | HoldCall
    | ResumeCall
    | RedirectCall
    | TransferCall
    | TransferToCall
    | JoinCalls
    | SplitCalls
    | SendDtmf
    | OpenAudio
    | CloseAudio
    | SetMute
    | SetVolume
    | PlayTone
    | StopTone
    | StartRinging
    | StopRinging
    | StartTimer
    | CancelTimer
    | ShowPage
    | SetIndicator
    | SetBrightness
    | Click
    | StopSpeaking
    | SignalRecording
    | AnnounceRecording
    | StartRecording
    | PauseRecording
    | ResumeRecording
    | StopRecording
    | OpenCallRecord
    | MarkCallAnswered
    | CloseCallRecord
    | KeepCallQuality
    | SavePreferences
    | SaveSetUp
    | SendMessage
    | KeepMessage
    | MarkMessagesRead
    | DeleteMessage
    | LookUpCaller
    | MarkMissedCallsSeen
    | ReportImpossibleEvent
    | Errand
)
