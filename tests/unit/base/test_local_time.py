import os
import time
from collections.abc import Iterator

import pytest

from firmware.base.local_time import use_zone

MIDSUMMER_S = 1_782_000_000


@pytest.fixture(autouse=True)
def own_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC0")
    monkeypatch.delenv("WECALL_SETS_TZ", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    os.environ.pop("WECALL_SETS_TZ", None)
    time.tzset()


def hours_ahead() -> float:
    return time.localtime(MIDSUMMER_S).tm_gmtoff / 3600


@pytest.mark.parametrize(("zone", "hours"), [("Asia/Shanghai", 8), ("Europe/Berlin", 2), ("Asia/Kolkata", 5.5)])
def test_the_time_of_day_is_that_of_the_zone(zone: str, hours: float) -> None:
    use_zone(zone)
    assert hours_ahead() == hours


def test_without_a_zone_the_machines_own_holds() -> None:
    use_zone(None)
    assert hours_ahead() == 0


def test_a_process_that_starts_anew_without_a_zone_does_not_keep_that_of_before() -> None:
    use_zone("Asia/Shanghai")
    use_zone(None)
    assert "TZ" not in os.environ
