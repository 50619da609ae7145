"""A machine that changes operators trusts the next first bundle again, and only whoever has root can have it so."""

import subprocess
import sys
from pathlib import Path

import pytest

from contract.results import OutcomeCode
from firmware.setup.root.forget import _FORGET, _STATE, ForgetError, forget_operator
from firmware.setup.root.messages import RootOutcome
from firmware.setup.root.record import RecordError
from tests.lab.root_machine import OPERATOR, STRANGER, TIME_SERVERS, RootMachine, configuration, time_server

pytestmark = pytest.mark.feature("networks by bundle")

STOP = "systemctl stop wecall-apply.service wecall-apply.socket wecall-handset.service wecall-sync.service"
START = "systemctl start wecall-apply.socket wecall-handset.service wecall-sync.service"
OF_THE_NEXT = STRANGER.bundle({"config.toml": configuration(trusted=STRANGER, fleet="other")}, 1, fleet="other")


@pytest.fixture
def machine(tmp_path: Path) -> RootMachine:
    return RootMachine(tmp_path)


def bundle(number: int, *tables: str) -> bytes:
    return OPERATOR.bundle({"config.toml": configuration(*tables)}, number)


def forget(machine: RootMachine) -> None:
    forget_operator(machine.machine, machine.work(), lambda: machine.commands.append("the handset forgets"))


def test_the_next_first_bundle_is_taken_whoever_signed_it_and_for_whichever_fleet(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    assert machine.attempt(7, STRANGER.bundle({"config.toml": configuration()}, 7)).code == OutcomeCode.UNKNOWN_KEY
    forget(machine)
    assert machine.attempt(1, OF_THE_NEXT).outcome is RootOutcome.APPLIED
    machine.work().keep(1)
    assert machine.attempt(8, bundle(8)).code == OutcomeCode.UNKNOWN_KEY


def test_what_was_kept_stays_and_what_waits_is_put_back(machine: RootMachine) -> None:
    machine.keep(6, bundle(6, time_server("kept.example.org")))
    machine.attempt(7, bundle(7, time_server("waits.example.org")))
    forget(machine)
    assert machine.text(TIME_SERVERS) == "[Time]\nNTP=kept.example.org\n"


def test_neither_handset_nor_root_runs_meanwhile(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    machine.commands.clear()
    forget(machine)
    assert machine.commands == [STOP, "the handset forgets", START]


def test_services_that_do_not_stop_leave_all_as_it_is(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    machine.answers = {"systemctl stop": None, **machine.answers}
    with pytest.raises(ForgetError, match="nothing is changed"):
        forget(machine)
    assert machine.attempt(1, OF_THE_NEXT).code == OutcomeCode.UNKNOWN_KEY


def test_a_handset_that_does_not_forget_leaves_root_trusting_nobody_new_and_runs_again(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))

    def fail() -> None:
        raise ForgetError("The card is full.")

    with pytest.raises(ForgetError):
        forget_operator(machine.machine, machine.work(), fail)
    assert machine.commands[-1] == START
    assert machine.attempt(1, OF_THE_NEXT).code == OutcomeCode.UNKNOWN_KEY


def test_a_record_that_cannot_be_read_can_be_forgotten(machine: RootMachine) -> None:
    (machine.machine.state / "record.json").write_bytes(b"{")
    with pytest.raises(RecordError, match="sudo wecall config forget-operator"):
        machine.attempt(1, OF_THE_NEXT)
    forget(machine)
    assert machine.attempt(1, OF_THE_NEXT).outcome is RootOutcome.APPLIED


def test_keys_that_whoever_has_root_wrote_down_count_on(machine: RootMachine) -> None:
    machine.machine.configuration.write_bytes(configuration())
    machine.keep(6, bundle(6))
    forget(machine)
    assert machine.attempt(1, OF_THE_NEXT).code == OutcomeCode.UNKNOWN_KEY


def test_the_handsets_part_is_done_by_the_code_that_root_has_run(tmp_path: Path) -> None:
    (tmp_path / "provisioning").mkdir()
    (tmp_path / "provisioning" / "standing.json").write_text("{}")
    subprocess.run([sys.executable, "-c", _FORGET.replace(_STATE, str(tmp_path))], check=True)
    assert not (tmp_path / "provisioning" / "standing.json").exists()
