"""`python -m firmware.cli` as a fork of a process that has loaded what it needs (tests.lab.warm_process)."""

import importlib
import os
import runpy
import sys
from typing import Final

_LOADED: Final = (
    "drivers.ringer",
    "drivers.simulator",
    "drivers.sound",
    "firmware.app",
    "firmware.cli",
    "firmware.screens.families.mono",
    "firmware.sip.engine",
    "firmware.sync_app",
)

for _name in _LOADED:
    importlib.import_module(_name)


def main() -> None:
    """Be that command, of a session of its own."""
    os.setsid()
    # A handset that starts anew becomes this.
    sys.orig_argv = [sys.executable, "-m", "firmware.cli", *sys.argv[1:]]
    runpy.run_module("firmware.cli", run_name="__main__")
