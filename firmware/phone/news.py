"""What the phone hears from voice, as frozen values named in the past tense: lines, calls, texts, faults."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import (
    CallerId,
    CallId,
    CallQuality,
    CallState,
    RegistrationFailure,
    RegistrationState,
    TextMessage,
    TransferState,
)
from firmware.phone.recording import RecordingPreference


class Problem(StrEnum):
    """A fault that the display and `wecall status` put into words; any number may stand at once."""

    CONFIGURATION = "configuration"
    SOUND_MISSING = "sound_missing"
    DEVICE_BROKEN = "device_broken"
    STORE_UNREADABLE = "store_unreadable"
    STORE_FULL = "store_full"
    LEDGER_DAMAGED = "ledger_damaged"
    FILES_LEFT = "files_left"
    CLOCK_NOT_SET = "clock_not_set"
    BROKER_UNREACHABLE = "broker_unreachable"
    BROKER_REFUSED = "broker_refused"
    RECIPIENTS_UNTOLD = "recipients_untold"
    SIP_UNAVAILABLE = "sip_unavailable"
    SIP_LIBRARY_MISSING = "sip_library_missing"
    VOICE_AWAY = "voice_away"
    MICROPHONE_OPEN = "microphone_open"
    SOUND_CONFINED = "sound_confined"


@dataclass(frozen=True, slots=True)
class RegistrationChanged:
    """The account's registration changed.

    Attributes:
        state: the new state.
        failure: why, where the state is FAILED.
        sip_code: the final response's status code (RFC 3261 section 21), 0 where there was none.
        retry_in_s: seconds until the next try, 0 where none is due.
        account: the account's name in the configuration; empty for the default account.
    """

    state: RegistrationState
    failure: RegistrationFailure | None = None
    sip_code: int = 0
    retry_in_s: int = 0
    account: str = ""


@dataclass(frozen=True, slots=True)
class IncomingCallReceived:
    """Somebody calls; nothing but 100 Trying has been answered yet.

    Attributes:
        call_id: names the call.
        caller: who calls: asserted where a trusted server vouches for it.
        account: whom it is for: the account's name, empty for the default account.
        ring: which ring the server asks for by Alert-Info (RFC 3261 section 20.4): "normal", "internal", "external" or
            "priority".
        answer_after_s: the caller asks to be answered without a hand (Call-Info or Alert-Info, RFC 5373), after so many
            seconds; None where it does not.
        diverted_by: who forwarded the call to here (RFC 5806), None where nobody did.
    """

    call_id: CallId
    caller: CallerId
    account: str = ""
    ring: str = "normal"
    answer_after_s: int | None = None
    diverted_by: CallerId | None = None


@dataclass(frozen=True, slots=True)
class CallStateChanged:
    """A call moved on.

    Attributes:
        call_id: which call.
        state: the new state; HELD means held by this handset.
        reason: why, where the state is DISCONNECTED.
        sip_code: the status code that ended it, 0 where there was none.
    """

    call_id: CallId
    state: CallState
    reason: DisconnectReason | None = None
    sip_code: int = 0


@dataclass(frozen=True, slots=True)
class CallAudioChanged:
    """The far end's audio began or stopped flowing.

    Attributes:
        call_id: which call.
        receiving: True while the far end's audio can be heard (early media included).
        sending: True while the far end wants to hear this end (False when it holds the call).
    """

    call_id: CallId
    receiving: bool
    sending: bool


@dataclass(frozen=True, slots=True)
class CallPartyChanged:
    """A trusted server says that somebody else is at the other end now (RFC 4916, after a transfer)."""

    call_id: CallId
    party: CallerId


@dataclass(frozen=True, slots=True)
class TransferChanged:
    """A transfer that was asked for in a call moved on (RFC 3515 section 2.4.5).

    After DONE the call ends by itself; after FAILED it is still there, on hold.
    """

    call_id: CallId
    state: TransferState
    sip_code: int = 0


@dataclass(frozen=True, slots=True)
class CallReplaced:
    """The other end handed a call over to somebody else (REFER, or INVITE with Replaces): the new call takes its place.

    The new call is DIALING or ACTIVE, as a CallStateChanged after this event says; the old one ends by itself.

    Attributes:
        call_id: the call that is over.
        new_call_id: the one in its place.
        party: who is at its other end.
        direction: OUTGOING where this handset was asked to call (REFER), INCOMING where it is called (Replaces).
    """

    call_id: CallId
    new_call_id: CallId
    party: CallerId
    direction: CallDirection = CallDirection.OUTGOING


@dataclass(frozen=True, slots=True)
class CallQualityMeasured:
    """How a call sounds, every few seconds while it runs and once more at its end, before DISCONNECTED."""

    call_id: CallId
    quality: CallQuality


@dataclass(frozen=True, slots=True)
class VoicemailCounted:
    """The voicemail system says how many messages wait (RFC 3842).

    Attributes:
        new, old: voice messages unheard and heard.
        account: whose; empty for the default account.
    """

    new: int
    old: int = 0
    account: str = ""


class Watched(StrEnum):
    """How another phone of the same server stands."""

    UNKNOWN = "unknown"
    FREE = "free"
    RINGING = "ringing"
    BUSY = "busy"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class WatchedPhoneChanged:
    """A phone that is watched stands otherwise than before (RFC 4235, RFC 3856).

    Attributes:
        number: whose, as the configuration names it.
        state: UNKNOWN while its server does not say.
    """

    number: str
    state: Watched


@dataclass(frozen=True, slots=True)
class PagingChanged:
    """Somebody speaks to a paging group, which the configuration names so, or nobody does any more."""

    group: str
    speaks: bool


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A text message came in."""

    message: TextMessage


@dataclass(frozen=True, slots=True)
class MessageSent:
    """A text message was accepted by the server, or was not."""

    message_id: str
    accepted: bool
    sip_code: int = 0


@dataclass(frozen=True, slots=True)
class ProblemRaised:
    """A fault began; `detail` is a full sentence without numbers, names or URIs."""

    problem: Problem
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProblemCleared:
    """A fault is over."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class RecordingSignalled:
    """The other end of a call says something else than before about recording it (RFC 7866).

    Attributes:
        call_id: which call.
        records: it records what it hears of this end.
        preference: what it thinks of being recorded.
    """

    call_id: CallId
    records: bool
    preference: RecordingPreference


@dataclass(frozen=True, slots=True)
class CallTextChanged:
    """Real-time text may be written in a call from now on, or not any more; the other end did not take it, perhaps."""

    call_id: CallId
    is_open: bool


@dataclass(frozen=True, slots=True)
class CallTextReceived:
    """The other end of a call wrote something by real-time text.

    Attributes:
        call_id: which call.
        text: letters and line ends that can be shown; U+FFFD where something was lost (RFC 4103 section 5.4).
        erased: so many letters of what it wrote before are taken back first.
    """

    call_id: CallId
    text: str
    erased: int = 0


@dataclass(frozen=True, slots=True)
class FoundCall:
    """One call that voice kept while no handset was there; durations are of now.

    Attributes:
        call_id: names it, and its record.
        direction: who began it.
        state: how it stands; DISCONNECTED for one that ended meanwhile, or shortly before.
        party: who is at its other end.
        account: whose call it is: the account's name, empty for the default account.
        reason: why it is over, where it is.
        sip_code: the status code that ended it, 0 where there was none.
        receiving, sending: as CallAudioChanged says it.
        recorded: the other end was told that it is recorded here.
        began_ago_s: since it began.
        answered_ago_s: since it was answered, None where it was not.
        ended_ago_s: since its end, None before that.
        accepted: it was answered here, or took another call's place, though it may not be ACTIVE yet.
    """

    call_id: CallId
    direction: CallDirection
    state: CallState
    party: CallerId
    account: str = ""
    reason: DisconnectReason | None = None
    sip_code: int = 0
    receiving: bool = False
    sending: bool = True
    recorded: bool = False
    began_ago_s: float = 0.0
    answered_ago_s: float | None = None
    ended_ago_s: float | None = None
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class CallsFound:
    """Voice says which calls it has at a handset's beginning; none as a rule.

    Attributes:
        calls: each that the handset before knew of. Others follow as events.
        joined: those that are in a conference.
        muted: silence is sent in place of the microphone.
        speaker: the loudspeaker was in use.
        off_hook: the handset is lifted now.
    """

    calls: tuple[FoundCall, ...]
    joined: tuple[CallId, ...] = ()
    muted: bool = False
    speaker: bool = False
    off_hook: bool = False


CallNews = (
    IncomingCallReceived
    | CallStateChanged
    | CallAudioChanged
    | CallPartyChanged
    | TransferChanged
    | CallReplaced
    | CallQualityMeasured
    | CallTextChanged
    | CallTextReceived
    | RecordingSignalled
)
"""News of one call."""

VoiceNews = (
    CallNews
    | CallsFound
    | RegistrationChanged
    | VoicemailCounted
    | WatchedPhoneChanged
    | PagingChanged
    | MessageReceived
    | MessageSent
    | ProblemRaised
    | ProblemCleared
)

NO_CALLS: Final = frozenset({Problem.SIP_LIBRARY_MISSING, Problem.SIP_UNAVAILABLE})
"""Those that leave nothing to call with. VOICE_AWAY does not: a call that is placed meanwhile waits for it."""
