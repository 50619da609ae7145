"""`python -m firmware.cli` as a fork of a process that has loaded what it needs (tests.lab.warm_process)."""

import os
import runpy
import sys


def main() -> None:
    """Be that command, of a session of its own."""
    os.setsid()
    # A handset that starts anew becomes this.
    sys.orig_argv = [sys.executable, "-m", "firmware.cli", *sys.argv[1:]]
    runpy.run_module("firmware.cli", run_name="__main__")
