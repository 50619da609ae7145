import pytest
from pydantic import ValidationError

from provisioning.updates import Updates


@pytest.mark.parametrize(
    ("hours", "begin", "length"),
    [("02:00-05:00", 120, 180), ("23:30-01:00", 1410, 90), ("00:00-23:59", 0, 1439), ("04:00-05:00", 240, 60)],
)
def test_idle_hours_are_two_times_of_day_and_may_go_over_midnight(hours: str, begin: int, length: int) -> None:
    updates = Updates(hours=hours)
    assert (updates.begin_minute, updates.length_minutes) == (begin, length)


@pytest.mark.parametrize("hours", ["02:00-02:59", "02:00-02:00", "2:00-5:00", "02:00-24:00", "02:00", "02:00-05:00 "])
def test_hours_that_are_none_or_too_short_to_install_in_are_a_mistake(hours: str) -> None:
    with pytest.raises(ValidationError):
        Updates(hours=hours)


def test_a_security_update_is_put_off_for_a_month_at_most() -> None:
    with pytest.raises(ValidationError):
        Updates(security_days=31)
