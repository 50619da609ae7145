"""The parts of a stick's visit, each as a command of its own, with a handset that listens on a real socket."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.control.request_lists import REQUESTS
from firmware.control.requests import Role, read
from firmware.setup.stick.writing import READING_MARK, WRITTEN_MARK

HEAVY = ("pydantic", "cryptography", "asyncio", "firmware.control.requests", "firmware.store", "firmware.voice.sip")


class Handset:
    """Says yes to everything and writes down what it was told."""

    def __init__(self, folder: Path) -> None:
        self.told: list[dict[str, object]] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "stick.sock"))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rb") as lines:
                line = lines.readline()
                if not line:
                    return
                self.told.append(json.loads(line))
                connection.sendall(b'{"ok":true}\n')

    def stop(self) -> None:
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(self._listener.getsockname())
        self._thread.join()
        self._listener.close()


@pytest.fixture
def handset(tmp_path: Path) -> Iterator[Handset]:
    handset = Handset(tmp_path)
    yield handset
    handset.stop()


def do(part: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Do one part, and have what it has loaded printed."""
    program = f"""
import sys
from firmware.cli import main
try:
    main(["stick", "--part", {part!r}, "--runtime-dir", {str(folder)!r}, "--outgoing", {str(folder / "outgoing")!r},
          {str(folder / "stick")!r}])
finally:
    print(*sorted(name for name in {HEAVY!r} if name in sys.modules))
"""
    for name in ("stick", "outgoing"):
        (folder / name).mkdir(exist_ok=True)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)


def test_what_was_laid_out_is_written_and_then_the_stick_may_be_taken_out(handset: Handset, tmp_path: Path) -> None:
    (tmp_path / "outgoing").mkdir()
    (tmp_path / "outgoing" / "report-1.json").write_text("{}")
    written = do("write", tmp_path)
    assert (written.returncode, handset.told) == (0, [])
    assert [path.name for path in (tmp_path / "stick").iterdir()] == ["report-1.json"]
    told = do("tell", tmp_path)
    assert (told.returncode, handset.told) == (0, [{"request": "reported", "written": True}])
    assert (written.stdout, told.stdout) == ("\n", "\n"), "somebody stands before the phone and waits"


def test_a_stick_that_could_not_be_written_is_said_to_have_no_report(handset: Handset, tmp_path: Path) -> None:
    (tmp_path / "outgoing").mkdir()
    (tmp_path / "outgoing" / "report-1.json").write_text("{}")
    (tmp_path / "stick" / "report-1.json").mkdir(parents=True)
    assert do("write", tmp_path).returncode == 1
    do("tell", tmp_path)
    assert handset.told == [{"request": "reported", "written": False}]


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("success", [{"request": "stick_removed", "early": False}]),
        ("exec-condition", []),
        (
            "exit-code",
            [{"request": "stick_done", "code": "stick_unreadable"}, {"request": "reported", "written": False}],
        ),
    ],
)
def test_the_phone_hears_why_the_service_has_ended(
    handset: Handset, tmp_path: Path, result: str, told: list[dict[str, object]]
) -> None:
    assert do("leave", tmp_path, SERVICE_RESULT=result).returncode == 0
    assert handset.told == told
    for request in handset.told:
        read(REQUESTS[Role.STICK][str(request["request"])], request)


@pytest.mark.parametrize(("written", "early"), [(True, False), (False, True)])
def test_one_that_is_pulled_out_while_it_is_read_is_pulled_out_too_early_unless_all_is_on_it(
    handset: Handset, tmp_path: Path, written: bool, early: bool
) -> None:
    (tmp_path / "outgoing").mkdir()
    (tmp_path / "outgoing" / READING_MARK).touch()
    if written:
        (tmp_path / "outgoing" / WRITTEN_MARK).touch()
    do("tell", tmp_path)
    do("leave", tmp_path, SERVICE_RESULT="success")
    assert handset.told[1:] == [{"request": "stick_removed", "early": early}]


def test_a_handset_that_is_away_leaves_a_sentence(tmp_path: Path) -> None:
    told = do("tell", tmp_path)
    assert told.returncode == 1
    assert "Does it run?" in told.stderr
