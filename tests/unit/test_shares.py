"""How a run of the tests is shared out between its processes: real runs of small tests."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.lab.small_run import small_run
from tests.shares import Shares, in_order, shares

TESTS = """
import os, time

def do(name):
    began_at = time.monotonic()
    time.sleep(0.05)
    log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{{__file__}} {{name}} {{began_at}} {{time.monotonic()}}\\n".encode())

def test_one(): do("one")
def test_two(): do("two")
def test_three(): do("three")
"""
DIES = "import os\ndef test_one(): pass\ndef test_two(): os._exit(1)\ndef test_three(): pass\n"
COMPUTING = [f"unit/test_{number}.py" for number in range(4)]
WAITING = [f"integration/test_sync_{number}.py" for number in range(4)]
ALONE = [f"bench/test_{number}.py" for number in range(2)]


def run(folder: Path, files: Sequence[str], processes: int) -> str:
    for file in files:
        path = folder / "tests" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(TESTS.format(log=str(folder / "log")))
    options = ("--import-mode=importlib", "--numprocesses", str(processes), "--no-loadscope-reorder")
    return small_run(folder, "tests.shares", *options)


def test_what_holds_the_phone_against_a_clock_is_alone() -> None:
    assert shares("tests/integration/test_sip_flood.py::test_a_flood[2000]") is Shares.ALONE
    assert shares("tests/integration/test_media_loop.py::test_both_ends_at_once") is Shares.WAITS
    fail_over = "tests/integration/test_sip_lines_servers.py::test_the_next_server_takes_over_within_five_seconds"
    assert shares(f"{fail_over}[freeze-tcp]") is Shares.ALONE
    assert shares(f"{fail_over}[kill-tcp]") is Shares.WAITS


def test_what_computes_is_kept_for_the_others_when_those_come_that_must_be_alone() -> None:
    tests = [f"tests/{file}::test_one" for file in (*ALONE, *COMPUTING, "system/test_a.py", *WAITING)]
    kinds = [shares(tests[at]) for at in in_order(tests)]
    expected = [Shares.BOOTS, *[Shares.WAITS] * len(WAITING), *[Shares.ALONE] * len(ALONE)]
    assert kinds == [*expected, *[Shares.COMPUTES] * len(COMPUTING)]


def test_what_takes_long_is_begun_before_all_else_that_waits() -> None:
    tests = [f"tests/integration/test_{name}.py::test_one" for name in ("audit", "demo", "sync", "used_phone", "wires")]
    assert [tests[at] for at in in_order(tests)] == [*tests[3:], *tests[:3]]


@pytest.mark.parametrize(
    ("files", "processes"), [(COMPUTING + WAITING + ALONE, 3), (WAITING[:1] + ALONE, 1), (ALONE, 2)]
)
def test_every_test_runs_once_and_beside_those_that_must_be_alone_none_that_waits(
    tmp_path: Path, files: Sequence[str], processes: int
) -> None:
    told = run(tmp_path, files, processes)
    assert f"{3 * len(files)} passed" in told, told
    ran = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert len({(path, name) for path, name, _, _ in ran}) == len(ran) == 3 * len(files)
    for (path, _, began_at, ended_at), (other, _, other_began_at, other_ended_at) in itertools.permutations(ran, 2):
        if "/bench/" in path and "/unit/" not in other:
            assert float(other_ended_at) <= float(began_at) or float(other_began_at) >= float(ended_at), (path, other)


def test_a_process_that_dies_takes_no_other_test_with_it(tmp_path: Path) -> None:
    dying = tmp_path / "tests/unit/test_2.py"
    dying.parent.mkdir(parents=True)
    dying.write_text(DIES)
    told = run(tmp_path, COMPUTING, processes=2)
    assert "crashed while running" in told, told
    assert "1 failed, 11 passed" in told, told
