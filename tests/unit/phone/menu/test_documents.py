import pytest

from contract.consent import Purpose
from firmware.base.words import counted, word
from firmware.phone.call import CallState
from firmware.phone.events import MissedCallsCounted
from firmware.phone.key import Key
from firmware.phone.menu.policy import PolicyPage
from firmware.phone.menu_views import ListView
from firmware.phone.news import CallStateChanged, Problem, ProblemRaised
from firmware.phone.request import Answered, Failed
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.requests.policies import (
    AcknowledgeNotice,
    DocumentsChanged,
    ListPolicies,
    NoticeRow,
    PolicyRead,
    PolicyRow,
    PolicyShown,
    PolicyState,
    ReadNotices,
    ReadPolicy,
)
from firmware.phone.view import Mode
from tests.unit.phone.desk import INCOMING, Desk
from tests.unit.phone.menus import choose, labels, open_page, said, sentence, values
from tests.unit.phone.office import office

NEW = PolicyRow("shop-2", "2027-01-01", PolicyState.UNREAD)
WAITING = PolicyRow("shop-2", "2027-01-01", PolicyState.WAITING, 7)
CURRENT = PolicyRow("2026-11-25", "2026-11-25", PolicyState.IN_FORCE)
OLD = PolicyRow("2024-06-17", "2024-06-17", PolicyState.REPLACED)
LEAK = NoticeRow(2, "Leak", ("A list was lost.", "Change your PIN."), "2026-11-25", incident=True, acknowledged=False)
NEWS = NoticeRow(1, "Hours", ("We open at nine.",), "2026-11-20", incident=False, acknowledged=True)


def read(policy: PolicyRow, *asked_again: str) -> PolicyRead:
    return PolicyRead(policy, ("New rules.", "That is all."), asked_again)


def page(desk: Desk) -> tuple[str, str]:
    """Return the title and the sentence that are shown."""
    return said(desk.notice.title), sentence(desk)


def ok(desk: Desk) -> str:
    return said(desk.notice.keys.ok)


# --- policies ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk() -> Desk:
    return office()


def test_every_policy_is_listed_with_how_far_it_has_come(desk: Desk) -> None:
    open_page(desk, "Privacy", "Privacy policy")
    assert desk.said(ListPolicies)
    desk.reply(ListPolicies, (WAITING, CURRENT, OLD))
    assert labels(desk) == ["shop-2", "2026-11-25", "2024-06-17"]
    assert [said(value) for value in values(desk)] == ["in 7 d", "current", "old"]
    choose(desk, "2024-06-17")
    assert desk.said(ReadPolicy)[-1] == ReadPolicy("2024-06-17")
    desk.reply(ReadPolicy, read(OLD))
    assert page(desk) == ("Policy 1/3", "Version 2024-06-17. Another one has replaced it.")


def test_a_new_policy_counts_as_read_only_once_its_last_paragraph_was_left_by_ok(desk: Desk) -> None:
    desk.handle(DocumentsChanged("shop-2"))
    desk.press(Key.OK)
    assert desk.said(ReadPolicy)[-1] == ReadPolicy()
    desk.reply(ReadPolicy, read(NEW, "Recording of calls"))
    pages = []
    for _ in range(4):
        pages.append(page(desk))
        assert not desk.said(PolicyShown)
        desk.press(Key.OK)
    assert pages == [
        ("Policy 1/4", "Version shop-2, written on 2027-01-01. It is new. Please read it."),
        ("Policy 2/4", "You will be asked again: Recording of calls."),
        ("Policy 3/4", "New rules."),
        ("Policy 4/4", "That is all."),
    ]
    assert desk.said(PolicyShown) == [PolicyShown("shop-2")]
    desk.reply(PolicyShown, read(WAITING))
    assert desk.notice.text == counted("It takes effect in {count} day.", "It takes effect in {count} days.", 7)
    desk.press(Key.OK)
    assert desk.view.mode is Mode.IDLE


def test_ok_pressed_twice_at_the_end_says_once_that_it_was_read(desk: Desk) -> None:
    open_page(desk, "Privacy", "Privacy policy")
    desk.reply(ListPolicies, (NEW,))
    choose(desk, "shop-2")
    desk.reply(ReadPolicy, read(NEW))
    for _ in range(5):
        desk.press(Key.OK)
    assert len(desk.said(PolicyShown)) == 1


@pytest.mark.parametrize("policy", [WAITING, CURRENT, OLD])
def test_a_policy_that_was_read_before_is_read_again_without_being_counted_again(desk: Desk, policy: PolicyRow) -> None:
    open_page(desk, "Privacy", "Privacy policy")
    desk.reply(ListPolicies, (policy,))
    choose(desk, policy.version)
    desk.reply(ReadPolicy, read(policy))
    for _ in range(3):
        desk.press(Key.OK)
    assert not desk.said(PolicyShown)
    assert isinstance(desk.view.menu, ListView)


def test_cancel_goes_back_paragraph_by_paragraph_and_then_leaves_the_policy_unread(desk: Desk) -> None:
    desk.handle(DocumentsChanged("shop-2"))
    desk.press(Key.OK)
    desk.reply(ReadPolicy, read(NEW))
    desk.press(Key.OK, Key.CANCEL)
    assert page(desk)[0] == "Policy 1/3"
    desk.press(Key.CANCEL)
    assert desk.view.mode is Mode.IDLE
    assert desk.view.policy_to_read
    assert not desk.said(PolicyShown)


def test_the_volume_keys_turn_a_long_paragraph_over_and_the_next_one_begins_at_its_beginning(desk: Desk) -> None:
    open_page(desk, "Privacy", "Privacy policy")
    desk.reply(ListPolicies, (CURRENT,))
    choose(desk, "2026-11-25")
    desk.reply(ReadPolicy, read(CURRENT))
    scrolls = []
    for key in (Key.VOLUME_DOWN, Key.VOLUME_DOWN, Key.VOLUME_UP, Key.OK):
        desk.press(key)
        scrolls.append(desk.notice.scroll)
    assert scrolls == [1, 2, 1, 0]


def test_a_policy_that_cannot_be_read_says_so_and_never_counts_as_read(desk: Desk) -> None:
    desk.handle(DocumentsChanged("shop-2"))
    desk.press(Key.OK)
    assert page(desk)[1] == "One moment…"
    desk.press(Key.OK)
    assert page(desk)[1] == "One moment…"
    desk.reply(ReadPolicy, Failed(word("That did not work. Try again, or ask your installer.")))
    assert page(desk) == ("Policy 1/1", "That did not work. Try again, or ask your installer.")
    desk.press(Key.OK)
    assert not desk.said(PolicyShown)


def test_a_call_in_the_middle_of_a_policy_leaves_the_person_where_they_were(desk: Desk) -> None:
    desk.handle(DocumentsChanged("shop-2"))
    desk.press(Key.OK)
    desk.reply(ReadPolicy, read(NEW))
    desk.press(Key.OK)
    desk.ring()
    assert desk.view.mode is Mode.RINGING
    desk.handle(CallStateChanged(INCOMING, CallState.DISCONNECTED))
    desk.press(Key.CANCEL)
    assert page(desk)[0].startswith("Policy")


def test_a_page_that_is_part_of_something_else_goes_on_to_that() -> None:
    desk, went_on = office(), []
    state = desk.phone._state
    desk.press(Key.MENU)
    state.commands = []
    state.menu.push(state, PolicyPage(then=lambda _state: went_on.append(True)))
    desk.all_commands += state.commands
    desk.reply(ReadPolicy, read(NEW))
    for _ in range(3):
        desk.press(Key.OK)
    assert not went_on
    desk.handle(Answered(ReadPolicy(CURRENT.version), read(CURRENT)))
    assert not went_on
    desk.reply(PolicyShown, PolicyRead(PolicyRow("shop-2", "2027-01-01", PolicyState.IN_FORCE), ("New rules.",)))
    assert went_on == [True]


# --- notices ----------------------------------------------------------------------------------------------------------


def test_a_notice_stays_on_the_idle_page_until_its_end_was_acknowledged_by_ok(desk: Desk) -> None:
    desk.handle(DocumentsChanged(unread_notices=1, unread_incident=True))
    assert desk.view.incident_to_read
    desk.press(Key.OK)
    assert desk.said(ReadNotices)
    desk.reply(ReadNotices, (LEAK, NEWS))
    assert [said(value) for value in values(desk)] == ["new", ""]
    choose(desk, "Leak")
    pages = []
    for _ in range(3):
        pages.append((*page(desk), ok(desk)))
        assert not desk.said(AcknowledgeNotice)
        desk.press(Key.OK)
    assert pages == [
        ("Notices 1/3", "Leak, 2026-11-25", "Next"),
        ("Notices 2/3", "A list was lost.", "Next"),
        ("Notices 3/3", "Change your PIN.", "Done"),
    ]
    assert desk.said(AcknowledgeNotice) == [AcknowledgeNotice(2)]
    assert desk.view.incident_to_read
    desk.handle(DocumentsChanged())
    assert not desk.view.incident_to_read


def test_leaving_a_notice_by_cancel_acknowledges_nothing(desk: Desk) -> None:
    open_page(desk, "Privacy", "Notices")
    desk.reply(ReadNotices, (LEAK,))
    choose(desk, "Leak")
    for key in (Key.OK, Key.OK, Key.CANCEL, Key.CANCEL, Key.CANCEL):
        desk.press(key)
    assert desk.listing
    assert not desk.said(AcknowledgeNotice)


def test_a_notice_that_was_read_is_read_again(desk: Desk) -> None:
    open_page(desk, "Privacy", "Notices")
    desk.reply(ReadNotices, (NEWS,))
    choose(desk, "Hours")
    desk.press(Key.OK, Key.OK)
    assert desk.listing
    assert not desk.said(AcknowledgeNotice)


# --- the idle page ----------------------------------------------------------------------------------------------------


def test_ok_reads_what_waits_first_a_danger_then_faults_then_news_then_the_policy(desk: Desk) -> None:
    desk.handle(MissedCallsCounted(1), ProblemRaised(Problem.CLOCK_NOT_SET))
    desk.handle(DocumentsChanged("shop-2", 2, unread_incident=True))
    desk.press(Key.OK)
    assert desk.said(ReadNotices)
    desk.press(Key.CANCEL)
    desk.handle(DocumentsChanged("shop-2", 1))
    before = len(desk.said(ReadNotices))
    desk.press(Key.OK)
    assert desk.view.details_step == 1
    assert len(desk.said(ReadNotices)) == before


def test_the_menu_key_opens_the_menu_whatever_waits(desk: Desk) -> None:
    desk.handle(DocumentsChanged("shop-2", 2, unread_incident=True))
    desk.press(Key.MENU)
    assert labels(desk)[0] == word("Contacts")


def test_what_waits_makes_the_light_blink(desk: Desk) -> None:
    pattern = desk.phone._state.indicator
    desk.handle(DocumentsChanged("shop-2"))
    assert desk.phone._state.indicator is not pattern
    desk.handle(DocumentsChanged())
    assert desk.phone._state.indicator is pattern


def test_what_a_policy_has_changed_is_asked_again_once_it_was_read(desk: Desk) -> None:
    desk.handle(ConsentsChanged(frozenset(), activated=True, lapsed=frozenset({Purpose.RECORDING, Purpose.CDR_SYNC})))
    assert desk.view.purposes_to_answer == 2
    desk.press(Key.OK)
    assert desk.listing.title == word("Privacy")
    desk.press(Key.CANCEL)
    desk.handle(DocumentsChanged("shop-2"))
    desk.press(Key.OK)
    assert desk.said(ReadPolicy)
    desk.handle(ConsentsChanged(frozenset(), activated=True))
    assert not desk.view.purposes_to_answer
