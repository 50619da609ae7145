"""Shows how a simulated fleet is getting on: a line that changes, or lines of JSON for programs."""

import json
import sys
import time
from dataclasses import asdict
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from fleet.simulator.counts import Counts

_RATE_OVER_S: Final = 5.0


class Line:
    """One line on a terminal: how many are online, calls a second, what is confirmed, what waits."""

    def __init__(self) -> None:
        self._live = Live(console=Console(stderr=True), auto_refresh=False)
        self._past: list[tuple[float, int]] = []

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._live.stop()

    def show(self, counts: Counts) -> None:
        self._live.update(Text(self._words(counts)), refresh=True)

    def _words(self, counts: Counts) -> str:
        now_s = time.monotonic()
        self._past = [each for each in self._past if now_s - each[0] <= _RATE_OVER_S] + [(now_s, counts.calls)]
        began_s, calls = self._past[0]
        rate = (counts.calls - calls) / (now_s - began_s) if now_s > began_s else 0.0
        return (
            f"online {counts.online:,} of {counts.devices:,}   calls {counts.calls:,} ({rate:.1f}/s)   "
            f"records {counts.recorded:,}, confirmed {counts.acked:,}   waiting {counts.waiting:,}   "
            f"outages {counts.outages:,}   erasures {counts.erased:,} of {counts.erasures:,}   "
            f"outcomes {counts.outcomes:,}"
        )


class Json:
    """One line of JSON each time on standard output: the counts, and seconds of a clock that nobody sets."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None: ...

    def show(self, counts: Counts) -> None:
        sys.stdout.write(json.dumps({"at_s": round(time.monotonic(), 3), **asdict(counts)}) + "\n")
        sys.stdout.flush()
