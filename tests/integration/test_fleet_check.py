"""`wecall fleet check`, asked at a real broker, a real collector and real databases."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from fleet.check.command import check
from fleet.check.database import check_database
from fleet.check.report import State
from fleet.collector.database import open_database, prepare, writing
from fleet.collector.settings import Storage
from fleet.tables import calls, erasures, schema_version
from mqtt.knock import knock
from mqtt.problems import BrokerError, BrokerProblem
from mqtt.tls import Server
from tests.lab.certificates import CertificateAuthority, IssuedCertificate
from tests.lab.collector_process import CollectorProcess
from tests.lab.fleet_broker import FLEET, FleetBroker
from tests.lab.ports import free_port
from tests.lab.postgres import Postgres


class Site:
    """A broker, and a collector with page and canary that a test starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = FleetBroker(folder / "broker")
        canary = self.broker.device("canary-main")
        self.page = CertificateAuthority(folder / "page").issue("fleet.example.com", days=90)
        tables = {
            "http": {
                "port": free_port(socket.SOCK_STREAM), "certificate": self.page.certificate, "key": self.page.key,
            },
            "canary": {"fleet": FLEET, "certificate": canary.certificate, "key": canary.key},
        }  # fmt: skip
        self.collector = CollectorProcess(folder / "collector", self.broker, tables=tables)

    def check(self, *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """Return the exit code, and the rows by what they are about."""
        done = CliRunner().invoke(check, ["--settings", f"{self.collector.path}", "--json", *options])
        return done.exit_code, {row["what"]: row for row in json.loads(done.stdout)}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    with site.broker:
        yield site


@pytest.mark.feature("fleet check")
def test_a_server_that_works_is_good_and_its_collector_stays(site: Site) -> None:
    with site.collector as collector:
        code, rows = site.check()
        assert {what: row["state"] for what, row in rows.items()} == {
            "broker": "good",
            # The lab's certificates are made for thirty days.
            "certificate of broker": "warn",
            "rights of collector": "not tried",
            "canary record": "good",
            "rights of handsets": "good",
            "certificate of authority": "warn",
            "certificate of collector.main": "warn",
            "certificate of canary": "warn",
            "certificate of page": "good",
            "database": "good",
            "database's disk": rows["database's disk"]["state"],
            "page": "good",
            "alerts": "not tried",
        }
        assert code == (1 if rows["database's disk"]["state"] == "bad" else 0)
        assert "Collector main had it" in rows["canary record"]["says"]
        assert "The connection to the broker has ended" not in collector.log
        with collector.engine().begin() as connection:
            assert connection.execute(select(calls)).all() == []
            assert [row.deleted for row in connection.execute(select(erasures))] == [1]
        # As the collector it takes its place, and the collector takes it back.
        assert site.check("--as-collector")[1]["rights of collector"]["state"] == "good"
        assert site.check()[1]["canary record"]["state"] == "good"


def test_what_does_not_work_is_bad_and_says_what_to_do(site: Site) -> None:
    """The collector does not run; then the broker does not either."""
    code, rows = site.check()
    assert (code, rows["broker"]["state"], rows["database"]["state"]) == (1, "good", "warn")
    assert (rows["canary record"]["state"], rows["page"]["state"]) == ("bad", "bad")
    for what in ("canary record", "page"):
        assert "systemctl status wecall-collector" in rows[what]["says"]
    assert rows["rights of handsets"]["state"] == "good"
    site.broker.kill()
    _, rows = site.check("--as-collector")
    for what in ("broker", "canary record", "rights of collector"):
        assert (rows[what]["state"], "Nothing listens" in rows[what]["says"]) == ("bad", True)
    table = CliRunner().invoke(check, ["--settings", f"{site.collector.path}"])
    assert (table.exit_code, "Nothing listens" in re.sub(r"\s+", " ", table.stdout)) == (1, True)


def test_an_access_list_that_allows_too_much_is_bad(site: Site) -> None:
    acl = site.folder / "broker" / "acl"
    shipped = acl.read_text()
    acl.write_text(
        shipped.replace("topic write wecall/v1/+/+/ack", "topic write wecall/v1/+/+/#")
        + "pattern read wecall/v1/+/%u/cdr\npattern write wecall/v1/+/%u/policy\n"
    )
    site.broker.stop()
    site.broker.start()
    with site.collector:
        _, rows = site.check("--as-collector")
    assert "may publish policy, notice, answer, update, bundle" in rows["rights of collector"]["says"]
    assert "may write what operators write, read what is not theirs." in rows["rights of handsets"]["says"]
    assert {rows[f"rights of {who}"]["state"] for who in ("collector", "handsets")} == {"bad"}


def test_a_page_that_shows_the_certificate_of_before_wants_a_restart(site: Site) -> None:
    with site.collector:
        again = CertificateAuthority(site.folder / "again").issue("fleet.example.com", days=90)
        site.page.certificate.write_bytes(again.certificate.read_bytes())
        assert "Restart the collector." in site.check()[1]["page"]["says"]


def test_a_knock_says_why_a_certificate_is_not_let_in(site: Site) -> None:
    stranger = CertificateAuthority(site.folder / "stranger").issue("collector.main")

    def reason(issued: IssuedCertificate, ca: Path) -> BrokerProblem:
        server = Server.read("127.0.0.1", site.broker.port, 60, ca, *issued)
        with pytest.raises(BrokerError) as told:
            knock(server, 30)
        return told.value.problem

    trusted = site.broker.ca_path
    assert reason(stranger, trusted) is BrokerProblem.DEVICE_CERTIFICATE_REJECTED
    untrusted = CertificateAuthority(site.folder / "other").ca_path
    assert reason(site.broker.collector(), untrusted) is BrokerProblem.BROKER_CERTIFICATE_UNTRUSTED


@pytest.mark.parametrize(
    ("line", "says"), [('fleets = ["north"]', "`fleets`"), ('[devices]\nnorth = ["desk-1"]', "not in [devices]")]
)
def test_a_canary_that_no_collector_takes_is_said(site: Site, line: str, says: str) -> None:
    text = site.collector.path.read_text()
    site.collector.path.write_text(f"{line}\n{text}" if line.startswith("fleets") else f"{text}\n{line}\n")
    row = site.check()[1]["canary record"]
    assert (row["state"], says in row["says"]) == ("bad", True)


def test_each_database_is_written_and_left_as_it_was(tmp_path: Path) -> None:
    with Postgres(fsync="off") as server:
        for storage in (Storage(url=f"sqlite:///{tmp_path / 'calls.db'}"), Storage(url=server.url)):
            states = [row.state for row in check_database(storage)]
            assert (states[0], len(states)) == (State.WARN, 2), "there are no tables yet"
            engine = open_database(storage)
            prepare(engine)
            assert next(check_database(storage)).state is State.GOOD
            with writing(engine).begin() as connection:
                connection.execute(update(schema_version).values(version=99))
            row = next(check_database(storage))
            assert (row.state, "Update this one" in row.says) == (State.BAD, True)
            engine.dispose()
        server.kill()
        row, disk = check_database(storage)
        assert (row.state, disk.state) == (State.BAD, State.NOT_TRIED)
