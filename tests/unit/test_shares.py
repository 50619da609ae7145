"""The tests' own scheduler, held against xdist itself."""

import os
import subprocess
import sys
from pathlib import Path

from tests.shares import Shares, shares

CHECKOUT = Path(__file__).parents[2]
HOOKS = "from tests.conftest import pytest_xdist_make_scheduler\n"
QUICK = "import time\ndef test_one(): pass\ndef test_two(): time.sleep(0.1)\n"
DIES = "import os\ndef test_one(): pass\ndef test_two(): os._exit(1)\ndef test_three(): pass\n"


def test_what_holds_the_phone_against_a_clock_is_alone() -> None:
    assert shares("tests/integration/test_sip_flood.py::test_a_flood[2000]") is Shares.ALONE
    assert shares("tests/integration/test_media_loop.py::test_both_ends_at_once") is Shares.WAITS


def test_a_process_that_dies_takes_no_other_test_with_it(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(HOOKS)
    for number in range(8):
        (tmp_path / f"test_{number}.py").write_text(QUICK)
    (tmp_path / "test_4.py").write_text(DIES)
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--numprocesses", "2", str(tmp_path))
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "worker 'gw" in run.stdout, run.stdout
    assert "1 failed, 16 passed" in run.stdout, run.stdout
