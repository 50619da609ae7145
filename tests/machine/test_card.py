"""What is on the card that `make image ARCH=amd64` has made, and which disk is taken for it."""

import re
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.lab.bill_of_materials import hold_against, read
from tests.lab.network import Namespace
from tests.lab.pc_card import IMAGE
from tests.lab.updating_card import UpdatingCard
from tests.lab.virtual_machine import lay_cable

ROOT: Final = IMAGE / "root"
_USERS: Final = Path(__file__).parents[2] / "tools/image/users"

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="There is no card: `make image ARCH=amd64` makes one.")


def test_the_bill_of_materials_names_what_is_on_it_and_nothing_else() -> None:
    hold_against(read((ROOT / "usr/lib/wecall/sbom.json").read_text()), ROOT)


def test_whoever_owns_what_is_written_has_a_number_that_stays() -> None:
    """What Debian numbers by itself while packages are installed may be numbered otherwise in the next root."""
    wanted = dict(re.findall(r"^([a-z][a-z0-9-]*) +([0-9]+)", _USERS.read_text(), re.MULTILINE))
    for name in ("passwd", "group"):
        found = {each[0]: each[2] for each in (line.split(":") for line in _lines(ROOT / "etc" / name))}
        assert {each: found[each] for each in wanted if each in found}.items() <= wanted.items()
    names = {path.name for path in ROOT.glob("usr/lib/sysusers.d/wecall*.conf")}
    assert names
    ours = {
        each
        for line in _lines(ROOT / "usr/lib/sysusers.d/wecall.conf")
        for each in re.findall(r"^[ug] +([a-z0-9-]+)", line)
    }
    assert ours <= {*wanted, "audio"}


def test_nothing_on_it_is_a_key_or_belongs_to_one_card() -> None:
    for path in ("etc/machine-id", "var/lib/systemd/credential.secret", "var/lib/systemd/random-seed"):
        assert not (ROOT / path).exists() or not (ROOT / path).read_bytes()
    assert not [*ROOT.glob("etc/ssh/ssh_host_*"), *ROOT.glob("etc/wecall/credentials/*")]


def test_a_stick_that_is_a_copy_of_the_card_is_not_taken_for_it(tmp_path: Path) -> None:
    twin = Path(shutil.copy(IMAGE / "wecall.img", tmp_path / "twin.img"))
    with Namespace() as network:
        lay_cable(network)
        card = UpdatingCard(tmp_path, IMAGE / "wecall.img", network)
        try:
            card.start()
            card.machine.run("touch", "/data/own")
            card.machine.plug_in(twin)
            card.machine.shell("timeout 60 bash -c 'until [ -e /dev/sda7 ]; do sleep 0.2; done'; sync")
            card.machine.run("systemctl", "--no-block", "reboot")
            card.machine.wait_for_restart()
            assert card.machine.shell("ls /data/own /dev/sda7; findmnt --noheadings --output SOURCE /data").split() == [
                "/data/own", "/dev/sda7", "/dev/vda7",
            ]  # fmt: skip
            assert card.machine.shell("readlink /run/wecall-update/card/*").split() == [
                f"/dev/vda{number}" for number in (2, 3, 5, 6)
            ]
        finally:
            card.cut_power()


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()
