"""How fast collectors take in what waits at the broker, beside those who only read or only write.

The broker holds as many messages, one record each, of ten handsets, for each of those that are measured, before they
begin. `mosquitto_sub` only reads them; bare COPY only writes the same rows, a thousand in a transaction, into the same
table of the same PostgreSQL. A collector does both, checks each message, and confirms it to the handset and to the
broker; the handsets are away, so that confirmations end at the broker.
"""

import itertools
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from rich.table import Table
from sqlalchemy import Engine, create_engine, func, select

from contract.calls import CallDirection, DisconnectReason
from contract.messages import CallDetailRecord, CdrMessage, ClockQuality, timestamp
from fleet.collector.database import prepare
from fleet.tables import calls
from tests.lab.collector_process import CollectorProcess
from tests.lab.fleet_broker import FLEET, FleetBroker
from tests.lab.postgres import Postgres

MESSAGES: Final = 40_000
_DEVICES: Final = 10
_BATCH: Final = 1000
_WINDOW: Final = 50
_LOOK_S: Final = 0.05
_TIMEOUT_S: Final = 100.0
_BOOT_ID: Final = "7cd135d5-022d-46ac-81ce-18d084236757"


@dataclass(frozen=True, slots=True)
class Taken:
    """How fast one way was.

    Attributes:
        way: which.
        messages: those that it took in that time; what came before all were connected is left out.
        seconds: until the last message, or row.
        complete: nothing was left out, and nothing is there twice.
    """

    way: str
    messages: int
    seconds: float
    complete: bool

    @property
    def a_second(self) -> float:
        return self.messages / self.seconds


def measure(folder: Path) -> list[Taken]:
    """Measure every way, one after the other; the first two are what is compared with."""
    with ExitStack() as stack:
        broker = stack.enter_context(FleetBroker(folder / "broker", collectors=("main", "second")))
        postgres = stack.enter_context(Postgres())
        return [
            _only_read(folder, broker),
            _only_write(postgres),
            *(
                _collect(folder, broker, postgres, database, names)
                for database in ("SQLite", "PostgreSQL")
                for names in (("main",), ("main", "second"))
            ),
        ]


def _only_read(folder: Path, broker: FleetBroker) -> Taken:
    command = [
        *_reader(broker, "main"), "-c", "-x", "3600", "-D", "connect", "receive-maximum", "5000",
        "-t", "$share/readers/wecall/v1/+/+/cdr",
    ]  # fmt: skip
    subprocess.run([*command, "-E"], check=True)
    _publish(broker, MESSAGES)
    began_s = time.monotonic()
    read = subprocess.run([*command, "-C", str(MESSAGES)], check=True, capture_output=True, timeout=_TIMEOUT_S)
    seconds = time.monotonic() - began_s
    _forget(broker, "main")
    return Taken("mosquitto_sub, only reading", MESSAGES, seconds, len(set(read.stdout.splitlines())) == MESSAGES)


def _only_write(postgres: Postgres) -> Taken:
    engine = create_engine(postgres.url)
    prepare(engine)
    columns = [column.name for column in calls.columns]
    rows = [_row(record) for record in _records(MESSAGES)]
    connection: Any = engine.raw_connection()
    began_s = time.monotonic()
    for first in range(0, len(rows), _BATCH):
        with connection.cursor() as cursor, cursor.copy(f"COPY calls ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows[first : first + _BATCH]:
                copy.write_row([row[column] for column in columns])
        connection.commit()
    seconds = time.monotonic() - began_s
    connection.close()
    complete = _count(engine) == MESSAGES
    calls.metadata.drop_all(engine)
    engine.dispose()
    return Taken("COPY, only writing", MESSAGES, seconds, complete)


def _collect(folder: Path, broker: FleetBroker, postgres: Postgres, database: str, names: Sequence[str]) -> Taken:
    own = folder / f"{database}-{len(names)}"
    url = postgres.url if database == "PostgreSQL" else f"sqlite:///{own / 'calls.db'}"
    collectors = [CollectorProcess(own, broker, name=name, url=url) for name in names]
    try:
        # They subscribe; what comes while they are away waits for them.
        for collector in collectors:
            collector.start()
        for collector in collectors:
            collector.stop()
        _publish(broker, MESSAGES)
        starting = [threading.Thread(target=collector.start) for collector in collectors]
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()
        engine = collectors[0].engine()
        already, began_s = _count(engine), time.monotonic()
        while (count := _count(engine)) < MESSAGES and time.monotonic() < began_s + _TIMEOUT_S:
            time.sleep(_LOOK_S)
        seconds = time.monotonic() - began_s
    finally:
        for collector in collectors:
            collector.stop()
            _forget(broker, collector.name)
    calls.metadata.drop_all(engine)
    engine.dispose()
    few = "1 collector" if len(names) == 1 else f"{len(names)} collectors"
    return Taken(f"{few}, {database}", MESSAGES - already, seconds, count == MESSAGES)


def _publish(broker: FleetBroker, messages: int) -> None:
    """Have every handset say its part, in turns."""
    with ExitStack() as stack:
        clients = [stack.enter_context(_connected(broker, f"bench-{number}")) for number in range(_DEVICES)]
        windows = [threading.Semaphore(_WINDOW) for _ in clients]
        for client, window in zip(clients, windows, strict=True):
            client.on_publish = lambda *_, window=window: window.release()
        for record, (client, window) in zip(
            _records(messages), itertools.cycle(zip(clients, windows, strict=True)), strict=False
        ):
            if not window.acquire(timeout=_TIMEOUT_S):
                raise RuntimeError("The broker confirms nothing.")
            payload = CdrMessage(records=(record,)).written()
            client.publish(f"wecall/v1/{FLEET}/{record.device}/cdr", payload, qos=1)
        for window in windows:
            for _ in range(_WINDOW):
                window.acquire(timeout=_TIMEOUT_S)


@contextmanager
def _connected(broker: FleetBroker, device: str) -> Iterator[Client]:
    issued = broker.device(device)
    client = Client(CallbackAPIVersion.VERSION2, client_id=device, protocol=MQTTProtocolVersion.MQTTv5)
    client.tls_set(str(broker.ca_path), str(issued.certificate), str(issued.key))
    client.max_inflight_messages_set(_WINDOW)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def _records(count: int) -> Iterator[CallDetailRecord]:
    now_s = time.time()
    for number in range(count):
        at_s = now_s - 86_400 + number
        yield CallDetailRecord(
            id=f"{number:032x}",
            device=f"bench-{number % _DEVICES}",
            account=f"{7:032x}",
            direction=CallDirection.OUTGOING,
            number=f"+4416329600{number % 100:02}",
            started_at=timestamp(at_s),
            answered_at=timestamp(at_s + 3),
            ended_at=timestamp(at_s + 9),
            result=DisconnectReason.REMOTE_HANGUP,
            sip_code=200,
            clock_quality=ClockQuality(synced=True, boot_id=_BOOT_ID),
            epoch=1,
            seq=number // _DEVICES + 1,
        )


def _row(record: CallDetailRecord) -> dict[str, Any]:
    """Return what a collector writes of a record."""
    return {
        "fleet": FLEET,
        **{name: value for name, value in record.plain().items() if name != "clock_quality"},
        "clock_synced": record.clock_quality.synced,
        "boot_id": record.clock_quality.boot_id,
        "received_at": datetime.now(UTC),
    }


def _reader(broker: FleetBroker, name: str) -> list[str]:
    issued = broker.collector(name)
    return [
        "mosquitto_sub", "-V", "5", "-h", "localhost", "-p", str(broker.port), "-i", f"collector.{name}", "-q", "1",
        "--cafile", f"{broker.ca_path}", "--cert", f"{issued.certificate}", "--key", f"{issued.key}",
    ]  # fmt: skip


def _forget(broker: FleetBroker, name: str) -> None:
    """End a collector's session: it would have its share of what comes next."""
    subprocess.run([*_reader(broker, name), "-t", "wecall/v1/+/+/status", "-E"], check=True)


def _count(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(calls)).scalar_one()


def table(rows: Sequence[Taken]) -> Table:
    """Show them beside each other."""
    reading, writing = rows[:2]
    shown = Table(
        "way", "seconds", "messages/s", "of only reading", "of only writing", "complete",
        title=f"Taking in {reading.messages:,} messages that wait at the broker",
    )  # fmt: skip
    for row in rows:
        shown.add_row(
            row.way, f"{row.seconds:.1f}", f"{row.a_second:,.0f}", f"{row.a_second / reading.a_second:.2f}x",
            f"{row.a_second / writing.a_second:.2f}x", "yes" if row.complete else "no",
        )  # fmt: skip
    return shown
