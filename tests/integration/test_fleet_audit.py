"""What is written down of who did what: as it is done, on both databases, and readable by auditors alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import OperationalError

from fleet.api.audit_log import Action, AuditLog
from fleet.collector import retention
from fleet.collector.database import open_database, prepare, writing
from fleet.collector.settings import Storage
from fleet.tables import audit
from tests.lab.fleet_api import NORTH_TOKEN, TOKEN, FleetApi

COLUMNS: Final = (audit.c.who, audit.c.action, audit.c.what, audit.c.fleets, audit.c.device)
NAMED: Final = {"dashboard.main": "*", "dashboard.north": ["north"], "dashboard.law": "*"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(Storage(url=f"sqlite:///{tmp_path / 'calls.db'}"))
    prepare(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def api(engine: Engine, tmp_path: Path) -> Iterator[FleetApi]:
    with FleetApi(
        engine,
        tmp_path,
        log=writing(engine),
        login=lambda _user, password: password == "right",
        user_fleets=NAMED,
        auditors=["dashboard.law"],
    ) as api:
        yield api


def log_in(api: FleetApi, user: str, password: str = "right") -> httpx.Client:
    with api.client_with(None) as somebody:
        got = somebody.post("/api/v1/session", json={"user": user, "password": password})
    return api.client_with(got.json().get("token", "none"))


def written(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*COLUMNS).order_by(audit.c.at))]


@pytest.mark.feature("fleet API")
def test_who_looks_at_people_is_written_down_and_sums_are_not(api: FleetApi, engine: Engine) -> None:
    with log_in(api, "dashboard.north") as person:
        for path in ("calls", "calls", "calls/hourly", "devices/counts", "consents/coverage", "requests"):
            assert person.get(f"/api/v1/{path}").status_code == 200
        assert person.get("/api/v1/calls", params={"device": "desk-7", "fleet": "north"}).status_code == 200
        assert person.get("/api/v1/calls", headers={"Accept": "text/csv"}).status_code == 200
        assert person.get("/api/v1/calls", headers={"Accept": "text/csv"}).status_code == 200
        assert person.post("/api/v1/exports", json={"what": "requests", "fleet": "north"}).status_code == 204
        assert person.delete("/api/v1/session").status_code == 204
    assert written(engine) == [
        ("dashboard.north", "logged_in", "", "north", ""),
        ("dashboard.north", "viewed", "calls", "north", ""),
        ("dashboard.north", "viewed", "requests", "north", ""),
        ("dashboard.north", "viewed", "calls", "north", "desk-7"),
        ("dashboard.north", "exported", "calls", "north", ""),
        ("dashboard.north", "exported", "calls", "north", ""),
        ("dashboard.north", "exported", "requests", "north", ""),
        ("dashboard.north", "logged_out", "", "", ""),
    ]


def test_a_program_is_named_by_a_few_digits_that_open_nothing(api: FleetApi, engine: Engine) -> None:
    assert api.client.get("/api/v1/calls").status_code == 200
    ((who, *_),) = written(engine)
    assert who.startswith("token:")
    assert len(who) == len("token:") + 8
    assert who.removeprefix("token:") not in TOKEN


def test_auditors_alone_read_it_and_that_is_written_down_too(api: FleetApi, engine: Engine) -> None:
    with (
        log_in(api, "dashboard.main") as main,
        log_in(api, "dashboard.law") as law,
        api.client_with(NORTH_TOKEN) as north,
    ):
        for other in (main, north, api.client):
            got = other.get("/api/v1/audit")
            assert (got.status_code, got.json()["detail"].startswith("This is for auditors.")) == (403, True)
        rows = law.get("/api/v1/audit").json()["rows"]
        assert [row["who"] for row in rows][:1] == ["dashboard.law"]
        assert {row["who"] for row in rows} >= {"dashboard.main", "dashboard.law"}
        assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    assert ("dashboard.law", "viewed", "audit", "*", "") in written(engine)


def test_what_somebody_asks_for_in_vain_says_nothing_of_a_number(api: FleetApi, engine: Engine) -> None:
    for device in ("+862112345678", "a b", "x" * 65):
        api.client.get("/api/v1/calls", params={"device": device})
    log_in(api, "dashboard.main", "planted-password").close()
    assert "8621" not in str(written(engine))
    assert "planted" not in str(written(engine))
    assert "dashboard.main" not in str(written(engine))


def test_where_it_cannot_be_written_down_nothing_is_shown(api: FleetApi, engine: Engine) -> None:
    with log_in(api, "dashboard.main") as person:
        with writing(engine).begin() as connection:
            audit.drop(connection)
        for headers in ({}, {"Accept": "text/csv"}):
            got = person.get("/api/v1/calls", headers=headers)
            assert (got.status_code, "rows" in got.text) == (503, False)
        assert log_in(api, "dashboard.main").get("/api/v1/devices").status_code == 401


def test_a_look_is_written_once_an_hour_and_again_after_a_new_log_in(engine: Engine) -> None:
    clock_s = [0.0]
    log = AuditLog(writing(engine), now_s=lambda: clock_s[0])
    for minutes in (0, 30, 59, 61):
        clock_s[0] = 60.0 * minutes
        log.note("dashboard.main", Action.VIEWED, "calls", fleets=None)
    assert len(written(engine)) == 2
    log.note("dashboard.main", Action.LOGGED_IN, fleets=None)
    log.note("dashboard.main", Action.VIEWED, "calls", fleets=None)
    assert len(written(engine)) == 4


def test_a_look_that_was_not_written_down_is_written_the_next_time(engine: Engine) -> None:
    log = AuditLog(writing(engine))
    with writing(engine).begin() as connection:
        audit.drop(connection)
    with pytest.raises(OperationalError):
        log.note("dashboard.main", Action.VIEWED, "calls")
    with writing(engine).begin() as connection:
        audit.create(connection)
    log.note("dashboard.main", Action.VIEWED, "calls")
    assert len(written(engine)) == 1


def test_those_who_wait_for_the_file_are_written_together(engine: Engine) -> None:
    log, begun = AuditLog(writing(engine)), []
    event.listen(engine, "begin", lambda _connection: begun.append(1))
    with ThreadPoolExecutor(20) as people:
        with writing(engine).begin():
            looks = [people.submit(log.note, f"dashboard.{number}", Action.VIEWED, "calls") for number in range(20)]
            assert not wait(looks, timeout=0.5).done
        for look in looks:
            look.result(timeout=60)
    assert len(written(engine)) == 20
    # The one that has the file, who waits first, and all the others.
    assert len(begun) <= 4


def test_what_is_older_than_is_kept_goes_and_nothing_else(engine: Engine) -> None:
    now = datetime.now(UTC)
    for days in (400, 366, 364, 0):
        log = AuditLog(writing(engine), now=lambda days=days: now - timedelta(days=days))  # type: ignore[misc]
        log.note(f"dashboard.{days}", Action.LOGGED_IN)
    (step,) = retention.steps(None, now - timedelta(days=365))
    with writing(engine).begin() as connection:
        assert step.run(connection) == 2
    assert [who for who, *_ in written(engine)] == ["dashboard.364", "dashboard.0"]
