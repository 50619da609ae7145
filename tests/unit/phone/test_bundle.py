"""A stick in the phone: what is shown and asked, whatever the phone is doing, and that it keeps nobody from a call."""

from itertools import product
from typing import get_args

import pytest

from contract.calls import DisconnectReason
from contract.consent import Purpose
from contract.results import BundleResult, CheckName, OutcomeCode, StickCode
from firmware.phone.bundle_news import (
    AnswerBundleAddress,
    AnswerBundleSigner,
    BundleAddressShown,
    BundleCodeWanted,
    BundleEnded,
    BundleNews,
    BundleSignerShown,
    BundleStep,
    BundleStepStarted,
    GiveUpBundleCode,
    StickRemoved,
    StickReported,
    TryBundleCode,
)
from firmware.phone.bundle_news_rows import ANSWER_PATIENCE_S, DONE_S, FAILED_S
from firmware.phone.bundle_phrases import RESULTS, STEPS, WITHOUT_CODE
from firmware.phone.bundle_reasons import CODES
from firmware.phone.call import CallState, RegistrationFailure
from firmware.phone.commands import CancelTimer, IndicatorPattern, SetBrightness, SetIndicator, ShowPage, StartTimer
from firmware.phone.events import PreferencesLoaded, Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import ListView
from firmware.phone.modes.menu import BUNDLE_UNTOUCHED_S
from firmware.phone.orders import PlaceCall
from firmware.phone.pin import PinSlot
from firmware.phone.preferences import Preferences
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.requests.pin import CheckPin, PinChanged, PinChecked, StoreWaitsForPin
from firmware.phone.view import Hint, Mode
from tests.lab.bundles import REFUSALS
from tests.unit.phone.desk import INCOMING, Desk, settings
from tests.unit.phone.menus import open_page, said, sentence
from tests.unit.phone.office import AGREED
from tests.unit.phone.recorded import listen_to_a_recording
from tests.unit.phone.test_phone_table import DESKS

WORDS = ("ability", "able", "about", "above", "absent", "absorb")
ADDRESS = BundleAddressShown("https://pbx.example.org/phones/bundles")
SIGNER = BundleSignerShown(WORDS)
CODE = "1234567890"
DONE = BundleEnded(BundleResult.APPLIED, number=7)
FAILED = BundleEnded(BundleResult.REVERTED, CheckName.LINES, 7, RegistrationFailure.WRONG_PASSWORD)
SENT_BACK = [name for name in CheckName if f"reverted_{name}" in set(OutcomeCode)]
GOOD = {BundleResult.APPLIED, BundleResult.NOTHING_TO_DO}
NEWS: tuple[BundleNews, ...] = (
    *(BundleStepStarted(step) for step in BundleStep),
    ADDRESS,
    SIGNER,
    BundleCodeWanted(5),
    DONE,
    FAILED,
    StickReported(),
    StickRemoved(),
)


def unprovisioned() -> Desk:
    return Desk(settings(provisioned=False, line_usable=False, serial="10000000abcdef01"))


def indicator(desk: Desk) -> IndicatorPattern:
    return desk.said(SetIndicator)[-1].pattern


def started(desk: Desk, timer: Timer) -> list[float]:
    return [command.delay_s for command in desk.said(StartTimer) if command.timer is timer]


# --- every mode -------------------------------------------------------------------------------------------------------


def test_every_kind_of_news_is_in_this_test() -> None:
    assert {type(news) for news in NEWS} == set(get_args(BundleNews))


def test_news_of_a_bundle_leave_what_the_person_is_doing_alone(subtests: pytest.Subtests) -> None:
    for mode, news in product([mode for mode in Mode if mode not in {Mode.IDLE, Mode.UNPROVISIONED}], NEWS):
        with subtests.test(mode=mode, news=news):
            desk = DESKS[mode]()
            before = desk.view.call
            desk.handle(news)
            assert desk.view.mode is mode
            assert desk.view.call == before


@pytest.mark.parametrize("mode", [Mode.OUTGOING, Mode.RINGING, Mode.IN_CALL, Mode.CALL_ENDED, Mode.COLLECTING_DIGITS])
def test_what_was_heard_while_the_phone_was_in_use_is_shown_once_it_is_not(mode: Mode) -> None:
    desk = DESKS[mode]()
    desk.handle(FAILED)
    if mode is Mode.RINGING:
        desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    else:
        desk.replace()
    assert desk.view.mode is Mode.MENU
    assert sentence(desk).startswith("Wrong password.")


def test_a_phone_that_nobody_uses_shows_it_at_once(subtests: pytest.Subtests) -> None:
    for make, news in product([Desk, unprovisioned], NEWS[:-2]):
        with subtests.test(make=make, news=news):
            desk = make()
            desk.handle(news)
            assert desk.view.mode is Mode.MENU
            assert desk.view.menu is not None
            assert desk.view.menu_is_public


# --- how far it is ----------------------------------------------------------------------------------------------------


def test_each_step_is_said_and_the_bar_only_grows(desk: Desk) -> None:
    percents: list[int] = []
    for step in BundleStep:
        desk.handle(BundleStepStarted(step))
        assert sentence(desk) == said(STEPS[step])
        # An update of the firmware is no part of a bundle, and has a bar of its own.
        if (percent := desk.notice.percent) is not None and step is not BundleStep.UPDATE:
            percents.append(percent)
    assert percents == sorted(set(percents))
    assert 0 < percents[0] < percents[-1] < 100


def test_a_step_that_is_told_again_brings_nothing_back_that_was_put_away(desk: Desk) -> None:
    desk.handle(BundleStepStarted(BundleStep.NETWORK))
    desk.press(Key.CANCEL)
    desk.handle(BundleStepStarted(BundleStep.NETWORK))
    assert desk.view.mode is Mode.IDLE


def test_a_bar_says_nothing_of_how_long_a_person_or_a_call_takes(desk: Desk) -> None:
    for step in (BundleStep.ASKING, BundleStep.WAITING_FOR_CALL, BundleStep.REVERTING):
        desk.handle(BundleStepStarted(step))
        assert desk.notice.percent is None


def test_progress_that_was_put_away_stays_away_until_there_is_more_to_know(desk: Desk) -> None:
    desk.handle(BundleStepStarted(BundleStep.CHECKING))
    desk.press(Key.CANCEL)
    assert desk.view.mode is Mode.IDLE
    desk.handle(BundleStepStarted(BundleStep.LINES))
    assert desk.view.mode is Mode.IDLE
    desk.handle(DONE)
    assert sentence(desk) == "Leave the stick in. Number: 7."


def test_a_bundle_that_came_over_the_network_takes_nobody_s_display(desk: Desk) -> None:
    pages = len(desk.said(ShowPage))
    desk.handle(BundleStepStarted(BundleStep.LINES, by_stick=False))
    desk.handle(BundleEnded(BundleResult.APPLIED, number=8, by_stick=False))
    desk.handle(BundleEnded(BundleResult.REVERTED, CheckName.LINES, 8, by_stick=False))
    assert desk.view.mode is Mode.IDLE
    assert {command.view.menu for command in desk.said(ShowPage)[pages:]} == {None}
    assert desk.view.last_bundle == BundleEnded(BundleResult.REVERTED, CheckName.LINES, 8, by_stick=False)
    assert IndicatorPattern.PULSE not in [command.pattern for command in desk.said(SetIndicator)]


@pytest.mark.feature("set-up by the local network")
def test_a_bundle_of_the_local_network_is_shown_and_no_stick_is_spoken_of() -> None:
    desk = unprovisioned()
    desk.handle(BundleStepStarted(BundleStep.CHECKING, by_stick=False, by_lan=True))
    assert sentence(desk) == "Checking the set-up."
    desk.handle(BundleEnded(BundleResult.APPLIED, number=8, by_stick=False, by_lan=True))
    assert sentence(desk) == "The new set-up is in use."
    desk.handle(BundleEnded(BundleResult.REFUSED, OutcomeCode.NOT_ACCEPTED, 8, by_stick=False, by_lan=True))
    assert sentence(desk) == "Nobody said yes. Switch the phone off and on."
    desk.handle(BundleEnded(BundleResult.REFUSED, OutcomeCode.EXPIRED, 8, by_stick=False, by_lan=True))
    assert sentence(desk) == "It has expired. Sign it again."
    desk.handle(BundleStepStarted(BundleStep.READING), DONE)
    assert sentence(desk) == "Leave the stick in. Number: 7."


def test_whoever_talks_hears_from_the_display_that_the_set_up_waits_for_them(desk: Desk) -> None:
    desk.answered_incoming_call()
    desk.handle(BundleStepStarted(BundleStep.CHECKING))
    assert desk.view.hint is None
    desk.handle(BundleStepStarted(BundleStep.WAITING_FOR_CALL))
    assert desk.shown().hint is Hint.SET_UP_WAITS
    assert desk.view.mode is Mode.IN_CALL
    desk.expire(Timer.NOTICE)
    assert desk.view.hint is None


def test_a_trial_that_goes_on_after_the_phone_has_started_anew_is_shown_from_the_first_step_that_is_told() -> None:
    desk = Desk()
    desk.handle(BundleStepStarted(BundleStep.LINES))
    assert sentence(desk) == "Trying the phone line."


# --- how it ended -----------------------------------------------------------------------------------------------------


def test_every_reason_has_words_and_they_are_shown_with_what_to_do_about_the_stick(subtests: pytest.Subtests) -> None:
    for code in [*REFUSALS, *SENT_BACK, *StickCode]:
        with subtests.test(code=code):
            desk = Desk()
            desk.handle(BundleEnded(BundleResult.REFUSED, code, 7))
            stick_is_gone = code is StickCode.STICK_GONE
            assert sentence(desk) == said(CODES[code]) + ("" if stick_is_gone else " Leave the stick in.")
            assert said(desk.notice.title) == "Refused"
            desk.handle(StickReported())
            assert sentence(desk) == said(CODES[code]) + ("" if stick_is_gone else " Take the stick out.")


@pytest.mark.parametrize("result", BundleResult)
def test_every_end_has_words_without_a_reason_too(desk: Desk, result: BundleResult) -> None:
    desk.handle(BundleEnded(result), StickReported())
    assert said(desk.notice.title) == said(RESULTS[BundleResult.APPLIED if result in GOOD else result])
    why = "" if result is BundleResult.APPLIED else f"{said(WITHOUT_CODE[result])} "
    assert sentence(desk) == f"{why}Take the stick out."


@pytest.mark.feature("firmware by bundle")
@pytest.mark.parametrize(("on_card", "way"), [(True, "put a .raucb file beside it"), (False, "apt updates this phone")])
def test_firmware_in_a_bundle_is_refused_with_the_way_that_it_comes_to_this_phone(on_card: bool, way: str) -> None:
    desk = Desk()
    desk.handle(BundleEnded(BundleResult.REFUSED, OutcomeCode.FIRMWARE_SUPERSEDED, 7, on_card=on_card))
    assert way in sentence(desk)


def test_no_code_is_without_words() -> None:
    assert set(CODES) == {*REFUSALS, *SENT_BACK, *StickCode}
    assert set(RESULTS) == set(WITHOUT_CODE) == set(BundleResult)
    assert set(STEPS) == set(BundleStep)


def test_done_is_said_with_the_number(desk: Desk) -> None:
    desk.handle(DONE, StickReported())
    assert sentence(desk) == "Take the stick out. Number: 7."
    assert said(desk.notice.title) == "Done"


def test_a_report_that_could_not_be_written_is_no_reason_to_leave_the_stick_in(desk: Desk) -> None:
    desk.handle(DONE, StickReported(written=False))
    assert sentence(desk) == "No report could be written. Take the stick out. Number: 7."


def test_a_line_that_does_not_register_says_why(desk: Desk) -> None:
    desk.handle(FAILED)
    assert sentence(desk) == "Wrong password. Ask your installer. Leave the stick in."
    desk.handle(BundleEnded(BundleResult.REVERTED, CheckName.LINES, 7))
    assert sentence(desk).startswith("The phone line did not work.")


@pytest.mark.parametrize("key", [Key.OK, Key.CANCEL])
@pytest.mark.parametrize("ended", [DONE, FAILED])
def test_a_key_puts_away_how_it_ended(desk: Desk, ended: BundleEnded, key: Key) -> None:
    desk.handle(ended)
    desk.press(key)
    assert desk.view.mode is Mode.IDLE
    assert indicator(desk) is IndicatorPattern.OFF
    desk.handle(StickReported())
    assert desk.view.mode is Mode.IDLE


@pytest.mark.parametrize(("ended", "shown_s"), [(DONE, DONE_S), (FAILED, FAILED_S)])
def test_how_it_ended_goes_by_itself(desk: Desk, ended: BundleEnded, shown_s: float) -> None:
    desk.handle(ended)
    assert started(desk, Timer.BUNDLE_PATIENCE) == [shown_s]
    desk.expire(Timer.BUNDLE_PATIENCE)
    assert desk.view.mode is Mode.IDLE


def test_done_goes_with_the_stick_and_a_failure_stays_to_be_read(desk: Desk) -> None:
    desk.handle(DONE, StickReported(), StickRemoved())
    assert desk.view.mode is Mode.IDLE
    assert CancelTimer(Timer.BUNDLE_PATIENCE) in desk.all_commands
    desk.handle(FAILED, StickReported(), StickRemoved())
    assert sentence(desk) == "Wrong password. Ask your installer."


def test_nobody_is_told_to_leave_a_stick_in_that_was_taken_out_while_the_bundle_was_tried(desk: Desk) -> None:
    desk.handle(BundleStepStarted(BundleStep.READING), StickRemoved(), BundleStepStarted(BundleStep.LINES))
    desk.handle(FAILED)
    assert sentence(desk) == "Wrong password. Ask your installer."
    desk.handle(BundleEnded(BundleResult.REFUSED, OutcomeCode.OLD, 6))
    assert sentence(desk).endswith("Leave the stick in.")


def test_a_menu_that_nobody_touches_is_left_and_what_is_going_on_is_still_shown(desk: Desk) -> None:
    desk.handle(BundleStepStarted(BundleStep.NETWORK))
    desk.expire(Timer.INFO)
    assert sentence(desk) == "Setting the network up."


def test_a_new_bundle_begins_with_a_clean_page(desk: Desk) -> None:
    desk.handle(FAILED, StickReported(), BundleStepStarted(BundleStep.READING), DONE)
    assert sentence(desk) == "Leave the stick in. Number: 7."


# --- where it comes from ----------------------------------------------------------------------------------------------


def test_an_address_is_shown_whole_and_ok_has_bundles_fetched_from_there() -> None:
    desk = unprovisioned()
    desk.handle(ADDRESS)
    assert sentence(desk) == "https://pbx.example.org/phones/bundles"
    desk.press(Key.OK)
    assert desk.said(AnswerBundleAddress) == [AnswerBundleAddress(accepted=True)]
    desk.handle(BundleEnded(BundleResult.REFUSED, OutcomeCode.UNREACHABLE, by_stick=False, by_lan=True))
    assert sentence(desk) == "The address for the set-up does not answer. Switch the phone off and on."


def test_cancel_and_silence_refuse_an_address() -> None:
    left, cancelled = unprovisioned(), unprovisioned()
    for desk in (left, cancelled):
        desk.handle(ADDRESS)
    left.expire(Timer.BUNDLE_PATIENCE)
    cancelled.press(Key.CANCEL)
    for desk in (left, cancelled):
        assert desk.said(AnswerBundleAddress) == [AnswerBundleAddress(accepted=False)]


# --- who has signed it ------------------------------------------------------------------------------------------------


def test_the_signer_s_words_are_shown_and_ok_accepts_them_on_a_phone_without_a_pin() -> None:
    desk = unprovisioned()
    desk.handle(SIGNER)
    assert sentence(desk) == "ability able about above absent absorb"
    desk.press(Key.OK)
    assert desk.said(AnswerBundleSigner) == [AnswerBundleSigner(accepted=True)]
    assert sentence(desk) == "One moment…"
    desk.press(Key.OK)
    assert len(desk.said(AnswerBundleSigner)) == 1


def test_cancel_refuses_the_signer() -> None:
    desk = unprovisioned()
    desk.handle(SIGNER)
    desk.press(Key.CANCEL)
    assert desk.said(AnswerBundleSigner) == [AnswerBundleSigner(accepted=False)]


def test_no_other_key_answers() -> None:
    for key in set(Key) - {Key.OK, Key.CANCEL}:
        desk = unprovisioned()
        desk.handle(SIGNER)
        desk.press(key)
        assert not desk.said(AnswerBundleSigner), key


def test_nobody_at_the_phone_means_no() -> None:
    desk = unprovisioned()
    desk.handle(SIGNER)
    assert started(desk, Timer.BUNDLE_PATIENCE) == [ANSWER_PATIENCE_S]
    desk.expire(Timer.BUNDLE_PATIENCE)
    assert desk.said(AnswerBundleSigner) == [AnswerBundleSigner(accepted=False)]
    desk.handle(BundleEnded(BundleResult.REFUSED, OutcomeCode.NOT_ACCEPTED))
    assert sentence(desk).startswith("Nobody said yes.")


def test_whoever_accepts_a_signer_types_the_pin_where_one_is_set(desk: Desk) -> None:
    desk.handle(AGREED, PinChanged(is_set=True), SIGNER)
    desk.press(Key.OK)
    assert not desk.said(AnswerBundleSigner)
    desk.dial("0000", Key.OK)
    desk.reply(CheckPin, PinChecked(accepted=False))
    assert not desk.said(AnswerBundleSigner)
    desk.dial("4321", Key.OK)
    desk.reply(CheckPin, PinChecked(accepted=True))
    assert desk.said(AnswerBundleSigner) == [AnswerBundleSigner(accepted=True)]
    assert sentence(desk) == "One moment…"


def test_the_guardian_answers_for_a_child(desk: Desk) -> None:
    desk.handle(AGREED, PinChanged(is_set=True))
    desk.handle(ConsentsChanged(frozenset({Purpose.SERVICE}), activated=True, age_band="under_14"), SIGNER)
    desk.press(Key.OK)
    desk.dial("4321", Key.OK)
    assert desk.said(CheckPin)[-1].slot is PinSlot.GUARDIAN


def test_refusing_takes_no_pin(desk: Desk) -> None:
    desk.handle(AGREED, PinChanged(is_set=True), SIGNER)
    desk.press(Key.CANCEL)
    assert desk.said(AnswerBundleSigner) == [AnswerBundleSigner(accepted=False)]


def test_a_phone_that_cannot_know_whose_it_is_accepts_nobody(desk: Desk) -> None:
    desk.handle(SIGNER)
    desk.press(Key.OK)
    assert not desk.said(AnswerBundleSigner)
    assert "cannot be read" in sentence(desk)
    desk.press(Key.CANCEL)
    assert desk.said(AnswerBundleSigner) == [AnswerBundleSigner(accepted=False)]


def test_on_a_phone_that_waits_for_the_pin_the_guardian_of_a_child_is_asked_as_well(desk: Desk) -> None:
    desk.handle(StoreWaitsForPin(), SIGNER)
    desk.press(Key.OK)
    desk.dial("258036", Key.OK)
    assert desk.said(CheckPin)[-1].slot is PinSlot.HOLDER
    # The store, which that has opened, says whose phone it is before it answers.
    desk.handle(ConsentsChanged(frozenset({Purpose.SERVICE}), activated=True, age_band="under_14"))
    desk.reply(CheckPin, PinChecked(accepted=True))
    assert not desk.said(AnswerBundleSigner)
    desk.dial("4321", Key.OK)
    assert desk.said(CheckPin)[-1].slot is PinSlot.GUARDIAN
    desk.reply(CheckPin, PinChecked(accepted=True))
    assert desk.said(AnswerBundleSigner) == [AnswerBundleSigner(accepted=True)]


def test_a_store_that_the_pin_has_not_opened_accepts_nobody(desk: Desk) -> None:
    desk.handle(StoreWaitsForPin(), SIGNER)
    desk.press(Key.OK)
    desk.dial("258036", Key.OK)
    desk.reply(CheckPin, PinChecked(accepted=True))
    assert not desk.said(AnswerBundleSigner)
    assert "cannot be read" in sentence(desk)


def test_a_pin_that_comes_too_late_accepts_nothing(desk: Desk) -> None:
    desk.handle(AGREED, PinChanged(is_set=True), SIGNER)
    desk.press(Key.OK)
    desk.dial("4321", Key.OK)
    desk.handle(BundleEnded(BundleResult.INTERRUPTED, StickCode.STICK_GONE))
    desk.reply(CheckPin, PinChecked(accepted=True))
    assert not desk.said(AnswerBundleSigner)
    assert sentence(desk).startswith("The stick was pulled out too early.")


def test_a_locked_phone_shows_the_signer_and_takes_the_pin(desk: Desk) -> None:
    desk.handle(AGREED, PinChanged(is_set=True))
    desk.handle(PreferencesLoaded(Preferences(locked_when_idle=True, screen_off_s=0)))
    assert desk.view.locked
    desk.handle(SIGNER)
    assert "ability" in sentence(desk)
    desk.press(Key.OK)
    desk.dial("4321", Key.OK)
    desk.reply(CheckPin, PinChecked(accepted=True))
    assert desk.said(AnswerBundleSigner) == [AnswerBundleSigner(accepted=True)]
    assert desk.view.locked


def test_a_phone_that_locks_while_it_asks_goes_on_asking(desk: Desk) -> None:
    desk.handle(AGREED, PinChanged(is_set=False), SIGNER, PinChanged(is_set=True))
    desk.handle(PreferencesLoaded(Preferences(locked_when_idle=True, screen_off_s=0)))
    assert desk.view.locked
    assert "ability" in sentence(desk)


# --- the code ---------------------------------------------------------------------------------------------------------


def test_the_code_is_typed_as_the_label_has_it_and_handed_on_once() -> None:
    desk = unprovisioned()
    desk.handle(BundleCodeWanted(5))
    assert said(desk.entry.note) == "0 of 10: label ef01"
    desk.dial(CODE[:-1])
    assert desk.entry.text == "12345 6789"
    assert said(desk.entry.note) == "9 of 10: label ef01"
    desk.press(Key.OK)
    assert said(desk.entry.note) == "The code has 10 digits."
    assert not desk.said(TryBundleCode)
    desk.dial(CODE[-1] + "99", Key.OK)
    assert desk.said(TryBundleCode) == [TryBundleCode(CODE)]
    assert sentence(desk) == "One moment…"
    assert CODE not in repr(desk.said(TryBundleCode))


def test_a_wrong_code_says_how_often_it_may_still_be_typed() -> None:
    desk = unprovisioned()
    desk.handle(BundleCodeWanted(5))
    desk.dial(CODE, Key.OK)
    desk.handle(BundleCodeWanted(4, wrong=True))
    assert said(desk.entry.note) == "Wrong. Tries left: 4"
    assert not desk.entry.text
    desk.dial("1")
    assert said(desk.entry.note) == "1 of 10: label ef01"


def test_cancel_deletes_digits_and_then_gives_up() -> None:
    desk = unprovisioned()
    desk.handle(BundleCodeWanted(5))
    desk.dial("12", Key.CANCEL, Key.CANCEL)
    assert not desk.said(GiveUpBundleCode)
    desk.press(Key.CANCEL)
    assert desk.said(GiveUpBundleCode) == [GiveUpBundleCode()]


def test_a_code_that_nobody_types_is_given_up() -> None:
    desk = unprovisioned()
    desk.handle(BundleCodeWanted(5))
    desk.expire(Timer.BUNDLE_PATIENCE)
    assert desk.said(GiveUpBundleCode) == [GiveUpBundleCode()]


def test_half_a_code_is_forgotten_when_somebody_calls(desk: Desk) -> None:
    desk.handle(BundleCodeWanted(5))
    desk.dial("123")
    desk.ring()
    assert desk.view.mode is Mode.RINGING
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    assert not desk.entry.text


# --- calls come first -------------------------------------------------------------------------------------------------


def test_a_call_that_comes_in_is_shown_at_once_and_the_page_is_there_again_after_it(subtests: pytest.Subtests) -> None:
    for news in NEWS[:-2]:
        with subtests.test(news=news):
            desk = Desk()
            desk.handle(news)
            page = desk.view.menu
            desk.ring()
            assert desk.view.mode is Mode.RINGING
            assert desk.view.menu is None
            assert indicator(desk) is IndicatorPattern.FAST_BLINK
            desk.lift()
            desk.sip(CallState.ACTIVE, INCOMING)
            assert desk.shown().mode is Mode.IN_CALL
            desk.replace()
            assert desk.shown().mode is Mode.MENU
            assert desk.view.menu == page


def test_lifting_the_handset_gives_dial_tone_and_calls_for_help(subtests: pytest.Subtests) -> None:
    for news in NEWS[:-2]:
        with subtests.test(news=news):
            desk = Desk()
            desk.handle(news)
            desk.lift()
            assert desk.view.mode is Mode.COLLECTING_DIGITS
            desk.dial("112")
            assert desk.call.emergency


def test_digits_that_answer_nothing_are_a_number(subtests: pytest.Subtests) -> None:
    for news in [news for news in NEWS[:-2] if not isinstance(news, BundleCodeWanted)]:
        with subtests.test(news=news):
            desk = Desk()
            desk.handle(news)
            desk.dial("112")
            assert desk.view.mode is Mode.COLLECTING_DIGITS
            assert desk.view.digits == "112"
            assert desk.view.hint is Hint.EMERGENCY_NUMBER
            desk.lift()
            assert len(desk.said(PlaceCall)) == 1


@pytest.mark.parametrize("locked", [False, True])
def test_an_emergency_number_in_place_of_the_code_is_called_by_the_handset(desk: Desk, locked: bool) -> None:
    if locked:
        desk.handle(PinChanged(is_set=True))
        desk.handle(PreferencesLoaded(Preferences(locked_when_idle=True, screen_off_s=0)))
    desk.handle(BundleCodeWanted(5))
    desk.dial("112")
    assert said(desk.entry.note) == "Emergency call"
    desk.lift()
    assert len(desk.said(PlaceCall)) == 1
    assert desk.call.emergency


def test_an_emergency_number_in_place_of_the_code_is_shown_by_ok_and_is_no_try(desk: Desk) -> None:
    desk.handle(BundleCodeWanted(5))
    desk.dial("112", Key.OK)
    assert not desk.said(TryBundleCode)
    assert desk.view.mode is Mode.COLLECTING_DIGITS
    assert desk.view.digits == "112"


def test_a_code_may_begin_with_an_emergency_number(desk: Desk) -> None:
    desk.handle(BundleCodeWanted(5))
    desk.dial("1120000000", Key.OK)
    assert desk.said(TryBundleCode) == [TryBundleCode("1120000000")]


def test_a_number_begun_on_the_page_is_followed_by_the_page_again(desk: Desk) -> None:
    desk.handle(BundleStepStarted(BundleStep.LINES))
    desk.press("2", Key.CANCEL)
    assert desk.view.mode is Mode.IDLE
    assert started(desk, Timer.BUNDLE) == [BUNDLE_UNTOUCHED_S]
    desk.expire(Timer.BUNDLE)
    assert sentence(desk) == "Trying the phone line."


def test_a_phone_that_cannot_call_at_all_keeps_the_page() -> None:
    desk = unprovisioned()
    desk.handle(SIGNER)
    desk.dial("112")
    assert "ability" in sentence(desk)


# --- menus ------------------------------------------------------------------------------------------------------------


def test_the_page_comes_over_a_menu_that_is_open_and_leaves_it_there(desk: Desk) -> None:
    open_page(desk, "Settings")
    before = desk.view.menu
    desk.handle(SIGNER)
    assert "ability" in sentence(desk)
    desk.handle(DONE)
    desk.press(Key.OK)
    assert desk.view.menu == before


def test_whoever_leaves_the_page_for_the_menu_has_time_there_before_it_comes_back(desk: Desk) -> None:
    desk.handle(AGREED, PinChanged(is_set=False), SIGNER)
    desk.press(Key.MENU)
    assert desk.view.mode is Mode.IDLE
    desk.press(Key.MENU)
    assert isinstance(desk.view.menu, ListView)
    desk.expire(Timer.BUNDLE)
    assert "ability" in sentence(desk)
    desk.press(Key.OK)
    assert desk.said(AnswerBundleSigner) == [AnswerBundleSigner(accepted=True)]


def test_a_recording_that_is_heard_is_not_interrupted(desk: Desk) -> None:
    listen_to_a_recording(desk)
    desk.handle(DONE)
    assert desk.view.mode is Mode.LISTENING


def test_a_long_sentence_is_turned_over_by_the_volume_keys() -> None:
    desk = unprovisioned()
    desk.handle(SIGNER)
    desk.press(Key.VOLUME_DOWN, Key.VOLUME_DOWN, Key.VOLUME_UP)
    assert desk.notice.scroll == 1
    desk.handle(BundleStepStarted(BundleStep.LINES))
    assert desk.notice.scroll == 0


# --- light, LED and speech --------------------------------------------------------------------------------------------


def test_the_led_tells_busy_done_and_failed_apart(subtests: pytest.Subtests) -> None:
    cases: list[tuple[BundleNews, IndicatorPattern]] = [
        *((BundleStepStarted(step), IndicatorPattern.PULSE) for step in BundleStep),
        (SIGNER, IndicatorPattern.SLOW_BLINK),
        (BundleCodeWanted(5), IndicatorPattern.SLOW_BLINK),
        (DONE, IndicatorPattern.ON),
        (BundleEnded(BundleResult.NOTHING_TO_DO), IndicatorPattern.ON),
        (BundleEnded(BundleResult.NOTHING_TO_DO, StickCode.IDENTITY_WRITTEN), IndicatorPattern.ON),
        (BundleEnded(BundleResult.NOTHING_TO_DO, StickCode.NO_BUNDLE), IndicatorPattern.SLOW_BLINK),
        (FAILED, IndicatorPattern.SLOW_BLINK),
        (BundleEnded(BundleResult.REFUSED, OutcomeCode.FORGED), IndicatorPattern.SLOW_BLINK),
        (BundleEnded(BundleResult.INTERRUPTED), IndicatorPattern.SLOW_BLINK),
    ]
    for news, pattern in cases:
        with subtests.test(news=news, pattern=pattern):
            desk = Desk()
            desk.handle(news)
            assert indicator(desk) is pattern


def test_a_call_and_whoever_uses_the_phone_come_before_the_bundle_on_the_led(desk: Desk) -> None:
    desk.handle(BundleStepStarted(BundleStep.LINES))
    desk.ring()
    assert indicator(desk) is IndicatorPattern.FAST_BLINK
    desk.lift()
    assert indicator(desk) is IndicatorPattern.ON
    desk.replace()
    assert indicator(desk) is IndicatorPattern.PULSE


def test_a_dark_display_is_lit_for_each_step() -> None:
    desk = Desk(settings(preferences=Preferences(screen_off_s=30)))
    desk.expire(Timer.LIGHT)
    dim = desk.said(SetBrightness)[-1].percent
    desk.handle(BundleStepStarted(BundleStep.LINES))
    assert desk.said(SetBrightness)[-1].percent > dim


@pytest.mark.parametrize("spoken", [True, False])
def test_it_is_said_aloud_where_menus_are(spoken: bool) -> None:
    desk = Desk(settings(preferences=Preferences(spoken_menus=spoken, screen_off_s=0)))
    desk.handle(DONE)
    assert desk.view.spoken is spoken


def test_the_serial_is_in_the_view() -> None:
    assert unprovisioned().view.serial == "10000000abcdef01"
