"""What the phone remembers between two events, and what follows from it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from contract.calls import CallDirection
from contract.consent import Purpose
from contract.results import HardwarePart
from firmware.phone.activation import AgeBand
from firmware.phone.aloud import Aloud
from firmware.phone.bundle_progress import BundleProgress
from firmware.phone.call import CallId, CallState, RegistrationFailure, RegistrationState
from firmware.phone.commands import CancelTimer, Command, IndicatorPattern, StartTimer
from firmware.phone.contact import ContactMatch
from firmware.phone.emergency_digits import DigitRow
from firmware.phone.events import Timer
from firmware.phone.features import FeatureState
from firmware.phone.key import Key
from firmware.phone.light import Light
from firmware.phone.menu_stack import MenuStack, Screen
from firmware.phone.news import NO_CALLS, Problem
from firmware.phone.orders import AudioRoute, Tone
from firmware.phone.people import People
from firmware.phone.phone_settings import PhoneSettings
from firmware.phone.request import Answered, Failed, Request
from firmware.phone.running_call import Call, RunningRecording
from firmware.phone.updates import UpdateTold
from firmware.phone.view import Hint, Mode

if TYPE_CHECKING:
    from firmware.phone.recording_question import RecordingQuestion

__all__ = ["DIGIT_KEYS", "FEATURE_HINTS", "Call", "PhoneSettings", "PhoneState"]

DIGIT_KEYS = frozenset(key for key in Key if key.value in "0123456789*#")
_REMEMBERED_DEPARTED_CALLS = 32
_ALOUD_PERCENT = 60
FEATURE_HINTS = frozenset({Hint.FEATURE_ON, Hint.FEATURE_OFF, Hint.FEATURE_IMPOSSIBLE})


A = TypeVar("A")


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A request whose answer somebody waits for: a page, or None for whoever hears of it in any case."""

    request: Request[object]
    then: Callable[["PhoneState", Any], None]
    page: object


@dataclass(slots=True)
class PhoneState:
    """Everything that handlers read and change; `commands` and `commands_with_sound` collect what they ask for.

    Attributes:
        off_hook: the handset is lifted.
        speaker: the loudspeaker and its microphone are in use.
        call: the call in the foreground; kept while CALL_ENDED shows how it went, None otherwise outside a call.
        others: the calls beside it: those that wait, those on hold, and while on hook those being handed over.
        auto_answering: the call that rings will be answered without a hand.
        patience_for: the call whose ringing or waiting is being timed.
        departed: calls that this phone has finished with while SIP may still send their last events.
        tone: what the earpiece should play.
        reminding: a beep tells of a call on hold.
        listening: the earpiece is open while the handset is off; False once a forgotten handset has been warned about.
        refused: what was dialled was turned down; digits count again once it has `settled`.
        searched: the digits that contacts were looked up for.
        matches: the contacts that these digits may mean, best first.
        match: which of them is chosen; None while none is.
        people: whom the digits call beside the speed dials.
        settled: keys no longer belong to what the person was dialling or sending before.
        digit_row: the digit keys pressed one after the other, which may be an emergency number.
        notice: a hint for a few seconds, shown in place of `hint`.
        menu: the menus that are open.
        first_run: the first run of a phone that is new, at the step that was reached; None before and after it.
        locked: the PIN is asked for before the phone does more than answer and help.
        sound_shown: the menu key shows how the running call sounds.
        previewed_ring: the ring that the holder listens to before choosing it, empty for none.
        recording: the recording of a call, until nothing more comes of it; None where there is none.
        page: the paging group whose announcement is heard, empty for none.
        recording_question: asks whether calls may be recorded, or waits for a guardian; None where it does neither.
        plays: a recording may be heard or wait to be.
        bundle: how far a bundle has come.
        update: how updates of the firmware stand.
        light: of the display.
        news: how much there was to know when the last event was over.
        aloud: what somebody has asked to hear.
        flash: the display flashes and is in its striking half, or in its plain one; None where it does not flash.
        asked: the requests that are not answered yet, in their order.
    """

    settings: PhoneSettings
    new_call_id: Callable[[], CallId]
    mode: Mode = Mode.IDLE
    off_hook: bool = False
    speaker: bool = False
    digits: str = ""
    refused: bool = False
    settled: bool = True
    searched: str = ""
    matches: tuple[ContactMatch, ...] = ()
    match: int | None = None
    people: People = field(default_factory=People)
    call: Call | None = None
    others: list[Call] = field(default_factory=list)
    auto_answering: bool = False
    patience_for: Call | None = None
    departed: deque[CallId] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_DEPARTED_CALLS))
    registration: RegistrationState = RegistrationState.UNREGISTERED
    registration_failure: RegistrationFailure | None = None
    registration_sip_code: int = 0
    problems: dict[Problem, str] = field(default_factory=dict)
    missed_calls: int = 0
    missed_party: str = ""
    last_dialled: str = ""
    muted: bool = False
    boosted: bool = False
    tone: Tone | None = None
    reminding: bool = False
    listening: bool = True
    volumes: dict[AudioRoute, int] = field(default_factory=dict)
    volume_shown: AudioRoute | None = None
    hint: Hint | None = None
    notice: Hint | None = None
    details_step: int = 0
    digit_row: DigitRow = field(default_factory=DigitRow)
    features: FeatureState = field(default_factory=FeatureState)
    menu: MenuStack = field(default_factory=MenuStack)
    first_run: Screen | None = None
    locked: bool = False
    sound_shown: bool = False
    previewed_ring: str = ""
    recording: RunningRecording | None = None
    recording_question: "RecordingQuestion | None" = None
    plays: bool = False
    page: str = ""
    bundle: BundleProgress = field(default_factory=BundleProgress)
    update: UpdateTold = field(default_factory=UpdateTold)
    light: Light = Light.LIT
    news: tuple[int, ...] = ()
    aloud: Aloud = field(default_factory=Aloud)
    flash: bool | None = None
    timers: set[Timer] = field(default_factory=set)
    asked: list[_Asked] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    commands_with_sound: list[Command] = field(default_factory=list)

    def emit(self, *commands: Command) -> None:
        self.commands.extend(commands)

    def emit_with_sound(self, *commands: Command) -> None:
        """Ask for something that comes once the handset's sound is as it should be."""
        self.commands_with_sound.extend(commands)

    def ask(self, request: Request[A], then: Callable[["PhoneState", A | Failed], None], page: object = None) -> None:
        """Ask for something.

        Args:
            request: what.
            then: hears what came of it.
            page: who asks: once this page is closed nothing is heard. None where it is to be heard in any case.
        """
        self.asked.append(_Asked(request, then, page))
        self.emit(request)

    def hand_on(self, answered: Answered) -> None:
        """Hand an answer on to whoever asked by this very request, not by one that is equal to it."""
        asked = next((each for each in self.asked if each.request is answered.request), None)
        if asked is None:
            return
        self.asked.remove(asked)
        if asked.page is None or self.menu.has(asked.page):
            asked.then(self, answered.answer)

    def start_timer(self, timer: Timer, delay_s: float) -> None:
        self.timers.add(timer)
        self.emit(StartTimer(timer, delay_s))

    def cancel_timer(self, timer: Timer) -> None:
        if timer in self.timers:
            self.timers.discard(timer)
            self.emit(CancelTimer(timer))

    # --- calls ---

    @property
    def calls(self) -> list[Call]:
        """Every call that is not over, the one in the foreground first."""
        foreground = [self.call] if self.call is not None and self.call.is_live else []
        return foreground + self.others

    @property
    def waiting(self) -> Call | None:
        """The call beside the foreground that has waited for an answer the longest."""
        return next((call for call in self.others if call.is_offered), None)

    @property
    def first_to_answer(self) -> Call | None:
        """The call that rings, or else the one that has waited the longest."""
        return self.call if self.mode is Mode.RINGING else self.waiting

    @property
    def held(self) -> Call | None:
        """The call beside the foreground that was put on hold last."""
        return next(reversed(self._all_held), None)

    @property
    def held_longest(self) -> Call | None:
        """The call beside the foreground that was put on hold first."""
        return next(iter(self._all_held), None)

    @property
    def _all_held(self) -> list[Call]:
        return [call for call in self.others if call.answered and call.is_held and call not in self.handing_over]

    @property
    def handing_over(self) -> list[Call]:
        """The calls that are being handed over, and those that they are handed over to: they end by themselves."""
        leaving = [call for call in self.calls if call.is_being_handed_over]
        targets = {call.transfer_to for call in leaving}
        return leaving + [call for call in self.calls if call.call_id in targets]

    @property
    def abandoned(self) -> list[Call]:
        """The calls beside the foreground that were placed for something that has come to nothing."""
        return [
            call
            for call in self.others
            if call.direction is CallDirection.OUTGOING
            and not (call.accepted or call.answered or call in self.handing_over)
        ]

    @property
    def conference(self) -> list[Call]:
        """The calls that are joined."""
        return [call for call in self.calls if call.joined]

    @property
    def in_emergency_call(self) -> bool:
        return any(call.emergency for call in self.calls)

    @property
    def has_room(self) -> bool:
        """Whether one call more may be there."""
        return len(self.calls) < self.settings.max_calls

    @property
    def is_busy(self) -> bool:
        """Whether one who calls now hears that the phone is busy."""
        # An emergency call is not to be disturbed (RFC 6881, on the disabling of features).
        in_use = self.engaged or bool(self.calls)
        taken = self.in_emergency_call or self.mode is Mode.TAKING_MESSAGE
        return in_use and not (self.settings.call_waiting and self.has_room and not taken)

    def find_call(self, call_id: CallId) -> Call | None:
        """Return a call by its id: one that runs, or the one whose end is being shown."""
        foreground = [self.call] if self.call is not None else []
        return next((call for call in foreground + self.others if call.call_id == call_id), None)

    @property
    def can_call(self) -> bool:
        """Whether an INVITE can be sent at all; a failed registration does not forbid to try."""
        return self.settings.line_usable and self.problems.keys().isdisjoint(NO_CALLS)

    @property
    def why_no_calls(self) -> Hint:
        """What to say to somebody who wants to call where `can_call` is False."""
        return Hint.NO_SIP_LIBRARY if Problem.SIP_LIBRARY_MISSING in self.problems else Hint.CANNOT_CALL

    @property
    def helps_only(self) -> bool:
        """Whether nobody but emergency services may be called."""
        return self.restriction is not None

    @property
    def restriction(self) -> Hint | None:
        """Why nobody but emergency services may be called, None where others may be."""
        if self.locked or not self.settings.provisioned:
            return Hint.EMERGENCY_ONLY
        return None if self.is_activated else Hint.SET_UP_FIRST

    @property
    def language(self) -> str:
        """What the display speaks: "en" or "zh"."""
        return self.features.preferences.language or self.settings.language

    @property
    def numbers_for_help(self) -> str:
        """Emergency numbers, as somebody is told of them."""
        return ", ".join(self.settings.dial_plan.emergency_examples)

    @property
    def is_activated(self) -> bool:
        """Whether the holder has set the phone up and agrees to its service; a store that says nothing forbids none."""
        return self.features.consents is None or self.features.consents.activated

    @property
    def has_holder(self) -> bool:
        """Whether somebody has activated the phone, and is to be told from others by the PIN."""
        consents = self.features.consents
        return consents is not None and bool(consents.age_band)

    @property
    def has_guardian(self) -> bool:
        """Whether a guardian answers for the holder, who is under 14."""
        consents = self.features.consents
        return consents is not None and consents.age_band == AgeBand.UNDER_14

    @property
    def knows_its_holder(self) -> bool:
        """Whether the store has said whose PIN is to be typed; a phone without a configuration is nobody's."""
        features = self.features
        return not self.settings.provisioned or (features.pin_is_set is not None and features.consents is not None)

    def allows(self, purpose: Purpose) -> bool:
        """Whether the holder agrees to something; no, until the store has said so."""
        consents = self.features.consents
        return consents is not None and purpose in consents.granted

    @property
    def home(self) -> Mode:
        """The mode of a phone that nobody uses: the menu that a call interrupted is there again after it."""
        if self.menu.top is not None:
            return Mode.MENU
        return Mode.IDLE if self.settings.provisioned else Mode.UNPROVISIONED

    @property
    def listening_page(self) -> Screen | None:
        """The page in front that a recording is listened to by, None where there is none."""
        top = self.menu.top
        return top if self.mode in {Mode.MENU, Mode.LISTENING} and top is not None and top.listens else None

    @property
    def tested(self) -> HardwarePart | None:
        """The part of the hardware that the page in front tests, None where it tests none."""
        top = self.menu.top
        return top.tests if self.mode in {Mode.MENU, Mode.LISTENING} and top is not None else None

    # --- what can be heard and seen ---

    @property
    def engaged(self) -> bool:
        """Somebody uses the phone, by the handset or by the loudspeaker."""
        return self.off_hook or self.speaker

    @property
    def microphone_open(self) -> bool:
        if self.engaged and self.tested is HardwarePart.MICROPHONE:
            return True
        if not self.engaged or self.mode is not Mode.IN_CALL or self.call is None:
            return False
        return self.call.may_talk or (self.call.joined and any(call.may_talk for call in self.conference))

    @property
    def loudspeaker_in_use(self) -> bool:
        """A call may answer itself where there is no loudspeaker: then the earpiece has to do."""
        return (self.speaker or bool(self.page)) and self.settings.has_loudspeaker

    @property
    def earpiece_open(self) -> bool:
        return bool(self.page) or (self.engaged and (self.listening or self.reminding or self.call_waits_aloud))

    @property
    def call_waits_aloud(self) -> bool:
        """Whether a call beside the foreground tells of itself by a beep."""
        return self.mode is not Mode.RINGING and any(call.is_offered and not call.silenced for call in self.others)

    @property
    def sounding_tone(self) -> Tone | None:
        """The tone in the ear: those that tell of other calls sound over whatever else there is."""
        if not self.earpiece_open:
            return None
        if not self.settled and self.tone is not None:
            # First of all the person hears that what was just tried has failed.
            return self.tone
        if self.call_waits_aloud:
            return Tone.CALL_WAITING
        if self.reminding:
            return Tone.HOLD_REMINDER
        if self.microphone_open:
            return None
        if self.tested is HardwarePart.EAR:
            return Tone.DIAL
        return Tone.RINGBACK if self.call is not None and self.call.needs_ringback else self.tone

    @property
    def is_ringing(self) -> bool:
        if self.call is None or self.call.silenced:
            return False
        if self.mode is Mode.REDIALLING:
            return self.call.answered or self.call.state is CallState.ALERTING
        return self.mode is Mode.RINGING and not self.auto_answering

    @property
    def ringer_percent(self) -> int:
        """The ringer's volume: as the person has set it, unless the call that rings, or a test, has to be heard."""
        percent = self.volumes[AudioRoute.RINGER]
        aloud = self.is_ringing and self.call is not None and self.call.aloud
        return max(percent, _ALOUD_PERCENT) if aloud or self.tested is HardwarePart.RING else percent

    @property
    def ring_pattern(self) -> str:
        """How the phone rings, where it does; empty for not at all."""
        if self.tested is HardwarePart.RING:
            return "normal"
        if not self.is_ringing or self.call is None:
            return self.previewed_ring
        if self.call.is_held or self.mode is Mode.REDIALLING:
            return "recall"
        pattern = self.call.ring_pattern
        return self.features.preferences.ring if pattern == "normal" else pattern

    @property
    def indicator(self) -> IndicatorPattern:
        """Fast: somebody calls, or tests the light. On: the phone is in use, or a bundle is done with.

        Slow: look at the display. Pulse: a bundle is being applied. Off: all is well.
        """
        if self.mode is Mode.RINGING or (self.mode is Mode.REDIALLING and self.is_ringing):
            return IndicatorPattern.FAST_BLINK
        if self.tested is HardwarePart.LIGHT:
            return IndicatorPattern.FAST_BLINK
        if self.engaged:
            return IndicatorPattern.ON
        if (of_bundle := self.bundle.indicator) is not None:
            return of_bundle
        is_away = Problem.VOICE_AWAY in self.problems
        line_is_down = not self.can_call or is_away or self.registration is RegistrationState.FAILED
        if self.missed_calls or self.features.wants_attention or line_is_down or not self.settings.provisioned:
            return IndicatorPattern.SLOW_BLINK
        return IndicatorPattern.OFF
