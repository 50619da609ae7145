"""A bundle is tried, kept, or undone; what was there before is always the alternative."""

import os
import stat
from pathlib import Path

import pytest

from contract.results import OutcomeCode
from firmware.setup.root.messages import NOT_JOINED, RootOutcome, RootStep
from firmware.setup.root.record import RecordError, read_record
from firmware.setup.root.work import MOST_FAILURES, MOST_STARTS
from tests.lab.root_machine import (
    CABLE,
    OPERATOR,
    STRANGER,
    TIME_SERVERS,
    WIFI,
    WIFI_PASSWORD,
    RootMachine,
    configuration,
    packed_wheel,
    time_server,
    wheel,
    wifi,
)

pytestmark = pytest.mark.feature("networks by bundle")

SECRETS = {"wifi-password-1": WIFI_PASSWORD}
ETHERNET = '[network.ethernet]\naddresses = ["192.0.2.10/24"]'
NEW_PROCESS = 1


@pytest.fixture
def machine(tmp_path: Path) -> RootMachine:
    return RootMachine(tmp_path)


def bundle(number: int, *tables: str, version: str = "") -> bytes:
    files = wheel(version) if version else {}
    return OPERATOR.bundle({"config.toml": configuration(*tables), **files}, number)


# --- trying ---


def test_networks_and_time_servers_are_written_and_taken_up(machine: RootMachine) -> None:
    answer = machine.attempt(7, bundle(7, wifi("shop"), ETHERNET, time_server("ntp.example.org")), secrets=SECRETS)
    assert answer.outcome is RootOutcome.APPLIED
    assert not answer.starts_anew
    assert machine.steps == [RootStep.NETWORK]
    assert "ssid=shop\n" in (machine.text(WIFI) or "")
    assert "address1=192.0.2.10/24\n" in (machine.text(CABLE) or "")
    assert machine.text(TIME_SERVERS) == "[Time]\nNTP=ntp.example.org\n"
    assert [line for line in machine.commands if "show" not in line and " -t " not in line and " -g " not in line] == [
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
    assert machine.work().keep(7, os.getpid()).outcome is RootOutcome.KEPT
    assert machine.work().keep(7, os.getpid()).outcome is RootOutcome.KEPT
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
        assert machine.work().go_back(7, os.getpid()).outcome is RootOutcome.REVERTED
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
    assert machine.work().keep(7, os.getpid()).outcome is RootOutcome.REVERTED


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


# --- firmware ---


def test_firmware_is_exchanged_and_starts_with_the_next_process(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    answer = machine.attempt(7, bundle(7, version="2.0"))
    assert (answer.outcome, answer.starts_anew) == (RootOutcome.APPLIED, True)
    assert machine.steps == [RootStep.FIRMWARE]
    assert (machine.link, machine.firmware()) == ("environments/a", "VERSION = '2.0'\n")
    # The old process asks again; then the new one does.
    assert machine.attempt(7, None).starts_anew
    assert not machine.attempt(7, None, asker=NEW_PROCESS).starts_anew


def test_how_much_of_a_wheelhouse_is_installed_is_told_while_it_is(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    modules = {f"package_{name}/module.py": f"TEXT = {os.urandom(4000).hex()!r}\n" for name in range(40)}
    others = {f"firmware/other_{place}-1.0-py3-none-any.whl": packed_wheel(**modules) for place in range(3)}
    contents = {"config.toml": configuration(), **wheel("2.0"), **others}
    assert machine.attempt(7, OPERATOR.bundle(contents, 7)).outcome is RootOutcome.APPLIED
    assert machine.percents == sorted(set(machine.percents))
    assert len(machine.percents) > 40
    assert machine.percents[0] < 5
    assert machine.percents[-1] > 90
    assert list(machine.root.glob("opt/wecall/environments/a/lib/*/site-packages/package_7/__pycache__/module.*.pyc"))


def test_only_the_new_firmware_itself_can_say_that_it_works(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    machine.attempt(7, bundle(7, version="2.0"))
    answer = machine.work().keep(7, os.getpid())
    assert (answer.outcome, answer.starts_anew) == (RootOutcome.APPLIED, True)
    machine.answers["systemctl is-active"] = None
    assert machine.work().keep(7, NEW_PROCESS).outcome is RootOutcome.APPLIED
    del machine.answers["systemctl is-active"]
    assert machine.work().keep(7, NEW_PROCESS).outcome is RootOutcome.KEPT
    assert machine.link == "environments/a"


def test_the_same_firmware_again_is_not_installed_again(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    machine.keep(7, bundle(7, version="2.0"))
    assert not machine.attempt(8, bundle(8, version="2.0")).starts_anew
    assert machine.link == "environments/a"


def test_firmware_after_firmware_goes_to_the_other_environment(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    machine.keep(7, bundle(7, version="2.0"))
    machine.keep(8, bundle(8, version="3.0"))
    assert (machine.link, machine.firmware()) == ("environments/b", "VERSION = '3.0'\n")


def test_firmware_that_nobody_confirms_is_exchanged_back_and_the_services_are_started_anew(
    machine: RootMachine,
) -> None:
    machine.keep(6, bundle(6))
    machine.attempt(7, bundle(7, version="2.0"))
    machine.work().give_up()
    assert (machine.link, machine.firmware()) == ("environments/installed", "VERSION = 'installed'\n")
    assert machine.commands[-2:] == [
        "systemctl --no-block restart wecall-handset.service",
        "systemctl --no-block try-restart wecall-voice.service wecall-sync.service",
    ]


def test_firmware_has_begun_to_run_once_the_process_that_asked_has_ended(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    work = machine.work()
    machine.attempt(7, bundle(7, version="2.0"))
    assert work.pending is not None
    assert not work.has_begun(work.pending)
    assert work.has_begun(work.pending.model_copy(update={"asker": "an-earlier-boot 1 1"}))


def test_firmware_that_ends_again_and_again_is_noticed(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    work = machine.work()
    machine.answers["systemctl show"] = "3\n"
    machine.attempt(7, bundle(7, version="2.0"))
    assert work.pending is not None
    machine.answers["systemctl show"] = f"{3 + MOST_FAILURES - 1}\n"
    assert not work.keeps_failing(work.pending)
    machine.answers["systemctl show"] = f"{3 + MOST_FAILURES}\n"
    assert work.keeps_failing(work.pending)


def test_going_back_before_the_new_firmware_has_run_starts_nothing_anew(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    machine.attempt(7, bundle(7, version="2.0"))
    assert not machine.work().go_back(7, os.getpid()).starts_anew
    assert machine.link == "environments/installed"


# --- going back by hand ---


def test_a_bundle_that_was_kept_once_comes_back_with_what_was_there_then(machine: RootMachine) -> None:
    machine.keep(6, bundle(6, wifi("six"), time_server("six.example.org")), secrets=SECRETS)
    machine.keep(7, bundle(7, version="2.0"))
    machine.keep(8, bundle(8, wifi("eight"), time_server("eight.example.org")), secrets=SECRETS)
    answer = machine.attempt(6, None)
    assert (answer.outcome, answer.starts_anew) == (RootOutcome.APPLIED, True)
    assert "ssid=six\n" in (machine.text(WIFI) or "")
    assert machine.text(TIME_SERVERS) == "[Time]\nNTP=six.example.org\n"
    assert machine.link == "environments/installed"
    assert machine.work().keep(6, NEW_PROCESS).outcome is RootOutcome.KEPT
    # And forward again, which is another way back.
    assert machine.attempt(8, None).outcome is RootOutcome.APPLIED
    assert "ssid=eight\n" in (machine.text(WIFI) or "")
    assert machine.link == "environments/a"


def test_going_back_does_not_bring_back_a_key_that_was_revoked(machine: RootMachine) -> None:
    machine.keep(6, bundle(6))
    rotated = OPERATOR.bundle({"config.toml": configuration(trusted=STRANGER)}, 7)
    machine.keep(7, rotated)
    machine.attempt(6, None)
    machine.work().keep(6, os.getpid())
    answer = machine.attempt(8, bundle(8))
    assert (answer.outcome, answer.code) == (RootOutcome.REFUSED, OutcomeCode.UNKNOWN_KEY)
    later = STRANGER.bundle({"config.toml": configuration(trusted=STRANGER)}, 8)
    assert machine.attempt(8, later).outcome is RootOutcome.APPLIED


def test_a_number_below_the_newest_that_was_never_kept_is_refused(machine: RootMachine) -> None:
    machine.keep(7, bundle(7))
    answer = machine.attempt(5, bundle(5))
    assert (answer.outcome, answer.code) == (RootOutcome.REFUSED, OutcomeCode.OLD)
    assert machine.attempt(6, None).outcome is RootOutcome.REFUSED


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
