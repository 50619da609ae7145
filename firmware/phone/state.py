"""What the phone remembers between two events, and what follows from it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from firmware.phone.call import (
    CallDirection,
    CallerId,
    CallId,
    CallState,
    DisconnectReason,
    RegistrationFailure,
    RegistrationState,
)
from firmware.phone.commands import AudioRoute, CancelTimer, Command, IndicatorPattern, StartTimer, Tone
from firmware.phone.dial_plan import DialPlan
from firmware.phone.events import Key, Problem, Timer
from firmware.phone.features import CallRules, FeatureState
from firmware.phone.preferences import Preferences
from firmware.phone.view import CallView, Hint, Mode, PhoneView

DIGIT_KEYS = frozenset(key for key in Key if key.value in "0123456789*#")
_REMEMBERED_DEPARTED_CALLS = 32
_SHOWN_DTMF_DIGITS = 32
# What stops calls comes first, then what a person misses, then what only the operator sees.
_MOST_IMPORTANT_FIRST = (
    Problem.SIP_UNAVAILABLE,
    Problem.SOUND_MISSING,
    Problem.DEVICE_BROKEN,
    Problem.CONFIGURATION,
    Problem.STORE_UNREADABLE,
    Problem.STORE_FULL,
    Problem.CLOCK_NOT_SET,
    Problem.BROKER_REFUSED,
    Problem.BROKER_UNREACHABLE,
)


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """What the configuration decides for the phone.

    Attributes:
        dial_plan: emergency numbers and the digit map.
        inter_digit_timeout_s: silence after which a number that may be complete is sent.
        first_digit_timeout_s: how long dial tone plays before it turns into reorder tone.
        no_answer_s: how long an incoming call rings before it counts as missed.
        earpiece_volume_percent: the earpiece's volume at the start.
        ringer_volume_percent: the ringer's volume at the start.
        provisioned: False where there is no usable configuration; then only emergency calls are placed.
        line_usable: False where there is no account to call with, not even for an emergency.
        mistakes: what is wrong with the configuration, each a sentence with its place.
        call_rules: which calls ring.
        preferences: what holds until the holder sets something on the phone.
    """

    dial_plan: DialPlan
    inter_digit_timeout_s: float = 4
    first_digit_timeout_s: float = 15
    no_answer_s: float = 120
    earpiece_volume_percent: int = 70
    ringer_volume_percent: int = 80
    provisioned: bool = True
    line_usable: bool = True
    mistakes: tuple[str, ...] = ()
    call_rules: CallRules = field(default_factory=CallRules)
    preferences: Preferences = field(default_factory=Preferences)


@dataclass(slots=True)
class Call:
    """The one call that the phone is busy with.

    Attributes:
        state: what SIP last said.
        answered: it has been ACTIVE once.
        hold_wanted: the person has pressed hold; the microphone stays shut even while SIP still says ACTIVE.
        receiving: the far end can be heard.
        sending: the far end wants to hear this end.
    """

    call_id: CallId
    direction: CallDirection
    party: CallerId
    state: CallState
    emergency: bool = False
    contact_name: str = ""
    answered: bool = False
    hold_wanted: bool = False
    receiving: bool = False
    sending: bool = True
    duration_s: int = 0
    dtmf: str = ""
    reason: DisconnectReason | None = None
    sip_code: int = 0

    @property
    def is_held(self) -> bool:
        """Held by this handset."""
        return self.hold_wanted or self.state is CallState.HELD

    @property
    def may_talk(self) -> bool:
        """Whether the microphone has a business here."""
        return self.answered and self.state is CallState.ACTIVE and not self.hold_wanted and self.sending

    @property
    def title(self) -> str:
        """The other end by name or number."""
        return self.contact_name or self.party.display_name or self.party.number

    def view(self) -> CallView:
        return CallView(
            state=CallState.HELD if self.is_held and self.state is CallState.ACTIVE else self.state,
            direction=self.direction,
            party=self.party,
            contact_name=self.contact_name,
            duration_s=self.duration_s,
            held_by_peer=self.answered and not self.sending and not self.is_held,
            dtmf=self.dtmf[-_SHOWN_DTMF_DIGITS:],
            reason=self.reason,
            sip_code=self.sip_code,
            emergency=self.emergency,
        )


@dataclass(slots=True)
class PhoneState:
    """Everything that handlers read and change; `commands` collects what they ask for.

    Attributes:
        call: the call in hand; kept while CALL_ENDED shows how it went, None otherwise outside a call.
        departed: calls that this phone has finished with while SIP may still send their last events.
        tone: what the earpiece should play.
        listening: the earpiece is open while the handset is off; False once a forgotten handset has been warned about.
        refused: what was dialled was turned down; digits count again once it has `settled`.
        settled: keys no longer belong to what the person was dialling or sending before.
        notice: a hint for a few seconds, shown in place of `hint`.
        features: what firmware/phone/features.py remembers.
    """

    settings: PhoneSettings
    new_call_id: Callable[[], CallId]
    mode: Mode = Mode.IDLE
    off_hook: bool = False
    digits: str = ""
    refused: bool = False
    settled: bool = True
    call: Call | None = None
    departed: deque[CallId] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_DEPARTED_CALLS))
    registration: RegistrationState = RegistrationState.UNREGISTERED
    registration_failure: RegistrationFailure | None = None
    registration_sip_code: int = 0
    problems: dict[Problem, str] = field(default_factory=dict)
    missed_calls: int = 0
    missed_party: str = ""
    last_dialled: str = ""
    muted: bool = False
    ringer_silenced: bool = False
    tone: Tone | None = None
    listening: bool = True
    volumes: dict[AudioRoute, int] = field(default_factory=dict)
    volume_shown: AudioRoute | None = None
    hint: Hint | None = None
    notice: Hint | None = None
    details_step: int = 0
    timers: set[Timer] = field(default_factory=set)
    commands: list[Command] = field(default_factory=list)
    features: FeatureState = field(default_factory=FeatureState)

    def emit(self, *commands: Command) -> None:
        self.commands.extend(commands)

    def start_timer(self, timer: Timer, delay_s: float) -> None:
        self.timers.add(timer)
        self.emit(StartTimer(timer, delay_s))

    def cancel_timer(self, timer: Timer) -> None:
        if timer in self.timers:
            self.timers.discard(timer)
            self.emit(CancelTimer(timer))

    @property
    def can_call(self) -> bool:
        """Whether an INVITE can be sent at all; a failed registration does not forbid to try."""
        return self.settings.line_usable and Problem.SIP_UNAVAILABLE not in self.problems

    @property
    def home(self) -> Mode:
        """The mode of a phone that nobody uses."""
        return Mode.IDLE if self.settings.provisioned else Mode.UNPROVISIONED

    @property
    def microphone_open(self) -> bool:
        return self.off_hook and self.mode is Mode.IN_CALL and self.call is not None and self.call.may_talk

    @property
    def earpiece_open(self) -> bool:
        return self.off_hook and self.listening

    @property
    def is_ringing(self) -> bool:
        return self.mode is Mode.RINGING and not self.ringer_silenced

    @property
    def indicator(self) -> IndicatorPattern:
        """Fast: somebody calls. On: the handset is off. Slow: look at the display. Off: all is well."""
        if self.mode is Mode.RINGING:
            return IndicatorPattern.FAST_BLINK
        if self.off_hook:
            return IndicatorPattern.ON
        line_is_down = not self.can_call or self.registration is RegistrationState.FAILED
        if self.missed_calls or line_is_down or not self.settings.provisioned:
            return IndicatorPattern.SLOW_BLINK
        return IndicatorPattern.OFF

    def view(self) -> PhoneView:
        return PhoneView(
            mode=self.mode,
            off_hook=self.off_hook,
            digits=self.digits,
            call=self.call.view() if self.call is not None else None,
            registration=self.registration,
            registration_failure=self.registration_failure,
            registration_sip_code=self.registration_sip_code,
            problems=tuple((kind, self.problems[kind]) for kind in _MOST_IMPORTANT_FIRST if kind in self.problems),
            mistakes=self.settings.mistakes,
            details_step=self.details_step,
            missed_calls=self.missed_calls,
            missed_party=self.missed_party,
            muted=self.muted,
            microphone_open=self.microphone_open,
            volume_percent=self.volumes[self.volume_shown] if self.volume_shown is not None else None,
            hint=self.notice or self.hint,
        )
