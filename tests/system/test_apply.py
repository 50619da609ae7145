"""What root does for a bundle, by the real service under the real systemd, asked as the handset's user asks it."""

import json
from collections.abc import Iterator

import pytest

from tests.lab.bundles import Installer
from tests.lab.installed_box import ATTEMPT, InstalledBox, wait_until
from tests.lab.root_asker import IN_TIME, RootAsker
from tests.lab.root_machine import OPERATOR, STRANGER, TIME_SERVERS, WIFI, configuration, time_server, wifi

pytestmark = [pytest.mark.feature("networks by bundle"), pytest.mark.story]

SERVICE = "wecall-apply.service"
HANDSET = "wecall-handset.service"

# What the service tries from inside its sandbox, and what comes of it.
ATTEMPTS = (
    ATTEMPT
    + """
print(json.dumps({
    "connections": attempt(lambda: write("/etc/NetworkManager/system-connections")),
    "time servers": attempt(lambda: write("/etc/systemd/timesyncd.conf.d")),
    "own state": attempt(lambda: write("/var/lib/wecall-apply")),
    "the program": attempt(lambda: write("/opt/wecall/venv")),
    "elsewhere in /etc": attempt(lambda: write("/etc/systemd/system")),
    "the handset's state": attempt(lambda: os.listdir("/var/lib/wecall")),
    "credentials": attempt(lambda: os.listdir("/etc/wecall/credentials")),
    "internet": attempt(lambda: socket.socket(socket.AF_INET)),
}))
"""
)


def bundle(number: int, *tables: str, signer: Installer = OPERATOR) -> bytes:
    return signer.bundle({"config.toml": configuration(*tables, trusted=signer)}, number, **IN_TIME)


@pytest.fixture(scope="module", autouse=True)
def _as_before(box: InstalledBox) -> Iterator[None]:
    """Leave the box as it was found: no key pinned."""
    wait_until(lambda: box.property_of(HANDSET, "ActiveState") == "active", "the handset runs")
    yield
    box.remove_drop_in(SERVICE)
    RootAsker(box).forget()
    box.run("rm", "-f", f"/{WIFI}", f"/{TIME_SERVERS}")


@pytest.fixture
def asker(box: InstalledBox) -> RootAsker:
    return RootAsker(box)


def confirm_within(box: InstalledBox, seconds: int) -> None:
    box.drop_in(SERVICE, f"[Service]\nEnvironment=WECALL_CONFIRM_S={seconds}\n")
    box.run("systemctl", "stop", SERVICE)


def test_networks_and_time_servers_are_installed_and_kept(box: InstalledBox, asker: RootAsker) -> None:
    answer = asker.ask(
        6, bundle(6, wifi("shop"), time_server("ntp.example.org")), {"wifi-password-1": "a Wi-Fi password"}
    )
    assert answer["outcome"] == "applied"
    assert box.shell(f"stat -c '%a %U' /{WIFI} /{TIME_SERVERS}") == "600 root\n644 root\n"
    assert "psk=a\\sWi-Fi\\spassword\n" in box.shell(f"cat /{WIFI}")
    assert box.shell(f"cat /{TIME_SERVERS}") == "[Time]\nNTP=ntp.example.org\n"
    assert asker.say("confirm", 6) == "kept"
    wait_until(lambda: box.property_of(SERVICE, "ActiveState") == "inactive", "the service has nothing left to do")
    assert "a Wi-Fi password" not in box.journal(SERVICE)


def test_what_nobody_confirms_is_put_back_also_by_a_service_that_was_killed(
    box: InstalledBox, asker: RootAsker
) -> None:
    confirm_within(box, 10)
    assert asker.ask(7, bundle(7, "[network]", time_server("other.example.org")))["outcome"] == "applied"
    assert "other.example.org" in box.shell(f"cat /{TIME_SERVERS}")
    assert box.run("test", "-e", f"/{WIFI}", check=False).returncode == 1
    box.run("systemctl", "kill", "--signal=KILL", SERVICE)
    box.run("systemctl", "start", SERVICE)
    wait_until(lambda: "ntp.example.org" in box.shell(f"cat /{TIME_SERVERS}"), "the time servers of before are back")
    wait_until(lambda: box.run("test", "-e", f"/{WIFI}", check=False).returncode == 0, "the network of before is back")
    assert asker.ask(7, bundle(7))["code"] == "reverted_before"
    box.remove_drop_in(SERVICE)


def test_whoever_has_broken_into_the_handset_gets_nothing_unsigned_by_root(box: InstalledBox, asker: RootAsker) -> None:
    before = box.shell(f"sha256sum /{WIFI} /{TIME_SERVERS}; ls -R /etc/NetworkManager")
    forged = bundle(8, "[network]", time_server("evil.example.org"), signer=STRANGER)
    assert asker.ask(8, forged)["code"] == "unknown_key"
    cut = bytearray(bundle(8, time_server("evil.example.org")))
    cut[-1] ^= 1
    assert asker.ask(8, bytes(cut))["code"] == "forged"
    assert box.shell(f"sha256sum /{WIFI} /{TIME_SERVERS}; ls -R /etc/NetworkManager") == before
    # What root remembers is out of its reach, and so is the socket for others.
    as_handset = ("setpriv", "--reuid=wecall", "--regid=wecall", "--init-groups")
    assert box.run(*as_handset, "cat", "/var/lib/wecall-apply/record.json", check=False).returncode == 1
    assert box.shell("stat -c '%a %U:%G' /run/wecall-apply/apply.sock") == "660 root:wecall\n"


def test_root_alone_has_the_operator_forgotten_and_then_another_one_is_trusted(
    box: InstalledBox, asker: RootAsker
) -> None:
    assert asker.ask(6, bundle(6))["outcome"] == "applied"
    assert asker.say("confirm", 6) == "kept"
    contents = {"config.toml": configuration(trusted=STRANGER, fleet="other")}
    after = STRANGER.bundle(contents, 1, fleet="other", **IN_TIME)
    assert asker.ask(1, after)["code"] == "unknown_key"
    # A link of somebody who has broken into the handset leads root nowhere.
    box.shell("""
        install -d /opt/precious/configurations/1
        mv /var/lib/wecall/provisioning /var/lib/wecall/provisioning.kept
        ln -s /opt/precious /var/lib/wecall/provisioning
    """)
    forget = "wecall config forget-operator --yes"
    as_handset = ("setpriv", "--reuid=wecall", "--regid=wecall", "--init-groups")
    refused = box.run(*as_handset, "bash", "-c", forget, check=False)
    assert (refused.returncode, "sudo wecall config forget-operator" in refused.stdout) == (1, True)
    assert "could not be deleted" in box.shell(forget, check=False)
    assert box.run("test", "-d", "/opt/precious/configurations/1").returncode == 0
    assert asker.ask(1, after)["code"] == "unknown_key"
    box.shell("""
        rm -r /var/lib/wecall/provisioning /opt/precious
        mv /var/lib/wecall/provisioning.kept /var/lib/wecall/provisioning
    """)
    assert "The operator is forgotten." in box.shell(forget)
    wait_until(lambda: box.property_of(HANDSET, "ActiveState") == "active", "the handset runs again")
    assert asker.ask(1, after)["outcome"] == "applied"
    assert asker.say("confirm", 1) == "kept"
    asker.forget()
    assert asker.ask(6, bundle(6))["outcome"] == "applied"
    assert asker.say("confirm", 6) == "kept"


def test_the_handset_may_ask_from_inside_its_sandbox(box: InstalledBox) -> None:
    said = box.probe(
        HANDSET,
        "import asyncio\nfrom firmware.setup.bundles.root_work import RootWork\n"
        "print(asyncio.run(RootWork().confirm(4)).outcome)",
    )
    assert said == "reverted\n"


def test_the_service_itself_can_do_nothing_but_its_work(box: InstalledBox) -> None:
    said: dict[str, str] = json.loads(box.probe(SERVICE, ATTEMPTS))
    assert {said.pop(place) for place in ("connections", "time servers", "own state")} == {"done"}
    assert said == {
        "the program": "EROFS",
        "elsewhere in /etc": "EROFS",
        "the handset's state": "EACCES",
        "credentials": "EACCES",
        "internet": "EAFNOSUPPORT",
    }


@pytest.mark.feature("firmware by bundle")
def test_a_bundle_with_firmware_is_refused_and_what_it_says_of_time_servers_with_it(
    box: InstalledBox, asker: RootAsker
) -> None:
    before = box.shell(f"sha256sum /{TIME_SERVERS}")
    contents = {"config.toml": configuration(time_server("other.example.org"))}
    assert asker.ask(9, OPERATOR.bundle_with_firmware(contents, 9, **IN_TIME))["code"] == "firmware_superseded"
    assert box.shell(f"sha256sum /{TIME_SERVERS}") == before
