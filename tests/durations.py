"""What each test took: kept by every run, and told by file.

    python -m tests.durations [FILE]
    python -m tests.durations --margins [FILE]

prints the table of the last run, or of the run that a file was kept of, as Markdown; or how far each time that a test
has measured (`record_property("..._s", ...)`) stayed below its bound ("..._bound_s").
"""

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.lab import chance
from tests.processor import ProcessorMeter

RUN: Final = "WECALL_RUN"
"""In the environment: what a run is called, where there are several."""
_FOLDER: Final = Path(__file__).parents[1] / "build/durations"
_SLOWEST_FILES: Final = 40
_BOUND: Final = "_bound_s"


def kept(name: str) -> Path:
    """Return where a run of a name is kept."""
    return _FOLDER / f"{name}.json"


class Stopwatch:
    """Writes on the last report of each test how much processor it took, with all that was started for it."""

    def __init__(self) -> None:
        self._meter = ProcessorMeter()
        self._last_cpu_s = self._meter.used_s

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "teardown":
            now_s = self._meter.used_s
            report.user_properties.append(("cpu_s", now_s - self._last_cpu_s))
            self._last_cpu_s = now_s
        return report

    def pytest_unconfigure(self) -> None:
        self._meter.close()


class Keeper:
    """Keeps the durations of a run as JSON, with what its tests have measured and which of them failed."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._tests: dict[str, dict[str, Any]] = defaultdict(dict)
        self._failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self._tests[report.nodeid]
        test[f"{report.when}_s"] = round(report.duration, 3)
        if report.failed:
            self._failed.add(report.nodeid)
        if report.when == "teardown":
            measured: dict[str, Any] = dict(report.user_properties)
            test["cpu_s"] = round(measured.pop("cpu_s", 0.0), 3)
            if measured:
                test["measured"] = measured

    def pytest_sessionfinish(self) -> None:
        if not self._tests:
            return
        run = {
            "wall_s": round(time.monotonic() - self._begun, 1),
            "seed": chance.SEED,
            "failed": sorted(self._failed),
            "tests": self._tests,
        }
        path = kept(os.environ.get(RUN, "run"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(run, indent=0), encoding="utf-8")


def table(run: dict[str, Any]) -> str:
    """Return the durations of a run by folder, and those of its slowest files, as Markdown."""
    folders: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0, 0.0])
    files: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0, 0.0])
    for name, spent in run["tests"].items():
        file = name.partition("::")[0]
        set_up_s = spent.get("setup_s", 0.0) + spent.get("teardown_s", 0.0)
        for row in (folders["/".join(file.split("/")[:2])], files[file]):
            row[0] += 1
            row[1] += set_up_s + spent.get("call_s", 0.0)
            row[2] += set_up_s
            row[3] += spent.get("cpu_s", 0.0)
    lines = [f"{len(run['tests'])} tests in {run['wall_s']:.0f} s.", "", "| | tests | s | of it set-up | core-s |"]
    lines.append("| --- | --- | --- | --- | --- |")
    slowest = sorted(files.items(), key=lambda item: -item[1][3])[:_SLOWEST_FILES]
    for name, row in [*folders.items(), *slowest]:
        lines.append(f"| `{name}` | {row[0]} | {row[1]:.1f} | {row[2]:.1f} | {row[3]:.1f} |")
    return "\n".join(lines)


def _margins(run: dict[str, Any]) -> Iterator[tuple[float, str]]:
    for name, spent in run["tests"].items():
        measured = spent.get("measured", {})
        for what, bound_s in measured.items():
            if what.endswith(_BOUND):
                value_s = measured[f"{what.removesuffix(_BOUND)}_s"]
                share = value_s / bound_s
                yield share, f"| {share:.0%} | {value_s:.4g} | {bound_s:.4g} | `{name}`: {what.removesuffix(_BOUND)} |"


def margins(run: dict[str, Any]) -> str:
    """Return how much of its bound each time took that a test has measured, as Markdown."""
    rows = [row for _, row in sorted(_margins(run), reverse=True)]
    return "\n".join(["| of its bound | s | bound, s | test |", "| --- | --- | --- | --- |", *rows])


if __name__ == "__main__":
    file = Path(sys.argv[-1]) if sys.argv[-1].endswith(".json") else kept(os.environ.get(RUN, "run"))
    tell = margins if "--margins" in sys.argv else table
    sys.stdout.write(tell(json.loads(file.read_text(encoding="utf-8"))) + "\n")
