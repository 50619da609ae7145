"""What the hardware calls itself: what bundles are addressed to before the handset has any other name."""

import hashlib
import re
from pathlib import Path
from typing import Final

from provisioning.manifest import SERIAL_PATTERN

OVERRIDE: Final = Path("/etc/wecall/serial")
BOARD: Final = Path("/proc/device-tree/serial-number")
MACHINE: Final = Path("/etc/machine-id")
UNKNOWN: Final = "unknown-serial"

_DIGITS: Final = 16


def serial(*, override: Path = OVERRIDE, board: Path = BOARD, machine: Path = MACHINE) -> str:
    """Return the serial: what an installer wrote down, else the board's, else one that follows from the machine's id.

    The machine's id itself must not be shown to anybody (machine-id(5)), so it is hashed.
    """
    for path in (override, board):
        # The device tree ends its strings with a zero byte.
        text = _read(path).strip("\0 \t\r\n").lower()
        if re.fullmatch(SERIAL_PATTERN, text):
            return text
    machine_id = _read(machine).strip()
    if not machine_id:
        return UNKNOWN
    return hashlib.sha256(b"WeCall Handset, serial\0" + machine_id.encode()).hexdigest()[:_DIGITS]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
