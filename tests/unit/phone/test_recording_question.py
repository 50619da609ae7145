"""Whether calls may be recorded is asked in the first call in which somebody wants it, and nothing is kept before."""

from collections.abc import Callable

import pytest

from contract.calls import DisconnectReason
from contract.consent import Actor, Purpose
from firmware.phone.activation import AgeBand
from firmware.phone.call import CallerId, CallId, CallState, Decision
from firmware.phone.commands import AnnounceRecording, CloseCallRecord, StartRecording
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import NoticeView
from firmware.phone.news import CallTextReceived, RecordingSignalled
from firmware.phone.orders import HoldCall, SendDtmf, SetVolume, SignalRecording, WriteText
from firmware.phone.recording import RecordingPreference, RecordingSign
from firmware.phone.recording_question import MOST_TURNS
from firmware.phone.request import Failed
from firmware.phone.requests.consents import ReadConsents, SetConsent
from firmware.phone.view import Hint, Mode
from firmware.privacy.catalogue import built_in
from tests.unit.phone.desk import INCOMING
from tests.unit.phone.menus import choose, labels, said
from tests.unit.phone.new_phone import GUARDIANS_PIN, NewPhone, title_of

pytestmark = pytest.mark.feature("call recording")

SECOND = CallId("second")
YES = SetConsent(Purpose.RECORDING, granted=True, actor=Actor.HOLDER)
NO = SetConsent(Purpose.RECORDING, granted=False, actor=Actor.HOLDER)


def talking(age_band: AgeBand = AgeBand.ADULT) -> NewPhone:
    """Return a phone in a call, whose holder was never asked about recording."""
    phone = NewPhone.of_office(activated=True, age_band=age_band)
    phone.answered_incoming_call()
    phone.audio(INCOMING)
    return phone


def asked(age_band: AgeBand = AgeBand.ADULT) -> NewPhone:
    """Return a phone that has asked for long enough to be answered."""
    phone = talking(age_band)
    phone.press(Key.RECORD)
    phone.answer()
    phone.expire(Timer.RECORDING_QUESTION)
    return phone


def keys(phone: NewPhone) -> tuple[str, str]:
    question = phone.view.question
    assert question is not None
    return said(question.keys.cancel), said(question.keys.ok)


def nothing_is_recorded(phone: NewPhone) -> bool:
    kinds = (AnnounceRecording, StartRecording, SignalRecording)
    return not any(isinstance(command, kinds) for command in phone.all_commands)


@pytest.fixture
def phone() -> NewPhone:
    return asked()


def test_the_first_press_of_the_record_key_asks_in_the_words_of_the_receipt_and_the_call_goes_on() -> None:
    phone = talking()
    phone.press(Key.RECORD)
    phone.answer()
    question, entry = phone.view.question, built_in().entry(Purpose.RECORDING)
    assert question is not None
    assert said(question.text) == f"{entry.covers.en} Shared with: {entry.recipients.en}"
    assert (phone.view.mode, phone.view.microphone_open) == (Mode.IN_CALL, True)
    assert nothing_is_recorded(phone)
    assert phone.said(SetConsent) == []


def test_after_a_yes_the_recording_begins_with_its_announcement_once_the_store_has_it(phone: NewPhone) -> None:
    phone.press(Key.OK)
    assert phone.said(SetConsent) == [YES]
    assert nothing_is_recorded(phone)
    phone.answer()
    assert phone.said(SignalRecording) == [SignalRecording(INCOMING, RecordingSign.ON)]
    assert len(phone.said(AnnounceRecording)) == 1
    assert phone.said(StartRecording) == []
    assert phone.view.question is None
    assert phone.store.answers[Purpose.RECORDING]
    phone.replace()
    assert phone.said(CloseCallRecord)[-1].decision is None


def test_after_a_no_nothing_is_recorded_and_the_call_is_not_asked_about_again(phone: NewPhone) -> None:
    phone.press(Key.CANCEL)
    phone.answer()
    assert phone.said(SetConsent) == [NO]
    assert phone.view.hint is Hint.RECORDING_FAILED
    assert phone.view.mode is Mode.IN_CALL
    phone.press(Key.RECORD)
    assert (phone.shown().question, phone.shown().hint) == (None, Hint.RECORDING_NOT_ALLOWED)
    assert not phone.view.may_record
    phone.replace()
    assert phone.said(CloseCallRecord)[-1].decision is Decision.RECORDING_NOT_ALLOWED
    assert nothing_is_recorded(phone)


def test_keys_answer_the_question_that_covers_a_page_of_text() -> None:
    phone = talking()
    phone.handle(CallTextReceived(INCOMING, "Hello"))
    phone.press(Key.RECORD)
    phone.answer()
    phone.expire(Timer.RECORDING_QUESTION)
    assert phone.view.question is not None
    phone.press(Key.OK)
    assert phone.said(SetConsent) == [YES]
    assert phone.said(WriteText) == []
    phone.answer()
    phone.press(Key.OK)
    assert phone.said(WriteText) == [WriteText(INCOMING, "\n")]


def test_the_next_call_asks_again(phone: NewPhone) -> None:
    phone.press(Key.CANCEL)
    phone.replace()
    phone.ring(SECOND, CallerId("333"))
    phone.lift()
    phone.sip(CallState.ACTIVE, SECOND)
    phone.audio(SECOND)
    assert phone.view.may_record
    phone.press(Key.RECORD)
    assert phone.view.question is not None


def test_ok_asks_when_it_is_pressed_twice_and_a_third_time_at_once_agrees_to_nothing() -> None:
    phone = talking()
    assert phone.view.may_record
    phone.press(Key.OK)
    assert (phone.view.hint, phone.view.question) == (Hint.RECORD_AGAIN, None)
    phone.press(Key.OK)
    phone.answer()
    assert keys(phone) == ("No", "")
    phone.press(Key.OK)
    assert phone.said(SetConsent) == []
    phone.expire(Timer.RECORDING_QUESTION)
    assert keys(phone) == ("No", "Yes")
    phone.press(Key.OK)
    assert phone.said(SetConsent) == [YES]


def test_ok_agrees_to_nothing_that_was_not_shown() -> None:
    phone = talking()
    phone.press(Key.RECORD)
    phone.expire(Timer.RECORDING_QUESTION)
    phone.press(Key.OK)
    assert phone.said(SetConsent) == []


def test_no_digit_answers_and_each_is_sent_as_in_any_call(phone: NewPhone) -> None:
    phone.dial("0123456789*#")
    assert len(phone.said(SendDtmf)) == 12
    assert phone.said(SetConsent) == []
    assert phone.view.question is not None


def test_the_volume_keys_are_the_volumes(phone: NewPhone) -> None:
    before = len(phone.said(SetVolume))
    phone.press(Key.VOLUME_UP)
    assert len(phone.said(SetVolume)) == before + 1
    assert phone.view.volume_percent is not None
    assert keys(phone) == ("No", "Yes")


def test_the_words_turn_over_by_themselves(phone: NewPhone) -> None:
    scrolls = []
    for _ in range(3):
        assert isinstance(phone.view.question, NoticeView)
        scrolls.append(phone.view.question.scroll)
        phone.expire(Timer.RECORDING_QUESTION)
    assert scrolls == [0, 1, 2]


def test_who_does_not_answer_has_said_neither_yes_nor_no(phone: NewPhone) -> None:
    for _ in range(MOST_TURNS):
        phone.expire(Timer.RECORDING_QUESTION)
    assert phone.view.question is None
    assert phone.said(SetConsent) == []
    phone.press(Key.RECORD)
    assert phone.shown().question is not None


def hang_up(phone: NewPhone) -> None:
    phone.replace()


def answer_another(phone: NewPhone) -> None:
    phone.ring(SECOND, CallerId("333"))
    assert phone.view.question is None
    phone.press(Key.OK)
    assert phone.call.party.number == "333"


def hold(phone: NewPhone) -> None:
    phone.press(Key.HOLD)
    assert phone.said(HoldCall) != []


def is_hung_up(phone: NewPhone) -> None:
    phone.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)


def is_unwanted(phone: NewPhone) -> None:
    phone.handle(RecordingSignalled(INCOMING, False, RecordingPreference.UNWANTED))


@pytest.mark.parametrize("meanwhile", [hang_up, answer_another, hold, is_hung_up, is_unwanted])
def test_whatever_ends_the_question_lets_nothing_be_recorded(meanwhile: Callable[[NewPhone], object]) -> None:
    phone = asked()
    meanwhile(phone)
    assert phone.view.question is None
    phone.answer()
    assert nothing_is_recorded(phone)
    assert phone.said(SetConsent) == []


@pytest.mark.parametrize("meanwhile", [hang_up, answer_another, hold, is_hung_up, is_unwanted])
def test_a_yes_whose_call_is_another_one_by_then_records_nothing(meanwhile: Callable[[NewPhone], object]) -> None:
    phone = asked()
    phone.press(Key.OK)
    if meanwhile is answer_another:
        phone.ring(SECOND, CallerId("333"))
        phone.press(Key.OK)
    else:
        meanwhile(phone)
    phone.answer()
    assert phone.store.answers[Purpose.RECORDING]
    assert nothing_is_recorded(phone)


def test_a_caller_who_waits_is_declined_first_and_the_question_is_there_again(phone: NewPhone) -> None:
    phone.ring(SECOND, CallerId("333"))
    phone.press(Key.CANCEL)
    assert phone.said(SetConsent) == []
    phone.sip(CallState.DISCONNECTED, SECOND, DisconnectReason.REJECTED)
    assert keys(phone) == ("No", "Yes")


@pytest.mark.parametrize("request_kind", [ReadConsents, SetConsent])
def test_a_store_that_fails_lets_nothing_be_recorded_and_the_display_says_so(
    request_kind: type[ReadConsents] | type[SetConsent],
) -> None:
    phone = talking()
    phone.press(Key.RECORD)
    if request_kind is SetConsent:
        phone.answer()
        phone.expire(Timer.RECORDING_QUESTION)
        phone.press(Key.OK)
    phone.reply(request_kind, Failed("It failed."))
    assert (phone.view.question, phone.view.hint) == (None, Hint.RECORDING_FAILED)
    assert nothing_is_recorded(phone)


def test_a_phone_that_nobody_has_set_up_does_not_ask() -> None:
    phone = NewPhone.of_office()
    phone.answered_incoming_call()
    phone.audio(INCOMING)
    phone.press(Key.RECORD)
    assert (phone.view.question, phone.view.hint) == (None, Hint.RECORDING_NOT_ALLOWED)


def test_an_emergency_call_is_not_asked_about() -> None:
    phone = NewPhone.of_office(activated=True)
    phone.audio(phone.answered_outgoing_call("112"))
    phone.press(Key.RECORD)
    assert (phone.view.question, phone.view.hint) == (None, Hint.RECORDING_EMERGENCY)


# --- under 14 ---


@pytest.mark.parametrize("key", [Key.OK, Key.CANCEL, None])
def test_under_14_the_guardian_is_asked_after_the_call(key: Key | None) -> None:
    phone = asked(AgeBand.UNDER_14)
    assert phone.view.question is not None
    assert said(phone.view.question.text).startswith("Your guardian says")
    if key is not None:
        phone.press(key)
        assert phone.shown().question is None
    phone.replace()
    phone.answer()
    assert title_of(phone) == "Recording"
    assert phone.said(SetConsent) == []
    while "Yes" not in map(said, labels(phone) if hasattr(phone.view.menu, "rows") else ()):
        phone.ok()
    choose(phone, "Yes")
    phone.type_pin(GUARDIANS_PIN)
    assert phone.said(SetConsent) == [SetConsent(Purpose.RECORDING, granted=True, actor=Actor.GUARDIAN)]
    assert phone.view.mode is Mode.IDLE
    assert nothing_is_recorded(phone)


def test_the_guardian_is_asked_once() -> None:
    phone = asked(AgeBand.UNDER_14)
    phone.replace()
    assert phone.view.mode is Mode.MENU
    phone.press(Key.MENU)
    assert phone.shown().mode is Mode.IDLE
    phone.expire(Timer.NOTICE)
    assert phone.shown().mode is Mode.IDLE


def test_a_guardian_who_is_waited_for_keeps_nobody_from_a_call() -> None:
    phone = asked(AgeBand.UNDER_14)
    phone.replace()
    phone.lift()
    assert phone.view.mode is Mode.COLLECTING_DIGITS
