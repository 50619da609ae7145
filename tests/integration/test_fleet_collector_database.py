"""What a collector writes, the same on SQLite and on PostgreSQL, also where several of them write at once."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, Engine, Table, delete, func, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from contract.messages import ConsentMessage
from fleet.api.audit_log import Action, AuditLog
from fleet.collector import retention
from fleet.collector.batch import Written, write_batch
from fleet.collector.database import VERSION, forget_for_good, open_database, prepare, writing
from fleet.collector.quarantine import Reason, Rejection, Sender
from fleet.collector.reading import EARLIEST, Reader
from fleet.collector.records import COPY_FROM
from fleet.collector.settings import Storage
from fleet.errors import FleetError
from fleet.tables import (
    alert_channels,
    alerts,
    audit,
    calls,
    consents,
    devices,
    erased_ranges,
    erasures,
    metadata,
    outcomes,
    publications,
    purposes,
    quarantine,
    requests,
    schema_version,
)
from tests.lab import chance
from tests.lab.fleet_messages import EPOCH, cancellation, cdr, consent, erasure, outcome, record, records, reset
from tests.lab.postgres import Postgres

NOW = datetime(2024, 5, 6, 12, tzinfo=UTC)
SENDER = Sender("north", "handset-1")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    # What a power failure leaves is not asked here.
    with Postgres(fsync="off") as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Return an empty database."""
    url = f"sqlite:///{tmp_path / 'calls.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("cluster").url
    engine = open_database(Storage(url=url))
    metadata.drop_all(engine)
    prepare(engine)
    yield engine
    engine.dispose()


def write(
    engine: Engine,
    *messages: tuple[str, bytes],
    device: str = "handset-1",
    now: datetime = NOW,
    oldest: datetime | None = None,
) -> Written:
    """Write messages of a handset, each with the last level of its topic."""
    reader = Reader()
    readings = [reader.read(f"wecall/v1/north/{device}/{topic}", payload, now) for topic, payload in messages]
    with writing(engine).begin() as connection:
        return write_batch(connection, readings, now, oldest)


def rows(engine: Engine, table: Table, *columns: str) -> list[Any]:
    with engine.begin() as connection:
        found = connection.execute(select(*(table.c[name] for name in columns)).order_by(*table.primary_key)).all()
    return [tuple(row) if len(columns) > 1 else row[0] for row in found]


def seqs(engine: Engine) -> list[int]:
    return rows(engine, calls, "seq")


def told(engine: Engine, statement: str) -> Any:
    """Ask outside of a transaction, and return the one value that is answered, None where there is none."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        result = connection.execute(text(statement))
        return result.scalar_one() if result.returns_rows else None


# --- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [3, COPY_FROM + 50])
def test_a_record_is_there_once_however_often_it_comes(engine: Engine, count: int) -> None:
    messages = [("cdr", cdr("handset-1", seq)) for seq in range(1, count + 1)]
    first = write(engine, *messages, messages[0])
    assert (first.inserted, first.duplicates) == (count, 1)
    again = write(engine, *messages, ("cdr", cdr("handset-1", count + 1)))
    assert (again.inserted, again.duplicates) == (1, count)
    assert seqs(engine) == list(range(1, count + 2))
    # Whoever sent it again waits for the word that it is there.
    assert sorted(again.confirmed[SENDER]) == [(EPOCH, seq) for seq in range(1, count + 2)]


def test_a_record_comes_back_as_it_was_sent(engine: Engine) -> None:
    write(engine, ("cdr", cdr("handset-1", 7, number=None, answered_at=None, ended_at=None, result="interrupted")))
    with engine.begin() as connection:
        row = connection.execute(select(calls)).one()
    assert (row.fleet, row.device, row.epoch, row.seq) == ("north", "handset-1", EPOCH, 7)
    assert row.started_at == datetime(2024, 5, 6, 10, tzinfo=UTC)
    assert (row.number, row.answered_at, row.ended_at, row.result) == (None, None, None, "interrupted")
    assert (row.clock_synced, row.received_at) == (True, NOW)


def test_a_number_that_came_as_a_pseudonym_stays_one(engine: Engine) -> None:
    pseudonym = "p:" + "5e" * 16
    write(engine, ("cdr", records([record("handset-1", 1, number=pseudonym)])))
    assert rows(engine, calls, "number") == [pseudonym]


@pytest.mark.parametrize("apart", [True, False])
def test_of_two_records_with_one_number_the_first_stays_and_the_other_is_counted(engine: Engine, apart: bool) -> None:
    first, other = ("cdr", cdr("handset-1", 1)), ("cdr", cdr("handset-1", 1, number="1000"))
    if apart:
        write(engine, first)
        written = write(engine, other)
        assert SENDER not in written.confirmed
    else:
        write(engine, first, other)
    assert rows(engine, calls, "number") == ["+8613912345678"]
    assert rows(engine, quarantine, "fleet", "device", "topic", "reason", "count") == [
        ("north", "handset-1", "cdr", "conflict", 1)
    ]


def test_records_of_two_handsets_and_two_epochs_do_not_meet(engine: Engine) -> None:
    write(engine, ("cdr", cdr("handset-1", 1)), ("cdr", cdr("handset-1", 1, epoch=EPOCH + 1)))
    write(engine, ("cdr", cdr("handset-2", 1)), device="handset-2")
    assert len(seqs(engine)) == 3


def test_what_is_not_taken_is_counted_and_nothing_of_it_kept(engine: Engine) -> None:
    for _ in range(2):
        write(engine, ("cdr", b"{}"), ("cdr", b"{}"), ("cdr", b"{"), ("cdr", cdr("handset-2", 1)))
    assert rows(engine, quarantine, "topic", "reason", "count") == [
        ("cdr", "not_json", 2), ("cdr", "other_device", 2), ("cdr", "schema", 4)
    ]  # fmt: skip
    assert seqs(engine) == []


def test_whoever_invents_names_fills_no_table(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.collector.quarantine.MAX_ROWS", 30)
    with writing(engine).begin() as connection:
        connection.execute(
            insert(quarantine),
            [
                {"fleet": "north", "device": f"x{each}", "topic": "cdr", "reason": "schema", "count": 1,
                 "first_received_at": NOW, "last_received_at": NOW}
                for each in range(30)
            ],
        )  # fmt: skip
    write(engine, ("cdr", b"{}"), device="x5")
    write(engine, ("cdr", b"{}"), device="invented")
    with engine.begin() as connection:
        counts = {
            tuple(row)
            for row in connection.execute(
                select(quarantine.c.device, quarantine.c.count).where(quarantine.c.last_received_at >= NOW)
            )
            if row[0] in {"x5", "", "invented"}
        }
    assert counts == {("x5", 2), ("", 1)}


# --- what handsets say of themselves ----------------------------------------------------------------------------------


def test_where_a_handset_is_changes_with_its_word_alone(engine: Engine) -> None:
    write(engine, ("cdr", cdr("handset-1", 1)))
    assert rows(engine, devices, "state", "state_since") == [("unknown", NOW)]
    later = NOW + timedelta(minutes=5)
    write(engine, ("status", b'{"state":"online"}'), now=later)
    write(engine, ("status", b'{"state":"online"}'), now=later + timedelta(minutes=5))
    assert rows(engine, devices, "state", "state_since") == [("online", later)]
    assert rows(engine, devices, "first_seen_at", "last_seen_at") == [(NOW, later + timedelta(minutes=5))]
    write(engine, ("status", b'{"state":"no_line"}'), now=later + timedelta(minutes=6))
    assert rows(engine, devices, "state", "state_since") == [("no_line", later + timedelta(minutes=6))]
    write(engine, ("status", b'{"state":"offline"}'), ("status", b""), now=later)
    assert rows(engine, devices, "state") == ["unknown"]


def test_the_newest_state_of_consent_stands_and_an_older_one_of_the_same_run_changes_nothing(engine: Engine) -> None:
    write(engine, ("consent", consent("handset-1", 5, granted=False)))
    write(engine, ("consent", consent("handset-1", 4)))
    assert rows(engine, consents, "seq") == [5]
    assert set(rows(engine, purposes, "granted")) == {False}
    write(engine, ("consent", consent("handset-1", 2, epoch=EPOCH + 1)))
    assert rows(engine, consents, "epoch", "seq") == [(EPOCH + 1, 2)]
    assert set(rows(engine, purposes, "granted")) == {True}


def test_a_yes_that_the_newest_state_does_not_repeat_is_none(engine: Engine) -> None:
    whole = ConsentMessage.read(consent("handset-1", 1))
    write(engine, ("consent", whole.written()))
    less = msgspec.structs.replace(whole, seq=2, purposes=whole.purposes[1:])
    write(engine, ("consent", less.written()))
    assert set(rows(engine, purposes, "purpose")) == {answer.purpose.value for answer in whole.purposes[1:]}


def test_a_request_whose_day_the_handset_does_not_know_is_due_by_the_collectors_own_count_until_it_does(
    engine: Engine,
) -> None:
    def due() -> list[Any]:
        return rows(engine, requests, "number", "due")

    write(engine, ("consent", consent("handset-1", 1, requests=[(1, None), (2, "2024-05-08")])))
    # Five days from Monday to Friday after Monday 6 May.
    assert due() == [(1, date(2024, 5, 13)), (2, date(2024, 5, 8))]
    write(engine, ("consent", consent("handset-1", 2, requests=[(1, None)])), now=NOW + timedelta(days=3))
    assert due() == [(1, date(2024, 5, 13)), (2, date(2024, 5, 8))], "telling it again moves no day"
    write(engine, ("consent", consent("handset-1", 3, requests=[(1, "2024-05-10")])))
    assert due() == [(1, date(2024, 5, 10)), (2, date(2024, 5, 8))]


def test_what_a_signed_answer_names_is_kept_and_that_the_holder_objects(engine: Engine) -> None:
    write(engine, ("consent", consent("handset-1", 1, requests=[(1, "2024-05-10")])))
    write(engine, ("consent", b""))
    write(engine, ("consent", consent("handset-1", 2, requests=[(1, "2024-05-17")], objected=True)))
    assert rows(engine, requests, "epoch", "objected", "closed_at") == [(EPOCH, True, None)]


def test_requests_that_are_listed_no_more_are_closed(engine: Engine) -> None:
    write(engine, ("consent", consent("handset-1", 1, requests=[(1, "2024-06-01"), (2, "2024-06-02")])))
    write(engine, ("consent", consent("handset-1", 2, requests=[(2, "2024-06-02"), (3, "2024-06-03")])))
    assert rows(engine, requests, "number", "closed_at") == [(1, NOW), (2, None), (3, None)]


def test_a_request_that_found_no_room_in_a_full_list_is_not_closed(engine: Engine) -> None:
    write(engine, ("consent", consent("handset-1", 1, requests=[(1, "2024-06-01"), (50, "2024-06-20")])))
    full = [(number, "2024-06-10") for number in range(2, 22)]
    write(engine, ("consent", consent("handset-1", 2, requests=full)))
    closed = dict(rows(engine, requests, "number", "closed_at"))
    assert (closed[1], closed[50]) == (NOW, None)


def test_a_state_that_the_broker_keeps_no_more_is_forgotten(engine: Engine) -> None:
    write(engine, ("consent", consent("handset-1", 1, requests=[(1, "2024-06-01")])), ("consent", b""))
    assert (rows(engine, consents, "seq"), rows(engine, purposes, "purpose")) == ([], [])
    assert rows(engine, requests, "closed_at") == [NOW]


def test_outcomes_and_what_operators_published_are_kept_once(engine: Engine) -> None:
    for _ in range(2):
        write(engine, ("outcome", outcome("handset-1", 9)))
        reading = Reader().read(
            f"wecall-fleet/v1/north/publication/{'b' * 64}",
            b'{"kind":"bundle","name":"7","message":"%s","published_at":"2024-05-06T10:00:00.000Z"}' % (b"b" * 64),
            NOW,
        )
        with writing(engine).begin() as connection:
            write_batch(connection, [reading], NOW, None)
    assert rows(engine, outcomes, "seq", "message", "code") == [(9, "b" * 64, "applied")]
    assert rows(engine, publications, "fleet", "message", "name") == [("north", "b" * 64, "7")]


# --- what is taken back -----------------------------------------------------------------------------------------------


@pytest.mark.feature("deletion at the collector")
def test_a_notice_deletes_what_it_names_and_keeps_it_out(engine: Engine) -> None:
    write(engine, *(("cdr", cdr("handset-1", seq)) for seq in range(1, 6)))
    written = write(engine, ("erasure", erasure("handset-1", 9, (2, 3), (5, 7))))
    assert (written.erased, len(written.notices)) == (3, 1)
    assert seqs(engine) == [1, 4]
    # Also what it overtook on its way; its sender need not send it again.
    late = write(engine, *(("cdr", cdr("handset-1", seq)) for seq in (3, 6, 8)))
    assert (late.inserted, late.withheld["erased"]) == (1, 2)
    assert sorted(late.confirmed[SENDER]) == [(EPOCH, 3), (EPOCH, 6), (EPOCH, 8)]
    assert seqs(engine) == [1, 4, 8]
    assert rows(engine, erasures, "seq", "deleted", "cancelled", "done_at") == [(9, 3, False, None)]


def test_ranges_that_touch_are_one(engine: Engine) -> None:
    for seq, ends in enumerate([(1, 3), (10, 12), (4, 5), (5, 9)]):
        write(engine, ("erasure", erasure("handset-1", 100 + seq, ends)))
    assert rows(engine, erased_ranges, "first", "last") == [(1, 12)]


def test_a_record_between_two_ranges_is_nobodys_to_delete_or_to_keep_out(engine: Engine) -> None:
    for seq, ends in enumerate([(5, 6), (1, 3), (8, 9)]):
        write(engine, ("erasure", erasure("handset-1", 100 + seq, ends)))
    assert rows(engine, erased_ranges, "first", "last") == [(1, 3), (5, 6), (8, 9)]
    write(engine, *(("cdr", cdr("handset-1", seq)) for seq in range(1, 11)))
    assert seqs(engine) == [4, 7, 10]


def test_within_one_batch_a_notice_takes_what_came_before_and_after_it(engine: Engine) -> None:
    write(
        engine, ("cdr", cdr("handset-1", 1)), ("erasure", erasure("handset-1", 9, (1, 2))), ("cdr", cdr("handset-1", 2))
    )
    assert seqs(engine) == []


def test_what_a_notice_has_deleted_does_not_come_back_with_what_comes_after_it(engine: Engine) -> None:
    before, after = ([("cdr", cdr("handset-1", seq)) for seq in range(first, first + COPY_FROM)] for first in (1, 1001))
    written = write(engine, *before, ("erasure", erasure("handset-1", 5000, (1, 1000))), *after)
    assert (written.inserted, written.erased) == (2 * COPY_FROM, COPY_FROM)
    assert seqs(engine) == list(range(1001, 1001 + COPY_FROM))


def test_a_notice_is_about_its_own_handset_alone(engine: Engine) -> None:
    write(engine, ("cdr", cdr("handset-2", 1)), device="handset-2")
    write(engine, ("erasure", erasure("handset-1", 9, (1, 2))), ("erasure", cancellation("handset-1", 10)))
    assert seqs(engine) == [1]


def everything(device: str, epoch: int = EPOCH) -> Sequence[tuple[str, bytes]]:
    return (
        ("consent", consent(device, 1, requests=[(1, "2024-06-01")], epoch=epoch)),
        ("cdr", cdr(device, 2, 3, epoch=epoch)),
        ("outcome", outcome(device, 4, epoch=epoch)),
        ("status", b'{"state":"online"}'),
    )


HOLDERS = (calls, consents, purposes, requests, outcomes)


def test_of_a_holder_who_has_gone_nothing_is_left_and_nothing_comes_in(engine: Engine) -> None:
    write(engine, *everything("handset-1"))
    write(engine, *everything("handset-1", EPOCH + 1))
    written = write(engine, ("erasure", cancellation("handset-1", 9, epoch=EPOCH + 2)))
    assert written.erased == 4
    assert rows(engine, devices, "retired_at") == [NOW]
    late = write(
        engine, *everything("handset-1"), *everything("handset-1", EPOCH + 1), *everything("handset-1", EPOCH + 2)
    )
    assert (late.inserted, late.withheld["erased"]) == (0, 6)
    for table in HOLDERS:
        assert rows(engine, table, "device") == [], table.name
    assert rows(engine, devices, "retired_at") == [NOW]


def test_a_reset_takes_back_one_holder_and_nothing_of_the_next(engine: Engine) -> None:
    write(engine, *everything("handset-1"))
    write(
        engine, ("cdr", cdr("handset-1", 2, 3, epoch=EPOCH + 1)), ("outcome", outcome("handset-1", 5, epoch=EPOCH + 1))
    )
    notice = ("erasure", reset("handset-1", 1, EPOCH, EPOCH + 1, epoch=EPOCH + 8))
    assert write(engine, notice).erased == 4
    for table in HOLDERS:
        assert rows(engine, table, "device") == [], table.name
    assert rows(engine, devices, "retired_at") == [None], "the handset stays in the fleet"
    late = write(engine, *everything("handset-1"))
    assert (late.inserted, rows(engine, consents, "seq"), rows(engine, outcomes, "seq")) == (0, [], [])
    write(engine, *everything("handset-1", EPOCH + 2))
    assert write(engine, notice).erased == 0
    # One that comes again under another number, from a card that was copied.
    write(engine, ("erasure", reset("handset-1", 2, EPOCH, EPOCH + 1, epoch=EPOCH + 9)))
    assert seqs(engine) == [2, 3]
    for table in HOLDERS:
        assert rows(engine, table, "device"), table.name


def test_the_next_holder_of_a_handset_is_another(engine: Engine) -> None:
    write(engine, *everything("handset-1"))
    notice = ("erasure", cancellation("handset-1", 9))
    # Calls of the next holder may have begun before the notice came through, and arrive with it.
    write(engine, ("cdr", cdr("handset-1", 5)), notice, *everything("handset-1", EPOCH + 5))
    assert rows(engine, calls, "epoch", "seq") == [(EPOCH + 5, 2), (EPOCH + 5, 3)]
    assert rows(engine, devices, "retired_at") == [None]
    # The notice comes again, since nobody knows whether it was confirmed; it is not about this holder.
    again = write(engine, notice)
    assert (again.erased, len(again.notices)) == (0, 1)
    assert len(seqs(engine)) == 2


def test_a_record_of_an_epoch_that_nobody_knows_may_be_the_former_holders_and_waits(engine: Engine) -> None:
    write(engine, *everything("handset-1"), ("erasure", cancellation("handset-1", 9)))
    unknown = ("cdr", cdr("handset-1", 2, epoch=EPOCH + 1))
    written = write(engine, unknown)
    assert (written.inserted, SENDER in written.confirmed) == (0, False)
    assert [rejection.reason for rejection in written.rejections] == [Reason.FORMER_HOLDER]
    # Its handset sends it again, and has told of consent by then if it is the next holder's.
    write(engine, ("consent", consent("handset-1", 1, epoch=EPOCH + 1)), unknown)
    assert len(seqs(engine)) == 1
    later = (NOW + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    write(engine, ("cdr", cdr("handset-1", 3, epoch=EPOCH + 3, started_at=later, answered_at=None, ended_at=later)))
    assert len(seqs(engine)) == 2


def test_a_record_that_comes_with_the_notice_of_a_holder_who_has_gone_waits_too(engine: Engine) -> None:
    unknown = ("cdr", cdr("handset-1", 2, epoch=EPOCH + 1))
    written = write(engine, *everything("handset-1"), ("erasure", cancellation("handset-1", 9)), unknown)
    assert (seqs(engine), written.rejections[Rejection(SENDER, "cdr", Reason.FORMER_HOLDER)]) == ([], 1)


@pytest.mark.feature("deletion at the collector")
def test_nothing_of_what_was_deleted_is_left_in_the_files(tmp_path: Path) -> None:
    engine = open_database(Storage(url=f"sqlite:///{tmp_path / 'calls.db'}"))
    prepare(engine)
    write(engine, *(("cdr", cdr("handset-1", seq, number="+4915112345678")) for seq in range(1, 200)))
    files = [tmp_path / "calls.db", tmp_path / "calls.db-wal"]
    assert any(b"+4915112345678" in path.read_bytes() for path in files)
    reader = engine.connect()
    reader.execute(select(calls)).first()
    write(engine, ("erasure", erasure("handset-1", 900, (1, 500))))
    # Somebody still reads what was there before.
    assert not forget_for_good(engine)
    reader.close()
    assert forget_for_good(engine)
    assert not any(b"+4915112345678" in path.read_bytes() for path in files)
    assert files[0].stat().st_mode & 0o777 == 0o600


def test_on_postgresql_the_place_of_a_deleted_record_is_soon_free_however_many_there_are() -> None:
    # New records are no reason to look after the table here.
    with Postgres(fsync="off", autovacuum_naptime="1s", autovacuum_vacuum_insert_threshold="-1") as cluster:
        engine = open_database(Storage(url=cluster.url))
        prepare(engine)
        write(engine, *(("cdr", cdr("handset-1", *range(first, first + 100))) for first in range(1, 3000, 100)))
        write(engine, ("erasure", erasure("handset-1", 9000, (7, 8))))
        vacuums = "SELECT autovacuum_count FROM pg_stat_user_tables WHERE relname = 'calls'"
        for _ in range(300):
            if told(engine, vacuums):
                break
            told(engine, "SELECT pg_sleep(0.1)::text")
        assert told(engine, vacuums)
        engine.dispose()


def test_on_postgresql_no_number_is_kept_beside_its_record(cluster: Postgres) -> None:
    engine = open_database(Storage(url=cluster.url))
    metadata.drop_all(engine)
    prepare(engine)
    in_file = "SELECT position('+4915112345678'::bytea IN pg_read_binary_file(pg_relation_filepath('calls')))"
    write(engine, *(("cdr", cdr("handset-1", seq, number="+4915112345678")) for seq in range(1, 200)))
    told(engine, "ANALYZE calls")
    # Its planner is told of the most frequent values of each column, and never of numbers.
    assert told(engine, "SELECT count(*) FROM pg_stats WHERE tablename = 'calls' AND attname = 'result'") == 1
    assert told(engine, "SELECT count(*) FROM pg_stats WHERE tablename = 'calls' AND attname = 'number'") == 0
    told(engine, "CHECKPOINT")
    assert told(engine, in_file) > 0
    write(engine, ("erasure", erasure("handset-1", 900, (1, 500))))
    told(engine, "VACUUM FULL calls")
    told(engine, "CHECKPOINT")
    assert told(engine, in_file) == 0
    engine.dispose()


# --- several at once --------------------------------------------------------------------------------------------------


def at_once(work: Iterable[Callable[[], Any]]) -> list[Any]:
    """Do all of it at the same time, each in a thread of its own."""
    jobs = list(work)
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        start.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(run, job) for job in jobs]]


def test_collectors_that_get_the_same_records_at_once_write_each_once(engine: Engine) -> None:
    dice = chance.dice()
    messages = [("cdr", cdr("handset-1", seq)) for seq in range(1, 301)]

    def shuffled() -> list[tuple[str, bytes]]:
        return dice.sample(messages, len(messages))

    parts = [shuffled() for _ in range(3)]
    written = at_once(partial(write, engine, *part) for part in parts)
    assert sum(each.inserted for each in written) == 300
    assert sum(each.duplicates for each in written) == 600
    assert seqs(engine) == list(range(1, 301))


def test_an_erasure_beside_the_insert_leaves_nothing_whichever_is_first(engine: Engine) -> None:
    for round_number in range(15):
        seq = 10 * round_number + 1
        deletes = ("erasure", erasure("handset-1", 10_000 + seq, (seq, seq + 9)))
        inserts = [("cdr", cdr("handset-1", each)) for each in range(seq, seq + 10)]
        at_once(
            [
                partial(write, engine, *inserts),
                partial(write, engine, deletes),
                partial(write, engine, *reversed(inserts)),
            ]
        )
        assert seqs(engine) == []


def test_a_cancellation_beside_inserts_and_states_leaves_nothing(engine: Engine) -> None:
    for each in range(8):
        device = f"handset-{each}"
        write(engine, ("consent", consent(device, 1)), device=device)
        at_once(
            [
                partial(write, engine, *everything(device), device=device),
                partial(write, engine, ("erasure", cancellation(device, 9)), device=device),
                partial(write, engine, ("cdr", cdr(device, 5)), ("outcome", outcome(device, 6)), device=device),
            ]
        )
        for table in HOLDERS:
            assert rows(engine, table, "device") == [], table.name


def test_collectors_that_get_the_same_states_at_once_do_not_wait_in_a_circle(engine: Engine) -> None:
    names = [f"handset-{each}" for each in range(30)]

    def states(order: Sequence[str]) -> None:
        reader = Reader()
        readings = [
            reader.read(f"wecall/v1/north/{name}/{topic}", payload, NOW)
            for name in order
            for topic, payload in everything(name)
        ]
        with writing(engine).begin() as connection:
            write_batch(connection, readings, NOW, None)

    at_once([lambda: states(names), lambda: states(names[::-1]), lambda: states(names[15:] + names[:15])])
    assert len(rows(engine, consents, "device")) == 30
    assert len(seqs(engine)) == 60


# --- what grows old, and what the tables are --------------------------------------------------------------------------


def test_what_is_older_than_is_kept_goes_and_does_not_come_in_again(engine: Engine) -> None:
    oldest = NOW - timedelta(days=30)
    old = {"started_at": "2024-03-01T10:00:00.000Z", "answered_at": None, "ended_at": "2024-03-01T10:00:09.000Z"}
    unsynced = {"clock_quality": {"synced": False, "boot_id": "01234567-89ab-cdef-0123-456789abcdef"}}
    before = datetime(2024, 3, 1, 11, tzinfo=UTC)
    write(engine, ("cdr", records([record("handset-1", 1, **old)])), ("outcome", outcome("handset-1", 9)), now=before)
    write(engine, ("consent", consent("handset-1", 1, requests=[(1, "2024-03-02")])), ("consent", b""), now=before)
    # Nobody had set this clock: it says nothing of how old the record is.
    write(engine, ("cdr", records([record("handset-1", 2, **old, **unsynced)])))
    write(engine, ("cdr", records([record("handset-1", 3)])))
    for step in retention.steps(oldest, EARLIEST):
        with writing(engine).begin() as connection:
            while step.run(connection):
                pass
    assert seqs(engine) == [2, 3]
    assert (rows(engine, outcomes, "seq"), rows(engine, requests, "number")) == ([], [])
    late = write(engine, ("cdr", records([record("handset-1", 1, **old)])), oldest=oldest)
    assert (late.inserted, late.withheld["expired"], late.confirmed[SENDER]) == (0, 1, [(EPOCH, 1)])
    assert seqs(engine) == [2, 3]
    write(engine, ("cdr", records([record("handset-1", 4, **old, **unsynced)])), oldest=oldest)
    assert seqs(engine) == [2, 3, 4]


def test_what_is_kept_is_kept_to_the_last_moment_and_not_a_day_longer(engine: Engine) -> None:
    began = datetime(2024, 5, 6, 10, tzinfo=UTC)
    just_after = began + timedelta(milliseconds=1)
    write(engine, ("cdr", cdr("handset-1", 1)))
    write(
        engine,
        ("outcome", outcome("handset-1", 9)),
        ("consent", consent("handset-1", 1, requests=[(1, "2024-05-20")])),
        ("consent", b""),
        ("status", b"{"),
        now=began,
    )
    kept = (calls, outcomes, requests, quarantine)
    for oldest, there in ((began, [1, 1, 1, 1]), (just_after, [0, 0, 0, 0])):
        assert write(engine, ("cdr", cdr("handset-2", 1)), device="handset-2", oldest=oldest).inserted == there[0]
        with writing(engine).begin() as connection:
            connection.execute(delete(calls).where(calls.c.device == "handset-2"))
        for step in retention.steps(oldest, EARLIEST):
            with writing(engine).begin() as connection:
                while step.run(connection):
                    pass
        assert [len(rows(engine, table, "device")) for table in kept] == there


def test_of_a_clock_that_nobody_set_the_arrival_counts_however_far_ahead_it_was(engine: Engine) -> None:
    ahead = "2024-05-07T08:00:00.000Z"
    unsynced = {"clock_quality": {"synced": False, "boot_id": "01234567-89ab-cdef-0123-456789abcdef"}}
    times = {"started_at": ahead, "answered_at": None, "ended_at": ahead}
    write(engine, ("cdr", records([record("handset-1", 1, **times, **unsynced)])))
    for oldest, there in ((NOW, [1]), (NOW + timedelta(milliseconds=1), [])):
        with writing(engine).begin() as connection:
            next(retention.steps(oldest, EARLIEST)).run(connection)
        assert seqs(engine) == there


def test_old_records_go_in_small_steps(engine: Engine) -> None:
    write(engine, *(("cdr", cdr("handset-1", *range(seq, seq + 100))) for seq in range(1, 1300, 100)))
    step = next(retention.steps(NOW + timedelta(days=1), EARLIEST))
    deleted: list[int] = []
    while not deleted or deleted[-1]:
        with writing(engine).begin() as connection:
            deleted.append(step.run(connection))
    assert deleted == [retention.AT_ONCE, retention.AT_ONCE, 1300 - 2 * retention.AT_ONCE, 0]


def test_whoever_only_reads_can_change_nothing(engine: Engine) -> None:
    write(engine, ("cdr", cdr("handset-1", 1)))
    reading = open_database(Storage(url=engine.url.render_as_string()), only_reads=True)
    with pytest.raises(DBAPIError, match=r"read.?only"), writing(reading).begin() as connection:
        connection.execute(delete(calls))
    assert seqs(reading) == [1]
    reading.dispose()


def test_tables_are_made_once_also_by_several_at_the_same_time(engine: Engine) -> None:
    metadata.drop_all(engine)
    at_once([lambda: prepare(engine)] * 4)
    with engine.begin() as connection:
        assert connection.execute(select(schema_version.c.version)).scalars().all() == [VERSION]
        assert connection.execute(select(func.count()).select_from(calls)).scalar_one() == 0


def shape(connection: Connection, table: Table) -> list[Any]:
    """Return what a table is made of: names, which are to be there, and the key."""
    found = inspect(connection)
    columns = [(column["name"], column["nullable"]) for column in found.get_columns(table.name)]
    return [columns, found.get_pk_constraint(table.name)["constrained_columns"]]


def test_tables_of_the_first_version_are_brought_up_and_keep_what_they_hold(engine: Engine) -> None:
    with writing(engine).begin() as connection:
        for column in ("epoch", "objected"):
            connection.execute(text(f"ALTER TABLE requests DROP COLUMN {column}"))
        made = {table.name: shape(connection, table) for table in (alerts, alert_channels)}
        for table in (alerts, alert_channels, audit):
            table.drop(connection)
        connection.execute(update(schema_version).values(version=1))
        connection.execute(
            text("INSERT INTO requests (fleet, device, number, kind, due, first_seen_at) VALUES "
                 "('north', 'handset-1', 7, 'copy', '2024-05-20', '2024-05-06 12:00:00')")
        )  # fmt: skip
    for _ in range(2):
        prepare(engine)
    assert rows(engine, requests, "number", "epoch", "objected") == [(7, None, False)]
    AuditLog(writing(engine), now=lambda: NOW).note("dashboard.main", Action.LOGGED_IN, fleets=None)
    assert rows(engine, audit, "at", "who", "action", "fleets") == [(NOW, "dashboard.main", "logged_in", "*")]
    with engine.connect() as connection:
        assert connection.execute(select(schema_version.c.version)).scalars().all() == [VERSION]
        assert {table.name: shape(connection, table) for table in (alerts, alert_channels)} == made
    write(engine, ("consent", consent("handset-1", 1, requests=[(8, "2024-06-01")])))
    assert rows(engine, requests, "number", "objected") == [(7, False), (8, False)]


def test_tables_of_a_newer_program_are_left_alone(engine: Engine) -> None:
    with writing(engine).begin() as connection:
        connection.execute(update(schema_version).values(version=VERSION + 1))
    with pytest.raises(FleetError, match="newer program"):
        prepare(engine)
