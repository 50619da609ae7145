"""What the phone's features remember, what the configuration decides for them, and the codes that switch them.

A code such as `*78` says which feature a string of keys means, and what was dialled behind it.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from contract.calls import DisconnectReason
from contract.consent import Purpose
from firmware.phone.activation import Activation
from firmware.phone.call import CallerId, CallId, CallQuality, RegistrationState, TextMessage
from firmware.phone.dial_plan import DialPlan, Match
from firmware.phone.digit_map import Alternative
from firmware.phone.events import MinuteStarted
from firmware.phone.news import RegistrationChanged
from firmware.phone.numbers import NumberPattern
from firmware.phone.pin import Guard
from firmware.phone.preferences import Preferences, SetUp
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.requests.policies import DocumentsChanged
from firmware.phone.text_entry import TextEntry
from firmware.phone.view import LineView, Refusal

_SHOWN_QUALITIES = 5
_SHOWN_MESSAGES = 50
_MINUTES_A_DAY = 24 * 60
_CALLS_BEFORE_OFFER = 5
_OFFERED = frozenset({Purpose.CDR_SYNC, Purpose.CROSS_BORDER_CDR, Purpose.OPERATOR_NOTICES})
"""What no key of the phone's leads to; the other purposes are asked when they are wanted."""


class Feature(StrEnum):
    """What a code may do; the values are the names in the configuration's [feature_codes]."""

    DO_NOT_DISTURB_ON = "do_not_disturb_on"
    DO_NOT_DISTURB_OFF = "do_not_disturb_off"
    FORWARD_ALWAYS_ON = "forward_always_on"
    FORWARD_ALWAYS_OFF = "forward_always_off"
    FORWARD_BUSY_ON = "forward_busy_on"
    FORWARD_BUSY_OFF = "forward_busy_off"
    FORWARD_NO_ANSWER_ON = "forward_no_answer_on"
    FORWARD_NO_ANSWER_OFF = "forward_no_answer_off"
    REJECT_ANONYMOUS_ON = "reject_anonymous_on"
    REJECT_ANONYMOUS_OFF = "reject_anonymous_off"
    AUTO_ANSWER_ON = "auto_answer_on"
    AUTO_ANSWER_OFF = "auto_answer_off"
    PRIVATE_MODE_ON = "private_mode_on"
    BLOCK_LAST_CALLER = "block_last_caller"
    UNBLOCK_LAST_CALLER = "unblock_last_caller"
    SET_SPEED_DIAL = "set_speed_dial"
    AUTO_REDIAL_ON = "auto_redial_on"
    AUTO_REDIAL_OFF = "auto_redial_off"
    ANONYMOUS_CALL = "anonymous_call"
    TEXT_CALL = "text_call"
    CALL_BACK = "call_back"
    VOICEMAIL = "voicemail"


_NUMBER_FOLLOWS = frozenset(
    {
        Feature.FORWARD_ALWAYS_ON,
        Feature.FORWARD_BUSY_ON,
        Feature.FORWARD_NO_ANSWER_ON,
        Feature.ANONYMOUS_CALL,
        Feature.TEXT_CALL,
        Feature.SET_SPEED_DIAL,
    }
)


@dataclass(frozen=True, slots=True)
class CodeReading:
    """What a dialled code means.

    Attributes:
        feature: what it does.
        code: the code itself.
        digit: the key that it is about, empty where it is about none.
        number: the number behind it, empty where there is none.
        match: whether that is all.
    """

    feature: Feature
    code: str
    digit: str
    number: str
    match: Match


@dataclass(frozen=True, slots=True)
class FeatureCodes:
    """The codes that this handset knows, by feature; they come before the digit map and are never rewritten."""

    codes: dict[Feature, str] = field(default_factory=dict)

    def read(self, digits: str, plan: DialPlan) -> CodeReading | None:
        """Say which feature was dialled, None where it is none (yet), or an emergency number."""
        if plan.is_emergency(digits):
            return None
        for feature, code in self.codes.items():
            if digits.startswith(code) and (reading := _read_behind(feature, code, digits[len(code) :], plan)):
                return reading
        return None

    def begins_code(self, digits: str) -> bool:
        """Whether the digits are the beginning of a code, but not yet one."""
        return any(code != digits and code.startswith(digits) for code in self.codes.values())


def _read_behind(feature: Feature, code: str, rest: str, plan: DialPlan) -> CodeReading | None:
    if feature not in _NUMBER_FOLLOWS:
        return None if rest else CodeReading(feature, code, "", "", Match.COMPLETE)
    if feature is not Feature.SET_SPEED_DIAL:
        return CodeReading(feature, code, "", rest, plan.match(rest))
    digit, number = rest[:1], rest[1:]
    match = Match.INCOMPLETE if not digit else plan.match(number) if digit.isdigit() else Match.IMPOSSIBLE
    return CodeReading(feature, code, digit, number, match)


@dataclass(frozen=True, slots=True)
class OpenHours:
    """A stretch of the week in which calls ring.

    Attributes:
        days: those on which it begins, 0 for Monday.
        from_minute, to_minute: of the day; one that ends no later than it begins crosses midnight.
    """

    days: frozenset[int]
    from_minute: int
    to_minute: int

    def include(self, weekday: int, minute: int) -> bool:
        """Whether a minute of the week lies within."""
        if self.from_minute < self.to_minute:
            return weekday in self.days and self.from_minute <= minute < self.to_minute
        yesterday = (weekday - 1) % 7
        return (weekday in self.days and self.from_minute <= minute < _MINUTES_A_DAY) or (
            yesterday in self.days and minute < self.to_minute
        )


@dataclass(frozen=True, slots=True)
class CallRules:
    """What the configuration says about calls that come in.

    Attributes:
        block: callers who never ring.
        allow: callers who always ring.
        allow_only: nobody rings but they.
        hours: when calls ring; always, where there are none.
        out_of_hours_forward: whom a call outside the hours is sent to, as dialled; empty turns it away.
        auto_answer_from: whose intercoms are answered by themselves.
    """

    block: tuple[NumberPattern, ...] = ()
    allow: tuple[NumberPattern, ...] = ()
    allow_only: bool = False
    hours: tuple[OpenHours, ...] = ()
    out_of_hours_forward: str = ""
    auto_answer_from: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Hotline:
    """The number that a lifted handset calls by itself; at once, or where nothing is dialled for `delay_s`."""

    number: str
    delay_s: float


@dataclass(slots=True)
class Draft:
    """A text message that is being written to somebody."""

    party: CallerId
    entry: TextEntry = field(default_factory=TextEntry)


@dataclass(slots=True)
class AutoRedial:
    """A busy number that is tried again by itself; `digits` as dialled."""

    digits: str
    tries_left: int


@dataclass(slots=True)
class PastCall:
    """A call that is over, and how it sounded; None while that is not known, which may be measured after its end."""

    call_id: CallId
    party: str
    quality: CallQuality | None


@dataclass(slots=True)
class FeatureState:
    """What the features remember between two events.

    Attributes:
        preferences: what the holder has set; the configuration's until the store answers or the holder sets something.
        kept: the preferences that the store is known to hold; the configuration's until it answers.
        preferences_loaded: the store has answered.
        preferences_saved: the holder has set something since the start: the store may have answered from before that.
        pin_is_set: there is a PIN; None until the store has said so.
        guardian_pin_is_set: a guardian has set one, too.
        guards: what the thief of the memory card lacks; None until that is known.
        store_waits: the store stays closed until somebody types the PIN.
        set_up: how the phone came to be set up; None until the store has said so.
        activation: how far the run through the first questions has come.
        lock_is_known: the store has said whether the phone locks by itself.
        blocked_contacts: the numbers of blocked contacts, in all the ways to write them.
        let_through_once: numbers whose next call rings whatever the other rules say.
        unbarred: a number, as dialled, whose next call goes out although it is barred; empty for none.
        minute: the minute of the week, None until the first one has begun.
        last_caller: who called last, for calling back and blocking; None where nobody did.
        missed: the newest missed call's other end, None where that is not known.
        saved: the name of the contact that was saved last, or its number where it has none.
        why_failed: why the call that was dialled last did not come about or was cut off; None where it did not fail.
        refusal: the newest call that the handset decided about by itself, until the person has seen it.
        lines: every account's registration, by name; the default account's name is empty.
        voicemail: how many voice messages at the server nobody has heard, by account.
        messages_here: how many of the answering machine's nobody has heard.
        messages: the text messages, newest first.
        sending: the text messages that the server has not answered yet, by id.
        past_calls: the last calls that were answered, newest first.
        feature: the name of the feature that was switched last.
        draft: the text message being written, or put aside unfinished.
        auto_redial: the busy number that is being tried, None where none is.
        account_id: the default account's opaque id; empty until the store has opened.
        consents: what the holder agrees to; None until the store has said so.
        documents: what of the operator's the holder has yet to read.
    """

    preferences: Preferences = field(default_factory=Preferences)
    kept: Preferences = field(default_factory=Preferences)
    preferences_loaded: bool = False
    preferences_saved: bool = False
    pin_is_set: bool | None = None
    guardian_pin_is_set: bool = False
    guards: frozenset[Guard] | None = None
    store_waits: bool = False
    set_up: SetUp | None = None
    activation: Activation = field(default_factory=Activation)
    lock_is_known: bool = False
    blocked_contacts: frozenset[str] = frozenset()
    let_through_once: frozenset[str] = frozenset()
    unbarred: str = ""
    minute: MinuteStarted | None = None
    last_caller: CallerId | None = None
    missed: CallerId | None = None
    saved: str = ""
    why_failed: DisconnectReason | None = None
    refusal: Refusal | None = None
    lines: dict[str, RegistrationChanged] = field(default_factory=dict)
    voicemail: dict[str, int] = field(default_factory=dict)
    messages_here: int = 0
    messages: tuple[TextMessage, ...] = ()
    sending: dict[str, TextMessage] = field(default_factory=dict)
    past_calls: deque[PastCall] = field(default_factory=lambda: deque(maxlen=_SHOWN_QUALITIES))
    feature: str = ""
    draft: Draft | None = None
    auto_redial: AutoRedial | None = None
    account_id: str = ""
    consents: ConsentsChanged | None = None
    documents: DocumentsChanged = field(default_factory=DocumentsChanged)

    @property
    def features_on(self) -> tuple[tuple[str, str], ...]:
        """What is on beside do not disturb and forwarding of every call: names, and the number that one is about."""
        preferences = self.preferences
        numbers = {"forward_busy": preferences.forward_busy, "forward_no_answer": preferences.forward_no_answer}
        switches = {"reject_anonymous": preferences.reject_anonymous, "auto_answer": preferences.auto_answer}
        with_numbers = [(name, number) for name, number in numbers.items() if number]
        return (*with_numbers, *((name, "") for name, is_on in switches.items() if is_on))

    @property
    def qualities(self) -> tuple[tuple[str, CallQuality], ...]:
        """Parties and qualities of the last calls, newest first."""
        return tuple((call.party, call.quality) for call in self.past_calls if call.quality is not None)

    @property
    def voicemail_count(self) -> int:
        """How many voice messages nobody has heard, at the server and here."""
        return sum(self.voicemail.values()) + self.messages_here

    @property
    def unread_messages(self) -> int:
        """How many text messages nobody has read."""
        return sum(not message.read for message in self.messages)

    @property
    def lapsed_purposes(self) -> frozenset[Purpose]:
        """What is to be asked again."""
        return self.consents.lapsed if self.consents is not None else frozenset()

    @property
    def purposes_to_offer(self) -> frozenset[Purpose]:
        """What nobody has answered yet and is offered, once, to a holder who has used the phone for a while."""
        is_due = self.set_up is SetUp.FIRST_RUN and len(self.past_calls) >= _CALLS_BEFORE_OFFER
        return self.consents.unasked & _OFFERED if is_due and self.consents is not None else frozenset()

    @property
    def wants_attention(self) -> bool:
        """Whether there is something that the person has not seen or heard yet."""
        documents = self.documents
        to_read = documents.unread_policy or documents.unread_notices or documents.unread_answers
        to_hear_or_read = self.voicemail_count or self.unread_messages or to_read
        return bool(to_hear_or_read or self.refusal or self.lapsed_purposes)

    def line_views(self, accounts: tuple[tuple[str, str], ...]) -> tuple[LineView, ...]:
        """Return every account's line; `accounts` are pairs of name and label, the default account first."""
        unknown = RegistrationChanged(RegistrationState.UNREGISTERED)
        named = [("", label) if not index else (name, label) for index, (name, label) in enumerate(accounts)]
        lines = [(label, self.lines.get(name, unknown)) for name, label in named]
        return tuple(LineView(label, line.state, line.failure, line.sip_code, line.retry_in_s) for label, line in lines)

    def working_account(self, wanted: str) -> str:
        """Return the account to call for help with: the wanted one, unless it fails and another one works."""
        line = self.lines.get(wanted)
        if line is None or line.state is not RegistrationState.FAILED:
            return wanted
        registered = (name for name, other in self.lines.items() if other.state is RegistrationState.REGISTERED)
        return next(registered, wanted)

    def add_message(self, message: TextMessage) -> None:
        """Put a message first, or in the place of what was kept under its id."""
        if any(kept.message_id == message.message_id for kept in self.messages):
            self.messages = tuple(message if kept.message_id == message.message_id else kept for kept in self.messages)
        else:
            self.messages = (message, *self.messages)[:_SHOWN_MESSAGES]
