"""A collector's database moves from SQLite to a real PostgreSQL: all of it, or nothing."""

import re
import signal
import tracemalloc
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, func, insert, inspect, select, text

from fleet.collector.database import open_database, prepare, writing
from fleet.collector.move import TABLES, Move
from fleet.collector.move_command import move_database
from fleet.collector.settings import Storage
from fleet.tables import (
    alert_channels,
    alerts,
    audit,
    calls,
    epochs,
    erased_ranges,
    metadata,
    publications,
    schema_version,
)
from tests.lab.fleet_database import move_and_die_at
from tests.lab.postgres import Postgres
from tests.lab.seeded_fleet import SeededFleet

FLEET = SeededFleet(calls_each=60)
NOTHING = ({"fleet": "north", "device": "handset-0001", "epoch": 5, "first": 1, "last": 2**53 - 1},)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with Postgres(fsync="off") as cluster:
        yield cluster


@pytest.fixture
def old(tmp_path: Path) -> Storage:
    """Return a file with a fleet's history, that nobody has open."""
    storage = Storage(url=f"sqlite:///{tmp_path / 'calls.db'}")
    engine = open_database(storage)
    FLEET.fill(engine)
    with writing(engine).begin() as connection:
        connection.execute(insert(erased_ranges), NOTHING)
        connection.execute(insert(alert_channels).values(channel="mail", next_at=FLEET.now, failures=0))
        told = {"channel": "mail", "kind": "handset_offline", "fleet": "north", "subject": "h", "began_at": FLEET.now}
        connection.execute(insert(alerts), told)
        connection.execute(insert(epochs), [{"fleet": "north", "device": "h", "epoch": 3, "gone_at": FLEET.now}])
        looked = {
            "at": FLEET.now,
            "id": "1",
            "who": "dashboard.main",
            "action": "viewed",
            "what": "calls",
            "fleets": "*",
        }
        connection.execute(insert(audit), {**looked, "device": ""})
    engine.dispose()
    return storage


@pytest.fixture
def new(cluster: Postgres) -> Storage:
    """Return an empty database."""
    cluster.drop("moved")
    cluster.create("moved")
    return Storage(url=cluster.url_of("moved"))


def move(old: Storage, new: Storage) -> Result:
    return CliRunner().invoke(move_database, [old.url, new.url])


def contents(storage: Storage) -> dict[str, list[Any]]:
    engine = open_database(storage)
    try:
        with engine.begin() as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
                for table in metadata.sorted_tables
            }
    finally:
        engine.dispose()


def is_empty(storage: Storage) -> bool:
    engine = open_database(storage)
    try:
        return inspect(engine).get_table_names() == []
    finally:
        engine.dispose()


@pytest.mark.feature("database moved")
def test_everything_is_there_in_the_end_and_the_old_one_is_as_it_was(old: Storage, new: Storage) -> None:
    before = contents(old)
    done = move(old, new)
    assert done.exit_code == 0, done.output
    assert contents(new) == contents(old) == before
    assert f"{sum(map(len, before.values())) - 1} rows are in the new database." in done.stdout
    assert all(before[table.name] for table in TABLES)


@pytest.mark.parametrize("stops_at", ["calls", "publications", "quarantine"])
def test_killed_it_leaves_nothing_and_is_said_again(old: Storage, new: Storage, stops_at: str) -> None:
    before = contents(old)

    mover = get_context("spawn").Process(target=move_and_die_at, args=(old, new, stops_at))
    mover.start()
    mover.join()
    assert mover.exitcode == -signal.SIGKILL
    assert contents(old) == before
    assert is_empty(new)
    assert move(old, new).exit_code == 0
    assert contents(new) == before


def test_nobody_has_the_old_one_open_meanwhile(old: Storage, new: Storage) -> None:
    collector = open_database(old)
    with collector.begin() as connection:
        connection.execute(select(calls).limit(1))
    # It rests in the pool, as between two transactions.
    done = move(old, new)
    assert (done.exit_code, "systemctl stop wecall-collector" in done.output) == (1, True)
    collector.dispose()
    refused: list[str] = []

    def start_a_collector(_total: int) -> None:
        late = open_database(old)
        try:
            with writing(late).begin():
                pass
        except Exception as error:  # noqa: BLE001 - it is looked at below
            refused.append(f"{error}")

    sqlite_patience = pytest.MonkeyPatch()
    sqlite_patience.setattr("fleet.collector.database._SQLITE_PATIENCE_S", 0)
    Move(old, new).run(start_a_collector, lambda _table, _number: None)
    sqlite_patience.undo()
    assert "locked" in refused[0]


def test_a_database_with_something_in_it_is_refused_and_kept(old: Storage, new: Storage) -> None:
    engine = open_database(new)
    prepare(engine)
    (row, *_) = FLEET.rows_of(publications)
    with writing(engine).begin() as connection:
        connection.execute(insert(publications), row)
    done = move(old, new)
    assert (done.exit_code, "not empty: it has rows of publications" in done.output) == (1, True)
    with writing(engine).begin() as connection:
        assert connection.execute(select(func.count()).select_from(calls)).scalar_one() == 0
        connection.execute(publications.delete())
    engine.dispose()
    # The tables alone may be there: whoever parts them makes them first.
    assert move(old, new).exit_code == 0


def test_what_is_no_database_of_a_collectors_is_said(old: Storage, new: Storage, tmp_path: Path) -> None:
    def told(old_url: str, new_url: str = new.url) -> str:
        done = CliRunner().invoke(move_database, [old_url, new_url])
        assert done.exit_code in {1, 2}
        return re.sub(r"\s+", " ", done.output)

    assert "There is no database" in told(f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("no database" * 100)
    assert "file is not a database. Check the path" in told(f"sqlite:///{tmp_path / 'text.db'}")
    assert "in no other way" in told(old.url, old.url)
    assert "hunter2" not in told(old.url, "postgresql+psycopg://wecall:hunter2@db/wecall")
    assert "The move failed" in told(old.url, "postgresql+psycopg://wecall@/none?host=/nowhere")
    engine = open_database(old)
    with writing(engine).begin() as connection:
        connection.execute(schema_version.update().values(version=1))
    engine.dispose()
    assert "Start a collector of this version there once" in told(old.url)
    assert is_empty(new)


def test_a_row_that_is_refused_is_not_quoted(old: Storage, new: Storage) -> None:
    engine = open_database(old)
    with writing(engine).begin() as connection:
        connection.execute(text("UPDATE calls SET number = :number"), {"number": "+8613912345678" * 20})
    engine.dispose()
    done = move(old, new)
    assert (done.exit_code, "StringDataRightTruncation" in done.output) == (1, True)
    assert "8613912345678" not in done.output
    assert is_empty(new)


def test_it_takes_no_more_memory_for_more_rows(old: Storage, new: Storage) -> None:
    engine = open_database(old)
    _multiply_calls(engine, 40_000)
    tracemalloc.start()
    try:
        Move(old, new).run(lambda _total: None, lambda _table, _number: None)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # All of them at once would be some 40 MB.
    assert most_bytes < 8_000_000


def _multiply_calls(engine: Engine, number: int) -> None:
    names = [column.name for column in calls.columns]
    values = ", ".join("n.value + 1000" if name == "seq" else f"c.{name}" for name in names)
    statement = f"""
        INSERT INTO calls ({", ".join(names)})
        WITH RECURSIVE n(value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM n WHERE value < {number})
        SELECT {values} FROM n, (SELECT * FROM calls LIMIT 1) c
    """
    with writing(engine).begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
