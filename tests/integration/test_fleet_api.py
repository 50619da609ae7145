"""The HTTP API over real databases, and asked by whoever comes along."""

import csv
import io
import json
import logging
import os
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import pytest
from sqlalchemy import Engine, update

from contract.consent import Purpose
from fleet.api.login import MqttLogin
from fleet.api.middleware import MAX_BODY_BYTES
from fleet.collector.database import open_database, prepare, writing
from fleet.collector.quarantine import Sender
from fleet.collector.reading import Call
from fleet.collector.records import insert_calls
from fleet.collector.settings import Storage
from fleet.collector.states import note_seen
from fleet.tables import calls, purposes, requests
from tests.lab import chance
from tests.lab.fleet_api import NORTH_TOKEN, TOKEN, UNNAMED_TOKEN, FleetApi
from tests.lab.fleet_broker import FleetBroker
from tests.lab.postgres import Postgres
from tests.lab.seeded_fleet import SeededFleet, message_digest

FLEET = SeededFleet()
FILE_GROWTH_BYTES = 25_000_000
"""The text of a hundred thousand rows alone is 29 MB."""
SPAN = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-11T00:00:00Z"}

ROUTES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("devices", {}),
    ("devices", {"state": ["offline", "retired"], "order": "since", "search": "-000"}),
    ("devices/counts", {}),
    ("calls", {"limit": 5000}),
    ("calls", {"fleet": "south", "result": ["busy", "interrupted"], "direction": "incoming"}),
    ("calls", {"device": "handset-0003", "from": "2026-03-08T00:00:00+08:00", "to": SPAN["to"]}),
    ("calls/hourly", SPAN),
    ("calls/hourly", {**SPAN, "fleet": "north", "device": "handset-0003"}),
    ("calls/results", SPAN),
    ("calls/causes", SPAN),
    ("calls/dropped", {**SPAN, "limit": 5000}),
    ("calls/dropped", {**SPAN, "fleet": "north", "device": "handset-0003"}),
    ("consents/coverage", {}),
    ("requests", {}),
    ("requests", {"standing": ["overdue", "open"]}),
    ("requests/counts", {}),
    ("erasures", {}),
    ("erasures", {"standing": "outstanding"}),
    ("outcomes", {}),
    ("outcomes", {"kind": "bundle", "fleet": "north"}),
    ("outcomes/devices", {"message": message_digest("bundle-42"), "code": "reverted_lines"}),
    ("quarantine", {}),
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def engines(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Engine]:
    file = tmp_path_factory.mktemp("fleet") / "calls.db"
    engines = {
        "sqlite": open_database(Storage(url=f"sqlite:///{file}")),
        "postgresql": open_database(Storage(url=postgres.url)),
    }
    for engine in engines.values():
        FLEET.fill(engine)
    return engines


@pytest.fixture(scope="module")
def apis(engines: dict[str, Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, FleetApi]]:
    folder = tmp_path_factory.mktemp("api")
    with FleetApi(engines["sqlite"], folder) as on_sqlite, FleetApi(engines["postgresql"], folder) as on_postgresql:
        yield {"sqlite": on_sqlite, "postgresql": on_postgresql}


@pytest.fixture(params=["sqlite", "postgresql"])
def api(request: pytest.FixtureRequest, apis: dict[str, FleetApi]) -> FleetApi:
    return apis[request.param]


def answer(api: FleetApi, path: str, **parameters: Any) -> Any:
    got = api.client.get(f"/api/v1/{path}", params=parameters)
    assert got.status_code == 200, got.text
    return got.json()


@pytest.mark.parametrize(("path", "parameters"), ROUTES)
def test_both_databases_answer_alike_and_with_something(
    apis: dict[str, FleetApi], path: str, parameters: dict[str, Any]
) -> None:
    found = answer(apis["sqlite"], path, **parameters)
    assert answer(apis["postgresql"], path, **parameters) == found
    assert found.get("rows", [found]) != []


def test_calls_are_those_that_were_told_the_latest_first(api: FleetApi) -> None:
    told = FLEET.rows_of(calls)
    key = ("started_at", "fleet", "device", "epoch", "seq")
    rows = api.rows("calls", limit=77)
    assert [(row["device"], row["seq"]) for row in rows] == [
        (row["device"], row["seq"])
        for row in sorted(told, key=lambda row: tuple(row[name] for name in key), reverse=True)
    ]


@pytest.mark.parametrize(
    ("path", "parameters"),
    [("devices", {"order": "name"}), ("devices", {"order": "since"}), ("requests", {}), ("quarantine", {})],
)
def test_small_pages_leave_nobody_out(api: FleetApi, path: str, parameters: dict[str, str]) -> None:
    whole = answer(api, path, limit=5000, **parameters)["rows"]
    assert len(whole) > 2
    assert api.rows(path, limit=2, **parameters) == whole


@pytest.mark.parametrize("field", ["result", "direction", "fleet"])
def test_a_filter_leaves_those_and_no_others(api: FleetApi, field: str) -> None:
    told = Counter(str(row[field]) for row in FLEET.rows_of(calls))
    for value, number in told.items():
        rows = api.rows("calls", limit=5000, **{field: value})
        assert [row[field] for row in rows] == [value] * number


def test_hours_count_what_started_in_them_and_none_is_left_out(api: FleetApi) -> None:
    told: Counter[datetime] = Counter()
    answered: Counter[datetime] = Counter()
    for row in FLEET.rows_of(calls):
        hour = row["started_at"].replace(minute=0, second=0, microsecond=0)
        told[hour] += 1
        answered[hour] += row["answered_at"] is not None
    rows = answer(api, "calls/hourly", **SPAN)["rows"]
    hours = [datetime.fromisoformat(row["hour"]) for row in rows]
    assert hours == [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=index) for index in range(240)]
    assert [row["calls"] for row in rows] == [told[hour] for hour in hours]
    assert [row["answered"] for row in rows] == [answered[hour] for hour in hours]
    assert sum(told.values()) == FLEET.handsets * FLEET.calls_each


def test_hours_begin_as_in_utc_also_for_whoever_lives_half_an_hour_beside_it(api: FleetApi) -> None:
    start, end = (datetime.fromisoformat(f"2026-03-0{day}T00:00:00+05:30") for day in (5, 6))
    rows = answer(api, "calls/hourly", **{"from": start.isoformat(), "to": end.isoformat()})["rows"]
    hours = [datetime.fromisoformat(row["hour"]) for row in rows]
    assert hours == [datetime(2026, 3, 4, 18, tzinfo=UTC) + timedelta(hours=index) for index in range(25)]
    told = sum(start <= row["started_at"] < end for row in FLEET.rows_of(calls))
    assert sum(row["calls"] for row in rows) == told > 0


def test_a_call_at_the_very_beginning_counts_and_one_at_the_very_end_does_not(api: FleetApi) -> None:
    one = FLEET.rows_of(calls)[0]["started_at"]
    step = timedelta(milliseconds=1)
    for start, end, number in ((one, one + step, 1), (one - step, one, 0)):
        span = {"from": start.isoformat(), "to": end.isoformat()}
        assert len(answer(api, "calls", **span)["rows"]) == number
        for route in ("calls/hourly", "calls/results"):
            assert sum(row["calls"] for row in answer(api, route, **span)["rows"]) == number


def test_coverage_tells_a_no_from_a_question_that_was_never_asked(api: FleetApi) -> None:
    retired = FLEET.names()[-1][1]
    told = {purpose: Counter[str]() for purpose in Purpose}
    for row in FLEET.rows_of(purposes):
        if row["device"] != retired:
            said = "granted" if row["granted"] else "refused" if row["since"] is not None else "not_asked"
            told[row["purpose"]][said] += 1
    coverage = answer(api, "consents/coverage")
    assert {row.pop("purpose"): row for row in coverage["rows"]} == told
    assert (coverage["devices"], coverage["reporting"], coverage["ledgers_broken"]) == (39, 39, 1)


def test_what_is_due_first_comes_first_and_what_is_late_says_so(api: FleetApi) -> None:
    rows = api.rows("requests", limit=4)
    assert [row["due"] for row in rows] == sorted(str(row["due"]) for row in FLEET.rows_of(requests))
    open_rows = api.rows("requests", standing="overdue")
    assert {row["standing"] for row in open_rows} == {"overdue"}
    assert {row["days_left"] < 0 for row in open_rows} == {True}
    counts = answer(api, "requests/counts")
    assert counts["open"] + counts["overdue"] + counts["closed"] == len(rows)


def test_of_several_words_about_a_message_the_newest_counts(api: FleetApi) -> None:
    bundle = next(row for row in answer(api, "outcomes")["rows"] if row["kind"] == "bundle")
    assert bundle["codes"] == [{"code": "applied", "devices": 15}, {"code": "reverted_lines", "devices": 5}]
    assert (bundle["name"], bundle["devices"], bundle["message"]) == ("42", 20, message_digest("bundle-42"))


def test_a_file_holds_what_the_pages_hold(api: FleetApi) -> None:
    got = api.client.get("/api/v1/calls", headers={"Accept": "text/csv"}, params={"fleet": "north"})
    assert got.headers["content-type"].startswith("text/csv")
    assert "attachment" in got.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(got.text, newline="")))
    pages = api.rows("calls", fleet="north", limit=500)
    assert [(row["device"], int(row["seq"])) for row in rows] == [(row["device"], row["seq"]) for row in pages]
    assert {row["number"][:1] for row in rows} == {"'", "1", ""}, "a number with a plus sign is no formula"


@pytest.mark.feature("fleet API")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_file_of_a_million_rows_takes_no_more_memory_than_a_page(database: str, tmp_path: Path) -> None:
    """Who asks and who answers are one process here, so that what it grows by is an upper bound of the server's."""
    rows = chance.counted(1_000_000, 100_000)
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'calls.db'}" if database == "sqlite" else stack.enter_context(Postgres()).url
        engine = open_database(Storage(url=url))
        stack.callback(engine.dispose)
        fill_with_calls(engine, rows)
        api, process = stack.enter_context(FleetApi(engine, tmp_path)), psutil.Process()
        api.client.get("/api/v1/calls", params={"limit": 5000})
        lines, before = 0, process.memory_info().rss
        with api.client.stream("GET", "/api/v1/calls", headers={"Accept": "text/csv"}) as got:
            for piece in got.iter_bytes():
                lines += piece.count(b"\n")
                assert process.memory_info().rss - before < FILE_GROWTH_BYTES
    assert lines == 1 + rows


def fill_with_calls(engine: Engine, rows: int) -> None:
    """Write calls of a few handsets as a collector does, one a second."""
    prepare(engine)
    now = datetime.now(UTC)
    with writing(engine).begin() as connection:
        note_seen(connection, {Sender("north", f"handset-{number}") for number in range(10)}, {}, now)
    for first in range(0, rows, 5000):
        some = [a_call(number, now - timedelta(seconds=rows - number)) for number in range(first, first + 5000)]
        with writing(engine).begin() as connection:
            insert_calls(connection, some, now, None)


def a_call(number: int, at: datetime) -> Call:
    return Call(
        fleet="north",
        device=f"handset-{number % 10}",
        epoch=1,
        seq=number + 1,
        id=f"{number:032x}",
        account=f"{7:032x}",
        direction="outgoing",
        number="+441632960000",
        started_at=at,
        answered_at=at,
        ended_at=at,
        result="remote_hangup",
        sip_code=200,
        clock_synced=True,
        boot_id="7cd135d5-022d-46ac-81ce-18d084236757",
    )


def test_a_token_for_some_fleets_sees_no_others(api: FleetApi) -> None:
    with api.client_with(NORTH_TOKEN) as north:
        for path, parameters in ROUTES:
            got = north.get(f"/api/v1/{path}", params={**parameters, "fleet": "south"})
            assert got.status_code == 403, path
            mine = {name: value for name, value in parameters.items() if name != "fleet"}
            everything = north.get(f"/api/v1/{path}", params={**mine, "limit": 5000}).json()
            rows = (row for part in ("rows", "causes", "handsets", "minutes") for row in everything.get(part, []))
            assert {row.get("fleet", "north") for row in rows} <= {"north"}, path
        assert north.get("/api/v1/consents/coverage").json()["devices"] == 20
        assert (
            north.get("/api/v1/calls/results", params=SPAN).json()["rows"]
            == answer(api, "calls/results", **SPAN, fleet="north")["rows"]
        )
        assert north.get("/metrics").status_code == 403


@pytest.mark.feature("fleet API")
def test_names_of_the_table_go_to_those_who_may_see_the_fleet(engines: dict[str, Engine], tmp_path: Path) -> None:
    table = tmp_path / "devices.csv"
    (fleet, device), (other_fleet, other) = (name for name in FLEET.names() if name[1].endswith(("-0003", "-0023")))
    assert {fleet, other_fleet} == {"north", "south"}
    table.write_text(
        f"serial,device_id,label,place,fleet,password\n1,{device},Müller,Room 12,,swordfish\n2,{other},Meier,Hall,,x\n"
        "3,new-1,Huber,Hall,north,x\n4,new-2,Schmidt,Hall,,x\n"
    )
    heard = {"fleet": fleet, "device": device, "serial": "1", "label": "Müller", "place": "Room 12", "heard": True}
    new = {"fleet": "north", "device": "new-1", "serial": "3", "label": "Huber", "place": "Hall", "heard": False}
    for engine in engines.values():
        with FleetApi(engine, tmp_path, names=table) as api, api.client_with(NORTH_TOKEN) as north:
            everything = answer(api, "names")
            assert [(row["fleet"], row["device"], row["heard"]) for row in everything["rows"]] == [
                ("north", device, True), ("south", other, True), ("north", "new-1", False), (None, "new-2", False),
            ]  # fmt: skip
            assert (everything["broken"], "swordfish" in json.dumps(everything)) == (False, False)
            assert north.get("/api/v1/names").json()["rows"] == [heard, new]
            assert answer(api, "names", fleet="north")["rows"] == [heard, new]
            good = table.read_bytes()
            table.write_text("no table any more")
            assert answer(api, "names") == {**everything, "broken": True}
            table.write_bytes(good)


OPEN_TO_ALL: Final = ("/api/v1/settings", "/api/v1/session", "/api/v1/session/open-id")


@pytest.mark.parametrize("token", [None, "x" * 43, TOKEN[:-1], f"{TOKEN}t", ""])
def test_without_a_token_that_is_good_nothing_is_told(api: FleetApi, token: str | None) -> None:
    with api.client_with(token or None) as stranger:
        for path, methods in stranger.get("/openapi.json").json()["paths"].items():
            if path not in OPEN_TO_ALL and "get" in methods:
                got = stranger.get(path)
                assert (got.status_code, got.headers["www-authenticate"]) == (401, "Bearer"), path
        assert stranger.get("/api/v1/settings").status_code == 200
        # Nor is a mistake told.
        for path in ("calls/hourly", "calls/results"):
            backwards = {"from": SPAN["to"], "to": SPAN["from"]}
            assert stranger.get(f"/api/v1/{path}", params=backwards).status_code == 401, path


def test_every_answer_tells_browsers_what_to_leave_alone(api: FleetApi) -> None:
    for path in ("/api/v1/devices", "/api/v1/calls?limit=0", "/api/v1/nothing", "/metrics", "/openapi.json"):
        headers = api.client.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "set-cookie" not in headers
        assert "server" not in headers
    assert "script-src 'self'" in api.client.get("/").headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("calls?limit=0", "query.limit"),
        ("calls?limit=5001", "query.limit"),
        ("calls?fleet=North%00", "query.fleet"),
        ("calls?result=lost", "query.result"),
        ("calls?from=yesterday", "query.from"),
        ("calls?from=2026-03-10T12:00:00", "query.from"),
        ("calls?to=9999-12-31T23:59:59-14:00", "query.to"),
        ("calls?after=bm8", "query.after"),
        ("calls/hourly?from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "query.from"),
        ("calls/hourly?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "query.from"),
        ("calls/causes?from=2026-01-01T00:00:00Z&to=2026-02-02T00:00:00Z", "query.from"),
        ("calls/dropped?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "query.from"),
        ("devices?search=%25", "query.search"),
        ("outcomes?message=zz", "query.message"),
        ("requests?standing=late", "query.standing"),
    ],
)
def test_a_mistake_is_told_with_its_place(api: FleetApi, path: str, where: str) -> None:
    got = api.client.get(f"/api/v1/{path}")
    assert got.status_code == 422
    assert [mistake["where"].partition(".0")[0] for mistake in got.json()["mistakes"]] == [where]


def test_a_database_that_is_away_is_told_of_and_asked_again(tmp_path: Path) -> None:
    with Postgres() as server:
        engine = open_database(Storage(url=server.url))
        FLEET.fill(engine)
        with FleetApi(engine, tmp_path) as api:
            assert len(answer(api, "devices")["rows"]) == FLEET.handsets
            server.kill()
            got = api.client.get("/api/v1/devices")
            assert (got.status_code, got.headers["retry-after"]) == (503, "10")
            assert "wecall_fleet_database_readable 0.0" in api.client.get("/metrics").text
            server.start()
            assert len(answer(api, "devices")["rows"]) == FLEET.handsets
            assert "wecall_fleet_database_readable 1.0" in api.client.get("/metrics").text


def test_what_this_program_cannot_read_is_an_error_without_a_number_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_database(Storage(url=f"sqlite:///{tmp_path / 'calls.db'}"))
    FLEET.fill(engine)
    with writing(engine).begin() as connection:
        # As a newer collector beside this one may write it.
        connection.execute(update(calls).values(result="beamed_up", number="+4915112345678"))
    with FleetApi(engine, tmp_path) as api:
        assert api.client.get("/api/v1/calls").status_code == 500
    assert "beamed_up" not in caplog.text
    assert "+4915112345678" not in caplog.text
    assert "ValidationError" in caplog.text


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "get"])
def test_no_other_way_of_asking_gets_round_the_token(api: FleetApi, method: str) -> None:
    with api.client_with(None) as stranger:
        for path in stranger.get("/openapi.json").json()["paths"]:
            if path not in OPEN_TO_ALL:
                got = stranger.request(method, path, headers={"Range": "bytes=0-9", "Origin": "https://example.com"})
                assert got.status_code in {401, 404, 405}, path
                assert "access-control-allow-origin" not in got.headers


def test_a_body_that_nobody_needs_does_not_fill_the_memory(api: FleetApi) -> None:
    with api.client_with(None) as stranger:
        document = b'{"user": "dashboard.main", "password": "' + b"x" * MAX_BODY_BYTES + b'"}'
        json_header = {"Content-Type": "application/json"}
        assert stranger.post("/api/v1/session", content=document, headers=json_header).status_code == 413
        pieces = (document[start : start + 500] for start in range(0, len(document), 500))
        assert stranger.post("/api/v1/session", content=pieces, headers=json_header).status_code == 413


@dataclass
class Desk:
    """Where people log in: an API beside a broker."""

    broker: FleetBroker
    api: FleetApi
    engine: Engine

    def log_in(self, user: str, password: str, *, forwarded: str | None = None) -> httpx.Response:
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        with self.api.client_with(None) as somebody:
            return somebody.post("/api/v1/session", json={"user": user, "password": password}, headers=headers)


@pytest.fixture
def desk(engines: dict[str, Engine], tmp_path: Path) -> Iterator[Desk]:
    with FleetBroker(tmp_path / "broker", dashboards=("main", "north", "nowhere")) as broker:
        login = MqttLogin("127.0.0.1", broker.password_port, broker.ca_path)
        with FleetApi(
            engines["sqlite"],
            tmp_path,
            login=login,
            user_fleets={"dashboard.main": "*", "dashboard.north": ["north"]},
            behind_proxy=True,
        ) as api:
            yield Desk(broker, api, engines["sqlite"])


@pytest.mark.feature("fleet API")
def test_who_may_look_at_the_broker_may_look_here_until_they_log_out(desk: Desk) -> None:
    got = desk.log_in("dashboard.main", desk.broker.password_of("dashboard.main"))
    assert got.status_code == 201, got.text
    session = got.json()
    assert (session["user"], session["fleets"], session["idle_s"]) == ("dashboard.main", None, 3600)
    with desk.api.client_with(session["token"]) as person:
        assert len(person.get("/api/v1/devices").json()["rows"]) == FLEET.handsets
        assert person.get("/metrics").status_code == 200
        assert person.delete("/api/v1/session").status_code == 204
        assert person.get("/api/v1/devices").status_code == 401


def test_whoever_is_for_one_fleet_sees_one(desk: Desk) -> None:
    session = desk.log_in("dashboard.north", desk.broker.password_of("dashboard.north")).json()
    assert session["fleets"] == ["north"]
    with desk.api.client_with(session["token"]) as person:
        assert {row["fleet"] for row in person.get("/api/v1/devices").json()["rows"]} == {"north"}
        assert person.get("/api/v1/devices", params={"fleet": "south"}).status_code == 403


@pytest.mark.feature("fleet API")
def test_whoever_is_named_nowhere_sees_no_fleet_and_is_told_what_to_do(desk: Desk) -> None:
    got = desk.log_in("dashboard.nowhere", desk.broker.password_of("dashboard.nowhere"))
    assert got.status_code == 403
    assert got.json()["detail"].startswith("The collector shows dashboard.nowhere no fleet. Name the user with its")
    with desk.api.client_with(UNNAMED_TOKEN) as program:
        for path, _ in ROUTES:
            got = program.get(f"/api/v1/{path}")
            assert (got.status_code, "This token is for no fleet." in got.text) == (403, True), path
        assert program.get("/metrics").status_code == 403


def test_a_wrong_password_opens_nothing_and_is_written_nowhere(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tried = [
        desk.log_in("dashboard.main", "planted-password-1"),
        desk.log_in("dashboard.nobody", "planted-password-2"),
        desk.log_in("collector.main", "planted-password-3"),
        desk.log_in("dashboard.main", "planted-password-4" * 20),
    ]
    assert [got.status_code for got in tried] == [401, 401, 422, 422]
    desk.broker.kill()
    away = desk.log_in("dashboard.main", "planted-password-5")
    assert (away.status_code, "broker cannot be asked" in away.text) == (503, True)
    told = caplog.text + "".join(got.text for got in (*tried, away))
    assert "planted-password" not in told
    assert "cannot be asked" in caplog.text


@pytest.mark.feature("fleet API")
def test_whoever_guesses_is_told_to_wait_whatever_user_and_address_they_make_up(desk: Desk) -> None:
    right = desk.broker.password_of("dashboard.main")
    for _ in range(8):
        assert desk.log_in("dashboard.main", right, forwarded="192.0.2.66").status_code == 201
    tried = [
        desk.log_in(f"dashboard.user-{number}", "guess", forwarded=f"198.51.100.{number}, 192.0.2.66").status_code
        for number in range(8)
    ]
    assert tried == [401] * 6 + [429] * 2
    refused = desk.log_in("dashboard.main", right, forwarded="192.0.2.66")
    assert refused.status_code == 429
    wait_s = int(refused.headers["retry-after"])
    assert 1 <= wait_s <= 10
    assert refused.json()["detail"].endswith(f"Try again in {wait_s} s.")
    assert desk.log_in("dashboard.main", right, forwarded="192.0.2.1").status_code == 201


def test_a_broker_that_shows_somebody_elses_certificate_is_told_no_password(desk: Desk, tmp_path: Path) -> None:
    with FleetBroker(tmp_path / "impostor") as impostor:
        login = MqttLogin("127.0.0.1", impostor.password_port, desk.broker.ca_path)
        with FleetApi(desk.engine, tmp_path, login=login) as api, api.client_with(None) as somebody:
            document = {"user": "dashboard.main", "password": impostor.password_of("dashboard.main")}
            assert somebody.post("/api/v1/session", json=document).status_code == 503


def test_with_a_certificate_it_speaks_tls_and_nothing_else(engines: dict[str, Engine], tmp_path: Path) -> None:
    with FleetBroker(tmp_path / "broker") as broker:
        own = broker.of_itself
        with FleetApi(engines["sqlite"], tmp_path, host="0.0.0.0", certificate=own.certificate, key=own.key) as api:
            with api.client_with(TOKEN, verify=ssl.create_default_context(cafile=broker.ca_path)) as trusting:
                got = trusting.get("/api/v1/devices")
                assert (got.status_code, got.headers["strict-transport-security"]) == (200, "max-age=31536000")
            with httpx.Client(trust_env=False) as plain, pytest.raises(httpx.TransportError):
                plain.get(f"{api.url.replace('https', 'http')}/api/v1/settings")


@pytest.mark.feature("fleet API")
@pytest.mark.soak
def test_every_route_keeps_to_its_own_description_whatever_is_asked(engines: dict[str, Engine], tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text('headers = { Authorization = "Bearer ${WECALL_TOKEN}" }\n')
    with FleetApi(engines["postgresql"], tmp_path) as api:
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                "--config-file", tmp_path / "schemathesis.toml",
                "run", f"{api.url}/openapi.json",
                "--phases", "coverage,fuzzing" if chance.SOAK else "fuzzing",
                "--max-examples", str(chance.counted(200, 5)),
                "--checks", "all",
                # No description says which cursors were given out, nor that `from` comes before `to`.
                "--exclude-checks", "positive_data_acceptance",
                "--exclude-path", "/api/v1/session",
                "--exclude-path", "/api/v1/session/open-id",
                # Nobody listens to a broker here.
                "--exclude-path", "/api/v1/live",
                "--seed", str(chance.SEED),
                "--no-color",
            ],
            env={**os.environ, "WECALL_TOKEN": TOKEN, "NO_PROXY": "*"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
