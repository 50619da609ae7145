"""A phone that starts from a card is renewed by stick and over the network, goes back by itself, and keeps what is its
holder's. The tests follow one another: what one leaves is what the next begins with.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from firmware.cli import main as wecall
from firmware.installer.private_keys import write_private_key
from tests.lab.card_phone import DEVICE, CardPhone
from tests.lab.card_releases import CardReleases, Change, handset_that_ends, kernel_that_hangs, other_package
from tests.lab.handset_machine import FLEET
from tests.lab.machine_caller import MachineCaller
from tests.lab.mosquitto import Operator
from tests.lab.update_server import UpdateServer
from tests.lab.virtual_machine import HOST

FIRST: Final = "0.3.0"
BY_STICK, BY_NETWORK, BROKEN, HANGING = "0.3.1", "0.3.2", "0.3.3", "0.3.4"
_LARGEST_SHARE: Final = 0.15
_TRIAL_S: Final = 600.0


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> CardReleases:
    return CardReleases(tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory, releases: CardReleases) -> Iterator[CardPhone]:
    phone = CardPhone(tmp_path_factory.mktemp("phone"), releases.make(FIRST).card)
    with ExitStack() as stack:
        stack.callback(phone.stop)
        phone.start()
        phone.register()
        phone.answers()
        yield phone


@pytest.fixture(scope="module")
def caller(phone: CardPhone) -> Iterator[MachineCaller]:
    caller = phone.new_caller()
    yield caller
    caller.stop()


def is_called(phone: CardPhone, caller: MachineCaller) -> None:
    """Call the phone, which answers by itself, and hang up; the call is kept."""
    before = len(json.loads(phone.kept()["log --json"]))
    assert caller.call(patience_s=120).code == 200
    caller.peer.hang_up()
    phone.wait_until(lambda: len(json.loads(phone.kept()["log --json"])) > before, "the call is kept")


def announce(phone: CardPhone, releases: CardReleases, update: Path, server: UpdateServer, kind: str) -> None:
    """Announce an update as an operator does, with the commands of the manual, to the broker."""
    folder = update.parent
    authority, key, document = folder / "authority.pem", folder / "announce.key", folder / "announced"
    authority.write_bytes(phone.authority.ca_path.read_bytes())
    if not key.exists():
        write_private_key(key, phone.announcer.key, "")
    arguments = (
        "release", "announce", "--bundle", update, "--address", server.address, "--authority", authority,
        "--release-keys", releases.keys / "release-keys", "--root", releases.keys / "root.pub", "--key", key,
        "--fleet", FLEET, "--out", document, "--kind", kind, "--number", "12"["fs".index(kind[0])],
    )  # fmt: skip
    done = CliRunner().invoke(wecall, [str(each) for each in arguments])
    assert done.exit_code == 0, done.output
    with Operator(phone.broker) as operator:
        operator.send(f"wecall/v1/{FLEET}/{DEVICE}/update", document.read_bytes(), retain=True)


@pytest.fixture
def server(phone: CardPhone) -> Iterator[UpdateServer]:
    server = UpdateServer(phone.authority, b"", host=HOST)
    with phone.network():
        server.start()
    yield server
    server.stop()


def test_a_card_starts_a_phone_that_nobody_can_write_to(phone: CardPhone, caller: MachineCaller) -> None:
    state = phone.state()
    assert (state["how"], state["version"], state["slot"], state["on_trial"]) == ("card", FIRST, "A", False)
    mounts = json.loads(phone.run("findmnt", "--json", "--list", "--real", "-o", "TARGET,OPTIONS").stdout)
    writable = [each["target"] for each in mounts["filesystems"] if "rw" in each["options"].split(",")]
    written = ("/data", "/var", "/etc/wecall", "/etc/NetworkManager/system-connections", "/etc/modprobe.d",
               "/etc/systemd/timesyncd.conf.d", "/etc/machine-id")  # fmt: skip
    assert set(writable) == set(written)
    assert phone.run("touch", "/usr/x", check=False).returncode
    phone.run("wecall", "consent", "grant", "contact_import")
    phone.run("wecall", "contacts", "add", "Anna", "2345")
    is_called(phone, caller)


def test_an_update_by_stick_is_tried_and_kept(phone: CardPhone, caller: MachineCaller, releases: CardReleases) -> None:
    before = phone.kept()
    stick = phone.update_stick(releases.make(BY_STICK).update)
    phone.plug_in(stick)
    phone.becomes(lambda state: state.get("installed") == BY_STICK, "the update is installed")
    phone.restarts()
    state = phone.becomes(lambda state: state.get("last") == "applied", "the update is kept")
    assert (state["version"], state["slot"], state["on_trial"]) == (BY_STICK, "B", False)
    phone.pull_out()
    assert phone.kept() == before
    phone.registers_anew()
    is_called(phone, caller)


def test_a_security_update_comes_over_the_network_while_features_are_put_off(
    phone: CardPhone, caller: MachineCaller, releases: CardReleases, server: UpdateServer
) -> None:
    before = phone.kept()
    release = releases.make(BY_NETWORK, other_package("dnspython", "2.8.0"))
    server.content = release.update.read_bytes()
    for kind in ("feature", "security"):
        announce(phone, releases, release.update, server, kind)
        phone.waits_for_update(kind)
        phone.run("wecall", "update", "postpone" if kind == "feature" else "now")
    phone.becomes(lambda state: state.get("installed") == BY_NETWORK, "the update is installed")
    phone.figures["an update of one package: fetched, bytes"] = server.fetched_bytes
    phone.figures["an update of one package: whole, bytes"] = len(server.content)
    phone.write_figures()
    phone.restarts()
    state = phone.becomes(lambda state: state.get("last") == "applied", "the update is kept")
    assert (state["version"], state["slot"]) == (BY_NETWORK, "A")
    assert phone.kept() == before
    phone.registers_anew()
    is_called(phone, caller)
    assert server.fetched_bytes <= _LARGEST_SHARE * len(server.content)


@pytest.mark.parametrize(("version", "change"), [(BROKEN, handset_that_ends), (HANGING, kernel_that_hangs)])
def test_a_broken_system_goes_back_by_itself(
    phone: CardPhone, caller: MachineCaller, releases: CardReleases, version: str, change: Change
) -> None:
    before = phone.kept()
    phone.plug_in(phone.update_stick(releases.make(version, change).update))
    phone.becomes(lambda state: state.get("installed") == version, "the update is installed")
    phone.restarts()
    state = phone.becomes(bool, "root says how it stands")
    if state["version"] == version:
        # It has come so far that it takes commands; nobody says that it works.
        phone.restarts(_TRIAL_S)
        state = phone.becomes(bool, "root says how it stands")
    assert (state["version"], state["slot"], state["on_trial"]) == (BY_NETWORK, "A", False)
    assert (state["last"], state["last_version"]) == ("went_back", version)
    phone.pull_out()
    assert phone.kept() == before
    phone.registers_anew()
    is_called(phone, caller)
