"""How much processor a run takes: itself and all that it starts, whoever ends them."""

import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

_MOUNTS: Final = Path("/proc/self/mountinfo")
_OWN: Final = Path("/proc/self/cgroup")


class ProcessorMeter:
    """Counts core-seconds in a control group of its own, whose groups below it count too.

    Where there is none to be had, those that have ended and were waited for count, and this process.
    """

    def __init__(self) -> None:
        """Begin to count; whatever is started from now on counts."""
        self._group: Path | None = None
        self._above = _own_group()
        if self._above is not None:
            group = self._above / f"wecall-run-{os.getpid()}"
            with suppress(OSError):
                group.mkdir(exist_ok=True)
                (group / "cgroup.procs").write_text(str(os.getpid()))
                self._group = group
        # This process has had others before, or its group's last meter could not leave that empty.
        self._before_s = self._counted_s()

    @property
    def used_s(self) -> float:
        """Core-seconds so far."""
        return self._counted_s() - self._before_s

    def _counted_s(self) -> float:
        if self._group is not None:
            usage = self._group / "cpuacct.usage"
            if usage.exists():
                return int(usage.read_text()) / 1e9
            first, *_ = (self._group / "cpu.stat").read_text().splitlines()
            return int(first.split()[1]) / 1e6
        used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in used)

    def close(self) -> None:
        """Leave the group, which goes with the last process in it."""
        group, self._group = self._group, None
        if group is not None and self._above is not None:
            with suppress(OSError):
                (self._above / "cgroup.procs").write_text(str(os.getpid()))
                group.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _own_group() -> Path | None:
    """Return the folder of this process's group: of version 1's `cpuacct` where that is mounted, else of version 2."""
    for controllers, kind in (("cpuacct", "cgroup"), ("", "cgroup2")):
        own = next((line.split(":", 2) for line in _OWN.read_text().splitlines() if _is_of(line, controllers)), None)
        mounted = next(
            (line.split()[4] for line in _MOUNTS.read_text().splitlines() if _mounts(line, kind, controllers)), None
        )
        if own is not None and mounted is not None:
            return Path(mounted) / own[2].lstrip("/")
    return None


def _is_of(line: str, controllers: str) -> bool:
    return controllers in line.split(":", 2)[1].split(",")


def _mounts(line: str, kind: str, controllers: str) -> bool:
    # proc_pid_mountinfo(5): fields, a dash, then kind, source and options of the whole file system.
    _, _, rest = line.partition(" - ")
    words = rest.split()
    return words[0] == kind and (not controllers or controllers in words[2].split(","))
