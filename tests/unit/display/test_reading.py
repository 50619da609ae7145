"""What an administrator reads from afar of the display: the handset's own affairs, and nobody else's."""

import pytest

from firmware.base.words import word
from firmware.display.pages import page_for
from firmware.display.reading import about_nobody, lines_of
from firmware.display.translation import Language
from firmware.phone.key import Key
from firmware.phone.menu.views import CodeView
from firmware.phone.requests.handset import ReadFacts
from firmware.phone.view import Mode, PhoneView
from tests.unit.display.bundle_views import SERIAL
from tests.unit.display.states import CLOCK, VIEWS
from tests.unit.display.test_pages import PERSONAL
from tests.unit.phone.desk import Desk, settings
from tests.unit.phone.menus import open_page

STICK = [name for name in VIEWS if name.startswith("stick,")]
# What is personal in the other states may be part of a serial number or a code's length here.
OTHERS = [name for name in VIEWS if name not in STICK]


def read(view: PhoneView, language: str = "en") -> tuple[str, ...]:
    return lines_of(page_for(about_nobody(view), language, CLOCK))


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("language", Language)
def test_nothing_is_told_of_anybody(name: str, language: Language) -> None:
    said = " ".join(read(VIEWS[name], language.value))
    for secret in PERSONAL:
        assert secret not in said, secret


@pytest.mark.parametrize("name", STICK)
@pytest.mark.parametrize("language", Language)
def test_whatever_a_stick_brings_up_is_read_as_it_stands_there(name: str, language: Language) -> None:
    view = VIEWS[name]
    assert read(view, language.value) == lines_of(page_for(view, language.value, CLOCK))


def test_a_phone_that_waits_for_a_stick_is_read_with_its_serial() -> None:
    assert read(VIEWS["stick, waiting for it"]) == (CLOCK, "Not set up", "Plug in the stick.", SERIAL)


def test_work_under_way_is_read_with_how_far_it_is_and_what_the_keys_do() -> None:
    assert read(VIEWS["stick, step lines"]) == (CLOCK, "Set-up", "Trying the phone line.", "78%", "[Hide]")


def test_a_code_is_read_as_dots() -> None:
    lines = read(VIEWS["stick, half a code"])
    assert "•••••" in lines
    assert not any("34567" in line for line in lines)


def test_of_a_menu_only_that_it_is_open_is_read() -> None:
    assert read(VIEWS["menu"]) == (CLOCK, "A menu is open.")
    assert read(PhoneView(Mode.WRITING, digits="2345", message_text="last")) == (CLOCK, "A menu is open.")


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
