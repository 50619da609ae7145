import pytest

from contract.messages import Topic
from firmware.base.words import word
from firmware.phone.key import Key
from firmware.phone.menu_views import MenuRow
from firmware.phone.request import Failed, Stretch
from firmware.phone.requests.shares import ReadShares, SharedRow
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import choose, facts, open_page, said
from tests.unit.phone.office import office

RECORDS = SharedRow("mqtt.operator.example", Topic.CDR, "25 Nov", 12, 11, 10, "collector-1", 2)
CONSENTS = SharedRow("mqtt.operator.example", Topic.CONSENT, "24 Nov", 1, 1)


def open_shares(*rows: SharedRow) -> Desk:
    desk = office()
    open_page(desk, "Privacy", "Who got what")
    [request] = desk.said(ReadShares)
    assert request.first == 0
    desk.reply(ReadShares, Stretch(0, len(rows), rows))
    return desk


def test_the_page_lists_what_left_on_which_day() -> None:
    desk = open_shares(RECORDS, CONSENTS)
    assert desk.listing.rows == (
        MenuRow(word("Call data"), "25 Nov", 1),
        MenuRow(word("Consents"), "24 Nov", 2),
    )


def test_a_row_says_who_got_it_how_sure_that_is_and_what_was_taken_back() -> None:
    desk = open_shares(RECORDS, CONSENTS)
    choose(desk, "Call data")
    assert facts(desk) == [
        ("Shared with", "mqtt.operator.example"),
        ("Day", "25 Nov"),
        ("How many", "12"),
        ("Arrived", "11"),
        ("Confirmed", "10"),
        ("Confirmed by", "collector-1"),
        ("To be deleted", "2"),
    ]


def test_nobody_is_said_to_have_confirmed_where_nobody_did() -> None:
    desk = open_shares(RECORDS, CONSENTS)
    choose(desk, "Consents")
    assert [label for label, _ in facts(desk)] == ["Shared with", "Day", "How many", "Arrived"]
    desk.press(Key.CANCEL)
    assert len(desk.listing.rows) == 2


def test_a_phone_that_nothing_has_left_says_so() -> None:
    assert open_shares().listing.empty == word("Nothing has left this phone.")


def test_a_store_that_cannot_be_read_says_so() -> None:
    desk = open_shares(RECORDS)
    choose(desk, "Call data")
    desk.press(Key.CANCEL)
    desk.reply(ReadShares, Failed(word("This phone's memory cannot be used now.")))
    assert desk.listing.empty == word("This phone's memory cannot be used now.")


@pytest.mark.parametrize("kind", [topic for topic in Topic if topic is not Topic.STATUS])
def test_every_kind_has_a_name(kind: Topic) -> None:
    desk = open_shares(SharedRow("broker", kind, "25 Nov", 1, 1))
    assert said(desk.listing.rows[0].label)
