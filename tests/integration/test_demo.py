"""`wecall demo`, told to end in whatever moment: it takes along all that it has started."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.lab import asterisk_root, chance
from tests.lab.asterisk import Asterisk
from tests.lab.asterisk_root import asterisk_or_skip
from tests.lab.descendants import adopting, descendants
from tests.lab.network import Namespace

# What the demo says before each of its steps, and how long the step takes at least.
STEPS: Final = {
    "registrar": 0.05,
    "MQTT broker": 0.1,
    "sound devices": 0.05,
    "answering peer": 0.4,
    "starting the handset": 0.6,
    "granting consent": 0.4,
    "talking": 5.0,
}
TRIES: Final = chance.counted(10, 1)
END_S: Final = 20.0
CALL_S: Final = 240.0


@pytest.fixture
def started_before() -> Iterator[set[psutil.Process]]:
    """What runs that is no demo's; what a demo leaves behind becomes ours."""
    with adopting():
        yield set(descendants())


def demo(folder: Path, *options: str) -> subprocess.Popen[str]:
    temporary = folder / "tmp"
    temporary.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "firmware.cli", "demo", "--once", "--folder", str(folder / "demo"), *options],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE if options else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.soak
@pytest.mark.parametrize("number", range(TRIES))
@pytest.mark.parametrize("step", STEPS)
def test_a_demo_that_is_terminated_leaves_no_process_and_no_temporary_file_behind(
    tmp_path: Path, started_before: set[psutil.Process], step: str, number: int
) -> None:
    moment_s = chance.dice().uniform(0, STEPS[step])
    with demo(tmp_path) as running:
        assert running.stderr is not None
        said = []
        for line in running.stderr:
            said.append(line)
            if step in line:
                break
        assert step in said[-1], "".join(said)
        threading.Event().wait(moment_s)
        running.send_signal(signal.SIGTERM)
        _, rest = running.communicate(timeout=END_S)
    assert running.returncode == 128 + signal.SIGTERM, rest
    assert not set(descendants()) - started_before
    assert not list((tmp_path / "tmp").iterdir())


def test_a_second_demo_in_the_same_folder_says_that_there_is_one(tmp_path: Path) -> None:
    with demo(tmp_path) as first:
        assert first.stderr is not None
        first.stderr.readline()
        second = subprocess.run(
            [sys.executable, "-m", "firmware.cli", "demo", "--once", "--folder", str(tmp_path / "demo")],
            capture_output=True,
            text=True,
            check=False,
            timeout=END_S,
            cwd=Path(__file__).parents[2],
        )
        first.terminate()
    assert second.returncode == 1
    assert "another one runs" in second.stderr


@pytest.mark.feature("PBX")
def test_a_demo_at_an_asterisk_makes_its_call_by_itself(tmp_path: Path) -> None:
    asterisk_or_skip()
    with demo(tmp_path, "--pbx", "asterisk") as running:
        told, said = running.communicate(timeout=CALL_S)
    assert running.returncode == 0, said
    summary = json.loads(told)
    assert summary["registrar"].startswith("Asterisk ")
    assert summary["record"]["direction"] == "outgoing"


def test_a_demo_that_cannot_have_an_asterisk_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asterisk_root, "_FOLDER", tmp_path / "asterisk")
    monkeypatch.setattr(asterisk_root, "CACHE", tmp_path)
    with (
        Namespace() as nowhere,
        nowhere.entered(),
        pytest.raises(RuntimeError, match=r"^Asterisk cannot be fetched, for which Debian's archive has to be reached"),
    ):
        Asterisk(tmp_path / "pbx", {}).start()
