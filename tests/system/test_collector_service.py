"""A collector's unit as it ships: systemd's judgement of it, and a collector that runs in it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.certificates import CertificateAuthority
from tests.lab.fleet_box import FleetBox

UNIT = Path(__file__).parents[2] / "fleet/collector/wecall-collector.service"
STATE = "/var/lib/wecall-collector"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[FleetBox]:
    box = FleetBox(tmp_path)
    box.start()
    yield box
    box.stop()


def test_the_service_is_exposed_no_more_than_agreed() -> None:
    command = ("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", UNIT)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_a_collector_runs_in_its_unit_and_keeps_what_it_has_to_itself(box: FleetBox, tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path / "ca")
    issued = authority.issue("collector.main")
    box.run("useradd", "--system", "wecall-collector")
    box.run("install", "-d", "-m", "0700", "-o", "wecall-collector", STATE)
    settings = """
        [broker]
        host = "127.0.0.1"
        ca = "ca.pem"
        certificate = "collector.pem"
        key = "collector.key"
        [http]
        token_file = "tokens"
        """
    files = {
        "collector.toml": settings,
        "ca.pem": authority.ca_path.read_text(),
        "collector.pem": issued.certificate.read_text(),
        "collector.key": issued.key.read_text(),
        "tokens": "0" * 40,
    }
    for name, text in files.items():
        command = ("install", "-m", "0600", "-o", "wecall-collector", "/dev/stdin", f"{STATE}/{name}")
        box.run(*command, stdin=text)
    box.run("install", "-m", "0644", "/dev/stdin", f"/etc/systemd/system/{UNIT.name}", stdin=UNIT.read_text())
    try:
        # Returns once the collector has said that it is ready; its broker is not there, which stops nothing.
        box.run("systemctl", "start", UNIT.name)
    except AssertionError as failure:
        raise AssertionError(box.shell(f"journalctl -u {UNIT.name} --no-pager", check=False)) from failure
    box.run(
        "timeout", "60", "bash", "-c", f"until journalctl -u {UNIT.name} | grep -q 'is not there'; do sleep 0.1; done"
    )
    assert box.shell(f"stat -c '%U %a' {STATE}/calls.db").split() == ["wecall-collector", "600"]
    answer = box.shell("exec 3<>/dev/tcp/127.0.0.1/8090; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; head -n 1 <&3")
    assert " 401 " in answer
    box.run("systemctl", "stop", UNIT.name)
    assert box.property_of(UNIT.name, "Result") == "success"
