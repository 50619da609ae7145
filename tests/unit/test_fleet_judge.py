"""The judge of the chaos test: whatever goes wrong with a record makes it complain, and nothing else does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.call_diary import Deed, Diary, Fate, History
from tests.lab.fleet_judge import Receipts, Row, broken, missing, promises, wrong_at_the_end

KEPT, DELETED, UNCONSENTED, CUT_SHORT = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)
KEPT_ROW = Row("desk-1", 7, 1, KEPT)
DELETED_ROW = Row("desk-1", 7, 2, DELETED)


@pytest.fixture
def history(tmp_path: Path) -> History:
    diary = Diary(tmp_path / "diary")
    diary.write(Deed.STARTED)
    diary.write(Deed.CALLING, [UNCONSENTED])
    diary.write(Deed.CALLED, [UNCONSENTED])
    diary.write(Deed.GRANTING)
    diary.write(Deed.GRANTED)
    for call_id in (KEPT, DELETED):
        diary.write(Deed.CALLING, [call_id])
        diary.write(Deed.CALLED, [call_id])
        diary.write(Deed.ENDED, [call_id])
    diary.write(Deed.DELETING, [DELETED])
    diary.write(Deed.DELETED, [DELETED])
    diary.write(Deed.CONFIRMED, [DELETED_ROW.key])
    diary.write(Deed.CALLING, [CUT_SHORT])
    diary.write(Deed.QUIET)
    history = History(tmp_path / "diary")
    history.read_on()
    return history


RECEIPTS = Receipts(
    living=frozenset({KEPT_ROW.key}), notices=frozenset({(7, 3)}), erased=frozenset({(7, 3)})
)  # fmt: skip


def complaints(history: History, rows: list[Row], receipts: Receipts = RECEIPTS) -> list[str]:
    return wrong_at_the_end({"desk-1": history}, rows, {"desk-1": receipts})


def test_a_database_that_has_each_record_once_is_right(history: History) -> None:
    assert complaints(history, [KEPT_ROW]) == []


def test_a_call_that_was_cut_short_while_it_was_written_down_may_be_there_and_need_not(history: History) -> None:
    row = Row("desk-1", 7, 4, CUT_SHORT)
    assert complaints(history, [KEPT_ROW, row], replace(RECEIPTS, living=frozenset({KEPT_ROW.key, row.key}))) == []


@pytest.mark.parametrize(
    ("mutation", "complaint"),
    [
        (lambda _rows: [], "is lost"),
        (lambda rows: [*rows, replace(rows[0], seq=9)], "is there 2 times"),
        (lambda rows: [*rows, Row("desk-1", 7, 9, UNCONSENTED)], "was begun outside consent"),
        (lambda rows: [*rows, DELETED_ROW], "was confirmed to be erased"),
        (lambda rows: [*rows, replace(DELETED_ROW, seq=9)], "was taken back"),
        (lambda rows: [*rows, Row("desk-1", 7, 9, "e" * 32)], "nobody made it"),
        (lambda rows: [*rows, Row("desk-2", 7, 9, KEPT)], "nobody made it"),
        (lambda rows: [replace(rows[0], seq=9)], "records that it shows as confirmed are not there"),
    ],
)
def test_a_record_that_is_lost_or_doubled_or_should_not_be_there_is_complained_of(
    history: History, mutation: Callable[[list[Row]], list[Row]], complaint: str
) -> None:
    assert any(complaint in each for each in complaints(history, mutation([KEPT_ROW])))


@pytest.mark.parametrize(
    ("receipts", "complaint"),
    [
        (replace(RECEIPTS, living=frozenset()), "records are there that it does not show"),
        (replace(RECEIPTS, unconfirmed=frozenset({(7, 9)})), "no collector has confirmed them"),
        (replace(RECEIPTS, erased=frozenset()), "the ledger does not say so"),
    ],
)
def test_receipts_that_say_something_else_than_the_database_are_complained_of(
    history: History, receipts: Receipts, complaint: str
) -> None:
    assert any(complaint in each for each in complaints(history, [KEPT_ROW], receipts))


def test_what_is_confirmed_to_be_erased_must_be_gone_at_once_and_not_only_at_the_end(history: History) -> None:
    promised = promises({"desk-1": history})
    assert broken(promised, [KEPT_ROW]) == []
    assert len(broken(promised, [KEPT_ROW, DELETED_ROW])) == 1
    history.take(Deed.CANCELLING, [])
    assert broken(promises({"desk-1": history}), [KEPT_ROW]) == []
    history.take(Deed.GONE, [])
    assert len(broken(promises({"desk-1": history}), [KEPT_ROW])) == 1


def test_what_is_confirmed_to_be_there_must_be_until_somebody_begins_to_take_it_back(history: History) -> None:
    history.take(Deed.KEPT, [KEPT, DELETED])
    promised = promises({"desk-1": history})
    assert missing(promised, [KEPT_ROW], {"desk-1": history}) == []
    assert missing(promised, [], {"desk-1": history}) == [f"desk-1: call {KEPT} is not there, and was confirmed to be"]
    history.take(Deed.DELETING, [KEPT])
    assert missing(promised, [], {"desk-1": history}) == []


def test_a_yes_or_a_no_that_was_cut_short_decides_nothing_until_it_is_given_again(history: History) -> None:
    history.take(Deed.WITHDRAWING, [])
    assert history.under_way == (Deed.WITHDRAWING, [])
    assert history.fates[KEPT] is Fate.OPTIONAL
    history.take(Deed.STARTED, [])
    assert history.under_way == (Deed.WITHDRAWING, [])
    history.take(Deed.WITHDRAWN, [])
    assert history.fates[KEPT] is Fate.TAKEN_BACK
    assert not history.under_way


def test_a_call_after_a_no_is_never_to_be_there(history: History) -> None:
    history.take(Deed.WITHDRAWING, [])
    history.take(Deed.WITHDRAWN, [])
    history.take(Deed.CALLING, ["e" * 32])
    assert history.fates["e" * 32] is Fate.FORBIDDEN


def test_a_diary_is_read_on_from_where_it_was_read_and_a_torn_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "diary"
    history = History(path)
    history.read_on()
    path.write_text('["started", []]\n["granted"')
    history.read_on()
    assert (history.starts, history.consents) == (1, False)
    path.write_text('["started", []]\n["granted", []]\n')
    history.read_on()
    assert (history.starts, history.consents) == (1, True)
