"""How long the table of a large site takes: to be checked, right or wrong in every row, and to be made."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.table import Table

from tests.lab.installer_desk import InstallerDesk

HANDSETS: Final = 500
GOAL_S: Final = 5
_MADE: Final = 20


@dataclass(frozen=True, slots=True)
class SiteTimes:
    """How long one command took, with the start of its interpreter."""

    what: str
    handsets: int
    seconds: float


def measure(folder: Path) -> list[SiteTimes]:
    """Set a site up with the template that `wecall bundle init` gives, and run the command on its tables."""
    desk = InstallerDesk(folder)
    desk.configuration_path.unlink()
    desk.did("bundle", "init", desk.site, "--fleet", "hotel", "--key", desk.key)
    text = desk.configuration_path.read_text()
    text = text.replace('country = ""', 'country = "AT"')
    desk.configuration_path.write_text(text.replace('domain = ""', 'domain = "sip.example"'))
    check = ("--check",)
    make = ("--stick", str(desk.stick), "--key", str(desk.key))
    names, wrong = (lambda number: f"desk-{number}"), (lambda number: f"Desk {number}")
    return [
        SiteTimes("check", HANDSETS, _time(desk, HANDSETS, names, check)),
        SiteTimes("check, one cell of each row wrong", HANDSETS, _time(desk, HANDSETS, wrong, check)),
        SiteTimes("make, each sealed to a code", _MADE, _time(desk, _MADE, names, make)),
    ]


def _time(desk: InstallerDesk, count: int, device: Callable[[int], str], options: tuple[str, ...]) -> float:
    chance = random.Random(count)
    headings = ("serial", "device_id", "username", "password", "label", "place")
    rows = [
        (f"10000000{chance.randrange(2**32):08x}", device(number), f"{1000 + number}", f"{chance.random()}",
         f"Room {number}", f"Floor {number // 20}")
        for number in range(count)
    ]  # fmt: skip
    desk.write_table(headings, *rows)
    began = time.perf_counter()
    command = [sys.executable, "-m", "firmware.cli", "bundle", "mass", str(desk.table), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode and f"There are {count} mistakes." not in done.stderr:
        raise RuntimeError(done.stdout + done.stderr)
    return seconds


def table(rows: list[SiteTimes]) -> Table:
    """Show them."""
    shown = Table("wecall bundle mass", "handsets", "s", title=f"A large site (goal: a check in {GOAL_S} s)")
    for row in rows:
        shown.add_row(row.what, f"{row.handsets}", f"{row.seconds:.1f}")
    return shown
