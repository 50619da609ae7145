from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, func, insert, select

from fleet.api.access import Doors
from fleet.api.attempts import Attempts
from fleet.api.directory import Directory
from fleet.api.models import RequestStanding
from fleet.api.rights import listing_of, standing_of
from fleet.api.service import Service
from fleet.api.settings import HttpSettings
from fleet.tables import metadata, requests

TODAY = date(2026, 3, 10)
SEEN = datetime(2026, 3, 3, tzinfo=UTC)

WANTED = {
    1: (RequestStanding.OVERDUE, -1),
    2: (RequestStanding.OPEN, 0),
    3: (RequestStanding.OPEN, 1),
    4: (RequestStanding.CLOSED, None),
}


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{tmp_path / 'calls.db'}")
    metadata.create_all(engine)
    dues = {1: TODAY - timedelta(days=1), 2: TODAY, 3: TODAY + timedelta(days=1), 4: TODAY - timedelta(days=1)}
    with engine.begin() as connection:
        for number, due in dues.items():
            row = {"fleet": "north", "device": "handset-1", "number": number, "kind": "access", "due": due}
            closed_at = SEEN if number == 4 else None
            connection.execute(insert(requests).values(**row, first_seen_at=SEEN, closed_at=closed_at))
    return engine


def test_what_is_due_today_is_not_late_and_what_is_closed_never_is(engine: Engine) -> None:
    rows, _ = listing_of(TODAY).rows(engine, [], None, 10)
    assert {row.number: (row.standing, row.days_left) for row in rows} == WANTED


def test_the_day_is_that_of_the_operators_and_not_utcs(engine: Engine) -> None:
    def today(time_zone: str) -> date:
        doors = Doors({}, lifetime=timedelta(1), idle=timedelta(1))
        return Service(engine, HttpSettings(time_zone=time_zone), doors, Attempts(), None, (), Directory()).today()

    # These two are 26 hours apart, and never have the same day.
    assert today("Etc/GMT+12") < today("Pacific/Kiritimati")


@pytest.mark.parametrize("standing", list(RequestStanding))
def test_counts_and_lists_call_the_same_request_late(engine: Engine, standing: RequestStanding) -> None:
    condition = standing_of(TODAY)[standing]
    with engine.connect() as connection:
        numbers = set(connection.execute(select(requests.c.number).where(condition)).scalars())
        counted = connection.execute(select(func.count()).select_from(requests).where(condition)).scalar_one()
    assert numbers == {number for number, (wanted, _) in WANTED.items() if wanted is standing}
    assert counted == len(numbers)
