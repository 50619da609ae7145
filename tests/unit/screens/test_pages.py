from dataclasses import replace

import pytest

from firmware.phone.call import (
    CallDirection,
    CallerId,
    CallState,
    Decision,
    DisconnectReason,
    RegistrationFailure,
    RegistrationState,
    TextMessage,
)
from firmware.phone.events import Problem
from firmware.phone.view import CallView, Hint, InfoPage, LineView, Mode, PhoneView, Refusal
from firmware.screens.languages import TEXTS, Language
from firmware.screens.page import Icon, Page, Size
from firmware.screens.pages import page_for
from tests.unit.screens.gallery import VIEWS

REGISTERED = RegistrationState.REGISTERED


def words(page: Page) -> str:
    return " ".join(line.text for line in page.lines)


def icons(page: Page) -> dict[Icon, int]:
    return dict(page.status.icons)


@pytest.mark.parametrize("failure", RegistrationFailure)
def test_a_failed_registration_is_explained_in_words(failure: RegistrationFailure) -> None:
    view = PhoneView(Mode.IDLE, registration=RegistrationState.FAILED, registration_failure=failure)
    for language in Language:
        said = words(page_for(view, language.value)).replace(" ", "")
        assert said == TEXTS[language].registration_failures[failure].replace(" ", "")


def test_a_failed_registration_without_a_reason_is_still_words() -> None:
    assert words(page_for(PhoneView(Mode.IDLE, registration=RegistrationState.FAILED), "en")) == "No phone service."


def test_the_code_behind_a_failure_is_in_the_details() -> None:
    view = VIEWS["details of a refused line"]
    assert words(page_for(view, "en")) == "SIP 403"


@pytest.mark.parametrize("problem", Problem)
def test_a_standing_problem_is_on_the_idle_page(problem: Problem) -> None:
    view = PhoneView(Mode.IDLE, registration=REGISTERED, problems=((problem, "Detail."),))
    page = page_for(view, "en", "12:34")
    assert words(page) == TEXTS[Language.ENGLISH].problems[problem]
    assert page.status.text == "12:34"
    assert Icon.PROBLEM in icons(page)


def test_more_than_one_problem_is_counted() -> None:
    view = VIEWS["idle, wrong password and a full store"]
    assert icons(page_for(view, "en"))[Icon.PROBLEM] == 2


def test_the_details_go_round_through_every_problem_and_every_mistake() -> None:
    mistakes = ("accounts[1].password: is missing.", "device.id: is missing.")
    detail = "No time server has answered since the start."
    problems = ((Problem.CONFIGURATION, " ".join(mistakes)), (Problem.CLOCK_NOT_SET, detail))
    seen = []
    for step in range(1, 7):
        view = PhoneView(Mode.IDLE, registration=REGISTERED, problems=problems, mistakes=mistakes, details_step=step)
        page = page_for(view, "en", "12:34")
        seen.append((page.status.text, words(page)))
    assert [place for place, _ in seen] == ["1/5", "2/5", "3/5", "4/5", "5/5", "1/5"]
    assert seen[0] == seen[5]
    said = " ".join(text for _, text in seen)
    for sentence in [*mistakes, "The clock is not set yet.", detail]:
        assert sentence.replace(" ", "") in said.replace(" ", "")


def test_details_with_nothing_wrong_any_more_are_the_idle_page() -> None:
    assert words(page_for(PhoneView(Mode.IDLE, registration=REGISTERED, details_step=1), "en", "12:34")) == "12:34"


def test_a_phone_that_is_not_set_up_says_so_and_why() -> None:
    said = words(page_for(VIEWS["not set up"], "en"))
    assert said.startswith("Not set up")
    assert "accounts[1].password: is missing." in said
    assert words(page_for(PhoneView(Mode.UNPROVISIONED), "en")) == "Not set up Ask your installer."


def test_a_phone_that_was_never_set_up_does_not_speak_of_an_older_set_up() -> None:
    mistakes = ("accounts: is missing.", "device: is missing.")
    view = PhoneView(Mode.UNPROVISIONED, problems=((Problem.CONFIGURATION, " ".join(mistakes)),), mistakes=mistakes)
    assert icons(page_for(view, "en"))[Icon.PROBLEM] == 2
    assert words(page_for(replace(view, details_step=1), "en")) == "accounts: is missing."
    assert words(page_for(replace(view, details_step=2), "en")) == "device: is missing."


def test_a_phone_that_cannot_call_says_so_when_it_is_lifted() -> None:
    assert "Cannot call. Use another phone." in words(page_for(VIEWS["not set up, lifted"], "en"))


def test_an_emergency_call_that_fails_sends_the_person_to_another_phone() -> None:
    assert words(page_for(VIEWS["emergency call failed"], "en")) == "Cannot call. Use another phone. Not reachable"


@pytest.mark.parametrize("name", VIEWS)
def test_the_microphone_s_sign_shows_exactly_while_its_pcm_is_open(name: str) -> None:
    view = VIEWS[name]
    signs = icons(page_for(view, "en")).keys() & {Icon.MICROPHONE, Icon.MUTED}
    assert bool(signs) is view.microphone_open


@pytest.mark.parametrize("reason", DisconnectReason)
def test_every_end_of_a_call_is_words(reason: DisconnectReason) -> None:
    call = CallView(CallState.DISCONNECTED, CallDirection.OUTGOING, CallerId("2345"), reason=reason, sip_code=500)
    said = words(page_for(PhoneView(Mode.CALL_ENDED, off_hook=True, call=call), "en"))
    assert said.startswith(TEXTS[Language.ENGLISH].reasons[reason])
    assert "500" not in said


@pytest.mark.parametrize("hint", Hint)
@pytest.mark.parametrize("mode", [Mode.IDLE, Mode.COLLECTING_DIGITS, Mode.UNPROVISIONED, Mode.RINGING])
def test_a_hint_is_shown_in_every_mode_that_gives_one(mode: Mode, hint: Hint) -> None:
    call = CallView(CallState.INCOMING, CallDirection.INCOMING, CallerId("2345", "Anna"))
    view = PhoneView(mode, registration=REGISTERED, hint=hint, call=call if mode is Mode.RINGING else None)
    first_words = TEXTS[Language.ENGLISH].hints[hint].split()[0]
    assert first_words in words(page_for(view, "en", "12:34"))


def test_the_contact_s_name_stands_before_what_the_caller_says_of_itself() -> None:
    call = CallView(CallState.INCOMING, CallDirection.INCOMING, CallerId("2345", "Mallory"), contact_name="Anna")
    assert words(page_for(PhoneView(Mode.RINGING, call=call), "en")) == "Incoming call Anna 2345"


@pytest.mark.parametrize(("duration_s", "text"), [(1, "0:01"), (65, "1:05"), (3600, "1:00:00"), (36_001, "10:00:01")])
def test_a_call_s_duration_takes_the_clock_s_place(duration_s: int, text: str) -> None:
    call = CallView(CallState.ACTIVE, CallDirection.OUTGOING, CallerId("2345"), duration_s=duration_s)
    assert page_for(PhoneView(Mode.IN_CALL, off_hook=True, call=call), "en", "12:34").status.text == text


def test_the_time_of_day_is_shown_once() -> None:
    page = page_for(VIEWS["idle"], "en", "12:34")
    assert (words(page), page.status.text) == ("12:34", "")
    assert page_for(VIEWS["dial tone"], "en", "12:34").status.text == "12:34"


def test_a_clock_that_is_not_set_leaves_a_word_in_its_place() -> None:
    assert words(page_for(VIEWS["idle"], "en")) == "Dial a number"


def test_dial_tone_on_a_line_that_does_not_work_says_why() -> None:
    view = PhoneView(
        Mode.COLLECTING_DIGITS,
        off_hook=True,
        registration=RegistrationState.FAILED,
        registration_failure=RegistrationFailure.NO_NETWORK,
    )
    assert words(page_for(view, "en")) == "No network. Check the cable or Wi-Fi."


@pytest.mark.parametrize("language", Language)
def test_a_caller_who_waits_is_named_with_the_keys_that_deal_with_the_call(language: Language) -> None:
    said = words(page_for(VIEWS["another caller waits"], language.value))
    texts = TEXTS[language]
    assert said.endswith(f"{texts.waiting.format(party='2345')} {texts.answer_or_decline}")
    assert "Anna Schmidt" in said


def test_the_call_on_hold_is_named_below_the_one_in_hand() -> None:
    assert words(page_for(VIEWS["talking, another call is on hold"], "en")).endswith("Held: 2345")


def test_a_conference_names_everybody() -> None:
    assert words(page_for(VIEWS["conference"], "en")) == "Conference Anna Schmidt 2345"


def test_where_a_number_belongs_is_said_of_strangers_and_not_of_contacts() -> None:
    stranger = CallView(CallState.INCOMING, CallDirection.INCOMING, CallerId("+442079460000"), attribution="London")
    page = page_for(PhoneView(Mode.RINGING, call=stranger), "en")
    assert words(page) == "Incoming call +442079460000 London"
    page = page_for(PhoneView(Mode.RINGING, call=replace(stranger, contact_name="Anna")), "en")
    assert words(page) == "Incoming call Anna +442079460000"


def test_the_bar_of_a_call_says_how_it_sounds_and_whether_it_is_encrypted() -> None:
    good = icons(page_for(VIEWS["another caller waits"], "en"))
    assert {Icon.LOCK, Icon.QUALITY_4} <= good.keys()
    poor = icons(page_for(VIEWS["talking, another call is on hold"], "en"))
    assert not {Icon.LOCK, Icon.QUALITY_4} & poor.keys()


def test_what_waits_for_the_person_has_a_sign_each() -> None:
    shown = icons(page_for(VIEWS["idle, everything waits"], "en"))
    assert shown[Icon.MISSED] == 2
    assert shown[Icon.VOICEMAIL] == 3
    assert {Icon.MESSAGE, Icon.DO_NOT_DISTURB, Icon.FORWARD} <= shown.keys()


@pytest.mark.parametrize("decision", Decision)
@pytest.mark.parametrize("language", Language)
def test_whatever_the_handset_decided_by_itself_is_said_with_its_reason(decision: Decision, language: Language) -> None:
    view = PhoneView(Mode.IDLE, registration=REGISTERED, refusal=Refusal("Anna", decision))
    said = words(page_for(view, language.value, "12:34"))
    assert said.startswith("Anna ")
    assert TEXTS[language].decisions[decision].replace(" ", "") in said.replace(" ", "")


def test_a_line_that_fails_says_why_and_when_it_is_tried_again() -> None:
    line = LineView("Office", RegistrationState.FAILED, RegistrationFailure.NO_NETWORK, 0, 12)
    view = PhoneView(Mode.IDLE, info=InfoPage.LINES, lines=(line,))
    said = words(page_for(view, "en"))
    assert "No network" in said
    waiting = replace(line, failure=None)
    assert "next try in 12 s" in words(page_for(replace(view, lines=(waiting,)), "en"))


def test_the_menu_goes_through_its_entries_and_says_which_one_is_shown() -> None:
    lines = tuple(LineView(name, REGISTERED) for name in ("Home", "Office", "Shop"))
    shown = [
        page_for(PhoneView(Mode.IDLE, info=InfoPage.LINES, info_step=step, lines=lines), "en") for step in range(4)
    ]
    assert [page.status.text for page in shown] == ["1/3", "2/3", "3/3", "1/3"]
    assert words(shown[1]).startswith("Office")


@pytest.mark.parametrize("page", InfoPage)
def test_a_menu_with_nothing_to_show_says_so(page: InfoPage) -> None:
    assert words(page_for(PhoneView(Mode.IDLE, info=page), "en"))


def test_a_message_in_chinese_is_drawn_in_letters_that_exist() -> None:
    message = TextMessage("a" * 32, CallDirection.INCOMING, CallerId("2345"), "会议改到三点。请准时参加。")
    page = page_for(PhoneView(Mode.IDLE, info=InfoPage.MESSAGES, messages=(message,)), "en")
    assert all(line.size is Size.NORMAL for line in page.lines if not line.text.isascii())


def test_the_end_of_the_message_being_written_is_in_sight() -> None:
    view = PhoneView(Mode.WRITING, message_text="word " * 80 + "last")
    assert "last_" in words(page_for(view, "en"))


def test_a_busy_number_that_rings_at_last_asks_for_the_handset() -> None:
    call = CallView(CallState.ALERTING, CallDirection.OUTGOING, CallerId("2345"))
    page = page_for(PhoneView(mode=Mode.REDIALLING, call=call, hint=Hint.LIFT_HANDSET), "en")
    assert [line.text for line in page.lines][:2] == ["Ringing…", "2345"]
    assert "Lift" in " ".join(line.text for line in page.lines)


def test_the_features_page_goes_on_with_everything_else_that_is_on() -> None:
    on = (("forward_busy", "2345"), ("auto_answer", ""))
    pages = [
        page_for(PhoneView(mode=Mode.IDLE, info=InfoPage.FEATURES, info_step=step, features_on=on), "en")
        for step in range(3)
    ]
    assert [line.text for line in pages[1].lines] == ["Forward busy", "2345"]
    assert [line.text for line in pages[2].lines] == ["Auto-answer"]
    assert [page.status.text for page in pages] == ["1/3", "2/3", "3/3"]
