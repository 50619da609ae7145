"""install.sh on a machine that has never seen a handset; see test_withdrawal.py for the ways back."""

from tests.lab.installed_box import VENV_PYTHON, InstalledBox
from tests.system.conftest import ENABLED, PROCESSES, FirstInstall


def test_installing_starts_the_services_and_says_what_it_does(first_install: FirstInstall) -> None:
    lines = first_install.said.splitlines()
    assert all(line.startswith("install: ") for line in lines if "wecall" in line and "reating" not in line)
    assert "made the store's key" in first_install.said
    assert "done; `wecall status`" in first_install.said
    assert first_install.enabled == "enabled\n" * len(ENABLED)
    assert first_install.active == "active\n" * len(PROCESSES)
    assert first_install.modes == "640 root:wecall\n600 root:root\n"


def test_what_is_installed_knows_where_numbers_are_from(box: InstalledBox) -> None:
    script = (
        "from firmware.base.numbering.directory import *; directory = NumberDirectory(TABLE_PATH, 'en'); "
        "directory.start(); print(directory.describe('+8613800138000', 'CN'))"
    )
    said = box.run("setpriv", "--reuid=wecall", "--clear-groups", VENV_PYTHON, "-I", "-c", script)
    assert said.stdout == "Beijing · China Mobile\n"
