"""How fast one handset's backlog leaves it: the real store, its real socket and `wecall sync`, beside bare paho.

Both publish at QoS 1 over TLS to the same broker, one after the other, with a subscriber who takes everything in. Bare
paho gets what it sends from a list in memory and keeps nothing: once a record a message, as a program without batches
would, and once the very messages that sync had made.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import Popen, run
from typing import Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from rich.table import Table

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from contract.messages import CallDetailRecord, ClockQuality, Topic, timestamp
from firmware.control.requests import Role
from firmware.control.server import ControlServer
from firmware.control.sync_role import SyncRole
from firmware.ports.broker import Traffic
from firmware.store.database import Database
from firmware.store.ledger import read_state
from tests.lab.fleet_broker import FLEET, FleetBroker
from tests.lab.handset import WecallProcess
from tests.lab.store import BOOT_ID, StoreLab
from tests.lab.sync_site import BundlesInMemory, InboundInMemory, LineInMemory

RECORDS: Final = 100_000
GOAL: Final = 0.5
_DEVICE: Final = "handset-7"
_A_TRANSACTION: Final = 2000
_LOOK_S: Final = 0.1
_TIMEOUT_S: Final = 200.0
# As sync does, whose window is the broker's, and 20 at most.
_WINDOW: Final = 20


@dataclass(frozen=True, slots=True)
class Drain:
    """How long one way took for all records.

    Attributes:
        way: which.
        messages: MQTT messages that it made of them.
        arrived: different records that the subscriber has.
    """

    way: str
    records: int
    messages: int
    seconds: float
    arrived: int

    @property
    def records_a_second(self) -> float:
        return self.records / self.seconds


def measure(folder: Path, records: int = RECORDS) -> list[Drain]:
    """Drain one backlog three ways; ours is the first."""
    with FleetBroker(folder / "broker") as broker:
        ours, payloads = asyncio.run(_drain_ours(folder, broker, records))
        singles = [
            b'{"records":[%s]}' % json.dumps(record, separators=(",", ":")).encode()
            for payload in payloads
            for record in json.loads(payload)["records"]
        ]
        return [
            ours,
            _drain_bare(folder, broker, "bare paho, a record a message", singles, records),
            _drain_bare(folder, broker, "bare paho, sync's own messages", payloads, records),
        ]


async def _drain_ours(folder: Path, broker: FleetBroker, records: int) -> tuple[Drain, list[bytes]]:
    store = StoreLab(folder)
    await store.start()
    server = None
    sync = WecallProcess("sync", ["sync", "--runtime-dir", str(folder / "run")], folder, {})
    try:
        await store.consents.grant(Purpose.CDR_SYNC)
        await _fill(store, records)
        (folder / "run").mkdir()
        settings = broker.settings_of(_DEVICE, batch_records=100)
        role = SyncRole(
            store.outbox, lambda: settings, lambda *_: None, InboundInMemory(), _hear,
            bundles=BundlesInMemory(), line=LineInMemory(),
        )  # fmt: skip
        server = ControlServer(folder / "run", {Role.SYNC: role.handlers})
        await server.start()
        with _subscriber(folder / "ours", broker) as came:
            began_s = time.monotonic()
            await asyncio.to_thread(sync.start)
            async with asyncio.timeout(_TIMEOUT_S):
                # To count them all would take longer than to send some.
                while await store.outbox.next_batch(1):  # noqa: ASYNC110 - the store tells nobody
                    await asyncio.sleep(_LOOK_S)
            seconds = time.monotonic() - began_s
            payloads = _wait_for(came, records)
        return Drain("ours, from the store", records, len(payloads), seconds, _count(payloads)), payloads
    finally:
        await asyncio.to_thread(sync.stop)
        if server is not None:
            await server.stop()
        await store.stop()


async def _hear(_traffic: Traffic) -> None: ...


async def _fill(store: StoreLab, records: int) -> None:
    """Queue records as calls do that are over, many in a transaction."""
    numbers = iter(range(1, records + 1))

    def append(database: Database) -> None:
        state = read_state(database)
        for _, number in zip(range(_A_TRANSACTION), numbers, strict=False):
            refusal = store.outbox.append(
                database,
                Topic.CDR,
                partial(_record, number),
                ledger_entries_at_start=state.head.entries,
                state=state,
            )
            if refusal is not None:
                raise RuntimeError(f"A record was not queued: {refusal}.")

    for _ in range(0, records, _A_TRANSACTION):
        await store.store.transact(append)


def _record(number: int, epoch: int, seq: int) -> CallDetailRecord:
    at_s = 1_772_359_200.0 + 10 * number
    return CallDetailRecord(
        id=f"{number:032x}",
        device=_DEVICE,
        account=f"{7:032x}",
        direction=CallDirection.OUTGOING,
        number=f"+4416329600{number % 100:02}",
        started_at=timestamp(at_s),
        answered_at=timestamp(at_s + 3),
        ended_at=timestamp(at_s + 9),
        result=DisconnectReason.REMOTE_HANGUP,
        sip_code=200,
        clock_quality=ClockQuality(synced=True, boot_id=BOOT_ID),
        epoch=epoch,
        seq=seq,
    )


def _drain_bare(folder: Path, broker: FleetBroker, way: str, payloads: Sequence[bytes], records: int) -> Drain:
    issued = broker.device("bare")
    client = Client(CallbackAPIVersion.VERSION2, client_id="bare", protocol=MQTTProtocolVersion.MQTTv5)
    client.tls_set(str(broker.ca_path), str(issued.certificate), str(issued.key))
    client.max_inflight_messages_set(_WINDOW)
    window = threading.Semaphore(_WINDOW)
    client.on_publish = lambda *_: window.release()
    with _subscriber(folder / str(len(payloads)), broker) as came:
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        began_s = time.monotonic()
        for payload in payloads:
            if not window.acquire(timeout=_TIMEOUT_S):
                raise RuntimeError("The broker confirms nothing.")
            client.publish(f"wecall/v1/{FLEET}/bare/cdr", payload, qos=1)
        for _ in range(_WINDOW):
            window.acquire(timeout=_TIMEOUT_S)
        seconds = time.monotonic() - began_s
        arrived = _wait_for(came, records)
        client.disconnect()
        client.loop_stop()
    return Drain(way, records, len(payloads), seconds, _count(arrived))


@contextmanager
def _subscriber(folder: Path, broker: FleetBroker) -> Iterator[Path]:
    """Have everything taken in by a program of the broker's own, one message a line."""
    folder.mkdir(parents=True)
    issued = broker.collector()
    came = folder / "came"
    command: list[str | Path] = [
        "mosquitto_sub", "-V", "5", "-h", "localhost", "-p", str(broker.port), "-i", "collector.main", "-q", "1",
        "--cafile", broker.ca_path, "--cert", issued.certificate, "--key", issued.key, "-t", "wecall/v1/+/+/cdr",
        "-c", "-x", "3600",
    ]  # fmt: skip
    # Once to subscribe, so that nothing is published before that.
    run([*command, "-E"], check=True)
    with came.open("wb") as output, Popen(command, stdout=output) as process:
        try:
            yield came
        finally:
            process.terminate()


def _wait_for(came: Path, records: int) -> list[bytes]:
    """Return the messages once all records are there."""
    ends_s = time.monotonic() + _TIMEOUT_S
    while True:
        payloads = came.read_bytes().splitlines()
        if time.monotonic() > ends_s or sum(payload.count(b'"seq"') for payload in payloads) >= records:
            return payloads
        time.sleep(_LOOK_S)


def _count(payloads: Sequence[bytes]) -> int:
    return len({(record["epoch"], record["seq"]) for payload in payloads for record in json.loads(payload)["records"]})


def table(drains: Sequence[Drain]) -> Table:
    """Show them beside each other."""
    ours = drains[0]
    shown = Table(
        "way", "messages", "seconds", "records/s", "ours is", "all arrived",
        title=f"A backlog of {ours.records:,} records from one handset (goal: {GOAL} of bare paho)",
    )  # fmt: skip
    for drain in drains:
        shown.add_row(
            drain.way, f"{drain.messages:,}", f"{drain.seconds:.1f}", f"{drain.records_a_second:,.0f}",
            f"{ours.records_a_second / drain.records_a_second:.2f}x",
            "yes" if drain.arrived == drain.records else f"no: {drain.arrived:,}",
        )  # fmt: skip
    return shown
