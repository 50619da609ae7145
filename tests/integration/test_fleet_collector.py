"""The collector as it runs beside a broker: what becomes of records when it, its database or its neighbour fails."""

import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, Table, select, text, update

from contract.messages import timestamp
from fleet.collector.database import open_database, prepare, writing
from fleet.collector.settings import Storage
from fleet.tables import calls, consents, devices, erasures, metadata, quarantine, schema_version
from tests.lab import chance
from tests.lab.collector_process import CollectorProcess
from tests.lab.fleet_broker import FleetBroker
from tests.lab.fleet_devices import FleetDevice
from tests.lab.fleet_messages import EPOCH, cancellation, cdr, consent, erasure
from tests.lab.postgres import Postgres
from tests.lab.small_disk import fill, small_disk

KILLS: Final = chance.counted(40, 3)
PATIENCE_S: Final = 90.0
READER: Final = "0" * 40
READERS: Final = 30


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with Postgres() as cluster:
        yield cluster


class Site:
    """A broker, a database, and collectors when a test starts them.

    Attributes:
        url: of the database.
        engine: looks into it.
    """

    def __init__(self, folder: Path, url: str, cluster: Postgres | None) -> None:
        self.folder = folder
        self.broker = FleetBroker(folder / "broker", collectors=("left", "right"))
        self.url = url
        self.engine: Engine = open_database(Storage(url=url))
        self._cluster = cluster

    def collector(self, name: str = "left", **more: Any) -> CollectorProcess:
        return CollectorProcess(self.folder / name, self.broker, name=name, url=self.url, **more)

    def device(self, name: str = "handset-1") -> FleetDevice:
        return FleetDevice(self.broker, name)

    @contextmanager
    def database_away(self) -> Iterator[None]:
        """Have a database that takes nothing."""
        if self._cluster is not None:
            self._cluster.stop()
            yield
            self._cluster.start()
            return
        with self.engine.connect() as connection:
            connection.connection.driver_connection.execute("BEGIN EXCLUSIVE")  # type: ignore[union-attr]
            yield
            connection.connection.driver_connection.execute("ROLLBACK")  # type: ignore[union-attr]

    def rows(self, table: Table, *columns: str) -> list[Any]:
        with self.engine.begin() as connection:
            found = connection.execute(select(*(table.c[name] for name in columns)).order_by(*table.primary_key)).all()
        return [tuple(row) if len(columns) > 1 else row[0] for row in found]

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of the database, whose changes nobody tells of."""
        ends_at = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < ends_at, "not seen in the database"
            time.sleep(0.05)


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    cluster: Postgres | None = None
    url = f"sqlite:///{tmp_path / 'calls.db'}"
    if request.param == "postgresql":
        cluster = request.getfixturevalue("cluster")
        url = cluster.url
    site = Site(tmp_path, url, cluster)
    metadata.drop_all(site.engine)
    with site.broker:
        yield site
    site.engine.dispose()


def test_a_record_is_confirmed_once_it_is_there_and_waits_for_a_collector_that_is_away(site: Site) -> None:
    with site.collector() as collector, site.device() as handset:
        handset.send("cdr", cdr("handset-1", 1, 2))
        handset.wait_until_confirmed(EPOCH, 1, 2)
        assert {ack.collector for ack in handset.acks} == {"left"}
        assert site.rows(calls, "seq") == [1, 2]
        collector.stop()
        handset.send("cdr", cdr("handset-1", 3), cdr("handset-1", 2))
        collector.start()
        handset.wait_until_confirmed(EPOCH, 3)
        assert site.rows(calls, "seq") == [1, 2, 3]


@pytest.mark.feature("collector")
@pytest.mark.soak
def test_a_collector_killed_at_any_moment_has_each_record_once_and_confirms_all(site: Site) -> None:
    dice = chance.dice()
    count = 150 * KILLS
    with site.collector() as collector, site.device() as handset, site.device("handset-2") as other:

        def send(device: FleetDevice) -> None:
            for first in range(1, count, 5):
                device.send("cdr", cdr(device.name, *range(first, first + 5)), qos=1)

        def has_confirmed(at_least: int) -> bool:
            return len(handset.confirmed) >= at_least

        senders = [threading.Thread(target=send, args=(device,)) for device in (handset, other)]
        for sender in senders:
            sender.start()
        for _ in range(KILLS):
            seen = len(handset.confirmed)
            with_some = seen + dice.randrange(1, 60)
            handset.wait_for(partial(has_confirmed, min(with_some, count)))
            collector.kill()
            collector.start()
        for sender in senders:
            sender.join()
        for device in (handset, other):
            device.wait_until_confirmed(EPOCH, *range(1, count + 1))
    assert site.rows(calls, "device", "seq") == [
        (name, seq) for name in ("handset-1", "handset-2") for seq in range(1, count + 1)
    ]


@pytest.mark.feature("collector")
def test_while_the_database_is_away_nothing_is_confirmed_and_afterwards_all_is(site: Site) -> None:
    with site.collector() as collector, site.device() as handset:
        handset.send("cdr", cdr("handset-1", 1))
        handset.wait_until_confirmed(EPOCH, 1)
        with site.database_away():
            handset.send("cdr", *(cdr("handset-1", seq) for seq in range(2, 400)))
            if site.engine.dialect.name == "postgresql":
                site.wait_for(lambda: "The database does not take records" in collector.log)
            # A handset's word that comes meanwhile is heard: the connection stands.
            with site.device("handset-2") as other:
                other.send("status", b'{"state":"online"}', retain=True)
            assert handset.confirmed == {(EPOCH, 1)}
            assert collector.is_running
        handset.wait_until_confirmed(EPOCH, *range(1, 400))
        assert site.rows(calls, "seq") == list(range(1, 400))
        site.wait_for(lambda: "handset-2" in site.rows(devices, "device"))


def test_a_full_disk_has_nothing_confirmed_and_nothing_lost(tmp_path: Path) -> None:
    many = tuple(range(2, 1002))
    with small_disk(tmp_path / "disk", 4 << 20) as disk:
        site = Site(tmp_path, f"sqlite:///{disk / 'calls.db'}", None)
        with site.broker, site.collector() as collector, site.device() as handset:
            handset.send("cdr", cdr("handset-1", 1))
            handset.wait_until_confirmed(EPOCH, 1)
            ballast = fill(disk)
            handset.send("cdr", *(cdr("handset-1", *many[first : first + 50]) for first in range(0, 1000, 50)))
            site.wait_for(lambda: "does not take records" in collector.log)
            assert handset.confirmed == {(EPOCH, 1)}
            ballast.unlink()
            handset.wait_until_confirmed(EPOCH, *many)
        assert site.rows(calls, "seq") == [1, *many]
        site.engine.dispose()


def test_a_collector_starts_before_its_database(site: Site) -> None:
    prepare(site.engine)
    with ExitStack() as stack:
        handset = stack.enter_context(site.device())
        collector = site.collector()
        stack.callback(collector.stop)
        with site.database_away():
            collector.start(until="Collecting.")
        site.wait_for(lambda: "Connected to the broker." in collector.log)
        handset.send("cdr", cdr("handset-1", 1))
        handset.wait_until_confirmed(EPOCH, 1)


def test_collectors_side_by_side_share_what_comes_and_the_share_of_a_dead_one_is_not_lost(site: Site) -> None:
    left, right = site.collector("left"), site.collector("right")
    with ExitStack() as stack:
        for collector in (left, right):
            collector.start()
            stack.callback(collector.stop)
        handsets = [stack.enter_context(site.device(f"handset-{each}")) for each in range(4)]
        for handset in handsets:
            handset.send("cdr", *(cdr(handset.name, seq) for seq in range(1, 51)))
        for handset in handsets:
            handset.wait_until_confirmed(EPOCH, *range(1, 51))
        assert {ack.collector for handset in handsets for ack in handset.acks} == {"left", "right"}
        right.kill()
        for handset in handsets:
            # As after each start of a handset, some come once more.
            handset.send("cdr", *(cdr(handset.name, seq) for seq in range(41, 101)))
        right.start()
        for handset in handsets:
            handset.wait_until_confirmed(EPOCH, *range(1, 101))
    assert site.rows(calls, "device", "seq") == [(f"handset-{each}", seq) for each in range(4) for seq in range(1, 101)]


def test_a_new_collector_learns_what_the_broker_has_kept(site: Site) -> None:
    with site.device() as handset:
        handset.send("status", b'{"state":"online"}', retain=True)
        handset.send("consent", consent("handset-1", 1), retain=True)
    with site.collector():
        site.wait_for(lambda: site.rows(devices, "state") == ["online"] and site.rows(consents, "seq") == [1])


def test_what_is_taken_back_while_two_collectors_write_it_is_gone_once_that_is_confirmed(site: Site) -> None:
    with site.collector("left"), site.collector("right"), site.device() as handset:
        handset.send("consent", consent("handset-1", 1), retain=True)
        payloads = [cdr("handset-1", seq) for seq in range(100, 400)]
        notices = [erasure("handset-1", 1000 + first, (first, first + 24)) for first in range(100, 400, 25)]
        dice = chance.dice()
        mixed = [("cdr", payload) for payload in payloads] + [("erasure", notice) for notice in notices]
        dice.shuffle(mixed)
        for topic, payload in mixed + dice.sample(mixed, 100):
            handset.send(topic, payload)
        handset.wait_until_confirmed(EPOCH, *(1000 + first for first in range(100, 400, 25)))
        assert site.rows(calls, "seq") == []
        assert None not in site.rows(erasures, "done_at")
        handset.send("cdr", *payloads[:20])
        handset.send("erasure", cancellation("handset-1", 2000))
        handset.wait_until_confirmed(EPOCH, 2000)
        assert site.rows(calls, "seq") == site.rows(consents, "seq") == []
        assert site.rows(devices, "retired_at") != [None]


@pytest.mark.feature("rubbish at the collector")
def test_rubbish_by_the_thousand_from_one_handset_keeps_nobody_waiting_and_is_counted(site: Site) -> None:
    known = {"lab": ["handset-1", "handset-2"]}
    with site.collector(tables={"devices": known}), site.device() as good, site.device("handset-2") as bad:
        with site.device("stranger") as stranger:
            stranger.send("cdr", cdr("stranger", 1))
        wrong = [
            b"{", b"{}", b"x" * 200_000, cdr("handset-1", 1),
            cdr("handset-2", 1, started_at="1970-01-01T00:00:00.000Z"),
            cdr("handset-2", 1, **dict.fromkeys(("started_at", "answered_at", "ended_at"), "2100-01-01T00:00:00.000Z")),
        ]  # fmt: skip
        bad.send("cdr", *wrong, *([b'{"records":'] * 3000))
        bad.send("cdr", *([b"?"] * 500), qos=0)
        good.send("cdr", cdr("handset-1", 1))
        good.wait_until_confirmed(EPOCH, 1)
        expected = {"not_json", "schema", "too_large", "other_device", "clock_past", "clock_future", "unknown_device"}
        site.wait_for(lambda: sum(site.rows(quarantine, "count")) >= 3507)
        assert set(site.rows(quarantine, "reason")) == expected
        assert bad.confirmed == set()
        assert site.rows(calls, "device") == ["handset-1"]


def test_a_record_that_the_database_will_not_have_keeps_no_other_back(site: Site) -> None:
    prepare(site.engine)
    refusal = "ALTER TABLE calls ADD CHECK (seq <> 25)"
    if site.engine.dialect.name == "sqlite":
        refusal = "CREATE TRIGGER t BEFORE INSERT ON calls WHEN NEW.seq = 25 BEGIN SELECT RAISE(ABORT, 'no'); END"
    with writing(site.engine).begin() as connection:
        connection.exec_driver_sql(refusal)
    others = [seq for seq in range(1, 500) if seq != 25]
    with site.device() as handset:
        # They wait for the collector, so that they are one batch.
        with site.collector():
            pass
        handset.send("cdr", *(cdr("handset-1", seq) for seq in range(1, 500)))
        with site.collector():
            handset.wait_until_confirmed(EPOCH, *others)
            assert site.rows(calls, "seq") == others
            assert site.rows(quarantine, "reason", "count") == [("not_stored", 1)]
        assert (EPOCH, 25) not in handset.confirmed


def test_what_is_older_than_is_kept_goes_at_the_start_and_is_not_asked_for_again(site: Site) -> None:
    prepare(site.engine)
    with site.collector() as collector, site.device() as handset:
        handset.send("cdr", cdr("handset-1", 1, 2, 3))
        handset.wait_until_confirmed(EPOCH, 1, 2, 3)
        collector.stop()
        with site.collector(settings={"retention_days": 30}):
            site.wait_for(lambda: site.rows(calls, "seq") == [])
            handset.send("cdr", cdr("handset-1", 4))
            handset.wait_until_confirmed(EPOCH, 4)
            assert site.rows(calls, "seq") == []


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_records_are_kept_for_so_many_days_and_no_longer(site: Site) -> None:
    def record_of(seq: int, age: timedelta) -> bytes:
        then = timestamp((datetime.now(UTC) - age).timestamp())
        return cdr("handset-1", seq, started_at=then, answered_at=None, ended_at=then)

    with site.collector(settings={"retention_days": 30}), site.device() as handset:
        month, hour = timedelta(days=30), timedelta(hours=1)
        handset.send("cdr", record_of(1, month + hour), record_of(2, month - hour))
        handset.wait_until_confirmed(EPOCH, 1, 2)
        assert site.rows(calls, "seq") == [2]


def with_api(site: Site) -> CollectorProcess:
    """Return a collector that anybody can read from who shows `READER`."""
    tokens = site.folder / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text(f"{READER} *\n")
    return site.collector(tables={"http": {"port": 0, "token_file": str(tokens)}})


def ask(collector: CollectorProcess, path: str) -> str:
    port = collector.log.partition(", port ")[2].partition(".")[0]
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {READER}"}
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        said: str = answer.read().decode()
        return said


@pytest.mark.parametrize("site", ["postgresql"], indirect=True)
def test_whoever_asks_much_keeps_no_record_waiting(site: Site) -> None:
    def waiting() -> int:
        with site.engine.begin() as connection:
            found: int = connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()
            return found

    with with_api(site) as collector, site.device() as handset, ThreadPoolExecutor(READERS) as readers:
        with site.engine.begin() as connection:
            connection.execute(text("LOCK TABLE publications IN ACCESS EXCLUSIVE MODE"))
            answers = [readers.submit(ask, collector, "/api/v1/outcomes") for _ in range(READERS)]
            # As many as have a connection; the others wait for one.
            site.wait_for(lambda: waiting() >= READERS // 2)
            stuck = waiting()
            handset.send("cdr", cdr("handset-1", 1))
            handset.wait_until_confirmed(EPOCH, 1)
            assert waiting() == stuck
        assert {answer.result() for answer in answers} == {'{"rows":[],"next":null}'}


def test_what_is_counted_can_be_read_and_names_no_handset(site: Site) -> None:
    collector = with_api(site)
    with collector, site.device() as handset:
        handset.send("cdr", cdr("handset-1", 1), cdr("handset-1", 1), b"{}")
        handset.wait_until_confirmed(EPOCH, 1)
        site.wait_for(lambda: site.rows(quarantine, "count") == [1])
        said = ask(collector, "/metrics")
    for line in (
        'wecall_collector_received_total{topic="cdr"} 3.0',
        "wecall_collector_records_inserted_total 1.0",
        "wecall_collector_records_duplicate_total 1.0",
        'wecall_collector_quarantined_total{reason="schema"} 1.0',
        "wecall_collector_database_up 1.0",
        "wecall_collector_connected 1.0",
    ):
        assert line in said
    assert "handset-1" not in said
    assert "handset-1" not in collector.log


def test_a_database_of_a_newer_program_is_refused_in_a_sentence(site: Site) -> None:
    prepare(site.engine)
    with writing(site.engine).begin() as connection:
        connection.execute(update(schema_version).values(version=99))
    collector = site.collector()
    wecall = str(Path(sys.executable).with_name("wecall"))
    command = [wecall, "fleet", "collect", "--config", str(collector.path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 1
    assert "newer program has used it" in ended.stderr
    assert "Traceback" not in ended.stderr
