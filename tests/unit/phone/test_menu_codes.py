from collections.abc import Callable
from typing import Any

from firmware.phone.commands import SavePreferences
from firmware.phone.events import AccountKnown
from firmware.phone.key import Key
from firmware.phone.menu.codes import invite_page, top_up_page
from firmware.phone.menu.pictures import background_page, pictures_page
from firmware.phone.menu_stack import Screen
from firmware.phone.menu_views import CodeView, ListView, NoticeView
from firmware.phone.modes.menu import open_menu
from firmware.phone.requests.pictures import DeletePicture, ListPictures
from firmware.phone.state import PhoneState
from tests.unit.phone.desk import Desk, settings

ACCOUNT = "0123456789abcdef0123456789abcdef"
LINK = "https://example.com/i?from={account}"
PICTURES = (("p1", "Holiday"), ("p2", "Garden"))


def desk_with(make_page: Callable[[PhoneState], Screen], **more: Any) -> Desk:
    """Give a desk whose menu shows a page."""
    desk = Desk(settings(**more))
    desk.phone._state.commands = []
    open_menu(desk.phone._state, make_page(desk.phone._state))
    desk.all_commands += desk.phone._state.commands
    return desk


def menu(desk: Desk) -> Any:
    return desk.phone._state.menu.view(desk.phone._state)


def choose(desk: Desk, label: str) -> None:
    """Press the digit before a row."""
    [digit] = [row.number for row in menu(desk).rows if row.label == label]
    desk.press(str(digit))


def test_an_invitation_is_the_operators_link_with_the_opaque_account_in_it() -> None:
    desk = desk_with(invite_page, invite_link=LINK)
    desk.handle(AccountKnown(ACCOUNT))
    view = menu(desk)
    assert isinstance(view, CodeView)
    assert view.payload == f"https://example.com/i?from={ACCOUNT}"
    assert view.caption == f"example.com/i?from={ACCOUNT}"


def test_topping_up_has_a_link_of_its_own() -> None:
    desk = desk_with(top_up_page, invite_link=LINK, top_up_link="https://pay.example.com/{account}")
    desk.handle(AccountKnown(ACCOUNT))
    assert menu(desk).payload == f"https://pay.example.com/{ACCOUNT}"


def test_without_a_link_or_without_a_store_it_says_so() -> None:
    desk = desk_with(invite_page, top_up_link=LINK)
    desk.handle(AccountKnown(ACCOUNT))
    assert isinstance(menu(desk), NoticeView)
    desk = desk_with(invite_page, invite_link=LINK)
    assert isinstance(menu(desk), NoticeView)


def test_ok_leaves_a_code() -> None:
    desk = desk_with(invite_page, invite_link=LINK)
    desk.press(Key.OK)
    assert menu(desk) is None


def test_a_background_is_chosen_among_the_pictures() -> None:
    desk = desk_with(background_page)
    assert desk.said(ListPictures)
    desk.reply(ListPictures, PICTURES)
    view = menu(desk)
    assert isinstance(view, ListView)
    assert [row.label for row in view.rows[1:]] == ["Holiday", "Garden"]
    desk.press("3")
    assert desk.said(SavePreferences)[-1].preferences.background == "p2"
    desk.press("1")
    assert desk.said(SavePreferences)[-1].preferences.background == ""


def test_a_picture_is_deleted_after_a_question_and_is_no_background_any_more() -> None:
    desk = desk_with(background_page)
    desk.reply(ListPictures, PICTURES)
    choose(desk, "Holiday")
    desk.phone._state.commands = []
    open_menu(desk.phone._state, pictures_page(desk.phone._state))
    desk.all_commands += desk.phone._state.commands
    desk.reply(ListPictures, PICTURES)
    choose(desk, "Holiday")
    assert not desk.said(DeletePicture)
    desk.press(Key.OK)
    assert desk.said(DeletePicture) == [DeletePicture("p1")]
    assert desk.said(SavePreferences)[-1].preferences.background == ""
    # The store does one after the other: the list that is read next has it no more.
    kinds = [type(command) for command in desk.all_commands]
    assert len(kinds) - kinds[::-1].index(ListPictures) > kinds.index(DeletePicture) + 1
