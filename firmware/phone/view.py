"""What the phone knows that a display may show: a frozen copy, handed over with each ShowPage."""

from dataclasses import dataclass, field
from enum import StrEnum

from contract.calls import CallDirection, DisconnectReason
from firmware.base.words import Text
from firmware.phone.bundle_news import BundleEnded
from firmware.phone.call import (
    CallerId,
    CallQuality,
    CallState,
    Decision,
    RegistrationFailure,
    RegistrationState,
    TransferState,
)
from firmware.phone.call_text import TextView
from firmware.phone.contact import ContactMatch
from firmware.phone.menu_views import MenuView, NoticeView
from firmware.phone.news import Problem, Watched
from firmware.phone.updates import UpdateTold


class Mode(StrEnum):
    """What the phone as a whole is doing."""

    UNPROVISIONED = "unprovisioned"
    IDLE = "idle"
    COLLECTING_DIGITS = "collecting_digits"
    OUTGOING = "outgoing"
    RINGING = "ringing"
    IN_CALL = "in_call"
    CALL_ENDED = "call_ended"
    REDIALLING = "redialling"
    WRITING = "writing"
    MENU = "menu"
    LISTENING = "listening"
    TAKING_MESSAGE = "taking_message"


class Hint(StrEnum):
    """A word to the person about what to do next."""

    LIFT_HANDSET = "lift_handset"
    REPLACE_HANDSET = "replace_handset"
    HANDSET_IS_OFF = "handset_is_off"
    NUMBER_IMPOSSIBLE = "number_impossible"
    NUMBER_INCOMPLETE = "number_incomplete"
    EMERGENCY_NUMBER = "emergency_number"
    NOTHING_TO_REDIAL = "nothing_to_redial"
    RINGER_SILENCED = "ringer_silenced"
    CANNOT_CALL = "cannot_call"
    NO_SIP_LIBRARY = "no_sip_library"
    EMERGENCY_ONLY = "emergency_only"
    SET_UP_FIRST = "set_up_first"
    NUMBER_BARRED = "number_barred"
    NO_SPEED_DIAL = "no_speed_dial"
    NO_VOICEMAIL = "no_voicemail"
    FEATURE_ON = "feature_on"
    FEATURE_OFF = "feature_off"
    FEATURE_IMPOSSIBLE = "feature_impossible"
    CALL_WAITING = "call_waiting"
    CALL_ON_HOLD = "call_on_hold"
    TOO_MANY_CALLS = "too_many_calls"
    TRANSFER_TO_WHOM = "transfer_to_whom"
    TRANSFER_FAILED = "transfer_failed"
    REDIALLING = "redialling"
    PRESS_REDIAL_TO_KEEP_TRYING = "press_redial_to_keep_trying"
    MESSAGE_SENT = "message_sent"
    MESSAGE_FAILED = "message_failed"
    MESSAGE_RECEIVED = "message_received"
    NO_LOUDSPEAKER = "no_loudspeaker"
    RECORD_AGAIN = "record_again"
    RECORDING_NOT_ALLOWED = "recording_not_allowed"
    RECORDING_UNWANTED = "recording_unwanted"
    RECORDING_EMERGENCY = "recording_emergency"
    RECORDING_LOCKED = "recording_locked"
    RECORDING_ON_HOLD = "recording_on_hold"
    RECORDING_ENDED = "recording_ended"
    RECORDING_WITHDRAWN = "recording_withdrawn"
    RECORDING_DISK_FULL = "recording_disk_full"
    RECORDING_FAILED = "recording_failed"
    RECORDINGS_TRIMMED = "recordings_trimmed"
    CONTACT_SAVED = "contact_saved"
    SET_UP_WAITS = "set_up_waits"
    ALL_SET = "all_set"


@dataclass(frozen=True, slots=True)
class CallView:
    """One call as the display shows it.

    Attributes:
        state: where the call is.
        direction: who began it.
        party: the number dialled or the caller's identity.
        contact_name: the address book's name, empty where unknown.
        duration_s: whole seconds since the answer, 0 before it.
        held_by_peer: the far end has put the call on hold.
        dtmf: the digits sent in this call, newest last.
        reason: why it ended, where it has.
        sip_code: the status code that ended it, 0 where there was none.
        emergency: an emergency number was dialled.
        attribution: region and carrier of the number, empty where unknown.
        account: whose call it is: the account's label, empty where there is only one.
        diverted_by: who forwarded the call to here, by name or number.
        decision: what the handset decided by itself, None where nothing.
        transfer: how far a transfer of this call has come, None where none was asked for.
        quality: how it sounds, None before anything was measured.
        text: what is written in it, None while nobody has begun to.
        in_conference: it is one of those that are joined.
        picture: names the contact's picture, empty where it has none.
        recorded_by_peer: the other end records it.
        awaits_word: the number has digits behind it that are sent when the person says so.
    """

    state: CallState
    direction: CallDirection
    party: CallerId
    contact_name: str = ""
    duration_s: int = 0
    held_by_peer: bool = False
    dtmf: str = ""
    reason: DisconnectReason | None = None
    sip_code: int = 0
    emergency: bool = False
    attribution: str = ""
    account: str = ""
    diverted_by: str = ""
    decision: Decision | None = None
    transfer: TransferState | None = None
    quality: CallQuality | None = None
    text: TextView | None = None
    in_conference: bool = False
    picture: str = ""
    recorded_by_peer: bool = False
    awaits_word: bool = False


@dataclass(frozen=True, slots=True)
class RecordingView:
    """The recording of a call: how long it is, and whether it goes on now or waits."""

    duration_s: int
    is_kept: bool


@dataclass(frozen=True, slots=True)
class LineView:
    """One account as the display shows it; `account` is its label."""

    account: str
    state: RegistrationState
    failure: RegistrationFailure | None = None
    sip_code: int = 0
    retry_in_s: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """The newest call that the handset turned away or forwarded by itself: who, and why."""

    party: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class Look:
    """How the holder wants the display.

    Attributes:
        language: "en" or "zh"; empty for the configuration's.
        large_text: fewer words, twice as tall where the display has room.
        high_contrast: black and white alone on displays with colours.
        background: names the picture behind the idle page, empty for none.
    """

    language: str = ""
    large_text: bool = False
    high_contrast: bool = False
    background: str = ""


@dataclass(frozen=True, slots=True)
class PersonView:
    """Whom a digit calls.

    Attributes:
        digit: that.
        name: the number, or what it is for, where nobody has a name.
        number: as it is dialled.
        picture: its name, empty for none.
        state: how their phone stands; UNKNOWN where it is not watched.
    """

    digit: str
    name: Text
    number: str
    picture: str = ""
    state: Watched = Watched.UNKNOWN


@dataclass(frozen=True, slots=True)
class PhoneView:
    """The whole phone as the display shows it.

    Attributes:
        mode: what the phone is doing.
        off_hook: the handset is lifted.
        digits: what has been dialled so far.
        call: the call in the foreground.
        registration: whether the line works.
        registration_failure: why it does not.
        registration_sip_code: the status code behind that, 0 where there was none.
        problems: standing faults, each with its sentence, most important first.
        mistakes: what is wrong with the configuration, each a sentence with its place.
        details_step: how often the person has asked for more about what is wrong; 0 where nobody asks.
        missed_calls: how many nobody has seen.
        missed_party: the newest of them, by name or number; empty where unknown.
        may_call_back: OK calls the newest of them.
        muted: the microphone sends silence.
        microphone_open: the microphone's PCM is open; the display must show it.
        volume_percent: set for a moment after a volume key, else None.
        hint: a word to the person, None where there is none.
        speaker: the loudspeaker and its microphone are in use in place of the handset's.
        has_loudspeaker: there is one, so that a number can be called with the handset down.
        other_calls: those that wait or are on hold, waiting ones first.
        lines: every account, the default one first.
        do_not_disturb: calls do not ring.
        forwarding: where calls are forwarded to always, empty where they are not.
        voicemail: how many voice messages nobody has heard.
        unread_messages: how many text messages nobody has read.
        policy_to_read: there is a new privacy policy that the holder has not read.
        notices_to_read: how many of the operator's notices are not acknowledged.
        answers_to_read: how many answers to the holder's requests nobody has read.
        incident_to_read: one of the notices tells of a danger to the holder's data.
        purposes_to_answer: how many purposes have changed since they were answered.
        works_only: the numbers that are all that can be called until somebody sets the phone up; empty once it is.
        has_offer: there are purposes to be answered that the holder was never shown.
        refusal: the newest call that the handset decided about by itself, until the person has seen it.
        sound_shown: the person wants to see how the running call sounds.
        recording: the call is recorded here, or about to be; None where it is not.
        may_record: the call could be recorded, be it after a question.
        question: what is asked in a call, in place of its page; None where nothing is.
        message_text: the text message being written; None where none is.
        writing_mode: how letters are typed now, such as "abc" or "拼"; empty where nothing is written.
        candidates: the characters that the last keys may mean, the likeliest first.
        candidate: which of them is chosen, from 0.
        redial_in_s: a busy number is tried again by itself, so often; 0 where none is.
        feature: the name of the feature that a code has just switched, beside FEATURE_ON and FEATURE_OFF.
        saved: who has just been saved, beside CONTACT_SAVED.
        menu: the menu's page, in modes MENU and LISTENING.
        matches: the contacts that the digits dialled so far may mean, best first.
        match: which of them is chosen, from 0; None while none is.
        page: the paging group whose announcement is heard, empty for none.
        people: whom the digits call, in their order, on a phone that nobody uses and that may call them.
        locked: the holder's PIN opens the phone: nothing personal may be shown, and only emergency numbers called.
        look: how the holder wants the display.
        spoken: what is shown is to be said aloud, too.
        asked_aloud: somebody wants to hear all of what is shown, even in a call.
        flash: a display that flashes is in its striking half or in its plain one; None where it does not flash.
        help_number: the emergency number that was typed on the page; lifting the handset calls it. Empty for none.
        why_failed: why the call to the number that is shown failed, where that was the last call; None otherwise.
        serial: the hardware's serial number, by which an installer knows it.
        last_bundle: what became of the last bundle that the phone has heard of; None where it has of none.
        update: how updates of the firmware stand.
        menu_is_public: the menu's page is about the handset and about nobody.
        asks_by_itself: the menu is one that a new phone has opened by itself, and that waits for somebody for ever.
    """

    mode: Mode
    off_hook: bool = False
    digits: str = ""
    call: CallView | None = None
    registration: RegistrationState = RegistrationState.UNREGISTERED
    registration_failure: RegistrationFailure | None = None
    registration_sip_code: int = 0
    problems: tuple[tuple[Problem, str], ...] = ()
    mistakes: tuple[str, ...] = ()
    details_step: int = 0
    missed_calls: int = 0
    missed_party: str = ""
    may_call_back: bool = False
    muted: bool = False
    microphone_open: bool = False
    volume_percent: int | None = None
    hint: Hint | None = None
    speaker: bool = False
    has_loudspeaker: bool = False
    other_calls: tuple[CallView, ...] = ()
    lines: tuple[LineView, ...] = ()
    do_not_disturb: bool = False
    forwarding: str = ""
    voicemail: int = 0
    unread_messages: int = 0
    policy_to_read: bool = False
    notices_to_read: int = 0
    answers_to_read: int = 0
    incident_to_read: bool = False
    purposes_to_answer: int = 0
    works_only: str = ""
    has_offer: bool = False
    refusal: Refusal | None = None
    sound_shown: bool = False
    recording: RecordingView | None = None
    may_record: bool = False
    question: NoticeView | None = None
    message_text: str | None = None
    writing_mode: str = ""
    candidates: tuple[str, ...] = ()
    candidate: int = 0
    redial_in_s: int = 0
    feature: str = ""
    saved: str = ""
    menu: MenuView | None = None
    matches: tuple[ContactMatch, ...] = ()
    match: int | None = None
    page: str = ""
    people: tuple[PersonView, ...] = ()
    locked: bool = False
    look: Look = Look()
    spoken: bool = False
    asked_aloud: bool = False
    flash: bool | None = None
    help_number: str = ""
    why_failed: DisconnectReason | None = None
    serial: str = ""
    last_bundle: BundleEnded | None = None
    update: UpdateTold = field(default_factory=UpdateTold)
    menu_is_public: bool = False
    asks_by_itself: bool = False
