"""The random evening once more, on a phone with codes, rules, a hotline, busy numbers, messages and a clock."""

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from firmware.phone.call import CallDirection, CallerId, CallState, DisconnectReason, TextMessage
from firmware.phone.commands import Command, SavePreferences, SendMessage
from firmware.phone.events import (
    CallStateChanged,
    Key,
    KeyHeld,
    KeyPressed,
    MessageReceived,
    MessageSent,
    MessagesLoaded,
    MinuteStarted,
    PreferencesLoaded,
    Timer,
    TimerExpired,
    VoicemailCounted,
)
from firmware.phone.features import CallRules, Hotline, OpenHours
from firmware.phone.numbers import NumberPattern
from firmware.phone.phone import Phone
from firmware.phone.preferences import Preferences
from firmware.phone.view import Mode
from tests.unit.phone.office import office_settings
from tests.unit.phone.test_phone_invariants import AnyEvening

_CODES = ["*78", "*79", "*722345#", "*722999", "*73", "*60", "*61", "*66", "*86", "*672345#", "*69", "*97", "*9832345#"]
_RULES = [
    CallRules(),
    CallRules(block=(NumberPattern("020*"),)),
    CallRules(allow=(NumberPattern("020*"),), allow_only=True),
    CallRules(hours=(OpenHours(frozenset({0}), 480, 1080),), out_of_hours_forward="2999"),
]
_TRANSIENT = {
    Timer.NOTICE,
    Timer.EMERGENCY_CALLBACK,
    Timer.AUTO_REDIAL,
    Timer.LIGHT,
    Timer.FLASH,
    Timer.LET_GO,
    Timer.LOCK,
}


class AnyOfficeEvening(AnyEvening):
    """Adds what an office phone can do to the fingers, the network and the faults."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []
        self.saved: Preferences | None = None

    @initialize(
        loudspeaker=st.booleans(),
        rules=st.sampled_from(_RULES),
        preferences=st.builds(
            Preferences,
            auto_answer=st.booleans(),
            forward_busy=st.sampled_from(["", "2999"]),
            speed_dials=st.just((("3", "2345"),)),
        ),
        hotline=st.sampled_from([None, None, Hotline("2345", 5), Hotline("2345", 0)]),
    )
    def unpack_the_phone(  # type: ignore[override]
        self, loudspeaker: bool, rules: CallRules, preferences: Preferences, hotline: Hotline | None
    ) -> None:
        self.phone = Phone(
            office_settings(
                "0[1-9]xx",
                "*21*x.#",
                "2x.T",
                has_loudspeaker=loudspeaker,
                call_rules=rules,
                preferences=preferences,
                hotline=hotline,
                voicemail_number="2500",
                auto_redial_tries=2,
                accounts=(("home", "Home"), ("work", "Work")),
            ),
            self._next_id,
        )
        for command in self.phone.start():
            self._follow(command)

    def _follow(self, command: Command) -> None:
        super()._follow(command)
        match command:
            case SendMessage(message_id):
                self.sent.append(message_id)
            case SavePreferences(preferences):
                self.saved = preferences

    @rule(code=st.sampled_from(_CODES), key=st.sampled_from([None, Key.OK, Key.HASH]))
    def dial_a_code(self, code: str, key: Key | None) -> None:
        for digit in code:
            self._handle(KeyPressed(Key(digit)))
        if key is not None:
            self._handle(KeyPressed(key))

    @rule(key=st.sampled_from([Key.DIGIT_1, Key.DIGIT_3, Key.DIGIT_9]))
    def hold_a_digit(self, key: Key) -> None:
        self._handle(KeyPressed(key))
        self._handle(KeyHeld(key))

    @rule(presses=st.integers(1, 5), then=st.sampled_from([Key.OK, Key.REDIAL, Key.VOLUME_DOWN, Key.CANCEL]))
    def read_the_menu(self, presses: int, then: Key) -> None:
        for _ in range(presses):
            self._handle(KeyPressed(Key.MENU))
        self._handle(KeyPressed(then))

    @precondition(lambda self: self.phone.view.mode is Mode.WRITING)
    @rule(send=st.booleans())
    def write_a_word(self, send: bool) -> None:
        for digit in "4433#*555":
            self._handle(KeyPressed(Key(digit)))
        self._handle(KeyHeld(Key.DIGIT_5))
        if send:
            self._handle(KeyPressed(Key.OK))

    @precondition(lambda self: self.phone.view.mode is Mode.OUTGOING)
    @rule(again=st.booleans())
    def find_a_number_busy_and_keep_trying(self, again: bool) -> None:
        call_id = self.phone._state.call.call_id
        self._handle(CallStateChanged(call_id, CallState.DISCONNECTED, DisconnectReason.BUSY))
        self._handle(KeyPressed(Key.REDIAL))
        if self.off_hook:
            self.move_the_handset()
        if again and Timer.AUTO_REDIAL in self.running:
            self.running.discard(Timer.AUTO_REDIAL)
            self._handle(TimerExpired(Timer.AUTO_REDIAL))

    @rule(
        event=st.sampled_from(
            [
                VoicemailCounted(2),
                VoicemailCounted(0),
                MessageReceived(TextMessage("m1", CallDirection.INCOMING, CallerId("2001"), "Hello")),
                MessageReceived(TextMessage("m2", CallDirection.INCOMING, CallerId("anna@example.com"), "Hello")),
                MessagesLoaded(()),
                PreferencesLoaded(Preferences(do_not_disturb=True)),
                MinuteStarted(0, 720, trusted=True),
                MinuteStarted(6, 720, trusted=True),
                MinuteStarted(6, 720, trusted=False),
            ]
        )
    )
    def hear_news_for_the_features(self, event: object) -> None:
        self._handle(event)  # type: ignore[arg-type]

    @precondition(lambda self: self.sent)
    @rule(accepted=st.booleans())
    def hear_of_a_message(self, accepted: bool) -> None:
        self._handle(MessageSent(self.sent[-1], accepted))

    def call_for_help(self) -> None:
        """Left to the tests of emergency calls, which know of hotlines."""

    @invariant()
    def a_text_shows_only_while_it_is_being_written(self) -> None:
        assert (self.phone.view.message_text is not None) is (self.phone.view.mode is Mode.WRITING)

    @invariant()
    def a_menu_shows_only_while_nobody_calls_and_is_left_after_a_while(self) -> None:
        view = self.phone.view
        assert (view.menu is not None) is (view.mode is Mode.MENU)
        assert view.menu is None or (Timer.INFO in self.running and not self.live and not view.off_hook)
        assert not view.sound_shown or (view.mode is Mode.IN_CALL and Timer.INFO in self.running)

    @invariant()
    def what_is_switched_is_kept(self) -> None:
        if self.saved is not None and Timer.LET_GO not in self.running:
            assert self.phone._state.features.preferences == self.saved

    @invariant()
    def a_busy_number_is_tried_only_while_a_timer_or_a_call_says_so(self) -> None:
        if self.phone.view.redial_in_s:
            assert Timer.AUTO_REDIAL in self.running or self.phone.view.mode in {Mode.OUTGOING, Mode.REDIALLING}

    @invariant()
    def a_phone_that_nobody_uses_has_nothing_running_that_belongs_to_a_call(self) -> None:
        if self.phone.view.mode is Mode.IDLE and not self.live:
            assert self.running <= _TRANSIENT


TestAnyOfficeEvening = AnyOfficeEvening.TestCase
TestAnyOfficeEvening.settings = hypothesis_settings(
    max_examples=100, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
