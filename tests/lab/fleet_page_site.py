"""A fleet to be looked at: broker, collector with its page, a history of a week, and handsets that one can speak as."""

import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract.consent import Purpose
from contract.messages import Topic, timestamp, topic_name
from fleet.collector.database import prepare, writing
from fleet.publications import Publication, publication_topic
from tests.lab.collector_process import CollectorProcess
from tests.lab.fleet_broker import FleetBroker
from tests.lab.fleet_simulator import FleetSimulator
from tests.lab.open_id_provider import OpenIdProvider
from tests.lab.ports import free_port
from tests.lab.seeded_fleet import SeededFleet

USER: Final = "dashboard.main"
POLICY_VERSION: Final = "2026-1"
_FLEETS: Final = ("north", "south", "alone", "lab")
_DAY_S: Final = 86_400


class FleetPageSite:
    """Everything that the page needs, from `start` to `stop`.

    Attributes:
        broker: where messages go.
        collector: keeps them, and serves the page.
        url: where the page is.
        seeded: what was before.
        table: what people call handsets.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seeded: SeededFleet | None = None,
        users: Sequence[str] = ("main",),
        auditors: Sequence[str] = (),
        names: str = "",
        provider: OpenIdProvider | None = None,
        people: Mapping[str, Any] | None = None,
    ) -> None:
        """Set up without starting.

        Args:
            folder: where all of it keeps its files.
            seeded: what was before.
            users: those that can log in.
            auditors: those of them that may see what all have done.
            names: the table of what people call handsets; "" for none.
            provider: by which people may log in, too.
            people: whom it knows, with the fleets that they may see.
        """
        self.broker = FleetBroker(folder / "broker", dashboards=(*users, "home-assistant"), fleets=_FLEETS)
        self.seeded = seeded or SeededFleet(now=datetime.now(UTC).replace(microsecond=0))
        self._folder = folder
        port = free_port(socket.SOCK_STREAM)
        self.url = f"http://127.0.0.1:{port}/"
        http = {
            "port": port,
            "login_port": self.broker.password_port,
            "user_fleets": {f"dashboard.{user}": "*" for user in users} | dict(people or {}),
            "auditors": [f"dashboard.{user}" for user in auditors],
        }
        self.table = folder / "devices.csv"
        settings = {}
        if names:
            self.table.write_text(names)
            settings["names"] = self.table
        tables: dict[str, Mapping[str, Any]] = {"http": http}
        if provider is not None:
            tables["http.open_id"] = provider.settings(self.url)
        self.collector = CollectorProcess(folder / "collector", self.broker, settings=settings, tables=tables)

    def __enter__(self) -> Self:
        engine = self.collector.engine()
        prepare(engine)
        self.seeded.fill(writing(engine))
        engine.dispose()
        self.broker.start()
        self.collector.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.collector.stop()
        self.broker.stop()

    @property
    def password(self) -> str:
        """What goes with `USER`."""
        return self.broker.password_of(USER)

    def simulator(self, devices: int, fleet: str, *options: str) -> FleetSimulator:
        """Return simulated handsets, not started."""
        return FleetSimulator(
            self._folder / f"simulated-{fleet}", self.broker.port, self.broker.ca_path, self.broker.device,
            devices=devices, fleet=fleet, options=options,
        )  # fmt: skip

    @contextmanager
    def handset(self, device: str, fleet: str = "north") -> Iterator["SpokenHandset"]:
        """Speak as a handset."""
        handset = SpokenHandset(self.broker, fleet, device)
        with handset.connected():
            yield handset

    @contextmanager
    def operator(self) -> Iterator["SpokenOperator"]:
        """Speak as an operator."""
        operator = SpokenOperator(self.broker)
        with operator.connected():
            yield operator


class _Spoken:
    """Somebody whose every word the broker has before the next."""

    def __init__(self, broker: FleetBroker, name: str) -> None:
        self._broker = broker
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
        issued = broker.certificate(name)
        self._client.tls_set(str(broker.ca_path), str(issued.certificate), str(issued.key))

    @contextmanager
    def connected(self) -> Iterator[None]:
        connected = threading.Event()
        self._client.on_connect = lambda *_: connected.set()
        self._client.connect("127.0.0.1", self._broker.port, clean_start=True)
        self._client.loop_start()
        try:
            assert connected.wait(20), "the broker does not let it in"
            yield
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> float:
        """Publish, wait until the broker has it, and return when it was sent, in seconds since the epoch."""
        sent_at = time.time()
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(20)
        return sent_at


class SpokenOperator(_Spoken):
    """`operator.main`."""

    def __init__(self, broker: FleetBroker) -> None:
        super().__init__(broker, "operator.main")

    def announce(self, fleet: str, publication: Publication) -> None:
        """Say what was published."""
        topic = publication_topic(fleet, publication.message)
        self.publish(topic, publication.written(), retain=True)


class SpokenHandset(_Spoken):
    """A handset that says what it is told to say."""

    def __init__(self, broker: FleetBroker, fleet: str, device: str) -> None:
        super().__init__(broker, device)
        self.fleet, self.device = fleet, device
        # Beyond the numbers that its history has.
        self._seq = 100_000

    def say(self, topic: Topic, document: dict[str, Any], *, retain: bool = False) -> float:
        """Publish a document, and return when it was sent."""
        return self.publish(topic_name(self.fleet, self.device, topic), json.dumps(document).encode(), retain=retain)

    def status(self, state: str) -> float:
        return self.say(Topic.STATUS, {"state": state}, retain=True)

    def call(
        self, number: str | None, *, result: str = "remote_hangup", ago_s: float = 60, answered: bool = True
    ) -> int:
        """Tell of a call that began a while ago, and return its number in the epoch."""
        self._seq += 1
        started_at = time.time() - ago_s
        record = {
            "id": uuid.uuid4().hex,
            "device": self.device,
            "account": f"{1:032x}",
            "direction": "outgoing",
            "number": number,
            "started_at": timestamp(started_at),
            "answered_at": timestamp(started_at + 4) if answered else None,
            "ended_at": timestamp(started_at + 30),
            "result": result,
            "sip_code": 200,
            "clock_quality": {"synced": True, "boot_id": str(uuid.uuid4())},
            "epoch": 1,
            "seq": self._seq,
        }
        self.say(Topic.CDR, {"records": [record]})
        return self._seq

    def consent(
        self,
        *,
        granted: Sequence[Purpose] = (Purpose.SERVICE, Purpose.CDR_SYNC),
        requests: Sequence[dict[str, Any]] = (),
    ) -> float:
        """State the holder's answers, and what waits for the operator's."""
        self._seq += 1
        since = timestamp(time.time() - _DAY_S)
        document = {
            "device": self.device,
            "purposes": [{"purpose": one.value, "granted": one in granted, "since": since} for one in Purpose],
            "policy_version": POLICY_VERSION,
            "ledger_entries": 7,
            "ledger_head": "0" * 64,
            "ledger_intact": True,
            "requests": list(requests),
            "epoch": 1,
            "seq": self._seq,
        }
        return self.say(Topic.CONSENT, document, retain=True)

    def request(self, number: int, kind: str, *, due_in_days: int) -> dict[str, Any]:
        """Return one request, for `consent`."""
        due = (datetime.now(UTC) + timedelta(days=due_in_days)).date().isoformat()
        return {"number": number, "kind": kind, "due": due, "state": "overdue" if due_in_days < 0 else "open"}

    def erase(self, first: int, last: int, *, reason: str = "deleted") -> float:
        """Have records of the epoch deleted."""
        self._seq += 1
        document = {
            "device": self.device,
            "reason": reason,
            "cancelled": reason == "cancelled",
            "records": [{"epoch": 1, "first": first, "last": last}],
            "epoch": 1,
            "seq": self._seq,
        }
        return self.say(Topic.ERASURE, document)

    def outcome(self, message: str, code: str) -> float:
        """Say what became of an operator's message."""
        self._seq += 1
        document = {"device": self.device, "message": message, "code": code, "epoch": 1, "seq": self._seq}
        return self.say(Topic.OUTCOME, document)
