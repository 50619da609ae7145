"""The handset's wishes about updates, over a real socket."""

import json
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from contract.results import OutcomeCode
from firmware.setup.root.boot.choice import Slot
from firmware.setup.root.update.messages import MAX_LINE_BYTES, UpdateAnswer, UpdateOutcome, UpdateProgress
from firmware.setup.root.update.service import UpdateService
from tests.lab.update_machine import UpdateMachine

pytestmark = pytest.mark.feature("updates by slots")


class Served:
    """Root's service for updates, started when somebody asks, as the service manager does it."""

    def __init__(self, card: UpdateMachine, path: Path) -> None:
        self.card = card
        self.path = path
        self.now_s = 0.0
        self.starts = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stops = threading.Event()
        self._has_ended = threading.Event()

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stops.set()
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while not self._stops.is_set():
            if not select.select([self._listener], [], [], 0.01)[0]:
                continue
            self.starts += 1
            self._has_ended.clear()
            self.service(self.card.work).serve()
            self._has_ended.set()

    def restart_machine(self) -> None:
        """Start the machine anew, once the service of before has ended."""
        assert self._has_ended.wait(20)
        self.card.start()

    def service(self, work: Callable[[], Any]) -> UpdateService:
        return UpdateService(work(), self._listener, look_s=0.01, linger_s=0.01, clock=lambda: self.now_s)

    def call(self, descriptor: int | None = None, **wish: Any) -> socket.socket:
        caller = socket.socket(socket.AF_UNIX)
        caller.settimeout(20)
        caller.connect(str(self.path))
        line = json.dumps(wish).encode() + b"\n"
        socket.send_fds(caller, [line], [] if descriptor is None else [descriptor])
        return caller

    def ask(self, descriptor: int | None = None, **wish: Any) -> tuple[list[UpdateProgress], UpdateAnswer]:
        with self.call(descriptor, **wish) as caller:
            return hear(caller)


def hear(caller: socket.socket) -> tuple[list[UpdateProgress], UpdateAnswer]:
    *progress, answer = caller.makefile("rb").read().splitlines()
    return [UpdateProgress.model_validate_json(line) for line in progress], UpdateAnswer.model_validate_json(answer)


@pytest.fixture
def card(tmp_path: Path) -> UpdateMachine:
    card = UpdateMachine(tmp_path / "root")
    card.recovered()
    return card


@pytest.fixture
def served(card: UpdateMachine, tmp_path: Path) -> Iterator[Served]:
    with Served(card, tmp_path / "s") as served:
        yield served


@pytest.fixture
def bundle(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "2.0.raucb"
    path.write_bytes(b"what is in it is RAUC's to judge")
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_an_update_on_a_stick_is_installed_tried_and_kept(served: Served, bundle: int) -> None:
    _, answer = served.ask(bundle, wish="install")
    assert (answer.outcome, answer.code, answer.state.installed) == (
        UpdateOutcome.DONE, OutcomeCode.INSTALLED, "2.0",
    )  # fmt: skip
    assert served.ask(wish="start_trial")[1].outcome is UpdateOutcome.DONE
    served.restart_machine()
    assert served.ask(wish="state")[1].state.on_trial
    _, answer = served.ask(wish="works")
    assert (answer.code, answer.state.on_trial, answer.state.version) == (OutcomeCode.APPLIED, False, "2.0")


def test_rauc_opens_the_very_file_that_the_handset_has_open(
    served: Served, bundle: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    program = UpdateMachine._program

    def look(self: UpdateMachine, command: Sequence[str], on_line: Any) -> int:
        if command[:2] == ("rauc", "install"):
            seen.append(Path(command[2]).read_bytes())
        return program(self, command, on_line)

    monkeypatch.setattr(UpdateMachine, "_program", look)
    served.ask(bundle, wish="install")
    assert seen == [b"what is in it is RAUC's to judge"]


def test_while_one_update_is_installed_others_are_told_and_the_state_is_said(
    served: Served, bundle: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, halfway = threading.Event(), threading.Event()
    write = UpdateMachine._write

    def wait(self: UpdateMachine, on_line: Any) -> int:
        on_line(" 40% Copying image to rootfs.1")
        halfway.set()
        assert goes_on.wait(20)
        return write(self, on_line)

    monkeypatch.setattr(UpdateMachine, "_write", wait)
    served.card.fetched(77)
    with served.call(bundle, wish="install") as caller:
        assert halfway.wait(20)
        for wish in ("install", "start_trial", "works", "fails", "release_keys"):
            _, answer = served.ask(wish=wish)
            assert (answer.outcome, answer.code) == (UpdateOutcome.REFUSED, OutcomeCode.BUSY)
        assert served.ask(wish="state")[1].outcome is UpdateOutcome.DONE
        said = caller.makefile("rb")
        told = UpdateProgress(percent=40, received_bytes=77)
        while UpdateProgress.model_validate_json(said.readline()) != told:
            pass
        # Where a call holds it up, too, whoever waits knows that it goes on.
        served.now_s += 60
        assert UpdateProgress.model_validate_json(said.readline()) == told
        goes_on.set()
        answer = UpdateAnswer.model_validate_json(said.readlines()[-1])
    assert answer.code is OutcomeCode.INSTALLED
    assert served.starts == 1


def test_whoever_goes_away_finds_the_update_installed(served: Served, bundle: int) -> None:
    served.call(bundle, wish="install").close()
    while (answer := served.ask(bundle, wish="install")[1]).code is OutcomeCode.BUSY:
        pass
    assert answer.code is OutcomeCode.INSTALLED
    assert sum(line.startswith("rauc install") for line in served.card.commands) == 1


def test_what_the_handset_may_not_read_itself_is_not_opened_for_it(served: Served, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root's own")
    reading, writing = os.pipe()
    by_name = os.open(secret, os.O_PATH)
    for_writing = os.open(secret, os.O_WRONLY)
    folder = os.open(tmp_path, os.O_RDONLY)
    for descriptor in (by_name, for_writing, folder, reading):
        with served.call(descriptor, wish="install") as caller:
            assert caller.recv(1000) == b""
    assert not any("InspectBundle" in line for line in served.card.commands)
    for descriptor in (by_name, for_writing, folder, reading, writing):
        os.close(descriptor)


@pytest.mark.parametrize(
    "line",
    [
        b"{}\n",
        b"no json\n",
        b'{"wish": "erase"}\n',
        b'{"wish": "state", "path": "/etc/shadow"}\n',
        b"",
        b"x" * (MAX_LINE_BYTES + 1),
    ],
)
def test_whoever_talks_nonsense_is_left_and_the_next_one_is_answered(served: Served, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(served.path))
        try:
            caller.sendall(line)
            caller.shutdown(socket.SHUT_WR)
            assert caller.recv(1000) == b""
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert served.ask(wish="state")[1].outcome is UpdateOutcome.DONE


def test_damage_to_what_root_remembers_is_told(served: Served) -> None:
    (served.card.machine.state / "update.json").write_text("{")
    _, answer = served.ask(wish="works")
    assert (answer.outcome, answer.code) == (UpdateOutcome.FAILED, OutcomeCode.FAILED)


# --- the trial's end ---


def test_a_trial_that_nobody_speaks_for_goes_back_after_ten_minutes(card: UpdateMachine, tmp_path: Path) -> None:
    work = card.on_trial()
    times = iter([0.0, 599.9, 600.0])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    with listener:
        UpdateService(work, listener, look_s=0.001, linger_s=0.001, clock=lambda: next(times)).serve()
    assert card.commands[-1] == "systemctl --no-block reboot"
    card.start()
    assert (card.slot, card.state["last"]) == (Slot.A, "went_back")


@pytest.mark.parametrize("hangs_up", [True, False])
def test_the_trials_end_waits_for_a_call_but_for_no_longer_than_half_an_hour(
    card: UpdateMachine, tmp_path: Path, hangs_up: bool
) -> None:
    work = card.on_trial()
    card.call_mark.touch()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    passed: list[float] = []

    def moments() -> Iterator[float]:
        for now_s in (600.0, 1200.0, 2399.9):
            assert work.is_on_trial
            assert not card.commands[-1].endswith("reboot")
            passed.append(now_s)
            yield now_s
        if hangs_up:
            card.call_mark.unlink()
        yield 2399.9 if hangs_up else 2400.0

    times = moments()
    card.commands.clear()
    card.commands.append("")
    with listener:
        UpdateService(work, listener, look_s=0.001, linger_s=0.001, clock=lambda: next(times)).serve()
    assert len(passed) == 3
    assert card.commands[-1] == "systemctl --no-block reboot"


@pytest.mark.parametrize(("says", "code"), [("stopping\n", OutcomeCode.WENT_BACK), ("running\n", "")])
def test_a_trial_that_somebody_ends_by_an_orderly_reboot_has_failed(
    card: UpdateMachine, served: Served, says: str, code: str
) -> None:
    card.on_trial()
    card.answers["systemctl show --property=SystemState"] = says
    served.service(card.work).stop()
    card.start()
    assert card.state["last"] == (code or OutcomeCode.INSTALLED)
    assert card.state["installed"] == ("" if code else "2.0")
