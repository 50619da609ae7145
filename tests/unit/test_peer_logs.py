"""A failure is told with what the peers have logged in that test, and with nothing of before: a real run."""

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
TESTS = """
import pytest, time

@pytest.fixture(scope="module")
def peers(tmp_path_factory):
    return [tmp_path_factory.mktemp(name) / "peer.log" for name in ("noisy", "quiet", "good")]

def say(path, *words):
    with path.open("a") as log:
        log.writelines(f"{word}\\n" for word in words)

def test_passes(peers):
    say(peers[2], "nothing of mine matters")
    say(peers[1], "long ago")
    time.sleep(0.1)

def test_fails(peers):
    say(peers[0], *(f"line {number}" for number in range(100)))
    assert False, "the fault itself"
"""


def test_the_logs_that_have_grown_in_a_test_that_fails_are_told(tmp_path: Path) -> None:
    (tmp_path / "test_peers.py").write_text(TESTS)
    command = (
        sys.executable, "-m", "pytest", "-q", "-p", "tests.peer_logs", "-p", "no:cacheprovider",
        "-p", "no:hypothesispytest", "-p", "no:playwright", "-p", "no:schemathesis", f"--rootdir={tmp_path}", tmp_path,
    )  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "the fault itself" in done.stdout
    assert "the end of noisy0/peer.log" in done.stdout
    assert "line 99" in done.stdout
    assert "line 59\n" not in done.stdout
    assert "long ago" not in done.stdout
    assert "nothing of mine matters" not in done.stdout
