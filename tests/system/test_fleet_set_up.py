"""`wecall fleet set-up` on a Debian that boots: a server that works, said once or again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.fleet_box import PROGRAM, FleetBox

AUTHORITY = "/root/authority"
PASSPHRASE = "words of the authority's"
COMMAND = (
    PROGRAM,
    "fleet",
    "set-up",
    AUTHORITY,
    "--host",
    "fleet.example.com",
    "--fleet",
    "hotel",
    "--time-zone",
    "Europe/Berlin",
)
# What is written, all of it; not what the broker and the collector keep.
FILES = (
    "find /etc/mosquitto/wecall /etc/mosquitto/mosquitto.conf /etc/systemd/system/mosquitto.service.d "
    "/etc/systemd/system/wecall-collector.service /var/lib/wecall-collector -type f -not -name 'calls.db*' | sort"
)
LOG_IN = """
import json, pathlib, sys, urllib.request
body = json.dumps({"user": "dashboard.main", "password": pathlib.Path(sys.argv[1]).read_text().strip()}).encode()
request = urllib.request.Request("http://127.0.0.1:8090/api/v1/session", body, {"Content-Type": "application/json"})
print(urllib.request.urlopen(request, timeout=30).status)
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetBox]:
    box = FleetBox(tmp_path_factory.mktemp("box"))
    box.start()
    yield box
    box.stop()


@pytest.fixture(scope="module")
def said(box: FleetBox) -> str:
    """Set the server up, and return what was said."""
    done = box.run(*COMMAND, check=False, timeout_s=300, stdin=f"{PASSPHRASE}\n" * 2)
    journal = box.shell("journalctl -u mosquitto -u wecall-collector --no-pager -n 50", check=False)
    assert done.returncode == 0, f"{done.stdout}\n{journal}"
    return done.stdout


@pytest.mark.feature("server set up")
def test_the_server_works_and_the_command_says_so(box: FleetBox, said: str) -> None:
    states = {line[:30].strip(): line.split()[-1] for line in said.splitlines() if line.startswith("certificate of")}
    assert len(states) == 4, said
    for row in ("broker", "canary record", "rights of handsets", "database", "page"):
        assert f"\n{row} " in said, row
    assert " bad " not in said
    assert box.run("systemctl", "is-enabled", "mosquitto", "wecall-collector").stdout.split() == ["enabled"] * 2
    assert box.property_of("mosquitto.service", "LimitNOFILE") == "200000"
    assert "wecall/v1/hotel/%u/cdr" in box.shell("cat /etc/mosquitto/wecall/acl")
    assert "tcp dport 8884" in box.run("nft", "list", "table", "inet", "wecall_guesses").stdout
    done = box.run("systemd-analyze", "verify", "--man=no", "wecall-collector.service", "mosquitto.service")
    assert "wecall" not in done.stdout
    assert box.run("/opt/python/bin/python3", "-c", LOG_IN, f"{AUTHORITY}/dashboard.main").stdout.strip() == "201"


def test_secrets_are_their_owners_alone(box: FleetBox, said: str) -> None:
    assert said
    modes = box.shell(f"{FILES} | xargs stat -c '%n %U %a'").splitlines()
    for line in modes:
        path, owner, mode = line.split()
        if path.startswith("/etc/mosquitto/wecall/"):
            assert (owner, mode) == ("mosquitto", "600"), path
        elif path.startswith("/var/lib/"):
            assert (owner, mode) == ("wecall-collector", "600"), path
    assert len(modes) > 12
    key = box.shell(
        f"head -n 1 {AUTHORITY}/ca.key; stat -c %a {AUTHORITY} {AUTHORITY}/ca.key {AUTHORITY}/dashboard.main"
    )
    assert key.splitlines() == ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "700", "600", "600"]
    password = box.shell(f"cat {AUTHORITY}/dashboard.main").strip()
    assert password not in box.shell("cat /etc/mosquitto/wecall/passwords")
    assert password not in said


def test_said_again_it_changes_nothing_and_wants_neither_authority_nor_passphrase(box: FleetBox, said: str) -> None:
    assert said
    before = box.shell(f"{FILES} | xargs sha256sum")
    box.run("mv", AUTHORITY, "/root/elsewhere")
    try:
        done = box.run(*COMMAND, timeout_s=300)
        assert "the certificates are there" in done.stdout
        assert box.shell(f"{FILES} | xargs sha256sum") == before
        # What is missing is made by the authority that the broker trusts, and by no other.
        box.run("mv", "/var/lib/wecall-collector/certificates/canary-main.pem", "/root/canary-main.pem")
        done = box.run(*COMMAND, check=False, timeout_s=300, stdin=f"{PASSPHRASE}\n" * 2)
        assert (done.returncode, "trusts another authority" in done.stdout) == (1, True)
        assert box.run("test", "-e", f"{AUTHORITY}/ca.pem", check=False).returncode == 1
    finally:
        box.run("rm", "-rf", AUTHORITY)
        box.run("mv", "/root/elsewhere", AUTHORITY)
    box.run("rm", "/var/lib/wecall-collector/collector.toml", "/etc/systemd/system/wecall-collector.service")
    # As after a cut: only what is missing is made.
    box.run(*COMMAND, timeout_s=300, stdin=f"{PASSPHRASE}\n")
    after = box.shell(f"{FILES} | xargs sha256sum")
    assert {line for line in before.splitlines() if "collector.toml" not in line} == {
        line for line in after.splitlines() if "collector.toml" not in line
    }


def test_a_configuration_that_somebody_has_changed_stays(box: FleetBox, said: str) -> None:
    assert said
    box.shell("echo 'listener 1883' >>/etc/mosquitto/mosquitto.conf")
    done = box.run(*COMMAND, check=False, timeout_s=300)
    assert (done.returncode, "neither Debian's nor ours" in done.stdout) == (1, True)
    assert "listener 1883" in box.shell("cat /etc/mosquitto/mosquitto.conf")
    assert box.run("systemctl", "is-active", "mosquitto").stdout.strip() == "active"


def test_with_postgresql_the_history_is_in_a_database_of_the_collectors_own(tmp_path: Path) -> None:
    box = FleetBox(tmp_path)
    box.start()
    try:
        done = box.run(*COMMAND, "--postgresql", check=False, timeout_s=300, stdin=f"{PASSPHRASE}\n" * 2)
        assert done.returncode == 0, done.stdout
        asked = "runuser -u wecall-collector -- psql -qtA -h /run/postgresql wecall -c"
        assert box.shell(f"{asked} 'SELECT count(*), max(deleted) FROM erasures'").strip() == "1|1"
        assert "not tried" in done.stdout.partition("\ndatabase's disk")[2].partition("\n")[0]
    finally:
        box.stop()


def test_who_is_not_root_and_a_zone_that_is_none_change_nothing(tmp_path: Path) -> None:
    box = FleetBox(tmp_path)
    box.start()
    try:
        done = box.run("runuser", "-u", "nobody", "--", *COMMAND, check=False)
        assert (done.returncode, "Say it as root." in done.stdout) == (1, True)
        done = box.run(*COMMAND[:-1], "Europe/Nowhere", check=False)
        assert (done.returncode, "is no time zone" in done.stdout) == (1, True)
        assert box.run("ls", "/etc/mosquitto/wecall", AUTHORITY, check=False).returncode != 0
    finally:
        box.stop()
