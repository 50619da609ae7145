"""A bundle is tried, kept, or undone; what was there before is always the alternative."""

import json
import shutil
import stat
from pathlib import Path

import pytest

from contract.results import OutcomeCode
from firmware.setup.root.messages import NOT_JOINED, RootOutcome, RootStep
from firmware.setup.root.record import RecordError, read_record
from firmware.setup.root.work import MOST_STARTS
from tests.lab.root_machine import (
    CABLE,
    OPERATOR,
    STRANGER,
    TIME_SERVERS,
    WIFI,
    WIFI_PASSWORD,
    RootMachine,
    configuration,
    time_server,
    wifi,
)

pytestmark = pytest.mark.feature("networks by bundle")

SECRETS = {"wifi-password-1": WIFI_PASSWORD}
ETHERNET = '[network.ethernet]\naddresses = ["192.0.2.10/24"]'


@pytest.fixture
def machine(tmp_path: Path) -> RootMachine:
    return RootMachine(tmp_path)


def bundle(number: int, *tables: str) -> bytes:
    return OPERATOR.bundle({"config.toml": configuration(*tables)}, number)


# --- trying ---


def test_networks_and_time_servers_are_written_and_taken_up(machine: RootMachine) -> None:
    answer = machine.attempt(7, bundle(7, wifi("shop"), ETHERNET, time_server("ntp.example.org")), secrets=SECRETS)
    assert answer.outcome is RootOutcome.APPLIED
    assert machine.steps == [RootStep.NETWORK]
    assert "ssid=shop\n" in (machine.text(WIFI) or "")
    assert "address1=192.0.2.10/24\n" in (machine.text(CABLE) or "")
    assert machine.text(TIME_SERVERS) == "[Time]\nNTP=ntp.example.org\n"
    assert [line for line in machine.commands if " -t " not in line and " -g " not in line] == [
        "systemctl try-restart systemd-timesyncd.service",
        "nmcli connection reload",
        "nmcli radio wifi on",
        "nmcli --wait 20 connection up id wecall-cable",
        "nmcli --wait 30 connection up id wecall-wifi-1",
    ]


def test_what_holds_passwords_is_roots_alone_and_time_servers_are_read_by_their_service(machine: RootMachine) -> None:
    machine.attempt(7, bundle(7, wifi("shop"), time_server("ntp.example.org")), secrets=SECRETS)
    modes = {path: stat.S_IMODE((machine.root / path).stat().st_mode) for path in (WIFI, TIME_SERVERS)}
    assert modes == {WIFI: 0o600, TIME_SERVERS: 0o644}
    assert stat.S_IMODE((machine.machine.state / "record.json").stat().st_mode) == 0o600
    assert WIFI_PASSWORD not in " ".join(machine.commands)


def test_a_machine_without_networkmanager_gets_the_files_all_the_same(machine: RootMachine) -> None:
    machine.answers = {"nmcli": None, "systemctl": None}
    assert machine.attempt(7, bundle(7, wifi("shop")), secrets=SECRETS).outcome is RootOutcome.APPLIED
    assert machine.text(WIFI) is not None


def test_a_wifi_network_in_reach_that_does_not_let_the_handset_in_sends_the_bundle_back(machine: RootMachine) -> None:
    machine.keep(6, bundle(6, wifi("old")), secrets=SECRETS)
    before = machine.text(WIFI)
    machine.answers["nmcli --wait 30 connection up"] = None
    answer = machine.attempt(7, bundle(7, wifi("shop")), secrets={"wifi-password-1": "a wrong one"})
    assert (answer.outcome, answer.code) == (RootOutcome.FAILED, NOT_JOINED)
    assert machine.text(WIFI) == before
    assert machine.work().pending is None


def test_a_bundle_that_changes_nothing_disturbs_nothing(machine: RootMachine) -> None:
    machine.keep(7, bundle(7, ETHERNET.replace("[network.", "[network]\n\n[network.")))
    machine.commands.clear()
    machine.steps.clear()
    machine.answers["nmcli -t radio wifi"] = "disabled\n"
    machine.attempt(8, bundle(8, ETHERNET))
    assert machine.steps == []
    assert not any("up" in line or "reload" in line for line in machine.commands)


def test_asking_again_for_what_waits_changes_nothing(machine: RootMachine) -> None:
    first = machine.attempt(7, bundle(7, time_server("a.example.org")))
    machine.commands.clear()
    assert machine.attempt(7, None) == first
    assert machine.commands == []


def test_another_bundle_takes_the_place_of_one_that_waits(machine: RootMachine) -> None:
    machine.attempt(7, bundle(7, time_server("a.example.org")))
    machine.attempt(8, bundle(8))
    assert machine.text(TIME_SERVERS) is None


# --- keeping, and undoing ---


def test_what_is_kept_stays_and_its_trust_counts_from_then_on(machine: RootMachine) -> None:
    machine.attempt(7, bundle(7, time_server("a.example.org")))
    assert machine.work().keep(7).outcome is RootOutcome.KEPT
    assert machine.work().keep(7).outcome is RootOutcome.KEPT
    record = read_record(machine.machine.state)
    assert (record.newest, record.pending, record.pins) == (7, None, (OPERATOR.trusted,))
    assert machine.text(TIME_SERVERS) is not None


@pytest.mark.parametrize("way", ["asked", "given up"])
def test_what_was_there_comes_back(machine: RootMachine, way: str) -> None:
    machine.keep(6, bundle(6, wifi("old"), time_server("old.example.org")), secrets=SECRETS)
    machine.answers["nmcli -t radio wifi"] = "enabled\n"
    before = machine.text(WIFI), machine.text(CABLE), machine.text(TIME_SERVERS)
    machine.attempt(7, bundle(7, "[network]", ETHERNET, time_server("new.example.org")))
    assert machine.text(WIFI) is None
    machine.commands.clear()
    if way == "asked":
        assert machine.work().go_back(7).outcome is RootOutcome.REVERTED
    else:
        machine.work().give_up()
    assert (machine.text(WIFI), machine.text(CABLE), machine.text(TIME_SERVERS)) == before
    assert "nmcli radio wifi on" in machine.commands
    assert "nmcli --wait 30 connection up id wecall-wifi-1" in machine.commands
    assert machine.work().pending is None


def test_what_nobody_confirmed_is_not_tried_again(machine: RootMachine) -> None:
    machine.attempt(7, bundle(7))
    machine.work().give_up()
    answer = machine.attempt(7, bundle(7))
    assert (answer.outcome, answer.code) == (RootOutcome.REFUSED, OutcomeCode.REVERTED_BEFORE)
    assert machine.attempt(8, bundle(8)).outcome is RootOutcome.APPLIED


def test_keeping_what_is_undone_already_says_so(machine: RootMachine) -> None:
    machine.attempt(7, bundle(7))
    machine.work().give_up()
    assert machine.work().keep(7).outcome is RootOutcome.REVERTED


def test_only_the_bundle_that_is_in_force_is_said_to_be_kept(machine: RootMachine) -> None:
    machine.keep(7, bundle(7))
    said = {number: machine.work().go_back(number).outcome for number in (6, 7, 8)}
    assert said == {6: RootOutcome.REVERTED, 7: RootOutcome.KEPT, 8: RootOutcome.REVERTED}
    assert {number: machine.work().keep(number).outcome for number in said} == said


def test_files_that_somebody_else_has_put_there_stay(machine: RootMachine) -> None:
    home = machine.root / "etc/NetworkManager/system-connections/home.nmconnection"
    home.write_text("somebody's")
    machine.keep(7, bundle(7, wifi("shop")), secrets=SECRETS)
    machine.keep(8, bundle(8, "[network]"))
    assert home.read_text() == "somebody's"
    assert machine.text(WIFI) is None


def test_a_full_disk_leaves_what_was_there(machine: RootMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.keep(6, bundle(6, time_server("old.example.org")))
    blocked = machine.root / WIFI
    blocked.mkdir()
    answer = machine.attempt(7, bundle(7, time_server("new.example.org"), wifi("shop")), secrets=SECRETS)
    assert (answer.outcome, answer.code) == (RootOutcome.FAILED, RootStep.NETWORK)
    blocked.rmdir()
    machine.work().recover()
    assert machine.text(TIME_SERVERS) == "[Time]\nNTP=old.example.org\n"


# --- going back by hand ---


def test_a_bundle_that_was_kept_once_comes_back_with_what_was_there_then(machine: RootMachine) -> None:
    machine.keep(6, bundle(6, wifi("six"), time_server("six.example.org")), secrets=SECRETS)
    machine.keep(7, bundle(7))
    machine.keep(8, bundle(8, wifi("eight"), time_server("eight.example.org")), secrets=SECRETS)
    answer = machine.attempt(6, None)
    assert answer.outcome is RootOutcome.APPLIED
    assert "ssid=six\n" in (machine.text(WIFI) or "")
    assert machine.text(TIME_SERVERS) == "[Time]\nNTP=six.example.org\n"
    assert machine.work().keep(6).outcome is RootOutcome.KEPT
    # And forward again, which is another way back.
    assert machine.attempt(8, None).outcome is RootOutcome.APPLIED
    assert "ssid=eight\n" in (machine.text(WIFI) or "")


def test_going_back_does_not_bring_back_a_key_that_was_revoked(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    rotated = OPERATOR.bundle({"config.toml": configuration(trusted=STRANGER)}, 7)
    machine.keep(7, rotated)
    machine.attempt(6, None)
    machine.work().keep(6)
    answer = machine.attempt(8, bundle(8))
    assert (answer.outcome, answer.code) == (RootOutcome.REFUSED, OutcomeCode.UNKNOWN_KEY)
    later = STRANGER.bundle({"config.toml": configuration(trusted=STRANGER)}, 8)
    assert machine.attempt(8, later).outcome is RootOutcome.APPLIED


def test_a_number_below_the_newest_that_was_never_kept_is_refused(machine: RootMachine) -> None:
    machine.keep(7, bundle(7))
    answer = machine.attempt(5, bundle(5))
    assert (answer.outcome, answer.code) == (RootOutcome.REFUSED, OutcomeCode.OLD)
    assert machine.attempt(6, None).outcome is RootOutcome.REFUSED


# --- what was written when bundles brought firmware ---


@pytest.fixture
def earlier(machine: RootMachine) -> RootMachine:
    """Return a machine with a record of format 1: two bundles are kept, and one with firmware waits."""
    shutil.copy(Path(__file__).with_name("record-of-format-1.json"), machine.machine.state / "record.json")
    servers = machine.root / TIME_SERVERS
    servers.parent.mkdir(parents=True)
    servers.write_text("[Time]\nNTP=eight.example.org\n")
    return machine


def test_a_record_of_format_1_loses_no_pin_and_is_of_format_2_once_it_is_written(earlier: RootMachine) -> None:
    record = read_record(earlier.machine.state)
    assert (record.pins, record.fleet, record.newest) == ((OPERATOR.trusted,), "shop", 7)
    assert [kept.number for kept in record.history] == [6, 7]
    earlier.work().recover()
    written = json.loads((earlier.machine.state / "record.json").read_text())
    assert (written["format"], written["pending"]["starts"]) == (2, 1)
    assert not {"environment", "firmware"} & written["pending"]["before"].keys()
    assert earlier.attempt(9, STRANGER.bundle({"config.toml": configuration()}, 9)).code == OutcomeCode.UNKNOWN_KEY


def test_what_waited_with_firmware_is_kept_or_undone_as_any_other(earlier: RootMachine) -> None:
    whole = (earlier.machine.state / "record.json").read_bytes()
    assert earlier.attempt(8, None).outcome is RootOutcome.APPLIED
    assert earlier.work().keep(8).outcome is RootOutcome.KEPT
    (earlier.machine.state / "record.json").write_bytes(whole)
    assert earlier.work().go_back(8).outcome is RootOutcome.REVERTED
    assert earlier.text(TIME_SERVERS) == "[Time]\nNTP=seven.example.org\n"
    # And by hand to one from before firmware came.
    assert earlier.attempt(6, None).outcome is RootOutcome.APPLIED
    assert earlier.text(TIME_SERVERS) == "[Time]\nNTP=six.example.org\n"


@pytest.mark.parametrize(("name", "value"), [("format", 3), ("firmware", "a"), ("trusts", [])])
def test_a_record_with_what_nobody_wrote_is_not_read(earlier: RootMachine, name: str, value: object) -> None:
    path = earlier.machine.state / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    with pytest.raises(RecordError):
        read_record(earlier.machine.state)


@pytest.mark.feature("firmware by bundle")
def test_a_bundle_with_firmware_is_refused_and_nothing_of_it_is_done(machine: RootMachine) -> None:
    machine.keep(6, bundle(6, time_server("six.example.org")))
    contents = {"config.toml": configuration(time_server("seven.example.org"))}
    answer = machine.attempt(7, OPERATOR.bundle_with_firmware(contents, 7))
    assert (answer.outcome, answer.code) == (RootOutcome.REFUSED, OutcomeCode.FIRMWARE_SUPERSEDED)
    assert machine.text(TIME_SERVERS) == "[Time]\nNTP=six.example.org\n"
    assert (machine.work().pending, read_record(machine.machine.state).newest) == (None, 6)


# --- starts ---


def test_a_start_leaves_what_waits_but_not_for_ever(machine: RootMachine) -> None:
    machine.attempt(7, bundle(7, time_server("a.example.org")))
    for _ in range(MOST_STARTS):
        machine.work().recover()
        assert machine.text(TIME_SERVERS) is not None
    machine.work().recover()
    assert machine.text(TIME_SERVERS) is None
    assert machine.attempt(7, bundle(7)).code == OutcomeCode.REVERTED_BEFORE


def test_what_root_remembers_damaged_trusts_nobody(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    (machine.machine.state / "record.json").write_text("{")
    with pytest.raises(RecordError, match="no bundle is trusted"):
        machine.attempt(7, bundle(7))
