"""What is said of a page that comes after another one."""

from dataclasses import replace
from itertools import product

import pytest

from firmware.base.words import word
from firmware.display.model import Block, Body, Card, Code, Entry, List, ListRow, Page, Role
from firmware.display.pages import page_for
from firmware.display.spoken import about_nobody, lines_of, spoken, spoken_whole
from firmware.display.translation import Language
from firmware.phone.key import Key
from firmware.phone.menu_views import CodeView
from firmware.phone.requests.handset import ReadFacts
from firmware.phone.view import Mode, PhoneView
from tests.unit.display.bundle_views import SERIAL
from tests.unit.display.states import CLOCK, VIEWS
from tests.unit.display.test_pages import PERSONAL
from tests.unit.phone.desk import Desk, settings
from tests.unit.phone.menus import open_page

MENU = (ListRow("Contacts", number=1), ListRow("Do not disturb", "off", 2))

STICK = [name for name in VIEWS if name.startswith("stick,")]
# What is personal in the other states may be part of a serial number or a code's length here.
OTHERS = [name for name in VIEWS if name not in STICK]


def menu(selected: int, rows: tuple[ListRow, ...] = MENU) -> Page:
    return Page(title="Menu", body=List(rows, selected=selected, total=len(rows)))


def dialled(digits: str, *more: Block) -> Page:
    return Page(body=(Block(digits, Role.DIGITS), *more))


def entry(text: str, **more: object) -> Page:
    return Page(title="Name", body=Entry(text, **more))  # type: ignore[arg-type]


def test_a_page_that_opens_says_its_title_and_the_selected_row() -> None:
    assert spoken(menu(1), None) == "Menu, 2 of 2. Do not disturb. off"


def test_where_nothing_is_selected_every_row_is_said_with_its_digit() -> None:
    ages = (ListRow("Adult", number=1), ListRow("Under 14", number=2))
    assert spoken(Page(title="Your age", body=List(ages, total=2)), None) == "Your age. 1. Adult. 2. Under 14"


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        ("talking", "Talking to Anna Schmidt. +", "正在与Anna Schmidt通话. +"),
        ("muted", "You are muted. 1:05", "麦克风已静音. 1:05"),
        ("incoming call", "Incoming call. Anna Schmidt. +", "来电. Anna Schmidt. +"),
        ("incoming call, locked", "Incoming call. Lift the handset. 12:34", "来电. 请拿起听筒. 12:34"),
        ("emergency call", "Emergency call. 1 1 2. Calling… ", "紧急呼叫. 1 1 2. 正在呼叫… "),
        ("idle", "12:34. OK: Menu", "12:34. 确定键\uff1a菜单"),
        ("idle, missed calls", "2 missed calls. Anna Schmidt. 12:34. OK: Menu. Cancel: Clear", "2个未接来电. Anna"),
        ("recordings", "Recordings, 1 of 3. Anna Schmidt. ", "录音\uff0c第1项\uff0c共3项. Anna Schmidt. "),
    ],
)
def test_whoever_asks_hears_where_they_are_and_what_the_keys_do(name: str, english: str, chinese: str) -> None:
    for language, words in ((Language.ENGLISH, english), (Language.CHINESE, chinese)):
        assert words in spoken_whole(page_for(VIEWS[name], language.value, CLOCK), language)


def test_a_locked_phone_names_nobody_it_talks_to() -> None:
    view = replace(VIEWS["talking"], locked=True)
    assert spoken_whole(page_for(view, "en", CLOCK), Language.ENGLISH).startswith("In a call")


def test_moving_says_the_row_and_switching_says_the_value_alone() -> None:
    assert spoken(menu(1), menu(0)) == "Do not disturb. off"
    switched = (MENU[0], ListRow("Do not disturb", "on", 2))
    assert spoken(menu(1, switched), menu(1)) == "on"


def test_the_same_page_again_says_nothing() -> None:
    assert spoken(menu(1), menu(1)) == ""


def test_a_list_that_scrolls_says_the_row_of_the_stretch_that_is_shown() -> None:
    page = Page(title="Contacts", body=List((ListRow("Anna"), ListRow("Bob")), first=7, selected=8, total=20))
    assert spoken(page, None) == "Contacts, 9 of 20. Bob"


def test_a_sign_is_said_in_words_and_what_is_known_of_a_row_after_it() -> None:
    row = ListRow("Anna", number=1, detail="25 Nov 14:03", sign="←", said="From Anna")
    assert spoken(Page(title="All calls", body=List((row,), selected=0, total=1)), None) == (
        "All calls, 1 of 1. From Anna. 25 Nov 14:03"
    )


@pytest.mark.parametrize("body", [List(()), Card(()), ()])
def test_a_page_that_has_nothing_on_it_yet_waits_for_what_it_comes_to_hold(body: Body) -> None:
    assert spoken(Page(title="Contacts", body=body), menu(0)) == ""


def test_what_is_dialled_is_said_digit_by_digit_as_it_comes() -> None:
    assert spoken(dialled("4"), None) == "4"
    assert spoken(dialled("456"), dialled("4")) == "5 6"


def test_what_is_left_is_said_after_a_digit_was_deleted() -> None:
    assert spoken(dialled("45"), dialled("456")) == "4 5"


def test_a_hint_beside_the_digits_is_said_once() -> None:
    hint = Block("Emergency call")
    assert spoken(dialled("112", hint), dialled("11")) == "2. Emergency call"
    assert spoken(dialled("112", hint), dialled("112", hint)) == ""


def test_a_contact_is_said_when_it_is_chosen_among_those_that_the_digits_may_mean() -> None:
    rows = (ListRow("Anna", "2662"), ListRow("Conny", "26669"))
    found = Page(title="266", body=List(rows, total=2))
    assert spoken(found, dialled("26")) == "6"
    assert spoken(Page(title="266", body=List(rows, selected=0, total=2)), found) == "Anna. 2662"


def test_letters_are_said_as_they_are_typed_and_a_candidate_as_it_is_chosen() -> None:
    assert spoken(entry("An"), entry("A")) == "n"
    assert spoken(entry("B"), entry("A")) == "B"
    before = entry("", candidates=("王", "网"))
    assert spoken(before, entry("")) == "王"
    assert spoken(entry("", candidates=("王", "网"), candidate=1), before) == "网"


@pytest.mark.parametrize(("language", "word"), [(Language.ENGLISH, "space"), (Language.CHINESE, "空格")])
def test_a_space_is_said_by_its_name_as_it_is_typed(language: Language, word: str) -> None:
    assert spoken(entry("An "), entry("An"), language) == word
    assert spoken(entry("An B"), entry("An "), language) == "B"


def test_nothing_of_a_pin_is_said_but_why_it_was_refused() -> None:
    assert spoken(entry("••"), entry("•")) == ""
    assert spoken(entry("", note="Wrong PIN"), entry("••••")) == "Wrong PIN"
    assert spoken(entry("", note="Wait 9 s"), entry("", note="Wait 10 s")) == ""


def test_a_card_is_read_whole_and_then_as_it_is_scrolled() -> None:
    rows = (ListRow("Name", "Anna"), ListRow("Mobile", "13800138000"))
    assert spoken(Page(title="Contact", body=Card(rows)), None) == (
        "Contact. Name. Anna. Mobile. 1 3 8 0 0 1 3 8 0 0 0"
    )
    assert spoken(Page(title="Contact", body=Card(rows, 1)), Page(title="Contact", body=Card(rows))) == (
        "Mobile. 1 3 8 0 0 1 3 8 0 0 0"
    )


def test_of_a_code_to_photograph_the_caption_is_said() -> None:
    assert spoken(Page(title="Invite", body=Code("https://example.com/i/1", "Scan me")), None) == "Invite. Scan me"


def test_the_time_of_day_is_not_said() -> None:
    assert spoken(Page(body=(Block("14:05", Role.CLOCK), Block("Do not disturb is on"))), None) == (
        "Do not disturb is on"
    )


def test_a_stick_is_said_step_by_step() -> None:
    names = ("stick, step checking", "stick, step lines", "stick, done")
    checking, lines, done = (page_for(VIEWS[name], "en", "12:34") for name in names)
    assert spoken(checking, None) == "Set-up. Checking the set-up."
    assert spoken(lines, checking) == "Trying the phone line."
    assert spoken(done, lines) == "Done. Take the stick out. Number: 12."


def test_nothing_of_a_stick_s_code_is_said_but_what_there_is_to_know_of_it() -> None:
    wanted, half, wrong = (
        page_for(VIEWS[f"stick, {name}"], "en", "12:34") for name in ("code", "half a code", "wrong code")
    )
    assert spoken(wanted, None) == "Code. 0 of 10: label ef01"
    assert spoken(half, wanted) == ""
    assert spoken(wrong, half) == "Wrong. Tries left: 3"
    # The display alone shows it.
    assert isinstance(half.body, Entry)
    assert half.body.text == "34567"
    assert "34567" not in " ".join(lines_of(half))
    assert "3 4 5 6 7" not in spoken_whole(half, Language.ENGLISH)


def test_a_long_text_is_said_in_part() -> None:
    assert len(spoken(Page(title="Licences", body=(Block("word " * 10_000),)), None)) <= 300


def read(view: PhoneView, language: str = "en") -> tuple[str, ...]:
    return lines_of(page_for(about_nobody(view), language, CLOCK))


def test_nothing_is_told_of_anybody(subtests: pytest.Subtests) -> None:
    for name, language in product(OTHERS, Language):
        with subtests.test(name=name, language=language):
            said = " ".join(read(VIEWS[name], language.value))
            for secret in PERSONAL:
                assert secret not in said, secret


def test_whatever_a_stick_brings_up_is_read_as_it_stands_there(subtests: pytest.Subtests) -> None:
    for name, language in product(STICK, Language):
        with subtests.test(name=name, language=language):
            view = VIEWS[name]
            assert read(view, language.value) == lines_of(page_for(view, language.value, CLOCK))


def test_a_phone_that_waits_for_a_stick_is_read_with_its_serial() -> None:
    assert read(VIEWS["stick, waiting for it"]) == (CLOCK, "Not set up", "Plug in the stick.", SERIAL)


def test_work_under_way_is_read_with_how_far_it_is_and_what_the_keys_do() -> None:
    assert read(VIEWS["stick, step lines"]) == (CLOCK, "Set-up", "Trying the phone line.", "60%", "[Hide]")


def test_a_code_is_read_as_dots() -> None:
    lines = read(VIEWS["stick, half a code"])
    assert "•••••" in lines
    assert not any("34567" in line for line in lines)


def test_of_a_menu_only_that_it_is_open_is_read() -> None:
    assert read(VIEWS["menu"]) == (CLOCK, "A menu is open.")
    assert read(PhoneView(Mode.WRITING, digits="2345", message_text="last")) == (CLOCK, "A menu is open.")


def test_the_first_digits_of_a_pin_are_not_read_though_they_would_call_for_help() -> None:
    assert read(VIEWS["menu, help in place of a PIN"]) == (CLOCK, "A menu is open.")


def test_what_is_written_in_a_call_for_help_is_not_read() -> None:
    view = VIEWS["text in a call"]
    assert view.call is not None
    view = replace(view, call=replace(view.call, emergency=True))
    assert "is she?" in " ".join(lines_of(page_for(view, "en", CLOCK)))
    assert "she" not in " ".join(read(view))


def test_the_installer_s_page_is_read_whole() -> None:
    desk = Desk(settings())
    open_page(desk, "This phone", "Set-up")
    desk.reply(ReadFacts, ((word("Bundle"), "12"), (word("Serial number"), SERIAL)))
    assert read(desk.view) == (CLOCK, "Set-up", "Bundle: 12", f"Serial number: {SERIAL}", "[Back]")


def test_a_list_is_lines_with_a_mark_before_the_one_that_is_chosen() -> None:
    lines = lines_of(page_for(VIEWS["menu"], "en", CLOCK))
    assert [line[:2] for line in lines[2:5]].count("> ") == 1


def test_a_code_to_be_photographed_is_its_caption() -> None:
    view = PhoneView(Mode.MENU, menu=CodeView("Call", "https://phone.example/i/secret", "phone.example"))
    assert lines_of(page_for(view, "en", CLOCK)) == (CLOCK, "Call", "phone.example")


def test_an_emergency_number_is_told_and_another_one_is_not() -> None:
    desk = Desk()
    desk.dial("112")
    assert "112" in read(desk.view)
    desk.press(Key.CANCEL)
    desk.dial("2345")
    assert not any("23" in line for line in read(desk.view)[1:])
