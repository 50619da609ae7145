"""`python -m firmware.cli` for a handset that judges a version on trial in seconds, where another takes minutes.

The environment says in HASTY_PATIENCE_S for how long it looks before it gives the version up.
"""

import os
import runpy
import time

from firmware.setup.update import judge

STEADY_S = 3.0


def main() -> None:
    """Be that command."""
    patience_s = float(os.environ.get("HASTY_PATIENCE_S", "60"))
    vars(judge).update(STEADY_S=STEADY_S, PATIENCE_S=time.clock_gettime(time.CLOCK_BOOTTIME) + patience_s)
    runpy.run_module("firmware.cli", run_name="__main__")


if __name__ == "__main__":
    main()
