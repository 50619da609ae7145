"""What a process asks the kernel for, by strace: every file that it opens and closes, none missed."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LINE: Final = re.compile(r"^\d+ +(\d+\.\d+) (.*)$")
_OPENED: Final = re.compile(r'^open(?:at)?\((?:AT_FDCWD, )?"([^"]*)".*\) = (\d+)')
_CLOSED: Final = re.compile(r"^close\((\d+)")
_UNFINISHED: Final = re.compile(r"^(\d+ +\d+\.\d+ )(.*) <unfinished \.\.\.>$")
_RESUMED: Final = re.compile(r"^(\d+) +\d+\.\d+ <\.\.\. \w+ resumed>(.*)$")


@dataclass(frozen=True, slots=True)
class Opened:
    """A file from its opening to its end, by the monotonic clock; it is open still where it has no end."""

    path: str
    began_at: float
    ended_at: float = float("inf")


class FileTrace:
    """Reads what strace writes about one process and its threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._clock_difference = time.monotonic() - time.time()

    @property
    def command(self) -> Sequence[str]:
        """What runs a program under its eyes; the program's process id stays its own."""
        return (
            "strace", "-D", "-f", "-ttt", "-s", "256", "--seccomp-bpf", "-e", "trace=open,openat,close",
            "-e", "signal=none", "-o", str(self.path), "--",
        )  # fmt: skip

    @property
    def files(self) -> list[Opened]:
        """Every file that was opened, in order."""
        found: list[Opened] = []
        places: dict[int, int] = {}
        for line in _whole_lines(self.path.read_text(errors="replace").splitlines()):
            if not (match := _LINE.match(line)):
                continue
            at = float(match[1]) + self._clock_difference
            if opened := _OPENED.match(match[2]):
                places[int(opened[2])] = len(found)
                found.append(Opened(opened[1], at))
            elif (closed := _CLOSED.match(match[2])) and (place := places.pop(int(closed[1]), None)) is not None:
                found[place] = Opened(found[place].path, found[place].began_at, at)
        return found


def _whole_lines(lines: Sequence[str]) -> list[str]:
    """Put together what strace tears apart where another thread comes between."""
    whole: list[str] = []
    begun: dict[str, tuple[str, str]] = {}
    for line in lines:
        if unfinished := _UNFINISHED.match(line):
            begun[line.split()[0]] = (unfinished[1], unfinished[2])
        elif (resumed := _RESUMED.match(line)) and resumed[1] in begun:
            head, rest = begun.pop(resumed[1])
            whole.append(f"{head}{rest}{resumed[2]}")
        else:
            whole.append(line)
    return whole
