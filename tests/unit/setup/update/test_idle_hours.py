"""When a phone is idle: by its own clock, and each phone at a minute of its own."""

from datetime import datetime

import pytest

from firmware.setup.update.idle_hours import IdleHours
from provisioning.updates import Updates

pytestmark = pytest.mark.feature("updates by stick and network")

OVER_MIDNIGHT = Updates(hours="23:00-02:00")


def at(hour: int, minute: int = 0) -> float:
    return datetime(2026, 11, 25, hour, minute).timestamp()  # noqa: DTZ001 - local time is what this is about


def test_a_fleet_does_not_come_at_once_and_each_phone_every_night_at_its_own_minute() -> None:
    begins = [IdleHours.of(Updates(), f"desk-{number}").begin_minute for number in range(500)]
    assert min(begins) >= 120
    assert max(begins) < 210
    assert len(set(begins)) > 80
    assert begins[7] == IdleHours.of(Updates(), "desk-7").begin_minute


def test_it_is_idle_from_its_minute_to_the_end_of_the_hours() -> None:
    hours = IdleHours(150, 150)
    assert not hours.are_at(at(2, 29))
    assert hours.are_at(at(2, 30))
    assert hours.are_at(at(4, 59))
    assert not hours.are_at(at(5))
    assert not hours.are_at(at(14))


def test_idle_hours_may_go_over_midnight() -> None:
    hours = IdleHours.of(OVER_MIDNIGHT, "desk-1")
    assert not hours.are_at(at(22, 59))
    assert hours.are_at(at(1, 59))
    assert not hours.are_at(at(2))


def test_what_may_come_only_after_the_next_idle_hours_does_not_come_in_them() -> None:
    hours = IdleHours(150, 150)
    assert hours.come_before(at(1), at(12))
    assert hours.come_before(at(2) + 86_400, at(12))
    assert not hours.come_before(at(3) + 86_400, at(12))
    assert hours.come_before(at(3), at(3))
    assert not hours.come_before(at(4), at(3))
