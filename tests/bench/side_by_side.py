"""Delay, cost and speed of every phone, measured in one run on the same sound devices."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.figures import CallFigures, Timings, measure_calls, measure_timings
from tests.bench.phones import Baresip, Linphone, Ours, Phone, Seat
from tests.bench.registrar import ProbeRegistrar
from tests.lab.certificates import CertificateAuthority
from tests.lab.kamailio import Kamailio
from tests.lab.mosquitto import Mosquitto
from tests.lab.pulse import PulseAudio

KINDS: Mapping[str, Callable[[Seat], Phone]] = {
    "ours": Ours,
    "baresip": lambda seat: Baresip(seat, tuned=False),
    "baresip, tuned": lambda seat: Baresip(seat, tuned=True),
    "linphone": Linphone,
}

console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Goal:
    """What one figure should be: at most `limit`, in its own unit or as a ratio to a peer.

    Attributes:
        figure: the attribute of Timings or CallFigures.
        words: what it is called in the table.
        limit: the bound.
        of: the peer that the bound is a multiple of: its name, "best", or empty for an absolute bound.
    """

    figure: str
    words: str
    unit: str
    limit: float | None = None
    of: str = ""


GOALS = (
    Goal("mouth_to_ear_median_ms", "mouth to ear, median", "ms", 63),
    Goal("mouth_to_ear_p95_ms", "mouth to ear, p95", "ms"),
    Goal("chirps_lost", "chirps lost on the way", "", 0),
    Goal("cpu_in_call_percent", "CPU in a call", "% of a core", 2, "baresip, tuned"),
    Goal("cpu_idle_percent", "CPU idle (all processes)", "% of a core", 0.1),
    Goal("memory_mb", "memory, PSS (all processes)", "MB", 100),
    Goal("start_to_register_ms", "start to first REGISTER, median", "ms", 200),
    Goal("invite_to_180_p95_ms", "INVITE to 180, p95", "ms", 10),
    Goal("last_key_to_invite_p95_ms", "last key to INVITE, p95", "ms", 10),
)


def measure(folder: Path) -> list[dict[str, Any]]:
    """Measure every phone and return a row for each figure, as plain values.

    Args:
        folder: for the phones' files; emptied first.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    authority = CertificateAuthority(folder / "ca")
    pulse = PulseAudio(folder / "pulse", sinks=("earA", "micA", "earB", "micB", "bell"))
    users = {"201": "secret-201", "202": "secret-202"}
    before = dict(os.environ)
    with Mosquitto(folder / "mosquitto", authority) as broker, Kamailio(folder / "kamailio", users) as kamailio:
        pulse.start()
        os.environ.update(pulse.environment)
        try:
            rig = Rig(folder, authority, broker, kamailio, pulse.environment)
            figures = {kind: _measure(rig, kind) for kind in KINDS}
        finally:
            pulse.stop()
            os.environ.clear()
            os.environ.update(before)
    return [_row(goal, figures) for goal in GOALS]


@dataclass(frozen=True, slots=True)
class Rig:
    """The servers and sound devices that every phone is measured with."""

    folder: Path
    authority: CertificateAuthority
    broker: Mosquitto
    kamailio: Kamailio
    environment: Mapping[str, str]

    def seat(self, folder: Path, user: str, letter: str, port: int, *, answers_itself: bool = False) -> Seat:
        """Give a phone its place; the letter chooses its ear and mouth."""
        device = self.authority.issue(user)
        settings = {
            "host": "localhost",
            "port": self.broker.port,
            "ca": str(self.authority.ca_path),
            "certificate": str(device.certificate),
            "key": str(device.key),
        }
        return Seat(
            folder=folder, user=user, password=f"secret-{user}", port=port, ear=f"ear{letter}", mouth=f"mic{letter}",
            environment=self.environment, broker=settings, answers_itself=answers_itself,
        )  # fmt: skip


def _measure(rig: Rig, kind: str) -> dict[str, float]:
    make, folder = KINDS[kind], rig.folder / kind.replace(", ", "-")
    console.print(f"[dim]bench:[/] {kind}: starting, ringing, dialling")
    with ProbeRegistrar() as registrar:
        timings: Timings = measure_timings(
            registrar, lambda number: make(rig.seat(folder / f"start-{number}", "201", "A", registrar.port))
        )
    console.print(f"[dim]bench:[/] {kind}: talking")
    caller = make(rig.seat(folder / "caller", "201", "A", rig.kamailio.udp_port))
    callee = make(rig.seat(folder / "callee", "202", "B", rig.kamailio.udp_port, answers_itself=True))
    try:
        for user, phone in (("201", caller), ("202", callee)):
            phone.sit_down()
            phone.launch()
            phone.connect()
            _wait_for_registration(rig.kamailio, user)
        calls: CallFigures = measure_calls(caller, callee, "202", ("micA", "earB"))
    finally:
        caller.stop()
        callee.stop()
    console.print(f"[dim]bench:[/] {kind}: {timings} {calls}")
    return asdict(timings) | asdict(calls)


def _wait_for_registration(kamailio: Kamailio, user: str, timeout_s: float = 20) -> None:
    ends_s = time.monotonic() + timeout_s
    while not kamailio.is_registered(user):
        if time.monotonic() > ends_s:
            raise TimeoutError(f"{user} did not register within {timeout_s:.0f} s")
        time.sleep(0.1)


def _row(goal: Goal, figures: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    ours = figures.get("ours", {}).get(goal.figure)
    peers = {kind: round(values[goal.figure], 2) for kind, values in figures.items() if kind != "ours"}
    best = min(peers.values(), default=None)
    reference = best if goal.of == "best" else peers.get(goal.of)
    limit = goal.limit
    words = "" if limit is None else f"≤ {limit:g}{' ' + goal.unit if goal.unit else ''}"
    if limit is not None and goal.of:
        limit = None if reference is None else limit * reference
        words = f"≤ {goal.limit:g}x {goal.of}"
    return {
        "figure": goal.words,
        "unit": goal.unit,
        "ours": None if ours is None else round(ours, 2),
        "peers": peers,
        "ratio_to_best": round(ours / best, 2) if ours is not None and best else None,
        "goal": words,
        "holds": None if ours is None or limit is None else ours <= limit,
    }


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the rows as people read them."""
    peers = list(rows[0]["peers"])
    result = Table(title="The handset beside its peers, one run, the same devices")
    for name in ("figure", "unit", "ours", *peers, "ratio to best", "goal", "holds"):
        result.add_column(name, justify="left" if name in {"figure", "unit", "goal"} else "right")
    for row in rows:
        holds = {True: "[green]yes", False: "[red]no", None: "-"}[row["holds"]]
        cells = [row["ours"], *(row["peers"][name] for name in peers), row["ratio_to_best"]]
        shown = ["-" if cell is None else str(cell) for cell in cells]
        result.add_row(row["figure"], row["unit"], *shown, row["goal"], holds)
    return result
