"""install.sh once more, and away again: last of all that is done in the box, which has no handset afterwards."""

from collections.abc import Iterator

import pytest

from tests.lab.installed_box import SOURCE, InstalledBox
from tests.system.conftest import PROCESSES

pytestmark = pytest.mark.story

# The step that makes the wheels, and for whoever asks again gives those out that it has made.
MADE_ONCE = """#!/bin/bash
set -e
[ -d /opt/made ] || /opt/locked-wheels "$1" "$2" /opt/made "${@:4}"
mkdir -p "$3"
cp /opt/made/*.whl "$3"
"""


@pytest.fixture(scope="module", autouse=True)
def _wheels_are_made_once(box: InstalledBox) -> Iterator[None]:
    step = f"{SOURCE}/tools/locked-wheels"
    box.run("install", "-m", "0755", "/dev/stdin", "/opt/made-once", stdin=MADE_ONCE)
    box.shell(f"cp {step} /opt && mount --bind /opt/made-once {step}")
    yield
    box.run("umount", step)


def everything_kept(box: InstalledBox) -> str:
    return box.shell(
        "sha256sum /etc/wecall/config.toml /etc/wecall/credentials/store-key; "
        "for name in '' -voice -sync; do id wecall$name; done"
    )


def test_installing_again_changes_nothing_that_is_the_holders(box: InstalledBox) -> None:
    box.shell("sed -i 's/^id = .*/id = \"handset-2\"/' /etc/wecall/config.toml")
    before = everything_kept(box)
    said = box.install()
    assert everything_kept(box) == before
    assert "sample" not in said
    assert "the store's key" not in said
    assert "making /opt/wecall" not in said
    assert box.run("systemctl", "is-active", *PROCESSES).stdout == "active\n" * len(PROCESSES)


def test_environments_of_when_bundles_brought_firmware_make_way(box: InstalledBox) -> None:
    box.shell("""
        install -d /opt/wecall/environments
        mv /opt/wecall/venv /opt/wecall/environments/installed
        ln -s environments/installed /opt/wecall/venv
    """)
    box.install()
    assert box.shell("stat -c %F /opt/wecall/venv; ls /opt/wecall") == "directory\nlib\nshare\nvenv\n"
    assert box.run("systemctl", "is-active", *PROCESSES).stdout == "active\n" * len(PROCESSES)


def test_uninstalling_keeps_what_is_the_holders_and_removes_the_rest(box: InstalledBox) -> None:
    before = everything_kept(box)
    box.run("/opt/source/systemd/install.sh", "--uninstall")
    assert everything_kept(box) == before
    left = box.shell(
        "ls -d /opt/wecall /usr/local/bin/wecall /etc/systemd/system/*wecall* /etc/*/*wecall* 2>&1 || true"
    )
    # The machine keeps the networks that a bundle has set up, and its radio as that wants it: --purge takes them.
    assert not [
        line for line in left.splitlines() if "No such file" not in line and not line.endswith("wecall-radio.conf")
    ]
    assert "wecall" not in box.run("nft", "list", "ruleset").stdout
    units = box.run("systemctl", "list-units", "--all", "--plain", "wecall-*.service").stdout
    assert "wecall" not in units.replace("wecall-*.service", "")
    box.run("/opt/source/systemd/install.sh", "--uninstall")


def test_purging_is_refused_where_recipients_have_not_been_told(box: InstalledBox) -> None:
    box.shell("""echo '{"epochs":[7]}' > /var/lib/wecall/last-word.json""")
    before = everything_kept(box)
    refused = box.run("/opt/source/systemd/install.sh", "--uninstall", "--purge", check=False)
    assert refused.returncode == 1
    assert "Run `wecall factory-reset` first" in refused.stdout
    assert everything_kept(box) == before


def test_purging_leaves_nothing(box: InstalledBox) -> None:
    box.run("/opt/source/systemd/install.sh", "--uninstall", "--purge", "--untold")
    assert box.shell("find /etc /var/lib /run /opt/wecall /usr/local -name '*wecall*' 2>/dev/null || true") == ""
    assert "wecall" not in box.shell("cat /etc/passwd /etc/group")


def test_what_cannot_work_is_said_before_anything_is_changed(box: InstalledBox) -> None:
    refused = box.run("/opt/source/systemd/install.sh", "--no-apt", "--python", "/usr/bin/false", check=False)
    assert refused.returncode == 1
    assert "the packages are locked for CPython 3.13" in refused.stdout
    assert not box.path("/etc/wecall").exists()
