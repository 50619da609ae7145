"""The largest table parted as docs/fleet.md says, and written into by a collector's own code."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from fleet.collector.batch import write_batch
from fleet.collector.database import open_database, prepare, writing
from fleet.collector.reading import Reader
from fleet.collector.settings import Storage
from tests.lab.fleet_messages import cdr, erasure
from tests.lab.postgres import Postgres
from tests.unit.test_fleet_page import block

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PARTS = 64


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Return an empty database whose calls are parted."""
    # What a power failure leaves is not asked here.
    with Postgres(fsync="off") as cluster:
        engine = open_database(Storage(url=cluster.url))
        prepare(engine)
        lines = block("BEGIN;").replace("BEGIN;\n", "", 1).replace("COMMIT;", "")
        with engine.begin() as connection:
            connection.exec_driver_sql(lines.replace("%", "%%"))
        # As a collector does at each start.
        prepare(engine)
        yield engine
        engine.dispose()


def write(engine: Engine, device: str, topic: str, payload: bytes) -> None:
    reading = Reader().read(f"wecall/v1/north/{device}/{topic}", payload, NOW)
    with writing(engine).begin() as connection:
        write_batch(connection, [reading], NOW, None)


def test_calls_that_are_parted_are_written_once_and_deleted_like_any_others(engine: Engine) -> None:
    devices = [f"handset-{number}" for number in range(40)]
    for device in devices:
        for _ in range(2):
            write(engine, device, "cdr", cdr(device, 1, 2, 3))
        write(engine, device, "erasure", erasure(device, 4, (2, 2)))
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT device, seq FROM calls")).all()
        used = connection.execute(text("SELECT count(DISTINCT tableoid), count(*) FROM calls")).one()
        parts = connection.execute(
            text("SELECT count(*) FROM pg_inherits WHERE inhparent = 'calls'::regclass")
        ).scalar()
    assert sorted(map(tuple, rows)) == sorted((device, seq) for device in devices for seq in (1, 3))
    assert parts == PARTS
    assert used[0] > PARTS / 4, "the handsets are not spread over the parts"
