"""The unit files, read by systemd's own tools; nothing runs here."""

import re
import subprocess
from pathlib import Path

import pytest

from provisioning.parsing import parse_configuration

FOLDER = Path(__file__).parents[2] / "systemd"
EXPOSURES = {
    "wecall-handset": 1.0,
    "wecall-voice": 2.0,
    "wecall-voice-replace": 1.5,
    "wecall-sync": 1.5,
    "wecall-fetch": 1.5,
    "wecall-lan": 1.5,
    "wecall-credentials": 2.0,
    "wecall-store-key": 2.0,
    "wecall-apply": 2.0,
    # It runs dpkg, whose packages write everywhere.
    "wecall-upgrade": 5.5,
    "wecall-upgrade-finish": 2.0,
    "wecall-update": 3.0,
    "wecall-update-deadline": 2.0,
    "wecall-firewall": 3.0,
    "wecall-firewall-changed": 2.0,
    "wecall-media": 2.0,
    "wecall-stick@": 1.0,
}
BOOT_SLOT = FOLDER / "boot-slot"
UNITS = sorted(path for path in FOLDER.iterdir() if path.suffix in {".service", ".socket", ".timer", ".path"})


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


@pytest.mark.parametrize(("unit", "exposure"), EXPOSURES.items())
def test_a_service_is_exposed_no_more_than_agreed(unit: str, exposure: float) -> None:
    threshold = f"--threshold={exposure * 10:.0f}"
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", threshold, FOLDER / f"{unit}.service")
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_every_service_of_ours_has_an_agreed_exposure() -> None:
    assert {f"{unit}.service" for unit in EXPOSURES} == {path.name for path in UNITS if path.suffix == ".service"}


def test_the_page_on_security_says_how_much_each_of_the_processes_is_exposed() -> None:
    page = (FOLDER.parent / "docs" / "security.md").read_text()
    said = dict(re.findall(r"^\| `(wecall-[a-z-]+@?)` \|.*\| ([0-9.]+) \|", page, re.MULTILINE))
    found = {
        unit: run("systemd-analyze", "security", "--offline=true", "--no-pager", FOLDER / f"{unit}.service").stdout
        for unit in EXPOSURES
    }
    assert said == {unit: text.splitlines()[-1].split()[-3] for unit, text in found.items()}


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    # The programs stand where they are installed; whether one is there is not the question here.
    for unit in UNITS:
        text = re.sub(r"^(Exec\w+=[-+]*)\S+", r"\1/bin/true", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    done = run("systemd-analyze", "verify", "--man=no", *(tmp_path / unit.name for unit in UNITS))
    assert (done.returncode, done.stdout) == (0, "")


def test_every_program_of_ours_is_run_from_where_it_is_installed() -> None:
    # Wherever a file that the machine runs names one: units, RAUC's handler, scripts.
    named = {path.name: re.findall(r"/opt/wecall/[\w./-]*bin/\w+", path.read_text()) for path in [*UNITS, BOOT_SLOT]}
    assert {name.rpartition("/")[0] for names in named.values() for name in names} == {"/opt/wecall/venv/bin"}
    assert {"wecall-update.service", "boot-slot"} <= {name for name, names in named.items() if names}


def test_udev_understands_what_starts_a_sticks_service() -> None:
    # Not so with the rules that name groups: those that this machine does not have count as mistakes.
    done = run("udevadm", "verify", "--no-summary", FOLDER / "70-wecall-stick.rules")
    assert (done.returncode, done.stdout) == (0, "")


def test_nothing_stops_a_service_from_being_started_again_for_good() -> None:
    for name in ("wecall-handset.service", "wecall-voice.service", "wecall-sync.service"):
        text = (FOLDER / name).read_text()
        assert "\nStartLimitIntervalSec=0\n" in text
        assert "\nRestart=always\n" in text
    assert "\nTriggerLimitIntervalSec=0\n" in (FOLDER / "wecall-voice-replace.path").read_text()
    assert "\nStartLimitIntervalSec=0\n" in (FOLDER / "wecall-voice-replace.service").read_text()
    assert "\nTriggerLimitIntervalSec=0\n" in (FOLDER / "wecall-lan.path").read_text()
    assert "\nStartLimitIntervalSec=0\n" in (FOLDER / "wecall-lan.service").read_text()


def test_the_sample_configuration_is_valid() -> None:
    assert parse_configuration((FOLDER / "config.example.toml").read_text()).sync is None
