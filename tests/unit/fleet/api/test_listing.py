import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, insert
from starlette.requests import Request

from fleet.api import calls as call_routes
from fleet.api.answers import RequestMistakeError
from fleet.api.listing import wants_csv
from fleet.api.models import Call
from fleet.tables import calls, metadata

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
LATEST = call_routes.LATEST


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{tmp_path / 'calls.db'}")
    metadata.create_all(engine)
    return engine


def a_call(seq: int, **changes: Any) -> dict[str, Any]:
    return {
        "fleet": "north",
        "device": "handset-1",
        "epoch": 1,
        "seq": seq,
        "id": "0" * 32,
        "account": "0" * 32,
        "direction": "outgoing",
        "number": "1001",
        "started_at": START + timedelta(seconds=seq),
        "answered_at": None,
        "ended_at": START + timedelta(seconds=seq + 5),
        "result": "busy",
        "sip_code": 486,
        "clock_synced": True,
        "boot_id": "00000000-0000-0000-0000-000000000000",
        "received_at": START,
        **changes,
    }


def add(engine: Engine, *rows: dict[str, Any]) -> None:
    with engine.begin() as connection:
        connection.execute(insert(calls), list(rows))


def pages(engine: Engine, size: int, between: Callable[[], None] = lambda: None) -> list[Call]:
    found: list[Call] = []
    after: str | None = None
    while True:
        rows, after = LATEST.rows(engine, [], after, size)
        found += rows
        if after is None:
            return found
        between()


@pytest.mark.parametrize("size", [1, 3, 10, 11])
def test_pages_together_are_everything_once_also_where_many_have_the_same_time(engine: Engine, size: int) -> None:
    rows = [
        a_call(seq, started_at=START, device=device) for seq in range(1, 6) for device in ("handset-1", "handset-2")
    ]
    add(engine, *rows)
    assert [(row.device, row.seq) for row in pages(engine, size)] == sorted(
        ((row["device"], row["seq"]) for row in rows), reverse=True
    )


def test_two_runs_of_a_handset_that_count_alike_are_two_calls_at_the_end_of_a_page(engine: Engine) -> None:
    add(engine, *(a_call(1, epoch=epoch) for epoch in (1, 2, 3)))
    assert [call.epoch for call in pages(engine, 1)] == [3, 2, 1]


def test_what_comes_in_meanwhile_doubles_nothing_and_hides_nothing(engine: Engine) -> None:
    add(engine, *(a_call(seq) for seq in range(1, 21)))
    fresh = iter(range(100, 200))
    seqs = [row.seq for row in pages(engine, 3, lambda: add(engine, a_call(next(fresh))))]
    assert seqs == list(range(20, 0, -1))


def test_a_time_between_two_microseconds_is_not_lost_on_the_way_through_a_cursor(engine: Engine) -> None:
    add(engine, *(a_call(seq, started_at=START + timedelta(microseconds=seq)) for seq in range(1, 8)))
    assert [row.seq for row in pages(engine, 2)] == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "after",
    [
        "!",
        "e30",
        "W10",
        "WzEsMl0",
        # [1e999, ...], a time without its zone, a number beyond the columns', a text with a zero byte
        "WzFlOTk5LCJhIiwiYiIsMSwxXQ",
        "WyIyMDI2LTAzLTEwVDEyOjAwOjAwIiwiYSIsImIiLDEsMV0",
        "WyIyMDI2LTAzLTEwVDEyOjAwOjAwWiIsImEiLCJiIiwxLDk5OTk5OTk5OTk5OTk5OTk5OTk5XQ",
        "WyIyMDI2LTAzLTEwVDEyOjAwOjAwWiIsIlx1MDAwMCIsImIiLDEsMV0",
    ],
)
def test_a_cursor_that_nobody_gave_out_is_a_mistake(engine: Engine, after: str) -> None:
    with pytest.raises(RequestMistakeError, match=r"query\.after: This route did not give it out"):
        LATEST.rows(engine, [], after, 10)


async def a_file(engine: Engine) -> list[list[str]]:
    parts = [str(part) async for part in LATEST.file(engine, [], None, "calls").body_iterator]
    return list(csv.reader(io.StringIO("".join(parts), newline="")))


@pytest.mark.parametrize("number", ["=HYPERLINK(1)", "+8613800000000", "-1+2", "@SUM"])
async def test_no_cell_of_a_file_is_a_formula(engine: Engine, number: str) -> None:
    add(engine, a_call(1, number=number))
    head, row = await a_file(engine)
    assert row[head.index("number")] == f"'{number}"


async def test_a_file_has_every_row_however_many_and_the_fields_of_the_api(engine: Engine) -> None:
    add(engine, *(a_call(seq, number=None) for seq in range(1, 4501)))
    head, *rows = await a_file(engine)
    assert head == list(Call.model_fields)
    assert [int(row[head.index("seq")]) for row in rows] == list(range(4500, 0, -1))
    assert {row[head.index("number")] for row in rows} == {""}
    assert {row[head.index("clock_synced")] for row in rows} == {"true"}


def test_a_file_is_for_whoever_asks_for_one_before_json(subtests: pytest.Subtests) -> None:
    for accept, csv_wanted in (
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("text/csv", True),
        ("text/csv, */*;q=0.1", True),
        ("text/csv;q=0.5, application/json", False),
        ("application/json;q=0.5, TEXT/CSV", True),
        ("text/csv;q=0", False),
        ("text/csv;q=never", False),
        ("text/html, text/*", False),
    ):
        with subtests.test(accept=accept):
            headers = [] if accept is None else [(b"accept", accept.encode())]
            assert wants_csv(Request({"type": "http", "headers": headers})) is csv_wanted
