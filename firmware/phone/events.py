"""Everything that can happen to the phone, as frozen values named in the past tense."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware.phone.answers import Answer
from firmware.phone.bundle_news import BundleNews
from firmware.phone.call import (
    CallDirection,
    CallerId,
    CallId,
    CallQuality,
    CallState,
    DisconnectReason,
    RegistrationFailure,
    RegistrationState,
    TextMessage,
    TransferState,
)
from firmware.phone.preferences import Preferences
from firmware.phone.recording import RecordingEnd, RecordingId, RecordingPreference
from firmware.phone.set_up import SetUp


class Key(StrEnum):
    """The keys of the handset; the values are the names used in the configuration's keypad layout."""

    DIGIT_0 = "0"
    DIGIT_1 = "1"
    DIGIT_2 = "2"
    DIGIT_3 = "3"
    DIGIT_4 = "4"
    DIGIT_5 = "5"
    DIGIT_6 = "6"
    DIGIT_7 = "7"
    DIGIT_8 = "8"
    DIGIT_9 = "9"
    STAR = "*"
    HASH = "#"
    OK = "ok"
    CANCEL = "cancel"
    REDIAL = "redial"
    MENU = "menu"
    MUTE = "mute"
    HOLD = "hold"
    VOLUME_UP = "volume_up"
    VOLUME_DOWN = "volume_down"
    TRANSFER = "transfer"
    CONFERENCE = "conference"
    SPEAKER = "speaker"
    VOICEMAIL = "voicemail"
    DO_NOT_DISTURB = "do_not_disturb"
    RECORD = "record"


class Timer(StrEnum):
    """The timers that the phone may start; starting one that runs restarts it."""

    INTER_DIGIT = "inter_digit"
    DIAL_TONE = "dial_tone"
    NO_ANSWER = "no_answer"
    CALL_ENDED = "call_ended"
    CALL_CLOCK = "call_clock"
    NOTICE = "notice"
    HOTLINE = "hotline"
    AUTO_ANSWER = "auto_answer"
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
    FIRST_RUN = "first_run"
    RECORDING = "recording"
    BUNDLE = "bundle"
    BUNDLE_PATIENCE = "bundle_patience"


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


NO_CALLS: Final = frozenset({Problem.SIP_LIBRARY_MISSING, Problem.SIP_UNAVAILABLE})
"""Those that leave nothing to call with. VOICE_AWAY does not: a call that is placed meanwhile waits for it."""


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
class ProblemRaised:
    """A fault began; `detail` is a full sentence without numbers, names or URIs."""

    problem: Problem
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProblemCleared:
    """A fault is over."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class LastDialledLoaded:
    """The call log's last dialled digits are known, for redial after a restart."""

    digits: str


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
class RecordingsTrimmed:
    """So many of the oldest recordings were deleted to make room; those that the holder keeps never are."""

    count: int


@dataclass(frozen=True, slots=True)
class MissedCallsCounted:
    """The call log's number of missed calls that nobody has seen yet changed."""

    count: int


Event = (
    KeyPressed
    | KeyRepeated
    | KeyHeld
    | HandsetLifted
    | HandsetReplaced
    | TimerExpired
    | RegistrationChanged
    | IncomingCallReceived
    | CallStateChanged
    | CallAudioChanged
    | CallerNamed
    | NumberAttributed
    | CallPartyChanged
    | TransferChanged
    | CallReplaced
    | CallQualityMeasured
    | VoicemailCounted
    | MessageReceived
    | MessageSent
    | MessagesLoaded
    | PreferencesLoaded
    | SetUpLoaded
    | BlockedContactsLoaded
    | MinuteStarted
    | ProblemRaised
    | ProblemCleared
    | LastDialledLoaded
    | RecordingSignalled
    | RecordingAnnounced
    | RecordingStarted
    | RecordingEnded
    | RecordingsTrimmed
    | MissedCallsCounted
    | BundleNews
    | Answer
)
