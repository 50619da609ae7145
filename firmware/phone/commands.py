"""Everything that the phone may ask for, as frozen values in the imperative."""

from dataclasses import dataclass
from enum import StrEnum

from firmware.phone.call import CallDirection, CallId, DisconnectReason, RejectReason, SipUri
from firmware.phone.events import Key, Timer
from firmware.phone.view import PhoneView


class Tone(StrEnum):
    """The tones that a country's tone plan defines (ITU-T E.180), and the confirmation beep."""

    DIAL = "dial"
    RINGBACK = "ringback"
    BUSY = "busy"
    REORDER = "reorder"
    CONFIRMATION = "confirmation"


class AudioRoute(StrEnum):
    """Where a volume applies."""

    EARPIECE = "earpiece"
    RINGER = "ringer"


class IndicatorPattern(StrEnum):
    """What the status LED shows."""

    OFF = "off"
    ON = "on"
    SLOW_BLINK = "slow_blink"
    FAST_BLINK = "fast_blink"


@dataclass(frozen=True, slots=True)
class PlaceCall:
    """Send an INVITE."""

    call_id: CallId
    uri: SipUri


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
class SendDtmf:
    """Send one digit in a call (RFC 4733)."""

    call_id: CallId
    key: Key


@dataclass(frozen=True, slots=True)
class OpenAudio:
    """Open the earpiece; `talk` opens the microphone too, and False shuts it."""

    talk: bool


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
    """Ring."""


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
class OpenCallRecord:
    """Write the call detail record's first line, before the first packet of an outgoing call.

    Attributes:
        call_id: the record's id.
        direction: who began the call.
        number: E.164 number, extension or URI as dialled or received, without in-call DTMF.
        dialled: the digits to offer for redial; empty for incoming calls.
    """

    call_id: CallId
    direction: CallDirection
    number: str
    dialled: str = ""


@dataclass(frozen=True, slots=True)
class MarkCallAnswered:
    """Write the moment of answer into the record."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class CloseCallRecord:
    """Complete the record: it may now be synced where consent allows."""

    call_id: CallId
    reason: DisconnectReason
    sip_code: int


@dataclass(frozen=True, slots=True)
class LookUpCaller:
    """Look a number up in the address book; CallerNamed follows where it is known."""

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
    | OpenCallRecord
    | MarkCallAnswered
    | CloseCallRecord
    | LookUpCaller
    | MarkMissedCallsSeen
    | ReportImpossibleEvent
)
