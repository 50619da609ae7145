"""A systemd box that has the tools of whoever looks after a fleet where the pages say that they are installed."""

import sys
from pathlib import Path
from typing import Final

from tests.lab.systemd_box import SystemdBox

PROGRAM: Final = "/opt/wecall-fleet/bin/wecall"

_CHECKOUT: Final = Path(__file__).parents[2]
_SOURCE: Final = "/opt/source"
_PYTHON: Final = "/opt/python"


class FleetBox(SystemdBox):
    """It runs this checkout, by the libraries of this checkout and the interpreter that they were installed for."""

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch, {_SOURCE: _CHECKOUT, _PYTHON: Path(sys.base_prefix)})

    def start(self) -> None:
        super().start()
        self.run("install", "-d", str(Path(PROGRAM).parent))
        libraries = f"{_SOURCE}/.venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
        environment = f"LD_LIBRARY_PATH={_PYTHON}/lib PYTHONPATH={_SOURCE}:{libraries} PYTHONDONTWRITEBYTECODE=1"
        program = f'#!/bin/sh\nexport {environment}\nexec {_PYTHON}/bin/python3 -m firmware.cli "$@"\n'
        self.run("install", "-m", "0755", "/dev/stdin", PROGRAM, stdin=program)
