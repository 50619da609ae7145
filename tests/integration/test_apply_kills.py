"""What a power cut at any step of what is done with root for a bundle leaves behind: real files, real kill -9."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmware.setup.root.messages import RootOutcome
from tests.lab import kills
from tests.lab.root_machine import (
    CABLE,
    OPERATOR,
    TIME_SERVERS,
    WIFI,
    WIFI_PASSWORD,
    RootMachine,
    configuration,
    time_server,
    wifi,
)

kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak, pytest.mark.feature("power cut while installing")]

SECRETS = {"wifi-password-1": WIFI_PASSWORD}
CABLED = '[network.ethernet]\naddresses = ["192.0.2.10/24"]'
OLD = OPERATOR.bundle({"config.toml": configuration(wifi("old"), time_server("old.example.org"))}, 6)
NEW = OPERATOR.bundle({"config.toml": configuration("[network]", CABLED, time_server("new.example.org"))}, 7)

State = tuple[str | None, ...]


def state_of(machine: RootMachine) -> State:
    """Return all that a bundle changes."""
    return tuple(machine.text(path) for path in (WIFI, CABLE, TIME_SERVERS))


# --- what is cut off: each is called in the process that is killed ---


def attempt(folder: Path) -> None:
    """Install a bundle."""
    RootMachine(folder).attempt(7, NEW)


def keep(folder: Path) -> None:
    """Keep one that waits."""
    RootMachine(folder).work().keep(7)


def go_back(folder: Path) -> None:
    """Undo one that waits."""
    RootMachine(folder).work().go_back(7)


def give_up(folder: Path) -> None:
    """Undo one that nobody confirmed."""
    RootMachine(folder).work().give_up()


def return_to_old(folder: Path) -> None:
    """Install again what was kept once."""
    RootMachine(folder).attempt(6, None)


def put_right(folder: Path) -> None:
    """Start where an installation was cut off."""
    RootMachine(folder).work().recover()


# --- what was there before ---


def with_old(folder: Path) -> None:
    RootMachine(folder).keep(6, OLD, secrets=SECRETS)


def with_new_waiting(folder: Path) -> None:
    with_old(folder)
    attempt(folder)


def with_new_kept(folder: Path) -> None:
    with_new_waiting(folder)
    keep(folder)


def with_new_cut_off(folder: Path) -> None:
    with_new_waiting(folder)
    record = folder / "var/lib/wecall-apply/record.json"
    cut = record.read_text().replace('"in_force":true', '"in_force":false')
    assert cut != record.read_text()
    record.write_text(cut)


@dataclass(frozen=True, slots=True)
class Case:
    """What was there, what is done to it, and which bundles may wait or be in force after the next start."""

    before: Callable[[Path], None]
    change: Callable[[Path], None]
    waiting: Sequence[int | None]
    active: Sequence[int]


CASES = [
    pytest.param(Case(with_old, attempt, (None, 7), (6,)), id="installing"),
    pytest.param(Case(with_new_waiting, keep, (None, 7), (6, 7)), id="keeping"),
    pytest.param(Case(with_new_waiting, go_back, (None, 7), (6,)), id="undoing"),
    pytest.param(Case(with_new_waiting, give_up, (None, 7), (6,)), id="giving up"),
    pytest.param(Case(with_new_kept, return_to_old, (None, 6), (7,)), id="going back by hand"),
    pytest.param(Case(with_new_cut_off, put_right, (None,), (6,)), id="putting right"),
]


def check(folder: Path, case: Case, old: State, new: State) -> None:
    """Start as the next boot does: all is as one of the bundles has it, and the new one can be tried and kept still."""
    machine = RootMachine(folder)
    machine.work().recover()
    work = machine.work()
    pending, active = work.pending, work._record.active
    assert active is not None
    assert active.number in case.active
    assert (pending.number if pending else None) in case.waiting
    in_force = pending.number if pending else active.number
    assert state_of(machine) == (new if in_force == 7 else old)
    if active.number == 6 and 7 not in work._record.reverted:
        assert machine.attempt(7, NEW).outcome is RootOutcome.APPLIED
        assert machine.work().keep(7).outcome is RootOutcome.KEPT
        assert state_of(machine) == new


@pytest.mark.timeout(400)
@pytest.mark.parametrize("case", CASES)
def test_a_power_cut_at_any_step_leaves_everything_of_one_bundle(memory: Path, case: Case) -> None:
    states = []
    for name, prepare in (("old", with_old), ("new", with_new_kept)):
        prepare(memory / name)
        states.append(state_of(RootMachine(memory / name)))
    old, new = states
    assert all(was != becomes for was, becomes in zip(old, new, strict=True))
    whole = memory / "whole"
    case.before(whole)
    last = 0
    for cut in kills.cuts(whole, case.change, one_in=2):
        check(cut.folder, case, old, new)
        last = cut.step
    assert last > 2, "nothing was ever killed"
