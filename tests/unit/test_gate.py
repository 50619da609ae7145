"""The gate runs each tier whatever comes of the one before, counts what it takes, and keeps what fails."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import durations, gate, soak
from tests.gate import Tier, flakes, keep, summary
from tests.processor import ProcessorMeter
from tests.tiers import SHUFFLE

SPINS_S = 0.5


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of small tests, of which the gate is."""
    for name, marked in (("quick", "assert False"), ("real", "assert True")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"test_{name}.py").write_text(f"import pytest\n@pytest.mark.{name}\ndef test_it(): {marked}\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n quick: one\n real: other\n")
    monkeypatch.setattr(soak, "ROOT", tmp_path)
    monkeypatch.setattr(gate, "FLAKES", tmp_path / "flakes.json")
    monkeypatch.setattr(durations, "_FOLDER", tmp_path / "durations")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return tmp_path


@pytest.mark.usefixtures("checkout")
def test_the_second_tier_runs_where_the_first_one_fails_and_the_run_has_failed() -> None:
    tiers = [Tier(name, (name,), 1, ("-p", "no:cacheprovider", "-p", "no:schemathesis")) for name in ("quick", "real")]
    kept = gate.run(tiers, seed=7)
    assert {name: tier["code"] for name, tier in kept["tiers"].items()} == {"quick": 1, "real": 0}
    assert not kept["passed"]
    assert kept["core_s"] > 0
    assert "FAILED" in summary(kept)
    assert summary(kept).endswith("WECALL_SEED=7")


def test_runs_that_are_repeated_go_on_where_they_were_stopped_and_fail_where_one_of_them_did(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = iter([run_of(passed=True), run_of(passed=False), None, run_of(passed=True)])

    def run(*, seed: int) -> dict[str, Any]:
        kept = next(runs)
        if kept is None:
            raise KeyboardInterrupt
        return {**kept, "seed": seed}

    monkeypatch.setattr(gate, "run", run)
    monkeypatch.setattr(gate, "_REPEATED", checkout / "repeated.json")
    # So that what is set for those that are started is taken back.
    monkeypatch.setenv(SHUFFLE, "1")
    with pytest.raises(KeyboardInterrupt):
        gate.repeat(3)
    assert not gate.repeat(3)
    assert [each["passed"] for each in soak.read(gate.FLAKES)["runs"]] == [True, False, True]


def run_of(*, passed: bool, failed: tuple[str, ...] = ()) -> dict[str, Any]:
    tiers = {"quick": {"tests": 3, "code": 0 if passed else 1, "wall_s": 2.0, "core_s": 3.0}}
    return {"seed": 1, "wall_s": 2.0, "core_s": 3.0, "tiers": tiers, "failed": [*failed], "passed": passed}


@pytest.mark.usefixtures("checkout")
def test_each_test_that_failed_is_told_with_how_often_and_runs_without_a_failure_bound_the_next_one() -> None:
    keep(run_of(passed=False, failed=("tests/a.py::test_b",)), commit="abc", is_busy=False)
    for _ in range(30):
        keep(run_of(passed=True), commit="abc", is_busy=True)
    told = flakes()
    assert "31 runs; the last 30 without a failure" in told
    assert "| 1 of 31 | `tests/a.py::test_b` |" in told
    assert "less than 10% of runs" in told


def test_what_is_started_and_left_to_others_counts_too() -> None:
    spin = f"import time\nwhile time.process_time() < {SPINS_S}: pass"
    with ProcessorMeter() as meter:
        before_s = meter.used_s
        # Nobody waits for the inner one.
        starts = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {spin!r}], stdout=1).pid"
        subprocess.run([sys.executable, "-c", starts], stdout=subprocess.PIPE, check=True)
        used_s = meter.used_s - before_s
    if not os.geteuid():
        assert used_s >= SPINS_S
