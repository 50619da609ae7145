"""How a fleet comes in, and how it comes back when its broker was killed: simulated handsets over TLS, one computer.

Broker, collector and handsets share this computer; each handset is the real sync code with the pauses that real ones
make. What was recorded is compared with what the collector has at the end. Before each fleet as many bare clients with
the same certificates do the same, so that one sees what broker and computer take for handshakes alone.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from rich.table import Table
from sqlalchemy import select

from fleet.tables import calls
from tests.bench.fleet_bare import BareClients
from tests.lab.collector_process import CollectorProcess
from tests.lab.fleet_broker import FleetBroker
from tests.lab.fleet_simulator import FleetSimulator

SIZES: Final = (1_000, 3_000, 10_000)
_TIMEOUT_S: Final = 240.0
_PEAK_OVER_S: Final = 1.0
_OPTIONS: Final = (
    "--calls-per-hour", "6", "--call-seconds", "5", "--outages", "0", "--changes", "0", "--clock-errors", "0",
    "--repeat-after", "5", "--finish", "45",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reconnection:
    """How one size of fleet fared; times in seconds.

    Attributes:
        devices: how many handsets.
        first_s: from the start of the simulator to all online.
        back_s: from the broker's end to all online again; how many were not, where that took too long.
        bare_s: the same with bare clients.
        peak: handsets that came back in the best second.
        recorded: records that were made.
        lost: those of them that the collector has not.
        twice: rows that the collector has too many.
        broker_mb, simulator_mb: memory once all are back.
    """

    devices: int
    first_s: float
    back_s: float
    bare_s: float
    peak: int
    recorded: int
    lost: int
    twice: int
    broker_mb: float
    simulator_mb: float


def measure(folder: Path) -> list[Reconnection]:
    """Try every size, the smallest first."""
    fleets = [f"of-{devices}" for devices in SIZES]
    with (
        FleetBroker(folder / "broker", fleets=fleets) as broker,
        CollectorProcess(folder / "collector", broker) as collector,
    ):
        return [_measure(folder, broker, collector, devices) for devices in SIZES]


def _measure(folder: Path, broker: FleetBroker, collector: CollectorProcess, devices: int) -> Reconnection:
    fleet = FleetSimulator(
        folder / "simulator", broker.port, broker.ca_path, broker.device,
        devices=devices, fleet=f"of-{devices}", options=_OPTIONS,
    )  # fmt: skip
    fleet.make_certificates()
    bare_s = _bare_clients_back_s(broker, devices, fleet.certificates)
    began_s = time.monotonic()
    with fleet:
        first = fleet.wait_until_all_online(_TIMEOUT_S)
        first_s = time.monotonic() - began_s
        killed_s = time.monotonic()
        broker.kill()
        fleet.wait_for(lambda counts: counts.lost >= first.lost + devices, _TIMEOUT_S)
        broker.start()
        fleet.wait_until_all_online(_TIMEOUT_S)
        back_s = time.monotonic() - killed_s
        broker_mb, simulator_mb = _megabytes(broker.pid), _megabytes(fleet.pid)
        history = [(at_s, counts.connects) for at_s, counts in fleet.history if at_s >= killed_s]
        truth = fleet.stop()
    made = {
        (each.device, each.epoch, number)
        for each in truth
        for first_number, last in each.kept
        for number in range(first_number, last + 1)
    }
    engine = collector.engine()
    with engine.connect() as connection:
        columns = (calls.c.device, calls.c.epoch, calls.c.seq)
        rows = [tuple(row) for row in connection.execute(select(*columns).where(calls.c.fleet == f"of-{devices}"))]
    engine.dispose()
    return Reconnection(
        devices, first_s, back_s, bare_s, _peak(history), len(made), len(made - set(rows)), len(rows) - len(set(rows)),
        broker_mb, simulator_mb,
    )  # fmt: skip


def _bare_clients_back_s(broker: FleetBroker, devices: int, certificates: Sequence[Path]) -> float:
    with BareClients(broker.port, broker.ca_path, certificates) as clients:
        clients.wait_until(devices, _TIMEOUT_S)
        killed_s = time.monotonic()
        broker.kill()
        clients.wait_until(0, _TIMEOUT_S)
        broker.start()
        clients.wait_until(devices, _TIMEOUT_S)
        return time.monotonic() - killed_s


def _peak(history: Sequence[tuple[float, int]]) -> int:
    """Return how much the count rose in the best second."""
    return max(
        (
            round((later - connects) / max(later_s - at_s, _PEAK_OVER_S))
            for place, (at_s, connects) in enumerate(history)
            for later_s, later in history[place + 1 :]
            if later_s - at_s <= _PEAK_OVER_S
        ),
        default=0,
    )


def _megabytes(pid: int) -> float:
    """Return the memory of a process and its children that is theirs alone, and their part of what they share."""
    process = psutil.Process(pid)
    return sum(each.memory_full_info().pss for each in (process, *process.children(recursive=True))) / 1e6


def table(rows: Sequence[Reconnection]) -> Table:
    """Return them as people read them."""
    shown = Table(
        "handsets", "first all online, s", "all back, s", "bare clients, s", "of these", "best second", "records",
        "lost", "twice", "broker, MB", "all handsets, MB", title="A fleet whose broker is killed and started again",
    )  # fmt: skip
    for row in rows:
        shown.add_row(
            f"{row.devices:,}", f"{row.first_s:.1f}", f"{row.back_s:.1f}", f"{row.bare_s:.1f}",
            f"{row.back_s / row.bare_s:.1f}x", f"{row.peak:,}", f"{row.recorded:,}",
            f"{row.lost}", f"{row.twice}", f"{row.broker_mb:.0f}", f"{row.simulator_mb:.0f}",
        )  # fmt: skip
    return shown
