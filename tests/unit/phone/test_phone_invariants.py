"""Whatever happens in whatever order, some things must never happen."""

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from firmware.phone.bundle_news import BundleNews
from firmware.phone.call import CallerId, CallId, CallQuality, CallState, RegistrationState, TransferState
from firmware.phone.commands import (
    AnnounceRecording,
    CancelTimer,
    Click,
    CloseCallRecord,
    Command,
    OpenCallRecord,
    PauseRecording,
    ResumeRecording,
    SetBrightness,
    ShowPage,
    StartRecording,
    StartTimer,
    StopRecording,
    StopSpeaking,
)
from firmware.phone.events import (
    CallerNamed,
    Event,
    HandsetLifted,
    HandsetReplaced,
    KeyHeld,
    KeyPressed,
    KeyReleased,
    KeyRepeated,
    LastDialledLoaded,
    MissedCallsCounted,
    NumberAttributed,
    RecordingAnnounced,
    RecordingEnded,
    RecordingStarted,
    SetUpLoaded,
    Timer,
    TimerExpired,
)
from firmware.phone.key import Key
from firmware.phone.light import LEAST_LIT_PERCENT
from firmware.phone.news import (
    NO_CALLS,
    CallAudioChanged,
    CallPartyChanged,
    CallQualityMeasured,
    CallReplaced,
    CallStateChanged,
    IncomingCallReceived,
    Problem,
    ProblemCleared,
    ProblemRaised,
    RecordingSignalled,
    RegistrationChanged,
    TransferChanged,
)
from firmware.phone.orders import (
    AnswerCall,
    CloseAudio,
    HoldCall,
    JoinCalls,
    OpenAudio,
    PlaceCall,
    PlayTone,
    RedirectCall,
    RejectCall,
    ResumeCall,
    SendDtmf,
    SignalRinging,
    SplitCalls,
    StartRinging,
    StopRinging,
    StopTone,
    Tone,
    TransferCall,
    TransferToCall,
)
from firmware.phone.phone import Phone
from firmware.phone.preferences import Preferences, SetUp
from firmware.phone.recording import RecordingEnd, RecordingId, RecordingNotice, RecordingPreference
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.view import Mode
from tests.lab.chance import counted
from tests.unit.phone.desk import settings
from tests.unit.phone.test_bundle import NEWS

_KEY_EVENTS = st.sampled_from([KeyPressed, KeyPressed, KeyPressed, KeyRepeated, KeyHeld, KeyReleased])
_LIVE_STATES = [state for state in CallState if state is not CallState.DISCONNECTED]
_ACTIVE_MORE_OFTEN = [*_LIVE_STATES, CallState.ACTIVE, CallState.ACTIVE, CallState.ACTIVE]
_SWITCHING_KEYS = [Key.HOLD, Key.OK, Key.CANCEL, Key.TRANSFER, Key.CONFERENCE, Key.SPEAKER, Key.MUTE, Key.RECORD]
_FORWARD = st.sampled_from(["", "", "2999"])
_OVER_A_CALL = {Tone.CALL_WAITING, Tone.HOLD_REMINDER}
_QUALITY = CallQuality(0.5, 3.0, 40.0, "G722", encrypted=True, mos=4.2)


class AnyEvening(RuleBasedStateMachine):
    """Random fingers, a random network and random faults; a small model checks what comes out of the phone."""

    def __init__(self) -> None:
        super().__init__()
        self.ids = 0
        self.phone = Phone(settings("0[1-9]xx", "*21*x.#", "2x.T"), self._next_id)
        self.off_hook = False
        self.running: set[Timer] = set()
        self.known: set[CallId] = set()
        self.live: set[CallId] = set()
        self.recorded: set[CallId] = set()
        self.closed: set[CallId] = set()
        self.placed: list[PlaceCall] = []
        self.answered: set[CallId] = set()
        self.talked_to: set[CallId] = set()
        self.joined: set[CallId] = set()
        self.tone: Tone | None = None
        self.audio: tuple[bool, bool] | None = None
        self.unattended = False
        self.ringing = False
        self.spoken = False
        self.brightness_percent = 0
        self.consents = False
        self.announcing = False
        self.was_told = False
        self.recording: CallId | None = None
        self.keeps = False

    @initialize(
        loudspeaker=st.booleans(),
        call_waiting=st.sampled_from([True, True, False]),
        max_calls=st.sampled_from([2, 3, 4]),
        preferences=st.builds(
            Preferences,
            auto_answer=st.booleans(),
            allowed=st.just(("02012345678",)),
            answering_machine=st.booleans(),
            longest_message_s=st.sampled_from([1, 180]),
            forward_busy=_FORWARD,
            forward_no_answer=_FORWARD,
            key_clicks=st.booleans(),
            spoken_menus=st.booleans(),
            visual_ring=st.booleans(),
            brightness_percent=st.integers(0, 100),
            screen_off_s=st.sampled_from([0, 60]),
        ),
        chosen_country=st.sampled_from([None, None, ""]),
    )
    def unpack_the_phone(
        self,
        loudspeaker: bool,
        call_waiting: bool,
        max_calls: int,
        preferences: Preferences,
        chosen_country: str | None,
    ) -> None:
        phone_settings = settings(
            "0[1-9]xx",
            "*21*x.#",
            "2x.T",
            has_loudspeaker=loudspeaker,
            call_waiting=call_waiting,
            chosen_country=chosen_country,
            max_calls=max_calls,
            display_off_s=600,
            preferences=preferences,
        )
        self.phone = Phone(phone_settings, self._next_id)
        for command in self.phone.start():
            self._follow(command)

    def _next_id(self) -> CallId:
        self.ids += 1
        return CallId(f"{self.ids:032x}")

    @property
    def microphone(self) -> bool:
        return self.audio is not None and self.audio[0]

    def _handle(self, event: Event) -> None:
        commands = self.phone.handle(event)
        pages = [command for command in commands if isinstance(command, ShowPage)]
        assert len(pages) <= 1
        assert not pages or (commands[-1] is pages[0] and pages[0].view == self.phone.view)
        for command in commands:
            self._follow(command)
            assert not self.microphone or self.tone in {None, *_OVER_A_CALL}, "a tone plays into an open microphone"
            assert not (self.ringing and self.audio), "the ringer rings into an ear"
        assert self.spoken is (self.phone.view.spoken or self.phone.view.asked_aloud)
        if event == TimerExpired(Timer.AUTO_ANSWER) and any(isinstance(command, AnswerCall) for command in commands):
            assert self.phone.view.muted, "a call that nobody has answered hears the room"

    def _follow(self, command: Command) -> None:
        self._follow_sound(command)
        self._follow_keys_and_light(command)
        self._follow_calls(command)
        self._follow_recording(command)
        match command:
            case OpenCallRecord(call_id, direction):
                assert call_id not in self.recorded, "a record was opened twice"
                assert direction is CallDirection.OUTGOING or call_id in self.known
                self.recorded.add(call_id)
                self.live.add(call_id)
            case PlaceCall(call_id):
                assert call_id in self.recorded, "an INVITE without a record"
                self.placed.append(command)
            case CloseCallRecord(call_id):
                assert call_id in self.recorded & self.live, "a record was closed twice, or never opened"
                self.live.discard(call_id)
                self.talked_to.discard(call_id)
                self.closed.add(call_id)
            case StartTimer(timer):
                self.running.add(timer)
            case CancelTimer(timer):
                assert timer in self.running
                self.running.discard(timer)

    def _follow_calls(self, command: Command) -> None:
        match command:
            case AnswerCall(call_id):
                assert call_id not in self.closed
                self.answered.add(call_id)
            case HoldCall(call_id):
                assert call_id in self.live, "a call is put on hold that is over"
                self.talked_to.discard(call_id)
            case ResumeCall(call_id):
                assert call_id in self.live
                self.talked_to.add(call_id)
            case JoinCalls(call_ids):
                assert len(call_ids) == 2
                assert set(call_ids) <= self.live
                self.joined = set(call_ids)
                self.talked_to |= self.joined
            case SplitCalls():
                self.joined = set()
            case TransferToCall(call_id, other_call_id):
                assert call_id != other_call_id
                assert {call_id, other_call_id} <= self.live
            case TransferCall(call_id) | SendDtmf(call_id) | SignalRinging(call_id):
                assert call_id in self.live | self.known
            case RejectCall(call_id) | RedirectCall(call_id):
                assert call_id not in self.answered, "a call is turned away that was answered"

    def _follow_recording(self, command: Command) -> None:
        match command:
            case AnnounceRecording(notice):
                assert self.microphone or self.unattended, "nobody at the other end hears it"
                if notice in {RecordingNotice.BEGINNING, RecordingNotice.GREETING}:
                    self.announcing, self.was_told = True, False
            case StartRecording(call_id):
                assert self.was_told, "somebody is recorded who has not been told"
                assert self.recording is None
                assert call_id in self.live
                self.recording, self.keeps = call_id, True
            case PauseRecording():
                assert self.keeps
                self.keeps = False
            case ResumeRecording():
                assert self.was_told, "somebody is recorded who has not been told"
                assert self.recording is not None
                assert not self.keeps
                self.keeps = True
            case StopRecording():
                assert self.recording is not None
                self.keeps = False

    def _follow_sound(self, command: Command) -> None:
        match command:
            case PlayTone(tone):
                assert self.audio, "a tone needs an open earpiece"
                self.tone = tone
            case StopTone():
                assert self.tone
                self.tone = None
            case OpenAudio(talk, speaker, unattended):
                assert (self.audio, self.unattended) != ((talk, speaker), unattended), "the audio is so already"
                self.audio, self.unattended = None if unattended else (talk, speaker), unattended
            case CloseAudio():
                assert self.audio or self.unattended
                self.audio, self.unattended = None, False
            case StartRinging():
                assert not self.ringing
                self.ringing = True
            case StopRinging():
                assert self.ringing
                self.ringing = False

    def _follow_keys_and_light(self, command: Command) -> None:
        match command:
            case Click(in_ear):
                assert not self.microphone, "the far end hears the keys"
                assert not self.ringing
                assert in_ear is (self.audio is not None), "a key clicks where the phone does not sound"
            case StopSpeaking():
                assert self.spoken, "nothing was being said"
            case SetBrightness(percent):
                assert percent != self.brightness_percent
                self.brightness_percent = percent
            case ShowPage(view):
                self.spoken = view.spoken or view.asked_aloud

    # --- what may happen ---

    @rule()
    def move_the_handset(self) -> None:
        self.off_hook = not self.off_hook
        self._handle(HandsetLifted() if self.off_hook else HandsetReplaced())

    @rule()
    def bounce_the_hook_switch(self) -> None:
        self._handle(HandsetLifted() if self.off_hook else HandsetReplaced())

    @rule(kind=_KEY_EVENTS, key=st.sampled_from(Key))
    def press_a_key(self, kind: type[KeyPressed | KeyRepeated | KeyHeld | KeyReleased], key: Key) -> None:
        self._handle(kind(key))

    @rule(key=st.sampled_from(_SWITCHING_KEYS))
    def switch_between_calls(self, key: Key) -> None:
        self._handle(KeyPressed(key))

    @rule(digits=st.sampled_from(["2345", "0123", "112", "00", "*21*5#"]))
    def dial(self, digits: str) -> None:
        for digit in digits:
            self._handle(KeyPressed(Key(digit)))

    @rule(given=st.sampled_from([True, True, False]))
    def change_the_consent(self, given: bool) -> None:
        self.consents = given
        self._handle(ConsentsChanged(frozenset({Purpose.RECORDING} if given else ()), activated=True))

    @precondition(lambda self: self.consents and self.phone.view.may_record)
    @rule()
    def record(self) -> None:
        self._handle(KeyPressed(Key.RECORD))

    @precondition(lambda self: self.announcing)
    @rule(made=st.sampled_from([True, True, True, False]))
    def hear_an_announcement(self, made: bool) -> None:
        self.announcing, self.was_told = False, made
        self._handle(RecordingAnnounced(made))

    @precondition(lambda self: Timer.ANSWERING_MACHINE in self.running)
    @rule(then=st.sampled_from(["runs", "runs", "is over", "nothing"]))
    def let_the_machine_answer(self, then: str) -> None:
        assert self.consents
        assert Timer.EMERGENCY_CALLBACK not in self.running, "emergency services would talk to a machine"
        self.running.discard(Timer.ANSWERING_MACHINE)
        self._handle(TimerExpired(Timer.ANSWERING_MACHINE))
        assert self.phone.view.mode is Mode.TAKING_MESSAGE
        if then == "runs":
            self.let_every_answer_arrive()
            if self.announcing:
                self.hear_an_announcement(made=True)
        elif then == "is over":
            (call,) = self.phone._state.calls
            self._handle(CallStateChanged(call.call_id, CallState.DISCONNECTED))

    @precondition(lambda self: self.recording is not None)
    @rule(reason=st.none() | st.sampled_from(RecordingEnd))
    def hear_of_the_recorder(self, reason: RecordingEnd | None) -> None:
        call_id = self.recording
        assert call_id is not None
        if reason is None:
            self._handle(RecordingStarted(call_id, RecordingId("r")))
        else:
            self.recording, self.keeps = None, False
            self._handle(RecordingEnded(call_id, reason))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), records=st.booleans(), preference=st.sampled_from(RecordingPreference))
    def hear_of_the_other_end_s_recording(
        self, data: st.DataObject, records: bool, preference: RecordingPreference
    ) -> None:
        self._handle(RecordingSignalled(data.draw(st.sampled_from(sorted(self.live))), records, preference))

    @precondition(lambda self: not self.phone._state.calls)
    @rule(answered=st.booleans())
    def call_somebody(self, answered: bool) -> None:
        if not self.off_hook:
            self.move_the_handset()
        self._call(answered)

    @precondition(lambda self: self.phone.view.mode is Mode.IN_CALL and self.phone.view.call.state is CallState.ACTIVE)
    @rule(answered=st.booleans(), by=st.sampled_from([Key.HOLD, Key.TRANSFER]), then=st.sampled_from(_SWITCHING_KEYS))
    def call_a_second_one_beside(self, answered: bool, by: Key, then: Key) -> None:
        self._handle(KeyPressed(by))
        self._call(answered)
        self._handle(KeyPressed(then))

    @precondition(lambda self: self.phone.view.mode is Mode.IN_CALL)
    @rule(digits=st.sampled_from(["", "2345", "110", "00"]), outcome=st.none() | st.sampled_from(TransferState))
    def hand_a_call_over(self, digits: str, outcome: TransferState | None) -> None:
        self._handle(KeyPressed(Key.TRANSFER))
        for digit in digits:
            self._handle(KeyPressed(Key(digit)))
        self._handle(KeyPressed(Key.TRANSFER))
        if outcome is not None:
            self.move_every_transfer(outcome)

    @precondition(lambda self: self.phone.view.mode is Mode.OUTGOING)
    @rule(replace=st.booleans())
    def keep_trying_a_busy_number(self, replace: bool) -> None:
        self._handle(CallStateChanged(self.placed[-1].call_id, CallState.DISCONNECTED, DisconnectReason.BUSY))
        self._handle(KeyPressed(Key.REDIAL))
        if replace and self.off_hook:
            self.move_the_handset()
        if Timer.AUTO_REDIAL in self.running:
            self.running.discard(Timer.AUTO_REDIAL)
            self._handle(TimerExpired(Timer.AUTO_REDIAL))

    @precondition(lambda self: len(self.live) > 1)
    @rule(second=st.sampled_from([None, *_SWITCHING_KEYS]))
    def join_calls(self, second: Key | None) -> None:
        self.let_every_answer_arrive()
        self._handle(KeyPressed(Key.CONFERENCE))
        if second is not None:
            self._handle(KeyPressed(second))

    def _call(self, answered: bool) -> None:
        placed = len(self.placed)
        for digit in "2345#":
            self._handle(KeyPressed(Key(digit)))
        if len(self.placed) > placed:
            state = CallState.ACTIVE if answered else CallState.ALERTING
            self._handle(CallStateChanged(self.placed[-1].call_id, state))

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

    @rule(number=st.sampled_from(["", "110", "02012345678"]), answer_after_s=st.sampled_from([None, None, 0, 3]))
    def receive_a_call(self, number: str, answer_after_s: int | None) -> None:
        call_id = self._next_id()
        self.known.add(call_id)
        self._handle(IncomingCallReceived(call_id, CallerId(number, asserted=True), answer_after_s=answer_after_s))
        assert call_id in self.recorded, "a call came in and nobody wrote it down"

    @precondition(lambda self: self.live)
    @rule(data=st.data(), state=st.sampled_from(_ACTIVE_MORE_OFTEN))
    def move_a_call(self, data: st.DataObject, state: CallState) -> None:
        self._handle(CallStateChanged(data.draw(st.sampled_from(sorted(self.live))), state))

    @precondition(lambda self: self.live)
    @rule()
    def let_every_answer_arrive(self) -> None:
        for call_id in sorted(self.live):
            if call_id in self.answered or call_id not in self.known:
                self._handle(CallStateChanged(call_id, CallState.ACTIVE))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), reason=st.none() | st.sampled_from(DisconnectReason))
    def end_a_call(self, data: st.DataObject, reason: DisconnectReason | None) -> None:
        self._handle(CallStateChanged(data.draw(st.sampled_from(sorted(self.live))), CallState.DISCONNECTED, reason))

    @rule(news=st.sampled_from(NEWS))
    def hear_of_a_stick(self, news: BundleNews) -> None:
        before = self.phone.view
        self._handle(news)
        after = self.phone.view
        assert (after.call, after.other_calls, after.off_hook) == (before.call, before.other_calls, before.off_hook)
        assert after.mode is before.mode or {before.mode, after.mode} <= {Mode.IDLE, Mode.MENU}

    @rule(state=st.sampled_from(CallState))
    def hear_of_a_call_that_nobody_knows(self, state: CallState) -> None:
        self._handle(CallStateChanged(CallId("unknown"), state))

    @precondition(lambda self: self.closed)
    @rule(data=st.data(), state=st.sampled_from(CallState))
    def hear_late_of_a_call_that_is_over(self, data: st.DataObject, state: CallState) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.closed)))
        self._handle(CallStateChanged(call_id, state))
        self._handle(CallQualityMeasured(call_id, _QUALITY))
        self._handle(TransferChanged(call_id, TransferState.DONE))
        self._handle(CallReplaced(call_id, self._next_id(), CallerId("2345")))

    @precondition(lambda self: self.live | self.closed)
    @rule(data=st.data(), receiving=st.booleans(), sending=st.booleans())
    def change_audio(self, data: st.DataObject, receiving: bool, sending: bool) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.live | self.closed)))
        self._handle(CallAudioChanged(call_id, receiving, sending))
        self._handle(CallerNamed(call_id, "Anna", "priority"))
        self._handle(NumberAttributed(call_id, "Shanghai"))
        self._handle(CallQualityMeasured(call_id, _QUALITY))
        self._handle(CallPartyChanged(call_id, CallerId("2346", "Bob")))

    @precondition(lambda self: self.live)
    @rule(state=st.sampled_from(TransferState))
    def move_every_transfer(self, state: TransferState) -> None:
        for call_id in sorted(self.live):
            self._handle(TransferChanged(call_id, state))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), direction=st.sampled_from(CallDirection))
    def hand_a_call_over_from_afar(self, data: st.DataObject, direction: CallDirection) -> None:
        new = self._next_id()
        self.known.add(new)
        self._handle(CallReplaced(data.draw(st.sampled_from(sorted(self.live))), new, CallerId("2347"), direction))
        if new in self.recorded:
            self.answered.add(new)

    @rule(
        event=st.sampled_from(
            [RegistrationChanged(state) for state in RegistrationState]
            + [ProblemRaised(problem, "Wrong.") for problem in Problem]
            + [ProblemCleared(problem) for problem in Problem]
            + [LastDialledLoaded("2345"), MissedCallsCounted(0), MissedCallsCounted(2)]
            + [SetUpLoaded(set_up) for set_up in SetUp]
        )
    )
    def hear_news(self, event: Event) -> None:
        self._handle(event)

    @rule()
    def call_for_help(self) -> None:
        """From a fresh dial tone an emergency call goes out, whatever was before."""
        if self.off_hook:
            self.move_the_handset()
        for problem in NO_CALLS:
            self._handle(ProblemCleared(problem))
        if self.phone.view.speaker and self.phone.view.mode is not Mode.RINGING:
            self._handle(KeyPressed(Key.SPEAKER))
        while self.phone.view.mode in {Mode.RINGING, Mode.REDIALLING, Mode.TAKING_MESSAGE}:
            self._handle(KeyPressed(Key.CANCEL))
        if self.phone.view.digits:
            self._handle(KeyHeld(Key.CANCEL))
        calls = len(self.placed)
        self.move_the_handset()
        for digit in "112":
            self._handle(KeyPressed(Key(digit)))
        assert len(self.placed) == calls + 1
        assert self.placed[-1].uri == "sip:112@example.com"

    @precondition(lambda self: self.phone.view.mode is Mode.IN_CALL)
    @rule()
    def call_for_help_in_the_middle_of_a_call(self) -> None:
        """With the call on hold an emergency call goes out, however many others there are."""
        call = self.phone.view.call
        for problem in NO_CALLS:
            self._handle(ProblemCleared(problem))
        if (
            call is None
            or call.emergency
            or call.duration_s < 0
            or any(c.emergency for c in self.phone.view.other_calls)
        ):
            return
        if call.state is not CallState.HELD and self.phone.view.other_calls:
            return
        if call.state is CallState.ACTIVE:
            self._handle(KeyPressed(Key.HOLD))
        if self.phone.view.call is None or self.phone.view.call.state is not CallState.HELD:
            return
        calls = len(self.placed)
        for digit in "112":
            self._handle(KeyPressed(Key(digit)))
        assert len(self.placed) == calls + 1
        assert self.placed[-1].uri == "sip:112@example.com"

    # --- what must hold ---

    @invariant()
    def the_microphone_is_open_only_in_an_active_call_that_is_not_held(self) -> None:
        view = self.phone.view
        assert view.microphone_open is self.microphone
        if self.microphone:
            assert view.mode is Mode.IN_CALL
            assert view.call is not None
            talked_to = [view.call, *view.other_calls] if view.call.in_conference else [view.call]
            assert any(call.state is CallState.ACTIVE and not call.held_by_peer for call in talked_to)

    @invariant()
    def at_most_one_call_is_talked_to_unless_they_are_joined(self) -> None:
        state = self.phone._state
        talked_to = [call for call in state.calls if call.answered and not call.hold_wanted]
        assert len(talked_to) <= 1 or all(call.joined for call in talked_to)
        assert len(state.conference) in {0, 2}
        assert all(call.is_offered or call.hold_wanted or call.joined or not call.answered for call in state.others)

    @invariant()
    def nothing_is_kept_that_is_not_heard_here_or_not_allowed(self) -> None:
        if self.keeps:
            assert self.consents
            assert self.microphone or self.unattended
            assert self.recording is not None
            call, heard = self.phone._state.find_call(self.recording), self.phone._state.call
            assert call is not None
            assert not call.emergency
            assert call is heard or (call.joined and heard is not None and heard.joined)
            assert call.record_preference not in {RecordingPreference.UNWANTED, RecordingPreference.PAUSED}
            is_reminded = Timer.RECORDING in self.running
            assert is_reminded is not self.unattended, "nobody is reminded of the recording, or somebody of a message"

    @invariant()
    def nobody_is_at_the_phone_while_the_machine_takes_a_message(self) -> None:
        takes = self.phone.view.mode is Mode.TAKING_MESSAGE
        assert not self.unattended or takes
        if takes:
            assert self.consents
            assert self.audio is None
            assert not self.off_hook
            assert not self.phone.view.speaker

    @invariant()
    def a_handset_in_its_cradle_neither_listens_nor_sounds(self) -> None:
        assert self.phone.view.off_hook is self.off_hook
        if not self.off_hook and not self.phone.view.speaker:
            # An announcement sounds in the room, and nobody is listened to.
            assert self.audio == ((False, True) if self.phone.view.page else None)
            assert self.tone is None
            # A busy number that was tried again and answers hears silence until the person has come to the phone.
            by_itself = self.phone.view.mode in {Mode.REDIALLING, Mode.TAKING_MESSAGE}
            left = self.phone._state.others if by_itself else self.phone._state.calls
            assert not any(call.answered and not call.hold_wanted for call in left)

    @invariant()
    def it_rings_only_in_ringing(self) -> None:
        tried = self.phone.view.mode is Mode.MENU and self.phone._state.previewed_ring
        assert not self.ringing or tried or self.phone.view.mode in {Mode.RINGING, Mode.REDIALLING}

    @invariant()
    def a_record_is_open_exactly_while_a_call_runs(self) -> None:
        calls = self.phone._state.calls
        assert {call.call_id for call in calls} == self.live
        assert len(calls) == len(self.live)
        busy = {Mode.OUTGOING, Mode.RINGING, Mode.IN_CALL, Mode.REDIALLING, Mode.TAKING_MESSAGE}
        in_front = self.phone.view.mode in busy
        assert in_front is (self.phone._state.call is not None and self.phone._state.call.is_live)

    @invariant()
    def nobody_is_forgotten_by_a_phone_that_nobody_uses(self) -> None:
        state = self.phone._state
        if not state.engaged and state.mode not in {Mode.RINGING, Mode.REDIALLING}:
            assert all(call in state.handing_over or not call.answered for call in state.others)
            assert not any(call.is_offered for call in state.others)

    @invariant()
    def the_table_holds_no_more_calls_than_it_may(self) -> None:
        assert len(self.phone._state.calls) <= self.phone._state.settings.max_calls

    @invariant()
    def a_call_is_always_seen(self) -> None:
        if self.live or self.phone.view.mode in {Mode.RINGING, Mode.IN_CALL, Mode.OUTGOING}:
            assert self.brightness_percent >= LEAST_LIT_PERCENT

    @invariant()
    def nothing_is_said_of_the_display_beside_a_call(self) -> None:
        assert not (self.phone.view.spoken and (self.ringing or self.live))

    @invariant()
    def a_new_phone_asks_as_soon_as_it_is_left_to_itself(self) -> None:
        state = self.phone._state
        if state.features.set_up is SetUp.NEW and state.mode is Mode.IDLE and not state.locked:
            assert Timer.FIRST_RUN in self.running or state.features.auto_redial or state.engaged or state.calls

    @invariant()
    def the_phone_and_the_clock_agree_on_the_running_timers(self) -> None:
        assert self.phone._state.timers == self.running


TestAnyEvening = AnyEvening.TestCase
TestAnyEvening.settings = hypothesis_settings(
    max_examples=counted(full=1500, landing=60),
    stateful_step_count=60,
    suppress_health_check=list(HealthCheck),
)
