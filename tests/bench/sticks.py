"""How long a stick takes: from the start of the program that reads it to its report, the bundle in force by then.

The kernel's part (to see the stick, to mount and to unmount it) is not in it; a whole machine has that, `make machine`.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.table import Table

from contract.results import BundleResult
from provisioning.report import read_report
from tests.lab.bundle_site import BundleSite, Stick, set_up_first

GOAL_S: Final = 10
_RUNS: Final = 7


@dataclass(frozen=True, slots=True)
class StickTimes:
    """Seconds of each run, in order."""

    runs_s: Sequence[float]


def measure(folder: Path) -> StickTimes:
    """Set a handset up, then bring it one bundle after another by a folder that stands for the stick."""
    stick = folder / "stick"
    stick.mkdir(parents=True)
    with BundleSite(folder / "site") as site:
        identity = asyncio.run(set_up_first(site, Stick(site.handset)))
        return StickTimes(
            [
                _time(site, stick, site.bundle(number, identity), identity.serial, number)
                for number in range(2, 2 + _RUNS)
            ]
        )


def _time(site: BundleSite, stick: Path, bundle: bytes, serial: str, number: int) -> float:
    (stick / f"{serial}.wecall").write_bytes(bundle)
    began = time.perf_counter()
    runtime_dir = site.handset.folder / "run"
    command = [sys.executable, "-m", "firmware.cli", "stick", "--runtime-dir", str(runtime_dir), str(stick)]
    subprocess.run(command, capture_output=True, check=True)
    seconds = time.perf_counter() - began
    report = read_report((stick / f"report-{serial}.json").read_bytes())
    if (report.result, report.number) != (BundleResult.APPLIED, number):
        raise RuntimeError(f"Bundle {number} was not applied: {report}")
    return seconds


def table(times: StickTimes) -> Table:
    """Show them."""
    shown = Table(
        "runs", "median, s", "longest, s", title=f"A stick, from its program's start to its report (goal: {GOAL_S} s)"
    )
    shown.add_row(f"{len(times.runs_s)}", f"{statistics.median(times.runs_s):.1f}", f"{max(times.runs_s):.1f}")
    return shown
