"""What NetworkManager is asked for, and what is made of its answers."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from firmware.setup.root.connections import wifi_files
from firmware.setup.root.network_manager import NetworkManager
from provisioning.network import Network
from tests.lab.root_machine import RootMachine, in_reach

pytestmark = pytest.mark.feature("networks by bundle")

STATE = "var/lib/NetworkManager/NetworkManager.state"
CABLE = {"wecall-cable": b"[connection]\n"}


@pytest.fixture
def machine(tmp_path: Path) -> RootMachine:
    machine = RootMachine(tmp_path)
    (tmp_path / STATE).parent.mkdir(parents=True)
    return machine


def networks(*ssids: str, hidden: bool = False) -> Mapping[str, bytes]:
    wifi = [{"ssid": ssid, "security": "open", "hidden": hidden} for ssid in ssids]
    files = wifi_files(Network.model_validate({"wifi": wifi}), {})
    return {Path(path).stem: content for path, content in files.items()}


def take_up(machine: RootMachine, present: Mapping[str, bytes], radio: bool | None = None) -> bool:
    return NetworkManager(machine.machine, lambda _: None).take_up(present, present, radio)


def brought_up(machine: RootMachine) -> list[str]:
    return [line.rpartition(" ")[2] for line in machine.commands if " connection up " in line]


def test_the_next_best_wifi_network_is_joined_where_the_best_is_not_there(machine: RootMachine) -> None:
    machine.answers["nmcli -g SSID-HEX"] = in_reach("near")
    assert take_up(machine, networks("far", "near"))
    assert brought_up(machine) == ["wecall-wifi-2"]


def test_the_next_best_wifi_network_is_joined_where_the_best_turns_the_handset_away(machine: RootMachine) -> None:
    machine.answers["nmcli -g SSID-HEX"] = in_reach("shop", "old")
    machine.answers["nmcli --wait 30 connection up id wecall-wifi-1"] = None
    assert take_up(machine, networks("shop", "old"))
    assert brought_up(machine) == ["wecall-wifi-1", "wecall-wifi-2"]


def test_a_handset_that_is_set_up_where_its_wifi_is_not_goes_on(machine: RootMachine) -> None:
    machine.answers["nmcli -g SSID-HEX"] = in_reach("another")
    assert take_up(machine, networks("shop"))
    assert brought_up(machine) == []


@pytest.mark.parametrize(("found", "goes_on"), [([], True), (["shop"], False)])
def test_a_hidden_network_is_called_and_counts_as_there_once_it_has_answered(
    machine: RootMachine, found: list[str], goes_on: bool
) -> None:
    machine.answers["nmcli -g SSID-HEX device wifi list --rescan yes"] = in_reach()
    machine.answers["nmcli -g SSID-HEX"] = in_reach(*found)
    machine.answers["nmcli --wait 30 connection up"] = None
    assert take_up(machine, networks("shop", hidden=True)) is goes_on
    assert brought_up(machine) == ["wecall-wifi-1"]


def test_a_radio_that_was_just_switched_on_is_waited_for(machine: RootMachine) -> None:
    machine.answers["nmcli -g TYPE,STATE device"] = "ethernet:connected\nwifi:unavailable\n"

    def become_ready(_seconds: float) -> None:
        machine.answers["nmcli -g TYPE,STATE device"] = "ethernet:connected\nwifi:disconnected\n"
        assert not brought_up(machine)

    present = networks("shop")
    assert NetworkManager(machine.machine, become_ready).take_up(present, present, radio=True)
    assert brought_up(machine) == ["wecall-wifi-1"]


def test_a_radio_that_never_comes_up_keeps_nobody_waiting_for_ever(machine: RootMachine) -> None:
    machine.answers["nmcli -g TYPE,STATE device"] = "wifi:unavailable\n"
    machine.answers["nmcli -g SSID-HEX"] = ""
    assert take_up(machine, networks("shop"), radio=True)


def test_what_did_not_change_is_not_disturbed(machine: RootMachine) -> None:
    present = {**CABLE, **networks("shop")}
    manager = NetworkManager(machine.machine)
    assert manager.take_up(present, CABLE, None)
    assert brought_up(machine) == ["wecall-cable"]
    machine.commands.clear()
    assert manager.take_up(present, networks("shop"), None)
    assert brought_up(machine) == ["wecall-wifi-1"]


@pytest.mark.parametrize("before", ["", "[main]\nNetworkingEnabled=true\nWirelessEnabled=false\n"])
def test_the_radio_comes_back_on_where_networkmanager_does_not_run_yet(machine: RootMachine, before: str) -> None:
    if before:
        (machine.root / STATE).write_text(before)
    machine.answers = {"nmcli": None}
    assert take_up(machine, networks("shop"), radio=True)
    said = (machine.text(STATE) or "").splitlines()
    assert said[0] == "[main]"
    assert "WirelessEnabled=true" in said
    assert ("NetworkingEnabled=true" in said) is bool(before)


def test_a_machine_without_networkmanager_is_given_nothing_of_its_state(tmp_path: Path) -> None:
    machine = RootMachine(tmp_path)
    machine.answers = {"nmcli": None}
    assert take_up(machine, networks("shop"), radio=True)
    assert machine.text(STATE) is None
