"""How long each test took: kept by every run, and told by file and by how tests share the machine.

    python -m tests.durations [FILE]

prints the table of the last run, or of the run that a file was kept of, as Markdown.
"""

import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.lab import chance
from tests.shares import shares

KEPT: Final = Path(__file__).parents[1] / "build/test-durations.json"
_SLOWEST_FILES: Final = 40


def _cpu_s() -> float:
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


class Stopwatch:
    """Writes on the last report of each test how much processor it took, with its children that have ended."""

    def __init__(self) -> None:
        self._last_cpu_s = _cpu_s()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "teardown":
            now_s = _cpu_s()
            report.user_properties.append(("cpu_s", now_s - self._last_cpu_s))
            self._last_cpu_s = now_s
        return report


class Keeper:
    """Keeps the durations of a run as JSON."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._tests: dict[str, dict[str, float]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self._tests[report.nodeid]
        test[f"{report.when}_s"] = round(report.duration, 3)
        if report.when == "teardown":
            measured: dict[str, Any] = dict(report.user_properties)
            test["cpu_s"] = round(measured.get("cpu_s", 0.0), 3)

    def pytest_sessionfinish(self) -> None:
        if not self._tests:
            return
        run = {"wall_s": round(time.monotonic() - self._begun, 1), "seed": chance.SEED, "tests": self._tests}
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(run, indent=0), encoding="utf-8")


def table(run: dict[str, Any]) -> str:
    """Return the durations of a run by how tests share the machine, and those of its slowest files, as Markdown."""
    tiers: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    files: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for name, spent in run["tests"].items():
        wall_s = sum(spent.get(f"{when}_s", 0.0) for when in ("setup", "call", "teardown"))
        tier = shares(name).name.lower()
        for row in (tiers[tier], files[tier, name.partition("::")[0]]):
            row[0] += 1
            row[1] += wall_s
            row[2] += spent.get("cpu_s", 0.0)
    lines = [
        f"{len(run['tests'])} tests in {run['wall_s']:.0f} s.",
        "",
        "| tier | file | tests | s | of it processor, s |",
    ]
    lines.append("| --- | --- | --- | --- | --- |")
    lines += [f"| **{tier}** | all | {row[0]} | {row[1]:.0f} | {row[2]:.0f} |" for tier, row in tiers.items()]
    slowest = sorted(files.items(), key=lambda item: -item[1][1])[:_SLOWEST_FILES]
    lines += [f"| {tier} | `{file}` | {row[0]} | {row[1]:.1f} | {row[2]:.1f} |" for (tier, file), row in slowest]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table(json.loads(Path(sys.argv[1] if len(sys.argv) > 1 else KEPT).read_text())) + "\n")
