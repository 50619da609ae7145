"""What an installer's laptop gets: tools that need nothing of a handset, also elsewhere than on Linux."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from provisioning.bundle import open_bundle
from tests.lab.base_environment import BaseEnvironment, base_requirements
from tests.lab.bundles import Installer

ONLY_ON_HANDSETS = (
    "pjsua2", "alsaaudio", "sqlcipher3", "systemd", "paho", "gpiozero", "luma", "PIL", "numpy", "vobject", "pyrage",
)  # fmt: skip


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> BaseEnvironment:
    environment = BaseEnvironment(tmp_path_factory.mktemp("laptop"))
    environment.make()
    return environment


def test_nothing_of_a_handset_is_installed(laptop: BaseEnvironment) -> None:
    assert not [module for module in ONLY_ON_HANDSETS if laptop.can_import(module)]
    assert laptop.can_import("cryptography")


@pytest.mark.parametrize("like_windows", [False, True], ids=["as it is", "without what Windows lacks"])
def test_every_command_is_listed_and_what_it_lacks(laptop: BaseEnvironment, like_windows: bool) -> None:
    said, _ = laptop.run(("--help",), ("bundle", "--help"), ("fleet", "--help"), like_windows=like_windows)
    assert {"bundle", "explain", "fleet", "key"} <= set(said.split())
    lines = {line.split()[0]: line for line in said.splitlines() if line.startswith("  ") and len(line.split()) > 1}
    assert "A handset's own." in lines["status"]
    assert "Not installed here: pip install 'wecall-handset[fleet]'" in lines["collect"]
    for name in ("bundle", "key", "explain", "mass", "ca"):
        assert "own." not in lines[name]
        assert "Not installed" not in lines[name]


@pytest.mark.parametrize("like_windows", [False, True], ids=["as it is", "without what Windows lacks"])
def test_a_site_is_set_up_from_the_first_key_to_the_last_label(
    laptop: BaseEnvironment, tmp_path: Path, like_windows: bool
) -> None:
    key, site, stick = tmp_path / "key.pem", tmp_path / "site", tmp_path / "stick"
    draft, signed, table = tmp_path / "one.draft", tmp_path / "one.wecall", site / "devices.csv"
    stick.mkdir()
    laptop.run(
        ("key", "new", key, "--no-passphrase"),
        ("bundle", "init", site, "--device", "desk-1", "--fleet", "hotel", "--key", key),
        like_windows=like_windows,
    )
    text = (site / "config.toml").read_text()
    assert text.count('username = ""') == text.count('domain = ""') == 1
    text = text.replace('username = ""', 'username = "101"\npassword = "swordfish-7"')
    text = text.replace('country = ""', 'country = "AT"')
    (site / "config.toml").write_text(text.replace('domain = ""', 'domain = "sip.example"'))
    table.write_text("serial,device_id,username,password\n10000000abcd0001,a,101,x\n10000000abcd0002,b,102,y\n")
    said, imported = laptop.run(
        ("bundle", "check", site),
        ("bundle", "seal", site, "--to-code"),
        ("bundle", "build", site, "-o", draft),
        ("bundle", "sign", draft, "--key", key),
        ("bundle", "inspect", signed),
        ("bundle", "keys", signed),
        ("bundle", "mass", table, "--stick", stick, "--key", key),
        like_windows=like_windows,
    )
    assert "0 mistakes" in said
    assert "sealed/code" in said
    assert (site / "devices-labels.html").stat().st_size > 1000
    for path in (signed, *stick.iterdir()):
        with path.open("rb") as file:
            assert open_bundle(file, None).manifest.fleet == "hotel"
    assert not imported & set(ONLY_ON_HANDSETS)


def test_bundles_are_served_with_the_extra_for_it_and_nothing_else(laptop: BaseEnvironment, tmp_path: Path) -> None:
    (tmp_path / "one.wecall").write_bytes(Installer().bundle({"config.toml": b"# one"}))
    laptop.add("serve")
    assert not laptop.can_import("msgspec")
    with laptop.start("bundle", "serve", tmp_path) as serving:
        assert serving.stdout is not None
        said = serving.stdout.readline()
        serving.send_signal(signal.SIGINT)
        said += serving.stdout.read()
    assert said.startswith("1 bundle for new handsets on this network"), said
    assert serving.returncode == 0


def test_its_dependencies_are_to_be_had_elsewhere_without_a_compiler(tmp_path: Path) -> None:
    asked = [(("win_amd64", "3.12"), tmp_path / "windows"), (("macosx_11_0_arm64", "3.11"), tmp_path / "mac")]
    processes = [(system, _resolve(*system, folder)) for system, folder in asked]
    for system, process in processes:
        out, err = process.communicate(timeout=100)
        assert process.returncode == 0, f"{system}: {err}"
        found = {each["metadata"]["name"].lower().replace("_", "-") for each in json.loads(out)["install"]}
        assert {"cryptography", "pydantic", "click", "rich", "segno", "mnemonic", "tomlkit"} <= found


def _resolve(platform: str, version: str, target: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run",
            "--ignore-installed", "--target", target, "--only-binary=:all:", "--platform", platform,
            "--python-version", version, "--report", "-", *base_requirements(),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
