"""Kills a handset just before each of its statements to the store in turn, as a power cut might.

    python -m tests.lab.killed_at_statement FOLDER MODULE FUNCTION

calls `FUNCTION(FOLDER/n)` of a module for n from 1 on, each in a process of its own that is killed before its nth
statement, until one comes to its end. Says "n killed" or "n ended" on standard output.
"""

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from firmware.storage.database import Database


def kill_at(number: int) -> None:
    """Arm the trap; what opening the store takes does not count."""
    statements = 0

    def counted(original: Any) -> Any:
        def run(self: Database, sql: str, *parameters: Any) -> Any:
            nonlocal statements
            if not sql.startswith("PRAGMA"):
                statements += 1
                if statements == number:
                    os.kill(os.getpid(), signal.SIGKILL)
            return original(self, sql, *parameters)

        return run

    Database.query = counted(Database.query)  # type: ignore[method-assign]
    Database.execute = counted(Database.execute)  # type: ignore[method-assign]


def main() -> None:
    folder, module, function = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    call = getattr(importlib.import_module(module), function)
    number = 0
    while True:
        number += 1
        place = folder / str(number)
        place.mkdir()
        # There is no thread yet that a fork would leave behind.
        child = os.fork()
        if child == 0:
            kill_at(number)
            call(place)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == 0:
            sys.stdout.write(f"{number} ended\n")
            return
        if code != -signal.SIGKILL:
            sys.exit(f"step {number} ended with {code}")
        sys.stdout.write(f"{number} killed\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
