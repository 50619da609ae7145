"""What the connection to the broker moves, over days of a clock that a test sets."""

from datetime import date, timedelta

import pytest

from contract.consent import Actor, Channel
from firmware.phone.my_data import DataCategory
from firmware.ports.broker import DailyTraffic, Traffic
from firmware.store.traffic import DAYS_KEPT, StoredTraffic
from tests.lab.store import StoreLab

MONDAY = date(2026, 3, 2)


class Days:
    """Counts on a day that can be changed."""

    def __init__(self, lab: StoreLab) -> None:
        self.today = MONDAY
        self.traffic = StoredTraffic(lab.store, lambda: self.today)

    async def count(self, sent_bytes: int, received_bytes: int) -> None:
        await self.traffic.add(Traffic(sent_bytes, received_bytes))


@pytest.fixture
def days(lab: StoreLab) -> Days:
    return Days(lab)


async def test_what_is_moved_on_a_day_adds_up(days: Days) -> None:
    await days.count(300, 100)
    await days.count(30, 10)
    assert await days.traffic.daily() == DailyTraffic(Traffic(330, 110), Traffic(), Traffic(), days=0)


async def test_the_average_is_of_the_days_before_today(days: Days) -> None:
    for sent_bytes in (100, 200, 900):
        await days.count(sent_bytes, sent_bytes // 2)
        days.today += timedelta(1)
    await days.count(7, 7)
    assert await days.traffic.daily() == DailyTraffic(Traffic(7, 7), Traffic(900, 450), Traffic(400, 200), days=3)


async def test_a_day_without_a_broker_is_none(days: Days) -> None:
    await days.count(100, 100)
    days.today += timedelta(2)
    assert await days.traffic.daily() == DailyTraffic(Traffic(), Traffic(), Traffic(100, 100), days=1)


async def test_days_survive_a_restart(days: Days, lab: StoreLab) -> None:
    await days.count(100, 50)
    await lab.restart()
    assert (await StoredTraffic(lab.store, lambda: MONDAY).daily()).today == Traffic(100, 50)


async def test_no_more_than_a_month_is_kept(days: Days) -> None:
    for _ in range(DAYS_KEPT + 5):
        await days.count(10, 10)
        days.today += timedelta(1)
    days.today -= timedelta(1)
    assert (await days.traffic.daily()).days == DAYS_KEPT - 1


async def test_it_goes_with_what_says_what_left(days: Days, lab: StoreLab) -> None:
    await days.count(100, 50)
    await lab.erasure.erase([DataCategory.CALLS], actor=Actor.HOLDER, channel=Channel.KEYPAD)
    assert (await days.traffic.daily()).today == Traffic(100, 50)
    await lab.erasure.erase([DataCategory.SHARES], actor=Actor.HOLDER, channel=Channel.KEYPAD)
    assert (await days.traffic.daily()).today == Traffic()


@pytest.mark.parametrize("wrong", [date(1970, 1, 1), date(2100, 1, 1)])
async def test_days_of_a_clock_that_was_wrong_go(days: Days, wrong: date) -> None:
    days.today = wrong
    await days.count(10**6, 10**6)
    days.today = MONDAY
    await days.count(10, 10)
    assert await days.traffic.daily() == DailyTraffic(Traffic(10, 10), Traffic(), Traffic(), days=0)
