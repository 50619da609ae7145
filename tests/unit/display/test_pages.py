"""What each page says, whatever display it is shown on."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from itertools import product

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.base.words import Text, word
from firmware.display.model import Card, Code, Entry, Icon, Importance, List, Page, Role
from firmware.display.pages import page_for
from firmware.display.translation import Language, translator
from firmware.phone import phrases
from firmware.phone.call import CallerId, CallState, Decision, RegistrationFailure, RegistrationState
from firmware.phone.menu_views import CardView, CodeView, EntryKind, EntryView, ListView, MenuRow, NoticeView
from firmware.phone.news import Problem
from firmware.phone.view import CallView, Hint, Look, Mode, PhoneView, Refusal
from tests.unit.display.bundle_views import SERIAL
from tests.unit.display.states import CLOCK, VIEWS

REGISTERED = RegistrationState.REGISTERED


def strings(value: object) -> Iterator[str]:
    """Every text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from strings(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from strings(getattr(value, field.name))


def words(page: Page) -> str:
    """What stands below the status bar, without the keys."""
    body = [block.text for block in page.body] if isinstance(page.body, tuple) else strings(page.body)
    return " ".join(text for text in (page.title, *body) if text)


def needed(page: Page) -> str:
    """What stands on every display."""
    assert isinstance(page.body, tuple)
    return " ".join(
        text
        for text in (page.title, *(each.text for each in page.body if each.importance is Importance.NEEDED))
        if text
    )


def icons(page: Page) -> dict[Icon, int]:
    return dict(page.status.icons)


def say(text: Text, language: Language = Language.ENGLISH) -> str:
    return translator(language).say(text)


# --- what is wrong ----------------------------------------------------------------------------------------------------


def test_a_failed_registration_is_explained_in_words(subtests: pytest.Subtests) -> None:
    for failure, language in product(RegistrationFailure, Language):
        with subtests.test(failure=failure, language=language):
            view = PhoneView(Mode.IDLE, registration=RegistrationState.FAILED, registration_failure=failure)
            assert needed(page_for(view, language.value)) == say(phrases.REGISTRATION_FAILURES[failure], language)


def test_a_failed_registration_without_a_reason_is_still_words() -> None:
    assert words(page_for(PhoneView(Mode.IDLE, registration=RegistrationState.FAILED), "en")) == "No phone service."


def test_the_code_behind_a_failure_is_in_the_details() -> None:
    page = page_for(VIEWS["details of a refused line"], "en")
    assert isinstance(page.body, Card)
    assert page.body.rows[1].label == "SIP 403"
    assert page.body.scroll == 1


def test_a_standing_problem_is_on_the_idle_page(subtests: pytest.Subtests) -> None:
    for problem in Problem:
        with subtests.test(problem=problem):
            view = PhoneView(Mode.IDLE, registration=REGISTERED, problems=((problem, "Detail."),))
            page = page_for(view, "en", CLOCK)
            assert words(page) == say(phrases.PROBLEMS[problem])
            assert page.status.text == CLOCK
            assert page.ok == "Details"
            assert Icon.PROBLEM in icons(page)


def test_more_than_one_problem_is_counted() -> None:
    view = VIEWS["idle, wrong password and a full store"]
    assert icons(page_for(view, "en"))[Icon.PROBLEM] == 2


def test_the_details_hold_every_problem_and_every_mistake_and_go_on_with_each_step() -> None:
    mistakes = ("accounts[1].password: is missing.", "device.id: is missing.")
    detail = "No time server has answered since the start."
    problems = ((Problem.CONFIGURATION, " ".join(mistakes)), (Problem.CLOCK_NOT_SET, detail))
    for step in range(1, 4):
        view = PhoneView(Mode.IDLE, registration=REGISTERED, problems=problems, mistakes=mistakes, details_step=step)
        card = page_for(view, "en", CLOCK).body
        assert isinstance(card, Card)
        assert card.scroll == step - 1
        assert [row.label for row in card.rows] == [
            "Set-up mistakes. The old one runs.",
            "The clock is not set yet.",
            detail,
            *mistakes,
        ]


def test_details_with_nothing_wrong_any_more_are_the_idle_page() -> None:
    assert words(page_for(PhoneView(Mode.IDLE, registration=REGISTERED, details_step=1), "en", CLOCK)) == CLOCK


# --- a phone that is not set up ---------------------------------------------------------------------------------------


def test_a_phone_that_is_not_set_up_says_so_and_why() -> None:
    missing = "accounts[1].password: is missing."
    assert words(page_for(VIEWS["not set up"], "en")) == f"Not set up Plug in the stick. {missing}"
    assert words(page_for(PhoneView(Mode.UNPROVISIONED), "en")) == "Not set up Plug in the stick."


def test_a_phone_that_waits_for_a_stick_shows_the_number_that_its_installer_knows_it_by() -> None:
    assert words(page_for(VIEWS["stick, waiting for it"], "en")) == f"Not set up Plug in the stick. {SERIAL}"
    assert words(page_for(replace(VIEWS["stick, waiting for it"], locked=True), "en")).endswith(SERIAL)


def test_a_phone_that_was_never_set_up_does_not_speak_of_an_older_set_up() -> None:
    mistakes = ("accounts: is missing.", "device: is missing.")
    view = PhoneView(Mode.UNPROVISIONED, problems=((Problem.CONFIGURATION, " ".join(mistakes)),), mistakes=mistakes)
    assert icons(page_for(view, "en"))[Icon.PROBLEM] == 2
    assert words(page_for(replace(view, details_step=1), "en")) == " ".join(mistakes)


def test_contacts_stay_while_the_phone_asks_for_the_handset_to_be_lifted() -> None:
    page = page_for(VIEWS["contacts that the digits may mean, waiting for the handset"], "en")
    assert page.title == "Lift to call"
    assert isinstance(page.body, List)
    assert [row.label for row in page.body.rows] == ["Anna Schmidt", "安娜", "Bob"]


@pytest.mark.parametrize(("has_loudspeaker", "ok"), [(True, "Call"), (False, "")])
def test_ok_calls_a_number_with_the_handset_down_where_there_is_a_loudspeaker(has_loudspeaker: bool, ok: str) -> None:
    view = PhoneView(Mode.COLLECTING_DIGITS, digits="2345", has_loudspeaker=has_loudspeaker)
    assert page_for(view, "en").ok == ok


def test_a_phone_that_cannot_call_says_so_when_it_is_lifted() -> None:
    assert "Cannot call. Use another phone." in needed(page_for(VIEWS["not set up, lifted"], "en"))


# --- hints and news ---------------------------------------------------------------------------------------------------


def test_a_hint_is_shown_in_every_mode_that_gives_one(subtests: pytest.Subtests) -> None:
    for hint, mode in product(Hint, [Mode.IDLE, Mode.COLLECTING_DIGITS, Mode.UNPROVISIONED, Mode.RINGING, Mode.MENU]):
        with subtests.test(hint=hint, mode=mode):
            call = CallView(CallState.INCOMING, CallDirection.INCOMING, CallerId("2345", "Anna"))
            view = PhoneView(mode, registration=REGISTERED, hint=hint, call=call if mode is Mode.RINGING else None)
            assert say(phrases.HINTS[hint]) in needed(page_for(view, "en", CLOCK))


def test_the_time_of_day_is_shown_once() -> None:
    page = page_for(VIEWS["idle"], "en", CLOCK)
    assert (words(page), page.status.text) == (CLOCK, "")
    assert page_for(VIEWS["dial tone"], "en", CLOCK).status.text == CLOCK


def test_a_clock_that_is_not_set_leaves_a_word_in_its_place() -> None:
    assert words(page_for(VIEWS["idle"], "en")) == "Dial a number"


def test_what_waits_for_the_person_has_a_sign_each_and_words_where_there_is_room() -> None:
    page = page_for(VIEWS["idle, everything waits"], "en")
    shown = icons(page)
    assert shown[Icon.MISSED] == 2
    assert shown[Icon.VOICEMAIL] == 3
    assert {Icon.MESSAGE, Icon.DO_NOT_DISTURB, Icon.FORWARD} <= shown.keys()
    assert needed(page) == "2 missed calls Anna Schmidt"
    for spare in ("3 voice messages", "1 new message", "Do not disturb", "Calls go to 2345"):
        assert spare in words(page)


@pytest.mark.feature("explained decisions")
def test_whatever_the_handset_decided_by_itself_is_said_with_its_reason(subtests: pytest.Subtests) -> None:
    for decision, language in product(Decision, Language):
        with subtests.test(decision=decision, language=language):
            view = PhoneView(Mode.IDLE, registration=REGISTERED, refusal=Refusal("Anna", decision))
            said = needed(page_for(view, language.value, CLOCK))
            assert said == f"Anna {say(phrases.DECISIONS[decision], language)}"


def test_the_microphone_s_sign_shows_exactly_while_its_pcm_is_open(subtests: pytest.Subtests) -> None:
    for name in VIEWS:
        with subtests.test(name=name):
            view = VIEWS[name]
            signs = icons(page_for(view, "en")).keys() & {Icon.MICROPHONE, Icon.MUTED}
            assert bool(signs) is view.microphone_open


def test_a_microphone_that_is_on_without_a_call_has_its_sign_too() -> None:
    view = PhoneView(Mode.IDLE, problems=((Problem.MICROPHONE_OPEN, ""),))
    assert Icon.MICROPHONE in icons(page_for(view, "en"))


def test_on_a_phone_at_rest_where_all_is_well_ok_opens_the_menu() -> None:
    assert page_for(VIEWS["idle"], "en").ok == "Menu"
    assert page_for(VIEWS["idle, missed calls"], "en").cancel == "Clear"
    assert not page_for(PhoneView(Mode.UNPROVISIONED), "en").ok


# --- dialling ---------------------------------------------------------------------------------------------------------


def test_dial_tone_on_a_line_that_does_not_work_says_why() -> None:
    view = PhoneView(
        Mode.COLLECTING_DIGITS,
        off_hook=True,
        registration=RegistrationState.FAILED,
        registration_failure=RegistrationFailure.NO_NETWORK,
    )
    assert words(page_for(view, "en")) == "No network. Check the cable or Wi-Fi."


def test_whom_the_digits_may_mean_is_a_list_below_them() -> None:
    page = page_for(VIEWS["contacts that the digits may mean, one chosen"], "en")
    assert page.title == "2662"
    assert isinstance(page.body, List)
    assert [row.label for row in page.body.rows] == ["Anna Schmidt", "安娜", "Bob"]
    assert page.body.selected == 1
    assert page.ok == "OK"
    assert not page_for(VIEWS["contacts that the digits may mean"], "en").ok


def test_an_emergency_number_is_said_before_whom_its_digits_may_mean() -> None:
    view = replace(VIEWS["contacts that the digits may mean"], digits="112", hint=Hint.EMERGENCY_NUMBER)
    page = page_for(view, "en")
    assert needed(page) == "112 Emergency call"
    assert page.is_urgent


def test_the_ok_key_calls_a_number_only_while_it_may_be_called() -> None:
    assert page_for(VIEWS["a short number"], "en").ok == "Call"
    assert not page_for(VIEWS["an impossible number"], "en").ok
    assert not page_for(VIEWS["a number waiting for the handset"], "en").ok


def test_a_message_that_is_being_written_says_to_whom_it_goes() -> None:
    page = page_for(PhoneView(Mode.WRITING, digits="2345", message_text="last"), "en")
    assert (page.title, page.body) == ("To 2345", Entry("last"))
    assert (page.cancel, page.ok) == ("Delete", "Send")
    assert page_for(PhoneView(Mode.WRITING, digits="2345", message_text=""), "en").cancel == "Back"


# --- calls ------------------------------------------------------------------------------------------------------------


def test_an_emergency_call_that_fails_sends_the_person_to_another_phone() -> None:
    assert words(page_for(VIEWS["emergency call failed"], "en")) == "Cannot call. Use another phone. Not reachable"


def test_every_end_of_a_call_is_words(subtests: pytest.Subtests) -> None:
    for reason in DisconnectReason:
        with subtests.test(reason=reason):
            call = CallView(
                CallState.DISCONNECTED, CallDirection.OUTGOING, CallerId("2345"), reason=reason, sip_code=500
            )
            said = words(page_for(PhoneView(Mode.CALL_ENDED, off_hook=True, call=call), "en"))
            assert said == f"{say(phrases.REASONS[reason])} 2345"


def test_the_contact_s_name_stands_before_what_the_caller_says_of_itself() -> None:
    call = CallView(CallState.INCOMING, CallDirection.INCOMING, CallerId("2345", "Mallory"), contact_name="Anna")
    page = page_for(PhoneView(Mode.RINGING, call=call), "en")
    assert words(page) == "Incoming call Anna 2345 Lift the handset"
    assert needed(page) == "Incoming call Anna"


@pytest.mark.parametrize(("duration_s", "text"), [(1, "0:01"), (65, "1:05"), (3600, "1:00:00"), (36_001, "10:00:01")])
def test_a_call_s_duration_takes_the_clock_s_place(duration_s: int, text: str) -> None:
    call = CallView(CallState.ACTIVE, CallDirection.OUTGOING, CallerId("2345"), duration_s=duration_s)
    assert page_for(PhoneView(Mode.IN_CALL, off_hook=True, call=call), "en", CLOCK).status.text == text


@pytest.mark.parametrize(
    ("language", "cancel", "ok"), [(Language.ENGLISH, "Decline", "Answer"), ("zh", "拒接", "接听")]
)
def test_a_caller_who_waits_is_named_with_the_keys_that_deal_with_the_call(
    language: Language, cancel: str, ok: str
) -> None:
    page = page_for(VIEWS["another caller waits"], language)
    assert needed(page) == f"Anna Schmidt {say(word('Waiting: {party}', party='2345'), Language(language))}"
    assert (page.cancel, page.ok) == (cancel, ok)


def test_while_a_caller_waits_only_the_name_of_the_call_in_hand_is_shown_beside_the_keys() -> None:
    assert "+442012345678" not in words(page_for(VIEWS["another caller waits"], "en"))


def test_the_call_on_hold_is_named_below_the_one_in_hand() -> None:
    assert needed(page_for(VIEWS["talking, another call is on hold"], "en")) == "Anna Schmidt Held: 2345"


def test_a_conference_names_everybody() -> None:
    assert needed(page_for(VIEWS["conference"], "en")) == "Conference Anna Schmidt 2345"


def test_where_a_number_belongs_is_said_of_strangers_and_not_of_contacts() -> None:
    stranger = CallView(CallState.INCOMING, CallDirection.INCOMING, CallerId("+442079460000"), attribution="London")
    assert "London" in words(page_for(PhoneView(Mode.RINGING, call=stranger), "en"))
    page = page_for(PhoneView(Mode.RINGING, call=replace(stranger, contact_name="Anna")), "en")
    assert "London" not in words(page)


def test_the_bar_of_a_call_says_how_it_sounds_and_whether_it_is_encrypted() -> None:
    good = page_for(VIEWS["another caller waits"], "en")
    assert {Icon.LOCK, Icon.QUALITY_4} <= icons(good).keys()
    assert "G722, encrypted" in words(good)
    poor = page_for(VIEWS["talking, another call is on hold"], "en")
    assert not {Icon.LOCK, Icon.QUALITY_4} & icons(poor).keys()
    assert "not encrypted" in words(poor)


def test_a_busy_number_that_rings_at_last_asks_for_the_handset() -> None:
    call = CallView(CallState.ALERTING, CallDirection.OUTGOING, CallerId("2345"))
    page = page_for(PhoneView(mode=Mode.REDIALLING, call=call, hint=Hint.LIFT_HANDSET), "en")
    assert needed(page) == "Ringing… 2345 Lift the handset"
    assert page.cancel == "Stop"


@pytest.mark.parametrize(
    ("name", "is_urgent"),
    [
        ("incoming call", True),
        ("emergency call", True),
        ("an emergency number", True),
        ("talking", False),
        ("emergency call failed", False),
        ("calling", False),
        ("idle", False),
    ],
)
def test_whoever_calls_and_whoever_calls_for_help_is_seen_at_once(name: str, is_urgent: bool) -> None:
    assert page_for(VIEWS[name], "en").is_urgent is is_urgent


def test_a_display_that_flashes_is_striking_half_of_the_time() -> None:
    ringing = VIEWS["incoming call"]
    assert [page_for(replace(ringing, flash=flash), "en").is_urgent for flash in (True, False)] == [True, False]


def test_the_volume_is_a_bar_with_its_figure_and_with_whom_the_person_talks() -> None:
    page = page_for(VIEWS["volume in a call"], "en")
    assert (page.title, page.bar_percent) == ("Volume", 30)
    assert words(page) == "Volume 30% Anna Schmidt"


# --- how a call sounds ------------------------------------------------------------------------------------------------


def test_how_a_call_sounds_is_said_in_figures() -> None:
    assert words(page_for(VIEWS["how a call sounds"], "en")) == (
        "Anna Schmidt Sound good, 4.3 of 5 0.4% lost, jitter 8 42 ms G722 SRTP"
    )
    assert "? ms PCMA RTP" in words(page_for(VIEWS["how a bad call sounds"], "en"))


def test_a_call_of_which_nothing_was_measured_yet_is_shown_as_it_is() -> None:
    view = replace(VIEWS["talking"], sound_shown=True)
    assert page_for(view, "en") == replace(page_for(VIEWS["talking"], "en"), ok="Text")


# --- menus ------------------------------------------------------------------------------------------------------------


def test_a_list_of_a_menu_is_said_in_the_language_with_names_as_they_are() -> None:
    rows = (MenuRow(word("Do not disturb"), word("off"), 1), MenuRow("Busy Bees Ltd", "2345", 2))
    page = page_for(PhoneView(Mode.MENU, menu=ListView(word("Menu"), rows, selected=1, total=2)), "zh")
    assert isinstance(page.body, List)
    assert [(row.label, row.value, row.number) for row in page.body.rows] == [
        ("免打扰", "关", 1),
        ("Busy Bees Ltd", "2345", 2),
    ]
    assert (page.title, page.body.selected, page.body.total) == ("菜单", 1, 2)


def test_a_list_with_nothing_in_it_says_so() -> None:
    assert words(page_for(VIEWS["menu, an empty list"], "en")) == "Calls No calls"


def test_a_card_keeps_its_place_and_its_picture() -> None:
    page = page_for(PhoneView(Mode.MENU, menu=CardView("Anna", (MenuRow("a", "b"),), 3, "anna")), "en")
    assert isinstance(page.body, Card)
    assert (page.body.scroll, page.picture) == (3, "anna")


@pytest.mark.parametrize("language", Language)
def test_of_a_pin_only_its_length_is_on_the_page(language: Language) -> None:
    page = page_for(PhoneView(Mode.MENU, menu=EntryView("PIN", "8765", EntryKind.PIN)), language.value)
    assert isinstance(page.body, Entry)
    assert page.body.text == "••••"
    assert "8765" not in " ".join(strings(page))


@pytest.mark.parametrize("locked", [False, True])
def test_the_code_of_a_bundle_is_seen_while_it_is_typed_on_a_locked_phone_too(locked: bool) -> None:
    view = PhoneView(Mode.MENU, menu=EntryView("Code", "34567", EntryKind.CODE), locked=locked)
    body = page_for(view, "en").body
    assert isinstance(body, Entry)
    assert (body.text, body.for_the_eye) == ("34567", True)


def test_a_code_says_its_payload_to_the_letter() -> None:
    page = page_for(PhoneView(Mode.MENU, menu=CodeView("Invite", "https://a.example/{x}?y=%20", "a.example")), "en")
    assert page.body == Code("https://a.example/{x}?y=%20", "a.example")


def test_work_under_way_has_a_bar() -> None:
    page = page_for(PhoneView(Mode.MENU, menu=NoticeView("Import", "One moment…", percent=40)), "en")
    assert page.bar_percent == 40


# --- how the holder wants it ------------------------------------------------------------------------------------------


def test_the_holder_s_language_comes_before_the_configuration_s() -> None:
    view = PhoneView(Mode.IDLE, registration=REGISTERED, look=Look(language="zh"))
    assert words(page_for(view, "en")) == "请拨号"


def test_the_holder_s_look_is_on_every_page() -> None:
    look = Look(large_text=True, high_contrast=True, background="lake")
    for view in VIEWS.values():
        page = page_for(replace(view, look=look), "en", CLOCK)
        assert page.large_text
        assert page.high_contrast


def test_the_picture_stands_behind_the_idle_page_alone() -> None:
    look = Look(background="lake")
    assert page_for(replace(VIEWS["idle"], look=look), "en").picture == "lake"
    for name in ("menu", "talking", "dial tone", "not set up"):
        assert not page_for(replace(VIEWS[name], look=look), "en").picture


# --- a locked phone ---------------------------------------------------------------------------------------------------

# What the states tell of people, and what a stranger could learn from it.
PERSONAL = ("Anna", "Schmidt", "+442012345678", "Bob", "2345", "+442079460000", "London", "Front desk", "安娜", "欧阳",
            "13912345678", "Aaron", "twenty minutes", "Home", "Office",
            "phone.example", "anna")  # fmt: skip


def test_a_locked_phone_tells_nothing_of_anybody(subtests: pytest.Subtests) -> None:
    for name, language in product(VIEWS, Language):
        with subtests.test(name=name, language=language):
            # The digits before the person are the person's own.
            view = replace(VIEWS[name], locked=True, digits="")
            said = list(strings(page_for(view, language.value, CLOCK)))
            for secret in PERSONAL:
                assert not any(secret in text for text in said), secret


def test_the_secrets_that_a_locked_phone_keeps_are_shown_by_one_that_is_not() -> None:
    told = {
        secret
        for view in VIEWS.values()
        for text in strings(page_for(replace(view, locked=False), "en", CLOCK))
        for secret in PERSONAL
        if secret in text
    }
    assert told == set(PERSONAL)


def test_a_locked_phone_lets_its_pin_be_typed_and_an_emergency_number_be_dialled() -> None:
    assert isinstance(page_for(VIEWS["menu, a PIN"], "en").body, Entry)
    dialled = page_for(replace(VIEWS["an emergency number"], locked=True), "en")
    assert needed(dialled) == "112 Emergency call"
    assert needed(page_for(replace(VIEWS["emergency call"], locked=True), "en")) == "Emergency call 112 Calling…"


def test_a_locked_phone_says_that_it_is_locked_how_much_was_missed_and_which_key_opens_it() -> None:
    page = page_for(VIEWS["idle, locked"], "en")
    assert words(page) == "Locked 1 missed call"
    assert (page.cancel, page.ok) == ("", "Unlock")


# --- every page -------------------------------------------------------------------------------------------------------


def test_every_page_says_something_and_no_place_is_left_unfilled(subtests: pytest.Subtests) -> None:
    for name, language in product(VIEWS, Language):
        with subtests.test(name=name, language=language):
            page = page_for(VIEWS[name], language.value, CLOCK)
            assert words(page) or page.bar_percent is not None
            said = " ".join(strings(page))
            assert "{" not in said


def test_a_page_has_one_name_at_least_where_it_is_about_somebody() -> None:
    page = page_for(VIEWS["incoming call"], "en")
    assert isinstance(page.body, tuple)
    assert [block.text for block in page.body if block.role is Role.NAME] == ["Anna Schmidt"]
