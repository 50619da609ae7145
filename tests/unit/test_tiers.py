"""How a run of the tests is shared out between its processes: real runs of small tests."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import tiers
from tests.lab.small_run import small_run
from tests.tiers import in_order, shuffled

TESTS = """
import os

def do(name):
    log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{{__file__}} {{name}} {{os.getpid()}}\\n".encode())

def test_one(): do("one")
def test_two(): do("two")
def test_three(): do("three")
"""
DIES = """
import os, time

def test_one(): pass
def test_two(): {wait}; os._exit(1)
def test_three(): pass
"""
FILES = [f"unit/test_{number}.py" for number in range(4)]
BOOTED = [f"system/test_{number}.py" for number in range(4)]
NAMES = [f"tests/{file}::test_{name}" for file in ("a.py", "b.py", "system/c.py", "system/d.py") for name in (1, 2, 3)]


def run(folder: Path, files: Sequence[str], processes: int) -> str:
    for file in files:
        path = folder / "tests" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(TESTS.format(log=str(folder / "log")))
    options = ("--import-mode=importlib", "--numprocesses", str(processes), "--no-loadscope-reorder")
    return small_run(folder, "tests.tiers", *options)


def test_what_takes_long_is_begun_before_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "_COST", {"tests/b.py::test_2": 9.0, "tests/system/c.py::test_1": 5.0})
    assert [NAMES[at] for at in in_order(NAMES)] == [*NAMES[3:6], *NAMES[6:], *NAMES[:3]]


def test_in_random_order_files_stay_together_and_each_seed_has_its_own() -> None:
    orders = [[NAMES[at] for at in shuffled(NAMES, seed)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    for order in orders:
        assert sorted(order) == sorted(NAMES)
        files = [test.partition("::")[0] for test in order if "system" not in test]
        assert sum(here != there for here, there in itertools.pairwise(files)) == 1


def test_a_story_and_what_shares_a_computer_keep_their_order_in_any() -> None:
    for seed in range(20):
        order = [NAMES[at] for at in shuffled(NAMES, seed, {"tests/a.py"})]
        for kept in (NAMES[:3], NAMES[6:]):
            assert [test for test in order if test in kept] == kept


@pytest.mark.parametrize(("files", "processes"), [(FILES + BOOTED, 3), (FILES[:1] + BOOTED, 1), (BOOTED, 2)])
def test_every_test_runs_once_and_what_is_booted_once_in_one_process(
    tmp_path: Path, files: Sequence[str], processes: int
) -> None:
    told = run(tmp_path, files, processes)
    assert f"{3 * len(files)} passed" in told, told
    ran = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert len({(path, name) for path, name, _ in ran}) == len(ran) == 3 * len(files)
    assert len({process for path, _, process in ran if "/system/" in path}) == 1


@pytest.mark.parametrize(("dying", "wait"), [("unit/test_2.py", "pass"), ("unit/test_0.py", "time.sleep(0.5)")])
def test_a_process_that_dies_takes_no_other_test_with_it(tmp_path: Path, dying: str, wait: str) -> None:
    """Neither while others have work left nor when they have ended and a new process has the rest for itself."""
    path = tmp_path / "tests" / dying
    path.parent.mkdir(parents=True)
    path.write_text(DIES.format(wait=wait))
    told = run(tmp_path, FILES, processes=2)
    assert "crashed while running" in told, told
    assert "1 failed, 11 passed" in told, told
