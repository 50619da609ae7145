"""The lab's clock begins on Sunday, 1 March 2026, at 10:00 UTC; a call of make_call takes 65 s, 60 of them talked."""

import time
from collections.abc import Iterator

import pytest

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from firmware.phone.call import CallQuality
from firmware.phone.call_statistics import CallCounts, CallStatistics
from firmware.phone.commands import CloseCallRecord
from tests.lab.store import StoreLab

IN, OUT = CallDirection.INCOMING, CallDirection.OUTGOING
HOUR_S = 3600
DAY_S = 24 * HOUR_S
NOTHING = CallCounts(0, 0, 0, 0, None)
ONE = CallCounts(dialled=1, received=0, missed=0, talked_s=60, mos=None)
TWO = CallCounts(dialled=2, received=0, missed=0, talked_s=120, mos=None)


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from in_zone("UTC", monkeypatch)


def in_zone(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", name)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def quality(mos: float) -> CallQuality:
    return CallQuality(0.5, 3.0, 20.0, "G722", encrypted=True, mos=mos)


async def test_a_log_without_calls_counts_nothing(lab: StoreLab) -> None:
    assert await lab.call_log.statistics() == CallStatistics(NOTHING, NOTHING, NOTHING, undated=0)


async def test_calls_are_counted_by_kind_as_the_lists_have_them_with_what_was_talked(lab: StoreLab) -> None:
    await lab.make_call(direction=OUT)
    await lab.make_call(direction=OUT, answered=False, reason=DisconnectReason.BUSY)
    await lab.make_call(direction=IN)
    await lab.make_call(direction=IN, answered=False, reason=DisconnectReason.CANCELLED)
    await lab.make_call(direction=IN, answered=False, reason=DisconnectReason.REJECTED)
    counts = (await lab.call_log.statistics()).today
    assert counts == CallCounts(dialled=2, received=1, missed=1, talked_s=120, mos=None)
    assert counts.calls == 4


async def test_what_is_talked_counts_when_the_call_is_over(lab: StoreLab) -> None:
    call_id = await lab.open_call()
    await lab.call_log.mark_answered(call_id)
    lab.pass_time(90)
    assert (await lab.call_log.statistics()).ever.talked_s == 0
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200))
    assert (await lab.call_log.statistics()).ever.talked_s == 90


async def test_the_quality_is_the_mean_of_the_calls_that_were_measured(lab: StoreLab) -> None:
    for mos in (4.0, 3.0, 0.0):
        await lab.call_log.keep_quality(await lab.make_call(), quality(mos))
    await lab.make_call()
    assert (await lab.call_log.statistics()).today == CallCounts(4, 0, 0, 240, 3.5)


async def test_a_call_counts_for_the_day_and_the_month_on_which_it_began(lab: StoreLab) -> None:
    lab.pass_time(14 * HOUR_S - 30)
    await lab.make_call()
    assert await lab.call_log.statistics() == CallStatistics(NOTHING, ONE, ONE, undated=0)
    await lab.make_call()
    assert await lab.call_log.statistics() == CallStatistics(ONE, TWO, TWO, undated=0)
    lab.pass_time(30 * DAY_S)
    assert await lab.call_log.statistics() == CallStatistics(NOTHING, NOTHING, TWO, undated=0)


async def test_the_day_is_that_of_the_handsets_zone(lab: StoreLab, monkeypatch: pytest.MonkeyPatch) -> None:
    # 18:00 in Shanghai on the first of March; a call at 23:59 there is of today, one at 0:01 of tomorrow.
    for _ in in_zone("Asia/Shanghai", monkeypatch):
        lab.pass_time(6 * HOUR_S - 66)
        await lab.make_call()
        assert (await lab.call_log.statistics()).today == ONE
        lab.pass_time(2)
        assert (await lab.call_log.statistics()).today == NOTHING


async def test_while_the_clock_is_not_set_no_day_is_counted(lab: StoreLab) -> None:
    await lab.make_call()
    lab.synced = False
    assert await lab.call_log.statistics() == CallStatistics(None, None, ONE, undated=0)


async def test_a_call_from_before_the_clock_was_set_belongs_to_no_day(lab: StoreLab) -> None:
    lab.synced = False
    await lab.make_call()
    lab.synced = True
    await lab.make_call()
    assert await lab.call_log.statistics() == CallStatistics(ONE, ONE, TWO, undated=1)


async def test_a_call_that_began_later_than_now_belongs_to_no_day(lab: StoreLab) -> None:
    await lab.make_call()
    lab.pass_time(0, clock_step_s=-2 * HOUR_S)
    assert await lab.call_log.statistics() == CallStatistics(NOTHING, NOTHING, ONE, undated=1)


async def test_a_deleted_call_is_counted_no_more(lab: StoreLab) -> None:
    await lab.call_log.delete(await lab.make_call())
    assert (await lab.call_log.statistics()).ever == NOTHING


async def test_counting_queues_nothing_for_the_broker(lab: StoreLab) -> None:
    for purpose in Purpose:
        await lab.consents.grant(purpose)
    await lab.call_log.keep_quality(await lab.make_call(), quality(4.0))
    before = await lab.outbox.next_batch(50)
    await lab.call_log.statistics()
    assert await lab.outbox.next_batch(50) == before
    assert "cdr" in {message.topic for message in before}
    assert not any("mos" in str(message.payload) or "talked" in str(message.payload) for message in before)


# --- who is called most ---


async def most_called(lab: StoreLab) -> list[str]:
    return [person.name for person in (await lab.call_log.people(())).called]


async def test_who_was_called_and_answered_most_comes_first_by_any_of_their_numbers(lab: StoreLab) -> None:
    await lab.add_contact("Anna", ["+861012345678", "2001"])
    await lab.add_contact("Tom", ["2002"])
    for number in ("2002", "2002", "2002", "+861012345678", "2001", "2001", "2001"):
        await lab.make_call(number)
    assert [(person.name, person.number) for person in (await lab.call_log.people(())).called] == [
        ("Anna", "2001"),
        ("Tom", "2002"),
    ]


async def test_calls_that_came_in_or_that_nobody_answered_do_not_count_nor_strangers_nor_whom_one_blocks(
    lab: StoreLab,
) -> None:
    await lab.add_contact("Anna", ["2001"])
    await lab.add_contact("Pest", ["2002"], blocked=True)
    for _ in range(3):
        await lab.make_call("2001", IN)
        await lab.make_call("2001", answered=False)
        await lab.make_call("2002")
        await lab.make_call("2003")
    assert await most_called(lab) == []


async def test_who_was_called_twice_is_not_called_often_and_what_the_log_forgets_counts_no_more(lab: StoreLab) -> None:
    await lab.add_contact("Anna", ["2001"])
    calls = [await lab.make_call("2001") for _ in range(3)]
    assert await most_called(lab) == ["Anna"]
    await lab.call_log.delete(calls[0])
    assert await most_called(lab) == []
