"""What a bundle says of networks reaches a real NetworkManager through root's own sandbox, and goes when it is undone.

NetworkManager runs in a systemd box: there is a cable there, and no radio.
"""

import shutil
from collections.abc import Iterator

import pytest

from tests.lab.debian_packages import unpacked
from tests.lab.installed_box import InstalledBox, wait_until
from tests.lab.root_asker import IN_TIME, RootAsker
from tests.lab.root_machine import OPERATOR, configuration

SERVICE = "wecall-apply.service"
PACKAGES = ("network-manager", "wpasupplicant")


def cable(address: str) -> str:
    return f'[network]\n\n[network.ethernet]\naddresses = ["{address}/24"]\ngateways = ["10.77.0.2"]'


def bundle(number: int, *tables: str) -> bytes:
    return OPERATOR.bundle({"config.toml": configuration(*tables)}, number, **IN_TIME)


def addresses(box: InstalledBox) -> str:
    return box.run("ip", "-4", "-brief", "address", "show", "dev", "cable").stdout


def radio(box: InstalledBox) -> str:
    return box.run("nmcli", "-t", "radio", "wifi").stdout.strip()


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstalledBox]:
    box = InstalledBox(tmp_path_factory.mktemp("box"))
    box.start()
    try:
        shutil.copytree(unpacked("network-manager", PACKAGES), box.path("/"), dirs_exist_ok=True, symlinks=True)
        box.shell("rm -f /etc/NetworkManager/system-connections/*; systemctl daemon-reload")
        box.install("--no-start")
        box.shell("install -d -o wecall /var/lib/wecall; systemctl start wecall-apply.socket NetworkManager")
        box.add_outside()
        yield box
    finally:
        box.stop()


@pytest.fixture
def asker(box: InstalledBox) -> RootAsker:
    return RootAsker(box)


def test_the_cable_gets_the_address_that_a_bundle_fixes(box: InstalledBox, asker: RootAsker) -> None:
    assert asker.ask(6, bundle(6, cable("10.77.0.9")))["outcome"] == "applied"
    assert "10.77.0.9/24" in addresses(box)
    assert "default via 10.77.0.2 dev cable" in box.run("ip", "route").stdout
    assert asker.say("confirm", 6) == "kept"


def test_the_address_of_before_comes_back_where_the_new_one_does_not_work(box: InstalledBox, asker: RootAsker) -> None:
    assert asker.ask(7, bundle(7, cable("10.77.0.10")))["outcome"] == "applied"
    assert "10.77.0.10/24" in addresses(box)
    assert "10.77.0.9/24" not in addresses(box)
    assert asker.say("go_back", 7) == "reverted"
    assert "10.77.0.9/24" in addresses(box)


def test_wifi_is_switched_off_where_a_bundle_has_none_and_on_again_once_that_is_undone(
    box: InstalledBox, asker: RootAsker
) -> None:
    box.run("nmcli", "radio", "wifi", "on")
    assert asker.ask(8, bundle(8, "[network]"))["outcome"] == "applied"
    assert radio(box) == "disabled"
    assert asker.say("go_back", 8) == "reverted"
    assert radio(box) == "enabled"


def test_wifi_comes_back_on_also_where_networkmanager_does_not_run_while_a_bundle_is_undone(
    box: InstalledBox, asker: RootAsker
) -> None:
    box.run("nmcli", "radio", "wifi", "on")
    box.drop_in(SERVICE, "[Service]\nEnvironment=WECALL_CONFIRM_S=2\n")
    box.run("systemctl", "stop", SERVICE)
    assert asker.ask(9, bundle(9, "[network]"))["outcome"] == "applied"
    box.run("systemctl", "stop", "NetworkManager")
    wait_until(lambda: "going back" in box.journal(SERVICE), "the time is over")
    wait_until(lambda: box.property_of(SERVICE, "ActiveState") == "inactive", "the service has nothing left to do")
    box.run("systemctl", "start", "NetworkManager")
    assert radio(box) == "enabled"
