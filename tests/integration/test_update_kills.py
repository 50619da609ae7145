"""What a power cut at any step of an update leaves: a machine that runs a whole system, and goes on from there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.results import OutcomeCode
from firmware.setup.root.boot.choice import Slot
from firmware.setup.root.update.memory import MOST_TRIES
from tests.lab import kills
from tests.lab.update_machine import UpdateMachine

kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak, pytest.mark.feature("updates by slots")]


@pytest.fixture
def memory() -> Iterator[Path]:
    with kills.folder_in_memory() as folder:
        yield folder


def fresh(folder: Path) -> UpdateMachine:
    machine = UpdateMachine(folder)
    machine.recovered()
    return machine


def waiting(folder: Path) -> UpdateMachine:
    machine = fresh(folder)
    machine.install("2.0")
    return machine


def tried(folder: Path) -> UpdateMachine:
    fresh(folder).on_trial("2.0")
    return UpdateMachine(folder)


def failed(folder: Path) -> UpdateMachine:
    machine = tried(folder)
    machine.work().fails()
    return machine


def kept(folder: Path) -> UpdateMachine:
    machine = tried(folder)
    machine.work().works()
    return machine


def install(folder: Path) -> None:
    UpdateMachine(folder).install("2.0")


def install_a_later_one(folder: Path) -> None:
    UpdateMachine(folder).install("2.1")


def start_trial(folder: Path) -> None:
    machine = UpdateMachine(folder)
    machine.work().start_trial()
    machine.start()


def say_works(folder: Path) -> None:
    UpdateMachine(folder).work().works()


def say_fails(folder: Path) -> None:
    UpdateMachine(folder).work().fails()


def start(folder: Path) -> None:
    UpdateMachine(folder).start()


CASES: list[tuple[Callable[[Path], UpdateMachine], Callable[[Path], None]]] = [
    (fresh, install), (waiting, install_a_later_one), (kept, install_a_later_one), (waiting, start_trial),
    (tried, say_works), (tried, say_fails), (tried, start), (failed, start), (kept, start),
]  # fmt: skip


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("before", "change"), CASES, ids=[f"{a.__name__}, {b.__name__}" for a, b in CASES])
def test_a_power_cut_at_any_step_leaves_a_system_that_runs_and_can_be_updated(
    memory: Path, before: Callable[[Path], UpdateMachine], change: Callable[[Path], None]
) -> None:
    before(memory / "whole")
    for cut in kills.cuts(memory / "whole", change, one_in=2):
        machine = UpdateMachine(cut.folder)
        last = machine.memory.last
        machine.start()
        check(machine, was_kept=before is kept)
        if before is failed or last is OutcomeCode.WENT_BACK:
            assert (machine.slot, machine.state["installed"], machine.state["last"]) == (Slot.A, "", "went_back")
        finish(machine)


def check(machine: UpdateMachine, *, was_kept: bool) -> None:
    """Nothing but a whole system runs, and one that nobody found good runs on trial."""
    state = machine.state
    assert machine.slot_file(machine.slot) == state["version"]
    assert not state["installed"] or machine.slot_file(machine.slot.other) == state["installed"]
    assert state["tries"] <= MOST_TRIES
    good = {"1.0"} | ({"2.0"} if was_kept or state["last"] == "applied" else set())
    assert state["on_trial"] == (state["version"] not in good)


def finish(machine: UpdateMachine) -> None:
    """Whatever was left, the next version comes to run."""
    if not machine.state["on_trial"]:
        if not machine.state["installed"]:
            machine.install("2.2")
        machine.work().start_trial()
        machine.start()
    assert machine.state["on_trial"]
    wanted = machine.state["version"]
    assert machine.work().works()[1] is OutcomeCode.APPLIED
    machine.start()
    assert (machine.state["version"], machine.state["last"], machine.state["on_trial"]) == (wanted, "applied", False)
