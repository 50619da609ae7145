"""Whatever happens in whatever order, some things must never happen."""

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from firmware.phone.call import CallDirection, CallerId, CallId, CallState, DisconnectReason, RegistrationState
from firmware.phone.commands import (
    CancelTimer,
    CloseAudio,
    CloseCallRecord,
    Command,
    OpenAudio,
    OpenCallRecord,
    PlaceCall,
    PlayTone,
    ShowPage,
    StartRinging,
    StartTimer,
    StopRinging,
    StopTone,
)
from firmware.phone.events import (
    CallAudioChanged,
    CallerNamed,
    CallStateChanged,
    Event,
    HandsetLifted,
    HandsetReplaced,
    IncomingCallReceived,
    Key,
    KeyHeld,
    KeyPressed,
    KeyRepeated,
    LastDialledLoaded,
    MissedCallsCounted,
    Problem,
    ProblemCleared,
    ProblemRaised,
    RegistrationChanged,
    Timer,
    TimerExpired,
)
from firmware.phone.phone import Phone
from firmware.phone.view import Mode
from tests.unit.phone.desk import settings

_KEY_EVENTS = st.sampled_from([KeyPressed, KeyPressed, KeyPressed, KeyRepeated, KeyHeld])
_LIVE_STATES = [state for state in CallState if state is not CallState.DISCONNECTED]


class AnyEvening(RuleBasedStateMachine):
    """Random fingers, a random network and random faults; a small model checks what comes out of the phone."""

    def __init__(self) -> None:
        super().__init__()
        self.ids = 0
        self.phone = Phone(settings("0[1-9]xx", "*21*x.#", "2x.T"), self._next_id)
        self.phone.start()
        self.off_hook = False
        self.running: set[Timer] = set()
        self.live: set[CallId] = set()
        self.recorded: set[CallId] = set()
        self.closed: set[CallId] = set()
        self.placed: list[PlaceCall] = []
        self.tone = False
        self.earpiece = False
        self.microphone = False
        self.ringing = False

    def _next_id(self) -> CallId:
        self.ids += 1
        return CallId(f"{self.ids:032x}")

    def _handle(self, event: Event) -> None:
        commands = self.phone.handle(event)
        pages = [command for command in commands if isinstance(command, ShowPage)]
        assert len(pages) <= 1
        assert not pages or (commands[-1] is pages[0] and pages[0].view == self.phone.view)
        for command in commands:
            self._follow(command)
            assert not (self.tone and self.microphone), "a tone plays into an open microphone"
            assert not (self.ringing and self.earpiece), "the ringer rings into an ear"

    def _follow(self, command: Command) -> None:
        self._follow_sound(command)
        match command:
            case OpenCallRecord(call_id, direction):
                assert call_id not in self.recorded, "a record was opened twice"
                assert direction is CallDirection.OUTGOING or call_id in self.live
                self.recorded.add(call_id)
                self.live.add(call_id)
            case PlaceCall(call_id):
                assert call_id in self.recorded, "an INVITE without a record"
                self.placed.append(command)
            case CloseCallRecord(call_id):
                assert call_id in self.recorded & self.live, "a record was closed twice, or never opened"
                self.live.discard(call_id)
                self.closed.add(call_id)
            case StartTimer(timer):
                self.running.add(timer)
            case CancelTimer(timer):
                assert timer in self.running
                self.running.discard(timer)

    def _follow_sound(self, command: Command) -> None:
        match command:
            case PlayTone():
                assert self.earpiece, "a tone needs an open earpiece"
                self.tone = True
            case StopTone():
                assert self.tone
                self.tone = False
            case OpenAudio(talk):
                assert (self.earpiece, self.microphone) != (True, talk), "the audio is so already"
                self.earpiece, self.microphone = True, talk
            case CloseAudio():
                assert self.earpiece
                self.earpiece = self.microphone = False
            case StartRinging():
                assert not self.ringing
                self.ringing = True
            case StopRinging():
                assert self.ringing
                self.ringing = False

    @rule()
    def move_the_handset(self) -> None:
        self.off_hook = not self.off_hook
        self._handle(HandsetLifted() if self.off_hook else HandsetReplaced())

    @rule()
    def bounce_the_hook_switch(self) -> None:
        self._handle(HandsetLifted() if self.off_hook else HandsetReplaced())

    @rule(kind=_KEY_EVENTS, key=st.sampled_from(Key))
    def press_a_key(self, kind: type[KeyPressed] | type[KeyRepeated] | type[KeyHeld], key: Key) -> None:
        self._handle(kind(key))

    @rule(digits=st.sampled_from(["2345", "0123", "112", "00", "*21*5#"]))
    def dial(self, digits: str) -> None:
        for digit in digits:
            self._handle(KeyPressed(Key(digit)))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def let_time_pass(self, data: st.DataObject) -> None:
        timer = data.draw(st.sampled_from(sorted(self.running)))
        self.running.discard(timer)
        self._handle(TimerExpired(timer))

    @rule(timer=st.sampled_from(Timer))
    def expire_a_timer_that_was_cancelled(self, timer: Timer) -> None:
        if timer not in self.running:
            self._handle(TimerExpired(timer))

    @rule(number=st.sampled_from(["", "110", "02012345678"]))
    def receive_a_call(self, number: str) -> None:
        call_id = self._next_id()
        self.live.add(call_id)
        self._handle(IncomingCallReceived(call_id, CallerId(number)))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), state=st.sampled_from(_LIVE_STATES))
    def move_a_call(self, data: st.DataObject, state: CallState) -> None:
        self._handle(CallStateChanged(data.draw(st.sampled_from(sorted(self.live))), state))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), reason=st.none() | st.sampled_from(DisconnectReason))
    def end_a_call(self, data: st.DataObject, reason: DisconnectReason | None) -> None:
        self._handle(CallStateChanged(data.draw(st.sampled_from(sorted(self.live))), CallState.DISCONNECTED, reason))

    @precondition(lambda self: self.closed)
    @rule(data=st.data(), state=st.sampled_from(CallState))
    def hear_late_of_a_call_that_is_over(self, data: st.DataObject, state: CallState) -> None:
        self._handle(CallStateChanged(data.draw(st.sampled_from(sorted(self.closed))), state))

    @precondition(lambda self: self.live | self.closed)
    @rule(data=st.data(), receiving=st.booleans(), sending=st.booleans())
    def change_audio(self, data: st.DataObject, receiving: bool, sending: bool) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.live | self.closed)))
        self._handle(CallAudioChanged(call_id, receiving, sending))
        self._handle(CallerNamed(call_id, "Anna"))

    @rule(
        event=st.sampled_from(
            [RegistrationChanged(state) for state in RegistrationState]
            + [ProblemRaised(problem, "Wrong.") for problem in Problem]
            + [ProblemCleared(problem) for problem in Problem]
            + [LastDialledLoaded("2345"), MissedCallsCounted(0), MissedCallsCounted(2)]
        )
    )
    def hear_news(self, event: Event) -> None:
        self._handle(event)

    @rule()
    def call_for_help(self) -> None:
        """From a fresh dial tone an emergency call goes out, whatever was before."""
        if self.off_hook:
            self.move_the_handset()
        self._handle(ProblemCleared(Problem.SIP_UNAVAILABLE))
        if self.phone.view.mode is Mode.RINGING:
            self._handle(KeyPressed(Key.CANCEL))
        if self.phone.view.digits:
            self._handle(KeyHeld(Key.CANCEL))
        calls = len(self.placed)
        self.move_the_handset()
        for digit in "112":
            self._handle(KeyPressed(Key(digit)))
        assert len(self.placed) == calls + 1
        assert self.placed[-1].uri == "sip:112@example.com"

    @invariant()
    def the_microphone_is_open_only_in_an_active_call_that_is_not_held(self) -> None:
        view = self.phone.view
        assert view.microphone_open is self.microphone
        if self.microphone:
            assert view.mode is Mode.IN_CALL
            assert view.call is not None
            assert view.call.state is CallState.ACTIVE
            assert not view.call.held_by_peer

    @invariant()
    def a_handset_in_its_cradle_neither_listens_nor_sounds(self) -> None:
        assert self.phone.view.off_hook is self.off_hook
        if not self.off_hook:
            assert not self.earpiece
            assert not self.microphone
            assert not self.tone

    @invariant()
    def it_rings_only_in_ringing(self) -> None:
        assert not self.ringing or self.phone.view.mode is Mode.RINGING

    @invariant()
    def a_record_is_open_exactly_while_a_call_runs(self) -> None:
        in_a_call = self.phone.view.mode in {Mode.OUTGOING, Mode.RINGING, Mode.IN_CALL}
        assert len(self.live) == (1 if in_a_call else 0)

    @invariant()
    def the_phone_and_the_clock_agree_on_the_running_timers(self) -> None:
        assert self.phone._state.timers == self.running


TestAnyEvening = AnyEvening.TestCase
TestAnyEvening.settings = hypothesis_settings(
    max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
