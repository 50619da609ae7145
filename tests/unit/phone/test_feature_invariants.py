"""The random evening once more, on a phone with codes, rules, a hotline, busy numbers, messages and a clock."""

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from firmware.base.words import word
from firmware.phone.call import CallerId, CallId, CallState, TextMessage
from firmware.phone.call_statistics import CallCounts, CallStatistics
from firmware.phone.commands import Command, SavePreferences
from firmware.phone.contact import Contact, ContactMatch, ContactNumber
from firmware.phone.events import (
    KeyHeld,
    KeyPressed,
    KeyRepeated,
    MessagesLoaded,
    MinuteStarted,
    PreferencesLoaded,
    Timer,
    TimerExpired,
)
from firmware.phone.features import CallRules, Hotline, OpenHours
from firmware.phone.key import Key
from firmware.phone.menu_views import CardView, EntryKind, EntryView, ListView, NoticeView
from firmware.phone.news import (
    CallStateChanged,
    MessageReceived,
    MessageSent,
    PagingChanged,
    VoicemailCounted,
    Watched,
    WatchedPhoneChanged,
)
from firmware.phone.numbers import NumberPattern
from firmware.phone.orders import PlaceCall, SendMessage
from firmware.phone.phone import Phone
from firmware.phone.preferences import Preferences
from firmware.phone.request import Answered, Failed, Request, Stretch
from firmware.phone.requests.activation import CheckCode, NumberProof, NumberProofRead, ReadNumberProof, RequestCode
from firmware.phone.requests.calls import ClearCalls, CountCalls, DeleteCall, ListCalls, LoggedCall
from firmware.phone.requests.consents import (
    Activate,
    ConsentRow,
    ConsentsChanged,
    ConsentsRead,
    ReadConsents,
    SetConsent,
    WithdrawOptional,
)
from firmware.phone.requests.contacts import ListContacts, ReadContact
from firmware.phone.requests.handset import ReadFacts
from firmware.phone.requests.pictures import ListPictures
from firmware.phone.requests.pin import CheckPin, PinChanged, PinChecked, SetPin
from firmware.phone.requests.policies import PolicyRead, PolicyRow, PolicyShown, PolicyState, ReadPolicy
from firmware.phone.view import Mode
from tests.lab.chance import counted
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
    Timer.SPEAK,
    Timer.SPEECH,
    Timer.LET_GO,
    Timer.LOCK,
    Timer.FIRST_RUN,
    Timer.BUNDLE,
    Timer.BUNDLE_PATIENCE,
    # A digit that a page took, which may have gone since, may be the first of an emergency number.
    Timer.DIGIT_ROW,
}


_CALLS = tuple(
    LoggedCall(CallId(f"c{place}"), CallDirection.INCOMING, "2345", "", "25 Nov", 0, False, None) for place in range(3)
)
_CONSENTS = ConsentsRead(
    tuple(
        ConsentRow(purpose, "Name", "What.", "Who.", granted=False, needed=False, since="", asked=False)
        for purpose in Purpose
    )
)
_MENU_KEYS = st.sampled_from(
    [*(Key(digit) for digit in "123456789*#0"), *[Key.OK, Key.VOLUME_DOWN, Key.VOLUME_UP] * 3, Key.CANCEL, Key.REDIAL]
)


def answer_to(request: Request[object]) -> object:  # noqa: C901 - a case for each request
    """Answer as a small store would."""
    match request:
        case ListCalls(_, first, limit):
            return Stretch(first, len(_CALLS), _CALLS[first : first + limit])
        case DeleteCall() | ClearCalls() | SetPin():
            return None
        case CountCalls():
            counts = CallCounts(1, 2, 3, 60, None)
            return CallStatistics(None, counts, counts, undated=1)
        case ListContacts(first, limit):
            return Stretch(first, 1, (ContactMatch(1, "Anna", "2345"),)[first : first + limit])
        case ReadContact():
            return Contact(1, "Anna", (ContactNumber("2345"),))
        case CheckPin(pin):
            return PinChecked(accepted=pin == "2580", wait_s=0 if pin == "2580" else 10)
        case ReadFacts():
            return ((word("Version"), "1"),)
        case ReadConsents() | SetConsent() | WithdrawOptional() | Activate():
            return _CONSENTS
        case ReadPolicy() | PolicyShown():
            return PolicyRead(PolicyRow("1", "2026-11-25", PolicyState.IN_FORCE), ("We keep little.",))
        case ReadNumberProof() | RequestCode() | CheckCode():
            return NumberProofRead(NumberProof.SENT, tries_left=1)
        case ListPictures():
            return (("p1", "Holiday"),)
    return Failed("No.")


class AnyOfficeEvening(AnyEvening):
    """Adds what an office phone can do to the fingers, the network and the faults."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []
        self.saved: Preferences | None = None
        self.asked: list[Request[object]] = []
        self.store_fails = False

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
    def unpack_the_phone(
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
                invite_link="https://operator.example/{account}",
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
            case PlaceCall(uri=uri) if self.phone.view.locked or not self.phone._state.is_activated:
                assert uri.removeprefix("sip:").partition("@")[0] in {"110", "112"}, "a phone that only helps calls"
            case _ if isinstance(command, Request):
                self.asked.append(command)

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

    @rule(keys=st.lists(_MENU_KEYS, min_size=1, max_size=8))
    def wander_through_the_menus(self, keys: list[Key]) -> None:
        if self.phone.view.mode is Mode.IDLE:
            self._handle(KeyPressed(Key.MENU))
        for key in keys:
            if self.phone.view.mode is Mode.MENU:
                self._handle(KeyPressed(key))
                self.answer_what_was_asked()

    @rule(key=_MENU_KEYS)
    def hold_or_repeat_a_key_in_the_menus(self, key: Key) -> None:
        if self.phone.view.mode is Mode.MENU:
            self._handle(KeyHeld(key))
            self._handle(KeyRepeated(key))

    @rule()
    def answer_what_was_asked(self) -> None:
        """Answer as the store would: late, in order, and sometimes that it could not."""
        while self.asked:
            request = self.asked.pop(0)
            if isinstance(request, SetPin) and not self.store_fails:
                self._handle(PinChanged(bool(request.pin)))
            self._handle(Answered(request, Failed("No.") if self.store_fails else answer_to(request)))
        # A PIN, or a number, is kept no longer than until its answer.
        assert self.phone._state.asked == []

    @rule(fails=st.booleans())
    def break_or_mend_the_store(self, fails: bool) -> None:
        self.store_fails = fails

    @rule(is_set=st.booleans())
    def hear_whether_there_is_a_pin(self, is_set: bool) -> None:
        self._handle(PinChanged(is_set))
        self._handle(PreferencesLoaded(Preferences(locked_when_idle=True)))

    @rule(activated=st.booleans(), age_band=st.sampled_from(["", "under_14", "adult"]))
    def hear_what_is_agreed_to(self, activated: bool, age_band: str) -> None:
        granted = frozenset({Purpose.SERVICE} if activated else ())
        self._handle(ConsentsChanged(granted, activated, age_band))

    @precondition(lambda self: self.phone.view.locked)
    @rule()
    def let_everybody_use_the_phone_again(self) -> None:
        self._handle(PinChanged(is_set=False))
        assert not self.phone.view.locked

    @rule(pin=st.sampled_from(["2580", "1379"]))
    def type_a_pin_where_one_is_asked_for(self, pin: str) -> None:
        if not self._pin_is_typed:
            return
        for digit in pin:
            self._handle(KeyPressed(Key(digit)))
            assert isinstance(self.phone.view.menu, EntryView)
            assert set(self.phone.view.menu.text) <= {"•"}
        self._handle(KeyPressed(Key.OK))
        assert pin not in repr(self.phone.view)
        assert pin not in repr(self.asked)

    @property
    def _pin_is_typed(self) -> bool:
        menu = self.phone.view.menu
        return isinstance(menu, EntryView) and menu.kind is EntryKind.PIN and menu.note != word("One moment…")

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
        call = self.phone._state.call
        assert call is not None
        self._handle(CallStateChanged(call.call_id, CallState.DISCONNECTED, DisconnectReason.BUSY))
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
                WatchedPhoneChanged("2001", Watched.RINGING),
                PagingChanged("Hall", speaks=True),
                PagingChanged("Hall", speaks=False),
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
        assert view.menu is None or (Timer.INFO in self.running and not view.off_hook)
        assert not view.sound_shown or (view.mode is Mode.IN_CALL and Timer.INFO in self.running)

    @invariant()
    def the_selected_row_is_one_of_those_that_are_shown(self) -> None:
        menu = self.phone.view.menu
        if isinstance(menu, ListView) and menu.rows:
            assert menu.first <= (menu.selected or 0) < menu.first + len(menu.rows) <= menu.total
        if isinstance(menu, CardView):
            assert 0 <= menu.scroll <= max(0, len(menu.rows) - 1)
        if isinstance(menu, NoticeView) and menu.percent is not None:
            assert 0 <= menu.percent <= 100

    @invariant()
    def a_locked_phone_shows_nothing_but_what_asks_for_its_pin_and_what_is_about_nobody(self) -> None:
        view = self.phone.view
        if view.locked and not view.menu_is_public:
            assert view.menu is None or isinstance(view.menu, EntryView)
            assert view.menu is None or view.menu.kind is EntryKind.PIN

    @invariant()
    def a_ring_is_tried_only_in_a_menu_and_for_a_moment(self) -> None:
        if self.phone._state.previewed_ring:
            assert self.phone.view.mode is Mode.MENU
            assert Timer.RING_PREVIEW in self.running

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
    max_examples=counted(full=1500, landing=60),
    stateful_step_count=60,
    suppress_health_check=list(HealthCheck),
)
