"""People are told what is wrong, once when it begins and once when it ends, by a real mail server and webhook."""

import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Engine, delete, func, insert, select, update

from contract.results import OutcomeCode
from fleet.check.alerts import check_alerts
from fleet.check.report import State
from fleet.collector.alert_conditions import MOST_FAILURES
from fleet.collector.alert_settings import AlertSettings, MailSettings, WebhookSettings
from fleet.collector.alerts import LONGEST_PAUSE, SPACING, Alerts
from fleet.collector.database import open_database, prepare, writing
from fleet.collector.settings import BrokerAddress, CollectorSettings, Storage
from fleet.tables import alert_channels, alerts, devices, metadata, outcomes, publications, requests
from provisioning.authority import Authority
from tests.lab.certificates import LOOPBACK, CertificateAuthority
from tests.lab.collector_process import CollectorProcess
from tests.lab.fleet_broker import FleetBroker
from tests.lab.ports import free_port
from tests.lab.postgres import Postgres
from tests.lab.told_people import PASSWORD, TOKEN, USER, MailServer, WebhookServer, look_once

# A day ends at midnight, and requests are late from then on.
NOW: Final = (datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
DIGEST: Final = "ab" * 32


class Desk:
    """A collector's database, and whoever is told of it.

    Attributes:
        now: what its clocks show.
    """

    def __init__(self, folder: Path, url: str, mail: MailServer, webhook: WebhookServer, ca: Path) -> None:
        self.now = NOW
        self.mail, self.webhook = mail, webhook
        for name, secret in (("password", PASSWORD), ("token", TOKEN)):
            (folder / name).touch(0o600)
            (folder / name).write_text(f"{secret}\n")
        self.certificates = CertificateAuthority(folder / "collector")
        issued = self.certificates.issue("collector.main", days=365)
        self.authority = folder / "fleet-ca.pem"
        self.authority.write_bytes(Authority.found("Fleet", days=365, now=NOW).certificate.public_bytes(Encoding.PEM))
        self.alert_settings = AlertSettings(
            mail=MailSettings(
                host="127.0.0.1", port=mail.port, ca=ca, user=USER, password_file=folder / "password",
                sender=USER, recipients=("manager@example.com",),
            ),
            webhook=WebhookSettings(url=webhook.url, ca=ca, token_file=folder / "token"),
        )  # fmt: skip
        self.settings = CollectorSettings(
            broker=BrokerAddress(
                host="127.0.0.1", port=free_port(socket.SOCK_STREAM), ca=self.authority,
                certificate=issued.certificate, key=issued.key,
            ),
            database=Storage(url=url),
            alerts=self.alert_settings,
        )  # fmt: skip
        self.engine: Engine = open_database(self.settings.database)
        metadata.drop_all(self.engine)
        prepare(self.engine)

    def collector(self) -> Alerts:
        """Return what a collector that has just been started tells people by."""
        return Alerts(self.settings, self.alert_settings, self.engine, now=lambda: self.now)

    def look(self, after: timedelta = timedelta(0)) -> None:
        """Have a collector that has just been started look, after a while."""
        self.now += after
        self.collector().look()

    def told(self) -> list[list[dict[str, Any]]]:
        """Return what the webhook was told, by notice."""
        return [posted.body["alerts"] for posted in self.webhook.posted]

    def device(self, name: str, state: str = "offline", hours: float = 30) -> None:
        times = dict.fromkeys(("first_seen_at", "last_seen_at", "state_since"), self.now - timedelta(hours=hours))
        with writing(self.engine).begin() as connection:
            connection.execute(insert(devices).values(fleet="north", device=name, state=state, **times))

    def change(self, statement: Any) -> None:
        with writing(self.engine).begin() as connection:
            connection.execute(statement)

    def count(self, table: Any) -> int:
        with self.engine.begin() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with Postgres(fsync="off") as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    url = f"sqlite:///{tmp_path / 'calls.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("cluster").url
    authority = CertificateAuthority(tmp_path / "people")
    issued, port = authority.issue("people", hosts=LOOPBACK), free_port(socket.SOCK_STREAM)
    with MailServer(issued, port) as mail, WebhookServer(issued) as webhook:
        desk = Desk(tmp_path, url, mail, webhook, authority.ca_path)
        yield desk
        desk.engine.dispose()


def make_everything_wrong(desk: Desk) -> None:
    for name in ("desk-1", "desk-2"):
        desk.device(name)
    desk.device("desk-3", hours=23)
    desk.device("desk-4", "online")
    desk.device("desk-5", "no_line", hours=2)
    desk.device("desk-6", "no_line", hours=0.5)
    today = desk.now.date()
    with writing(desk.engine).begin() as connection:
        connection.execute(
            insert(requests),
            [
                {"fleet": "north", "device": "desk-4", "number": number, "kind": "copy", "first_seen_at": desk.now,
                 "objected": False, "due": today + timedelta(days=days)}
                for number, days in ((7, -1), (8, 0))
            ],
        )  # fmt: skip
        connection.execute(
            insert(publications).values(
                fleet="north", message=DIGEST, kind="bundle", name="12", published_at=desk.now - timedelta(days=1)
            )
        )
        connection.execute(
            insert(outcomes),
            [
                {"fleet": "north", "device": f"desk-{number}", "epoch": 1, "seq": 1, "message": DIGEST,
                 "code": code.value, "received_at": desk.now}
                for number, code in enumerate((OutcomeCode.APPLIED, OutcomeCode.FORGED, OutcomeCode.BUSY), 1)
            ],
        )  # fmt: skip


def mend_everything(desk: Desk) -> None:
    desk.change(update(devices).values(state="online"))
    desk.change(update(requests).values(closed_at=desk.now))
    desk.change(
        insert(outcomes).values(
            fleet="north", device="desk-2", epoch=1, seq=2, message=DIGEST, code="applied", received_at=desk.now
        )
    )


def item(kind: str, state: str, count: int = 1, subject: str | None = None, fleet: str | None = "north") -> Any:
    return {"kind": kind, "state": state, "fleet": fleet, "subject": subject, "count": count}


def everything(state: str) -> list[Any]:
    return [
        item("handset_no_line", state),
        item("handset_offline", state, 2),
        item("request_late", state),
        item("roll_out_failed", state, subject=f"bundle 12 ({DIGEST[:12]})"),
    ]


@pytest.mark.feature("alerts")
def test_each_thing_is_told_once_when_it_begins_and_once_when_it_ends(desk: Desk) -> None:
    make_everything_wrong(desk)
    for _ in range(3):
        # Each is a collector that was started anew, or another one.
        desk.look()
        desk.look(after=timedelta(minutes=7))
    assert desk.told() == [everything("began")]
    mend_everything(desk)
    for _ in range(3):
        desk.look(after=timedelta(minutes=7))
    assert desk.told() == [everything("began"), everything("ended")]
    assert desk.count(alerts) == 0
    assert [mail["Subject"] for mail in desk.mail.mails] == ["WeCall fleet: 5 began", "WeCall fleet: 5 ended"]
    began, ended = desk.mail.texts
    assert "2 handsets of north have been offline for longer than offline_hours.\n" in began
    assert "1 handset of north is connected and has been unable to call for longer than no_line_hours.\n" in began
    assert "1 handset of north can call again, or is no longer connected.\n" in ended
    assert "1 holder's request of north was due before today.\n" in began
    assert "do not take the bundle 12 (abababababab).\n" in began
    assert "2 handsets of north are back, or have been given back.\n" in ended
    for said in (began, ended, *map(str, desk.told())):
        assert not re.search(r"desk-|\b[78]\b", said), "it names a handset or a request"
    posted = desk.webhook.posted[0]
    assert (posted.path, posted.headers["Authorization"]) == ("/hook?site=1", f"Bearer {TOKEN}")
    assert (posted.body["version"], posted.body["at"]) == (1, NOW.isoformat())
    assert len({posted.body["id"] for posted in desk.webhook.posted}) == 2


def test_of_several_collectors_one_tells(desk: Desk) -> None:
    make_everything_wrong(desk)
    together = threading.Barrier(4)
    collectors = [desk.collector() for _ in range(4)]

    def look(collector: Alerts) -> None:
        together.wait(60)
        collector.look()

    threads = [threading.Thread(target=look, args=(collector,)) for collector in collectors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(desk.told()), len(desk.mail.mails)) == (1, 1)


def test_whatever_happens_nobody_is_told_more_often_than_every_five_minutes(desk: Desk) -> None:
    for minute in range(21):
        desk.device(f"desk-{minute}")
        desk.look(after=timedelta(minutes=1))
    assert len(desk.told()) == 5
    assert sum(each["count"] for notice in desk.told() for each in notice) == 21


def test_what_ends_before_it_could_be_told_is_not_told(desk: Desk) -> None:
    desk.device("desk-1")
    desk.look()
    desk.device("desk-2")
    desk.look(after=timedelta(minutes=1))
    desk.change(delete(devices).where(devices.c.device == "desk-2"))
    desk.look(after=timedelta(minutes=10))
    assert desk.told() == [[item("handset_offline", "began")]]


def test_a_channel_that_fails_is_tried_less_and_less_often_and_the_other_tells(desk: Desk) -> None:
    desk.mail.refuses = True
    desk.device("desk-1")
    tries = []
    for minute in range(0, 24 * 60, 5):
        if minute == 60:
            desk.webhook.status = 503
            desk.device("desk-2")
        before = desk.mail.log_ins
        desk.look(after=timedelta(minutes=5))
        tries += [minute] * (desk.mail.log_ins - before)
    assert desk.mail.mails == []
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 360, 360]
    with desk.engine.begin() as connection:
        channels = {row.channel: row for row in connection.execute(select(alert_channels))}
    assert channels["mail"].failures == 10
    assert channels["webhook"].problem == "it answers with HTTP 503"
    rows = {row.what: row for row in check_alerts(desk.settings)}
    assert rows["alerts by mail"].state is rows["alerts by webhook"].state is State.BAD
    assert "failed 10 times running" in rows["alerts by mail"].says
    desk.mail.refuses, desk.webhook.status = False, 200
    desk.look(after=LONGEST_PAUSE)
    assert [mail["Subject"] for mail in desk.mail.mails] == ["WeCall fleet: 2 began"]
    assert [row.state for row in check_alerts(desk.settings)] == [State.GOOD, State.GOOD]


def test_killed_after_it_told_it_tells_once_more_by_the_same_name(desk: Desk) -> None:
    desk.device("desk-1")
    collector = get_context("spawn").Process(target=look_once, args=(desk.settings, desk.now))
    desk.webhook.before_answer = lambda: collector.kill() if len(desk.webhook.posted) == 1 else None
    collector.start()
    collector.join()
    assert collector.exitcode == -signal.SIGKILL
    desk.look(after=timedelta(minutes=1))
    assert len(desk.webhook.posted) == 1, "another collector has the channel for itself"
    desk.look(after=SPACING)
    first, second = desk.webhook.posted
    assert first.body["id"] == second.body["id"]
    desk.look(after=SPACING)
    assert (len(desk.webhook.posted), len(desk.mail.mails)) == (2, 1)


def test_a_certificate_that_ends_is_told_until_it_is_renewed(desk: Desk) -> None:
    short = desk.certificates.issue("collector.main", days=29)
    long, path = desk.settings.broker.certificate.read_bytes(), desk.settings.broker.certificate
    path.write_bytes(short.certificate.read_bytes())
    desk.look()
    path.unlink()
    desk.look(after=timedelta(minutes=7))
    path.write_bytes(long)
    desk.look(after=timedelta(minutes=7))
    subject = "collector.main (at collector.main)"
    assert desk.told() == [
        [item("certificate_ends", state, subject=subject, fleet=None)] for state in ("began", "ended")
    ]


@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_no_password_leaves_in_the_clear_or_to_a_stranger(tmp_path: Path, tls: str) -> None:
    authority, stranger = CertificateAuthority(tmp_path / "a"), CertificateAuthority(tmp_path / "b")
    port = free_port(socket.SOCK_STREAM)
    with (
        MailServer(stranger.issue("people", hosts=LOOPBACK), port, tls=tls) as mail,
        WebhookServer(stranger.issue("people", hosts=LOOPBACK)) as webhook,
    ):
        desk = Desk(tmp_path, f"sqlite:///{tmp_path / 'calls.db'}", mail, webhook, authority.ca_path)
        desk.device("desk-1")
        desk.look()
        says = [row.says for row in check_alerts(desk.settings)]
        desk.engine.dispose()
    assert (mail.log_ins, mail.mails, webhook.posted) == (0, [], [])
    assert ("offers no STARTTLS" if tls == "none" else "certificate is not trusted") in says[0]
    assert "certificate is not trusted" in says[1]


def test_a_collector_tells_by_itself(tmp_path: Path) -> None:
    authority, port = CertificateAuthority(tmp_path / "people"), free_port(socket.SOCK_STREAM)
    issued = authority.issue("people", hosts=LOOPBACK)
    with (
        FleetBroker(tmp_path / "broker") as broker,
        MailServer(issued, port, tls="tls") as mail,
    ):
        (tmp_path / "password").touch(0o600)
        (tmp_path / "password").write_text(PASSWORD)
        tables: dict[str, dict[str, Any]] = {
            "alerts": {"offline_hours": 2},
            "alerts.mail": {
                "host": "127.0.0.1", "port": port, "security": "tls", "ca": authority.ca_path, "user": USER,
                "password_file": tmp_path / "password", "sender": USER, "recipients": [USER],
            },
        }  # fmt: skip
        with CollectorProcess(tmp_path / "collector", broker, tables=tables) as collector:
            ends_at_s = time.monotonic() + 60
            while not mail.mails and time.monotonic() < ends_at_s:
                time.sleep(0.1)
            # The lab's certificates last for thirty days.
            assert mail.mails, collector.log
    text = mail.texts[0]
    for whose in ("authority (at collector.main)", "collector.main (at collector.main)", "broker"):
        assert f"The certificate of {whose} is over, or ends within 30 days.\n" in text


def test_prometheus_and_publish_go_by_the_same_limits() -> None:
    top = Path(__file__).parents[2] / "fleet"
    rules = (top / "prometheus" / "alerts.yml").read_text()
    for state in ("offline", "no_line"):
        hours = AlertSettings.model_fields[f"{state}_hours"].default
        assert f"wecall_fleet_longest_{state}_seconds) > {hours * 3600}\n" in rules
    assert (
        f'"--max-failures", type=_percent, metavar="PERCENT", default="{MOST_FAILURES:.0%}"'
        in (top / "publisher" / "command.py").read_text()
    )
