"""A failure is told with what the peers have logged in that test, and with nothing of before: a real run."""

from pathlib import Path

from tests.lab.small_run import small_run

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
    told = small_run(tmp_path, "tests.peer_logs")
    assert "the fault itself" in told
    assert "the end of noisy0/peer.log" in told
    assert "line 99" in told
    assert "line 59\n" not in told
    assert "long ago" not in told
    assert "nothing of mine matters" not in told
