"""Kills this process just before it touches the file system for the nth time, as a power cut might.

    python -m tests.lab.killed_at N FOLDER MODULE FUNCTION

calls `FUNCTION(FOLDER)` of a module; only what lies in the folder counts. Exits with 0 where it comes to its end.
"""

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

STEP = "tests.step"
TOUCHES = {"open", "os.link", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", STEP}


def kill_at(number: int, folder: Path) -> None:
    """Arm the trap. Python tells of each touch before it happens (sys.addaudithook)."""
    touches = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal touches
        if event in TOUCHES and str(arguments[0]).startswith(str(folder)):
            touches += 1
            if touches == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def announce(owner: Any, name: str, folder: Path) -> None:
    """Let each call of a function count as a touch of the folder too, as Python does not by itself."""
    function = getattr(owner, name)

    def announced(*arguments: Any) -> Any:
        sys.audit(STEP, str(folder))
        return function(*arguments)

    setattr(owner, name, announced)


def main() -> None:
    number, folder, module, function = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    call = getattr(importlib.import_module(module), function)
    kill_at(number, folder)
    call(folder)


if __name__ == "__main__":
    main()
