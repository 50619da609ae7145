import pytest

from contract.results import OutcomeCode
from firmware.base.words import word
from firmware.phone.key import Key
from firmware.phone.menu_views import CardView, CodeView, NoticeView
from firmware.phone.request import Failed
from firmware.phone.requests.handset import MakeHelpCode
from firmware.phone.updates import UpdateStage, UpdateTold
from tests.unit.phone.desk import Desk, settings
from tests.unit.phone.menus import open_page, said

pytestmark = pytest.mark.feature("help code")

DIGITS = "10015046473416451688"


def open_help_code(desk: Desk) -> None:
    open_page(desk, "This phone", "Diagnostics")
    desk.press(Key.OK)


def test_a_holder_reads_twenty_digits_or_has_them_photographed(desk: Desk) -> None:
    open_help_code(desk)
    desk.reply(MakeHelpCode, DIGITS)
    assert desk.notice.text == "1001 5046 4734 1645 1688"
    desk.press(Key.OK)
    picture = desk.shown().menu
    assert isinstance(picture, CodeView)
    assert picture.payload == DIGITS
    desk.press(Key.OK)
    assert isinstance(desk.shown().menu, NoticeView)
    desk.press(Key.CANCEL)
    assert isinstance(desk.shown().menu, CardView)


def test_each_time_that_the_page_is_opened_one_code_is_made(desk: Desk) -> None:
    desk.handle(UpdateTold(stage=UpdateStage.ENDED, code=OutcomeCode.WENT_BACK))
    for count in (1, 2):
        open_help_code(desk)
        desk.reply(MakeHelpCode, DIGITS)
        desk.press(Key.MENU)
        assert desk.said(MakeHelpCode) == [MakeHelpCode(None, OutcomeCode.WENT_BACK)] * count


def test_why_there_is_none_is_said(desk: Desk) -> None:
    open_help_code(desk)
    desk.reply(MakeHelpCode, Failed(word("This phone's memory cannot be used now.")))
    menu = desk.notice
    assert said(menu.text) == "This phone's memory cannot be used now."


def test_a_phone_that_is_not_set_up_has_one() -> None:
    desk = Desk(settings(provisioned=False, line_usable=False))
    open_help_code(desk)
    desk.reply(MakeHelpCode, DIGITS)
    assert desk.notice.text == "1001 5046 4734 1645 1688"
