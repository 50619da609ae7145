from collections.abc import Callable
from itertools import product

import pytest

from contract.calls import DisconnectReason
from contract.consent import Purpose
from firmware.base.words import word
from firmware.phone.call import CallerId, CallId, CallState
from firmware.phone.commands import SavePreferences, StartTimer
from firmware.phone.dial_plan import Rewrite
from firmware.phone.digit_map import Alternative
from firmware.phone.events import Event, LastDialledLoaded, MissedCallsCounted, PreferencesLoaded, Timer
from firmware.phone.features import Hotline
from firmware.phone.key import Key
from firmware.phone.lock import LOCK_AFTER_S
from firmware.phone.menu_views import EntryKind, EntryView, NoticeView
from firmware.phone.orders import PlaceCall
from firmware.phone.pin import Right, weakness
from firmware.phone.preferences import Preferences
from firmware.phone.request import Answered, Failed, Stretch
from firmware.phone.requests.calls import ListCalls
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.requests.handset import AskForReset, FactoryReset, ResetAsked
from firmware.phone.requests.pin import CheckPin, PinChanged, PinChecked, SetPin
from firmware.phone.requests.rights import ProveHolder
from firmware.phone.view import Hint, Mode
from firmware.store.pin import wait_after
from tests.unit.phone.desk import INCOMING, Desk
from tests.unit.phone.menus import choose, labels, open_page, row_of, said, sentence
from tests.unit.phone.office import AGREED, office, office_settings

LOCKS = Preferences(locked_when_idle=True, screen_off_s=0, speed_dials=(("3", "2345"),))


def locked(**more: object) -> Desk:
    desk = office(**more)
    desk.handle(PreferencesLoaded(LOCKS), PinChanged(is_set=True))
    assert desk.view.locked
    return desk


def unlocked() -> Desk:
    desk = locked()
    type_pin(desk, "2580")
    desk.reply(CheckPin, PinChecked(accepted=True))
    desk.press(Key.CANCEL)
    assert not desk.view.locked
    return desk


def type_pin(desk: Desk, pin: str, key: Key = Key.MENU) -> None:
    desk.press(key)
    desk.dial(pin, Key.OK)


def entry(desk: Desk) -> EntryView:
    assert desk.entry.kind is EntryKind.PIN
    return desk.entry


# --- when it locks ---


@pytest.fixture
def desk() -> Desk:
    return locked()


@pytest.mark.parametrize("pin_first", [True, False])
def test_a_phone_that_locks_by_itself_starts_locked_as_soon_as_the_store_has_said_so(pin_first: bool) -> None:
    desk = office()
    news: list[Event] = [PinChanged(is_set=True), PreferencesLoaded(LOCKS)]
    desk.handle(news[0 if pin_first else 1])
    assert not desk.view.locked
    desk.handle(news[1 if pin_first else 0])
    assert desk.view.locked


def test_without_a_pin_nothing_locks() -> None:
    desk = office()
    desk.handle(PreferencesLoaded(LOCKS), PinChanged(is_set=False))
    desk.press(Key.MUTE)
    assert not desk.view.locked
    assert StartTimer(Timer.LOCK, LOCK_AFTER_S) not in desk.all_commands


@pytest.mark.parametrize("where", ["idle", "menu", "a number", "a text", "a handset that was forgotten"])
def test_a_minute_after_the_last_key_it_locks_and_closes_what_was_open(where: str) -> None:
    desk = unlocked()
    match where:
        case "menu":
            open_page(desk, "Calls", "All calls")
        case "a number":
            desk.dial("23")
        case "a text":
            desk.dial("2345", Key.MENU)
        case "a handset that was forgotten":
            desk.lift()
    assert StartTimer(Timer.LOCK, LOCK_AFTER_S) in desk.press(Key.VOLUME_UP)
    desk.expire(Timer.LOCK)
    assert desk.view.locked
    assert desk.view.menu is None
    assert desk.view.mode is (Mode.COLLECTING_DIGITS if desk.view.off_hook else Mode.IDLE)


def test_while_somebody_talks_it_does_not_lock() -> None:
    desk = unlocked()
    desk.answered_incoming_call()
    assert Timer.LOCK not in desk.phone._state.timers
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)
    assert Timer.LOCK in desk.phone._state.timers


def test_lock_now_locks_now() -> None:
    desk = unlocked()
    open_page(desk, "Settings", "Lock", "Lock now")
    assert (desk.view.locked, desk.view.mode) == (True, Mode.IDLE)


# --- what a locked phone does ---


def test_a_locked_phone_calls_for_help_and_nobody_else(desk: Desk) -> None:
    desk.lift()
    assert desk.view.hint is Hint.EMERGENCY_ONLY
    desk.dial("2345#")
    assert desk.view.hint is Hint.EMERGENCY_ONLY
    assert desk.said(PlaceCall) == []
    desk.expire(Timer.INTER_DIGIT)
    desk.dial("112")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


def test_help_is_called_behind_a_prefix_and_from_the_cradle_too() -> None:
    desk = locked(rewrites=(Rewrite(Alternative.parse("9x."), strip=1),))
    desk.dial("9112")
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


def test_on_the_page_that_asks_for_the_pin_lifting_gives_dial_tone_for_help(desk: Desk) -> None:
    desk.press(Key.MENU)
    desk.dial("12")
    desk.lift()
    desk.dial("112")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


def test_calls_are_answered_on_a_locked_phone_which_stays_locked(desk: Desk) -> None:
    desk.answered_incoming_call()
    assert desk.view.mode is Mode.IN_CALL
    assert desk.view.locked
    desk.replace()
    assert (desk.view.mode, desk.view.locked) == (Mode.IDLE, True)


@pytest.mark.parametrize(
    "use",
    [
        lambda desk: desk.press(Key.REDIAL),
        lambda desk: desk.press(Key.VOICEMAIL),
        lambda desk: desk.press(Key.DO_NOT_DISTURB),
        lambda desk: desk.press(Key.CANCEL),
        lambda desk: [desk.dial("2345"), desk.press(Key.MENU)],
        lambda desk: [desk.dial("3"), desk.hold_down("3")],
        lambda desk: [desk.dial("*78"), desk.press(Key.OK)],
        lambda desk: [desk.dial("*78"), desk.lift()],
        lambda desk: [desk.lift(), desk.press(Key.REDIAL)],
        lambda desk: [desk.lift(), desk.press(Key.VOICEMAIL)],
        lambda desk: [desk.lift(), desk.dial("3"), desk.hold_down("3")],
        lambda desk: [desk.lift(), desk.dial("*69")],
        lambda desk: desk.lift(),
    ],
)
def test_everything_else_waits_for_the_pin(use: Callable[[Desk], object]) -> None:
    desk = locked(voicemail_number="2500", hotline=Hotline("2345", 0))
    desk.handle(LastDialledLoaded("2777"), MissedCallsCounted(2))
    use(desk)
    assert desk.said(PlaceCall) == []
    assert desk.said(SavePreferences) == []
    assert desk.view.mode in {Mode.IDLE, Mode.COLLECTING_DIGITS}
    assert desk.view.missed_calls == 2
    assert "2777" not in desk.view.digits
    assert desk.view.hint in {Hint.EMERGENCY_ONLY, Hint.LIFT_HANDSET, Hint.NUMBER_IMPOSSIBLE}


def test_a_caller_cannot_be_sent_on_by_whoever_finds_a_locked_phone(desk: Desk) -> None:
    desk.answered_incoming_call()
    desk.press(Key.TRANSFER)
    desk.dial("0900123", Key.TRANSFER)
    assert not any(type(command).__name__ == "TransferCall" for command in desk.all_commands)


def test_a_number_that_is_being_tried_is_tried_no_more() -> None:
    desk = unlocked()
    call_id = desk.place_call("2345")
    desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.BUSY, 486)
    desk.press(Key.REDIAL)
    desk.replace()
    assert desk.view.redial_in_s
    desk.expire(Timer.LOCK)
    assert desk.view.redial_in_s == 0


# --- the PIN ---


@pytest.mark.parametrize("key", [Key.MENU, Key.OK])
def test_the_pin_opens_the_phone_and_the_menu(desk: Desk, key: Key) -> None:
    type_pin(desk, "2580", key)
    assert desk.said(CheckPin) == [CheckPin("2580")]
    assert desk.view.locked
    desk.reply(CheckPin, PinChecked(accepted=True))
    assert not desk.shown().locked
    assert said(desk.listing.title) == "Menu"


def test_a_wrong_pin_says_so_and_how_long_to_wait(desk: Desk) -> None:
    type_pin(desk, "2581")
    assert said(entry(desk).note) == "One moment…"
    desk.press("1")
    assert entry(desk).text == ""
    desk.reply(CheckPin, PinChecked(accepted=False))
    assert said(entry(desk).note) == "Wrong PIN."
    desk.dial("2582", Key.OK)
    desk.reply(CheckPin, PinChecked(accepted=False, wait_s=20))
    assert said(entry(desk).note) == "Wrong PIN. Wait 20 s."
    assert desk.view.locked


def test_after_a_wrong_pin_the_seconds_count_down_whatever_is_typed_meanwhile(desk: Desk) -> None:
    type_pin(desk, "2581")
    assert StartTimer(Timer.INTER_DIGIT, 1.0) in desk.reply(CheckPin, PinChecked(accepted=False, wait_s=3))
    desk.expire(Timer.INTER_DIGIT)
    desk.press("2")
    assert (said(entry(desk).note), entry(desk).text) == ("Wrong PIN. Wait 2 s.", "•")
    desk.expire(Timer.INTER_DIGIT)
    assert said(entry(desk).note) == "Wrong PIN. Wait 1 s."
    desk.expire(Timer.INTER_DIGIT)
    assert said(entry(desk).note) == "Now type it again."
    assert Timer.INTER_DIGIT not in desk.phone._state.timers
    assert entry(desk).text == "•"


def test_the_seconds_go_on_below_what_is_said_of_a_forgotten_pin(desk: Desk) -> None:
    type_pin(desk, "2581")
    desk.reply(CheckPin, PinChecked(accepted=False, wait_s=40))
    assert isinstance(desk.view.menu, NoticeView)
    desk.expire(Timer.INTER_DIGIT)
    desk.press(Key.CANCEL)
    assert said(entry(desk).note) == "Wrong PIN. Wait 39 s."


def test_after_a_call_no_wait_is_told_that_nobody_has_counted(desk: Desk) -> None:
    type_pin(desk, "2581")
    desk.reply(CheckPin, PinChecked(accepted=False, wait_s=20))
    desk.ring()
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    assert entry(desk).note == ""


def test_a_store_that_fails_opens_nothing(desk: Desk) -> None:
    type_pin(desk, "2580")
    desk.reply(CheckPin, Failed("It failed."))
    assert entry(desk).note == "It failed."
    assert desk.view.locked


def test_an_answer_that_nobody_asked_for_opens_nothing(desk: Desk) -> None:
    desk.handle(Answered(CheckPin("2580"), PinChecked(accepted=True)))
    desk.press(Key.MENU)
    desk.dial("25")
    desk.handle(Answered(CheckPin("25"), PinChecked(accepted=True)))
    assert desk.view.locked


def test_a_call_between_the_pin_and_its_answer_is_not_disturbed(desk: Desk) -> None:
    type_pin(desk, "2580")
    desk.ring()
    desk.reply(CheckPin, PinChecked(accepted=True))
    assert desk.view.mode is Mode.RINGING
    assert not desk.view.locked
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    assert desk.shown().mode is Mode.IDLE


def test_a_pin_is_hidden_forgotten_when_it_is_handed_on_and_in_no_words_of_the_request(desk: Desk) -> None:
    desk.press(Key.MENU)
    desk.dial("2580")
    assert entry(desk).text == "••••"
    screen = desk.phone._state.menu.top
    assert screen is not None
    desk.press(Key.OK)
    assert "2580" not in repr(vars(screen))
    assert "2580" not in repr(desk.said(CheckPin)) + repr(SetPin("2580"))


def test_cancel_deletes_the_pin_digit_by_digit_and_then_leaves(desk: Desk) -> None:
    desk.press(Key.MENU)
    desk.dial("12", Key.CANCEL)
    assert entry(desk).text == "•"
    desk.press(Key.CANCEL, Key.CANCEL)
    assert desk.view.mode is Mode.IDLE


def test_what_was_half_typed_is_gone_after_a_call(desk: Desk) -> None:
    desk.press(Key.MENU)
    desk.dial("258")
    desk.ring()
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    assert entry(desk).text == ""


# --- setting it ---


def test_a_pin_is_set_by_typing_it_twice() -> None:
    desk = office()
    desk.handle(PinChanged(is_set=False))
    open_page(desk, "Settings", "Lock", "Set a PIN")
    desk.dial("2580", Key.OK)
    desk.dial("2580")
    assert SetPin("2580") in desk.press(Key.OK)
    assert sentence(desk) == "One moment…"
    desk.handle(PinChanged(is_set=True))
    desk.reply(SetPin, None)
    assert sentence(desk) == "The PIN is set."
    desk.press(Key.OK)
    assert [said(label) for label in labels(desk)] == [
        "Change PIN", "Remove PIN", "Auto-lock", "Lock now", "PIN at start",
    ]  # fmt: skip


def test_a_phone_that_does_not_know_yet_whether_there_is_a_pin_asks_for_no_new_one(subtests: pytest.Subtests) -> None:
    for path, heard in product(
        [
            ("Settings", "Lock", "Set a PIN"),
            ("Privacy", "My data", "What is here"),
            ("Privacy", "My data", "A copy", "Open to all"),
            ("Privacy", "My data", "Delete"),
        ],
        ["nothing", "the consents", "the PIN"],
    ):
        with subtests.test(path=path, heard=heard):
            desk = Desk(office_settings())
            if heard == "the consents":
                desk.handle(AGREED)
            if heard == "the PIN":
                desk.handle(PinChanged(is_set=False))
            open_page(desk, *path)
            assert "cannot be read" in sentence(desk)
            desk.dial("2580")
            assert not desk.said(SetPin)
            assert not desk.said(ProveHolder)
            desk.press(Key.OK)
            desk.handle(AGREED, PinChanged(is_set=True))
            choose(desk, path[-1] if path[-1] != "Set a PIN" else "Change PIN")
            assert said(entry(desk).title) in {"PIN", "Current PIN"}


def test_help_is_called_by_a_phone_that_does_not_know_yet_whether_there_is_a_pin() -> None:
    desk = Desk(office_settings())
    open_page(desk, "Settings", "Lock", "Set a PIN")
    desk.lift()
    desk.dial("112")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


def test_two_pins_that_differ_are_typed_once_more() -> None:
    desk = office()
    desk.handle(PinChanged(is_set=False))
    open_page(desk, "Settings", "Lock", "Set a PIN")
    for pin in ("2580", "2581"):
        desk.dial(pin, Key.OK)
    assert said(entry(desk).note) == "The two differ. Once more."
    assert desk.said(SetPin) == []
    assert len(desk.phone._state.menu.screens) == 4


def test_a_pin_that_cannot_be_kept_says_so() -> None:
    desk = office()
    desk.handle(PinChanged(is_set=False))
    open_page(desk, "Settings", "Lock", "Set a PIN")
    for _ in range(2):
        desk.dial("2580", Key.OK)
    desk.reply(SetPin, Failed("It failed."))
    assert desk.notice.text == "It failed."


def wrong_five_times(desk: Desk) -> None:
    desk.press(Key.MENU)
    desk.dial("1379", Key.OK)
    desk.reply(CheckPin, PinChecked(accepted=False, wait_s=wait_after(5)))


@pytest.mark.feature("forgotten PIN")
def test_whoever_has_forgotten_the_pin_asks_for_the_phone_to_be_erased_and_tells_a_number(desk: Desk) -> None:
    wrong_five_times(desk)
    assert not desk.said(AskForReset)
    desk.press(Key.OK)
    desk.reply(AskForReset, ResetAsked("10000000e3e3e3e3", "471108152342"))
    # A locked phone shows sentences, and nothing of menus.
    assert "request 4711 0815 2342, phone 10000000e3e3e3e3" in sentence(desk)
    assert desk.view.locked


def test_under_14_a_forgotten_pin_is_the_guardians_to_solve(desk: Desk) -> None:
    desk.handle(ConsentsChanged(frozenset(Purpose), activated=True, age_band="under_14"))
    wrong_five_times(desk)
    assert "by your guardian" in sentence(desk)
    desk.press(Key.OK)
    assert not desk.said(AskForReset)


def test_after_five_wrong_pins_the_phone_says_what_to_do_where_it_is_forgotten(desk: Desk) -> None:
    desk.press(Key.MENU)
    for wrong_tries in range(1, 7):
        desk.dial("1379", Key.OK)
        desk.reply(CheckPin, PinChecked(accepted=False, wait_s=wait_after(wrong_tries)))
        if wrong_tries < 5:
            assert entry(desk).note
            continue
        assert "Ask your operator or installer" in sentence(desk)
        desk.press(Key.CANCEL)
        assert entry(desk).note == word("Wrong PIN. Wait {s} s.", s=wait_after(wrong_tries))
    assert desk.view.locked


@pytest.mark.parametrize("pin", ["0000", "1212", "123123", "1234", "8765", "9012", "258", ""])
def test_a_pin_that_anybody_would_try_is_refused_with_the_reason(pin: str) -> None:
    assert weakness(pin) is not None


@pytest.mark.parametrize("pin", ["2580", "1357", "19842007", "1223"])
def test_other_pins_are_taken(pin: str) -> None:
    assert weakness(pin) is None


def test_a_weak_pin_is_refused_where_it_is_typed() -> None:
    desk = office()
    desk.handle(PinChanged(is_set=False))
    open_page(desk, "Settings", "Lock", "Set a PIN")
    desk.dial("1234", Key.OK)
    assert entry(desk).note == weakness("1234")


@pytest.mark.parametrize("row", ["Change PIN", "Remove PIN", "Auto-lock"])
def test_the_lock_is_changed_only_by_who_knows_the_pin(row: str) -> None:
    desk = unlocked()
    open_page(desk, "Settings", "Lock", row)
    desk.dial("2580", Key.OK)
    desk.reply(CheckPin, PinChecked(accepted=False))
    assert desk.said(SetPin) == []
    assert desk.phone._state.features.preferences.locked_when_idle
    desk.dial("2580", Key.OK)
    desk.reply(CheckPin, PinChecked(accepted=True))
    match row:
        case "Change PIN":
            assert said(entry(desk).title) == "New PIN"
        case "Remove PIN":
            assert desk.said(SetPin) == [SetPin("")]
            desk.handle(PinChanged(is_set=False))
            desk.press(Key.OK)
            assert [said(label) for label in labels(desk)] == ["Set a PIN"]
            assert not desk.phone._state.features.preferences.locked_when_idle
        case "Auto-lock":
            assert said(row_of(desk, row).value) == "off"


def test_a_pin_that_was_taken_away_from_outside_opens_the_phone(desk: Desk) -> None:
    desk.handle(PinChanged(is_set=False))
    assert not desk.view.locked


def test_to_let_the_phone_lock_by_itself_takes_no_pin() -> None:
    desk = office()
    desk.handle(PreferencesLoaded(Preferences()), PinChanged(is_set=True))
    open_page(desk, "Settings", "Lock", "Auto-lock")
    assert said(row_of(desk, "Auto-lock").value) == "on"
    assert Timer.LOCK in desk.phone._state.timers


# --- forgetting everything ---


@pytest.mark.parametrize("pin_is_set", [True, False])
def test_everything_is_forgotten_after_the_pin_and_two_questions(pin_is_set: bool) -> None:
    desk = office()
    desk.handle(PinChanged(is_set=pin_is_set))
    open_page(desk, "Settings", "Reset")
    assert [said(row.label) for row in desk.card.rows] == ["Deleted", "Kept"]
    desk.press(Key.OK)
    if pin_is_set:
        desk.dial("2580", Key.OK)
        assert desk.said(ProveHolder) == [ProveHolder(Right.RESET, "2580")]
        desk.reply(ProveHolder, PinChecked(accepted=True))
    for _ in range(2):
        assert isinstance(desk.shown().menu, NoticeView)
        assert desk.said(FactoryReset) == []
        desk.press(Key.OK)
    assert desk.said(FactoryReset) == [FactoryReset()]


def test_a_reset_that_fails_says_so() -> None:
    desk = office()
    desk.handle(PinChanged(is_set=False))
    open_page(desk, "Settings", "Reset")
    for _ in range(3):
        desk.press(Key.OK)
    desk.reply(FactoryReset, Failed("It failed."))
    assert desk.notice.text == "It failed."


def test_news_of_the_log_reach_no_page_of_a_locked_phone() -> None:
    desk = unlocked()
    open_page(desk, "Calls", "All calls")
    desk.expire(Timer.LOCK)
    desk.reply(ListCalls, Stretch(0, 0, ()))
    assert desk.view.menu is None


def test_the_party_of_a_call_is_still_known_to_the_phone_that_is_locked(desk: Desk) -> None:
    desk.ring(CallId("in"), CallerId("2001", "Anna"))
    assert desk.view.locked
    assert desk.view.mode is Mode.RINGING
