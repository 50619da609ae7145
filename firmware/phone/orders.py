"""What the phone asks of voice, as frozen values in the imperative: calls, tones, the microphone, ringing."""

from dataclasses import dataclass
from enum import StrEnum

from firmware.phone.call import CallId, RejectReason, SipUri
from firmware.phone.key import Key
from firmware.phone.recording import RecordingSign


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


class EarPreset(StrEnum):
    """How the earpiece sounds: as it comes; with more of what tells consonants apart; louder, and never too loud."""

    NORMAL = "normal"
    CLEAR = "clear"
    LOUD = "loud"


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
class OpenText:
    """Offer real-time text in a call (RFC 4103); CallTextChanged follows."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class WriteText:
    """Send letters of real-time text as they are typed; a backspace takes the last one back (ITU-T T.140)."""

    call_id: CallId
    text: str


@dataclass(frozen=True, slots=True)
class OpenAudio:
    """Open the earpiece, or the loudspeaker; `talk` opens the microphone too, and False shuts it.

    `unattended` opens neither: the other end hears announcements, and is recorded.
    """

    talk: bool
    speaker: bool = False
    unattended: bool = False


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
class SetEar:
    """Have the earpiece sound by a preset; `boosted` makes it 12 dB louder than that."""

    preset: EarPreset
    boosted: bool = False


@dataclass(frozen=True, slots=True)
class LowerNoise:
    """Lower steady noise around the phone where the configuration says so, or nowhere."""

    lowered: bool


@dataclass(frozen=True, slots=True)
class PlayTone:
    """Play a tone in the earpiece until StopTone or another tone."""

    tone: Tone


@dataclass(frozen=True, slots=True)
class StopTone:
    """Silence the tone."""


@dataclass(frozen=True, slots=True)
class HearPage:
    """Play what is said to a paging group where the earpiece or the loudspeaker is open; an empty name is silence."""

    group: str


@dataclass(frozen=True, slots=True)
class StartRinging:
    """Ring.

    Attributes:
        pattern: one of `menu.sound.RINGS`, or "recall"; unknown ones ring as normal.
        rises: it begins softly.
    """

    pattern: str = "normal"
    rises: bool = False


@dataclass(frozen=True, slots=True)
class StopRinging:
    """Stop ringing."""


@dataclass(frozen=True, slots=True)
class SignalRecording:
    """Tell a call's other end by SIP whether the call is recorded here (RFC 7866 section 6.1.2)."""

    call_id: CallId
    sign: RecordingSign


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Send a text message (RFC 3428); MessageSent follows."""

    message_id: str
    uri: SipUri
    text: str
    account: str = ""


LineOrder = (
    PlaceCall
    | SignalRinging
    | AnswerCall
    | RejectCall
    | RedirectCall
    | HangUpCall
    | HoldCall
    | ResumeCall
    | TransferCall
    | TransferToCall
    | JoinCalls
    | SplitCalls
    | SendDtmf
    | OpenText
    | WriteText
    | SignalRecording
    | SendMessage
)
"""What is done with calls."""

SoundOrder = (
    OpenAudio
    | CloseAudio
    | SetMute
    | SetVolume
    | SetEar
    | LowerNoise
    | PlayTone
    | StopTone
    | HearPage
    | StartRinging
    | StopRinging
)
"""What is done with sound."""
