"""`python -m firmware.cli` for a handset that does in seconds what takes another minutes.

It judges what runs on trial sooner, announces a restart for seconds, and a time service keeps its clock right. The
environment says in HASTY_PATIENCE_S for how long it looks before it gives a version up. It tells its fleet sooner
whether it can call.
"""

import os
import runpy
import time
from types import SimpleNamespace

from firmware.base import proven_time
from firmware.services import line_watch
from firmware.setup.update import context, judge

STEADY_S = 3.0
LINE_STANDS_S = 2.0
PACE = context.Pace(look_s=1.0, notice_s=2)


def main() -> None:
    """Be that command."""
    patience_s = float(os.environ.get("HASTY_PATIENCE_S", "60"))
    vars(judge).update(STEADY_S=STEADY_S, PATIENCE_S=time.clock_gettime(time.CLOCK_BOOTTIME) + patience_s)
    vars(line_watch).update(STANDS_S=LINE_STANDS_S)
    *defaults, _ = context.UpdateContext.__init__.__defaults__ or ()
    context.UpdateContext.__init__.__defaults__ = (*defaults, PACE)
    # What the kernel says of the clock (adjtimex(2)).
    vars(proven_time).update(_libc=lambda: SimpleNamespace(adjtimex=lambda _timex: 0))
    runpy.run_module("firmware.cli", run_name="__main__")


if __name__ == "__main__":
    main()
