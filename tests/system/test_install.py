"""install.sh on a machine of its own: twice, then away again."""

from collections.abc import Iterator

import pytest

from tests.lab.installed_box import VENV_PYTHON, InstalledBox

ENABLED = ("wecall-handset.service", "wecall-sync.service", "wecall-firewall.service", "wecall-firewall.timer")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstalledBox]:
    machine = InstalledBox(tmp_path_factory.mktemp("machine"))
    machine.start()
    yield machine
    machine.stop()


def everything_kept(machine: InstalledBox) -> str:
    return machine.shell(
        "sha256sum /etc/wecall/config.toml /etc/wecall/credentials/store-key; id wecall; id wecall-sync"
    )


def test_installing_starts_the_services_and_says_what_it_does(machine: InstalledBox) -> None:
    said = machine.install()
    assert all(line.startswith("install: ") for line in said.splitlines() if "wecall" in line and "reating" not in line)
    assert "made the store's key" in said
    assert "done; `wecall status`" in said
    for unit in ENABLED:
        assert machine.run("systemctl", "is-enabled", unit).stdout == "enabled\n"
    assert machine.run("systemctl", "is-active", "wecall-handset", "wecall-sync").stdout == "active\nactive\n"
    assert machine.shell("stat -c '%a %U:%G' /etc/wecall/config.toml") == "640 root:wecall\n"
    assert machine.shell("stat -c '%a %U:%G' /etc/wecall/credentials/store-key") == "600 root:root\n"


def test_what_is_installed_knows_where_numbers_are_from(machine: InstalledBox) -> None:
    script = (
        "from firmware.numbering.directory import *; directory = NumberDirectory(TABLE_PATH, 'en'); "
        "directory.start(); print(directory.describe('+8613800138000', 'CN'))"
    )
    said = machine.run("setpriv", "--reuid=wecall", "--clear-groups", VENV_PYTHON, "-I", "-c", script)
    assert said.stdout == "Beijing · China Mobile\n"


def test_installing_again_changes_nothing_that_is_the_holders(machine: InstalledBox) -> None:
    machine.shell("sed -i 's/^id = .*/id = \"handset-2\"/' /etc/wecall/config.toml")
    before = everything_kept(machine)
    said = machine.install()
    assert everything_kept(machine) == before
    assert "sample" not in said
    assert "the store's key" not in said
    assert "making /opt/wecall" not in said
    assert machine.run("systemctl", "is-active", "wecall-handset", "wecall-sync").stdout == "active\nactive\n"


def test_uninstalling_keeps_what_is_the_holders_and_removes_the_rest(machine: InstalledBox) -> None:
    before = everything_kept(machine)
    machine.run("/opt/source/systemd/install.sh", "--uninstall")
    assert everything_kept(machine) == before
    left = machine.shell(
        "ls -d /opt/wecall /usr/local/bin/wecall /etc/systemd/system/*wecall* /etc/*/*wecall* 2>&1 || true"
    )
    assert all("No such file" in line for line in left.splitlines())
    assert "wecall" not in machine.run("nft", "list", "ruleset").stdout
    assert "wecall" not in machine.run(
        "systemctl", "list-units", "--all", "--plain", "wecall-*.service"
    ).stdout.replace("wecall-*.service", "")
    machine.run("/opt/source/systemd/install.sh", "--uninstall")


def test_purging_leaves_nothing(machine: InstalledBox) -> None:
    machine.run("/opt/source/systemd/install.sh", "--uninstall", "--purge")
    assert machine.shell("find /etc /var/lib /run /opt/wecall /usr/local -name '*wecall*' 2>/dev/null || true") == ""
    assert "wecall" not in machine.shell("cat /etc/passwd /etc/group")


def test_what_cannot_work_is_said_before_anything_is_changed(machine: InstalledBox) -> None:
    refused = machine.run("/opt/source/systemd/install.sh", "--no-apt", "--python", "/usr/bin/false", check=False)
    assert refused.returncode == 1
    assert "the packages are locked for CPython 3.13" in refused.stdout
    assert not machine.path("/etc/wecall").exists()
