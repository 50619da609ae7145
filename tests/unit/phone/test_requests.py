"""Who hears of an answer: whoever asked, as long as that is somebody."""

import pytest

from contract.calls import DisconnectReason
from firmware.base.words import word
from firmware.phone.call import CallState
from firmware.phone.contact import Contact
from firmware.phone.key import Key
from firmware.phone.menu.question import Notice
from firmware.phone.request import Answered, Failed
from firmware.phone.requests.contacts import ReadContact
from firmware.phone.state import PhoneState
from tests.unit.phone.desk import INCOMING, Desk

ANN, BO = Contact(7, "Ann"), Contact(7, "Bo")


class Listener(Notice):
    """A page that asks for a contact and remembers what it hears."""

    def __init__(self) -> None:
        super().__init__("", "")
        self.heard: list[Contact | Failed | None] = []

    def open(self, state: PhoneState) -> None:
        state.ask(ReadContact(7), self._take, page=self)

    def _take(self, _state: PhoneState, answer: Contact | Failed | None) -> None:
        self.heard.append(answer)


def open_over_the_menu(desk: Desk) -> Listener:
    page, state = Listener(), desk.phone._state
    if state.menu.top is None:
        desk.press(Key.MENU)
    state.commands = []
    state.menu.push(state, page)
    desk.all_commands += state.commands
    return page


@pytest.mark.parametrize("answer", [ANN, None, Failed(word("It failed."))])
def test_the_page_that_asked_hears_the_answer_and_once(desk: Desk, answer: Contact | Failed | None) -> None:
    page = open_over_the_menu(desk)
    [request] = desk.said(ReadContact)
    for _ in range(2):
        desk.handle(Answered(request, answer))
    assert page.heard == [answer]


@pytest.mark.parametrize("contact_id", [7, 8])
def test_an_answer_to_another_request_is_not_heard_be_it_an_equal_one(desk: Desk, contact_id: int) -> None:
    page = open_over_the_menu(desk)
    desk.handle(Answered(ReadContact(contact_id), ANN))
    assert page.heard == []


def test_of_two_who_asked_for_the_same_each_hears_its_own_answer(desk: Desk) -> None:
    below, above = open_over_the_menu(desk), open_over_the_menu(desk)
    first, second = desk.said(ReadContact)
    desk.handle(Answered(second, BO), Answered(first, ANN))
    assert (below.heard, above.heard) == ([ANN], [BO])


def test_a_page_that_asks_twice_hears_both_answers_in_whatever_order_they_come(desk: Desk) -> None:
    page = open_over_the_menu(desk)
    desk.ring()
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    first, second = desk.said(ReadContact)
    for request in (second, first):
        desk.handle(Answered(request, ANN))
    assert page.heard == [ANN, ANN]


def test_a_page_that_is_closed_hears_nothing_and_takes_nobody_s_answer_away(desk: Desk) -> None:
    closed = open_over_the_menu(desk)
    desk.press(Key.CANCEL)
    page = open_over_the_menu(desk)
    first, second = desk.said(ReadContact)
    desk.handle(Answered(first, ANN), Answered(second, BO))
    assert (closed.heard, page.heard) == ([], [BO])


def test_who_is_no_page_hears_the_answer_in_any_case() -> None:
    desk, heard, request = Desk(), [], ReadContact(7)
    desk.phone._state.ask(request, lambda _state, answer: heard.append(answer))
    desk.lift()
    desk.handle(Answered(request, ANN))
    assert heard == [ANN]
    assert desk.phone._state.asked == []
