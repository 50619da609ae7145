"""What a Raspberry Pi 3, 4 and 5 look for is on the card that `make image ARCH=arm64` has made.

No emulated board has their firmware, so names stand for it: "config.txt", "autoboot.txt" and "Boot folder contents" of
its documentation, and the drivers that the kernel's trees of devices ask for on the way to the card.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.lab.card_root import CARD, IMAGE, KERNELS_MIB, mtools, read_card

pytestmark = pytest.mark.skipif(not CARD.is_file(), reason="There is no card: make image ARCH=arm64")

_START_MIB: Final = 1
_ROOTS_MIB: Final = {"A": 450, "B": 1731}


@dataclass(frozen=True, slots=True)
class Board:
    """A board.

    Attributes:
        firmware: what it starts with, beside a kernel.
        trees: its devices, as Raspberry Pi's kernel or Debian's calls them.
        drivers: what leads to its card; each in Raspberry Pi's name and Debian's, where they differ.
    """

    firmware: frozenset[str]
    trees: frozenset[str]
    drivers: tuple[frozenset[str], ...]


def _drivers(*names: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(name.split("|")) for name in (*names, "mmc_block", "dm-verity", "ext4", "bcm2835_wdt"))


_3: Final = Board(
    frozenset({"start.elf", "fixup.dat"}),
    frozenset({"bcm2710-rpi-3-b.dtb", "bcm2837-rpi-3-b.dtb"}),
    _drivers("bcm2835-sdhost|bcm2835"),
)
_4: Final = Board(
    frozenset({"start4.elf", "fixup4.dat"}),
    frozenset({"bcm2711-rpi-4-b.dtb"}),
    _drivers("sdhci-iproc", "gpio-raspberrypi-exp", "fixed", "gpio-regulator"),
)
_5: Final = Board(frozenset(), frozenset({"bcm2712-rpi-5-b.dtb"}), _drivers("sdhci-brcmstb", "fixed", "gpio-regulator"))


def files(at_mib: int) -> set[str]:
    """Return the names of all files of the partition that begins there."""
    listed = mtools("mdir", at_mib, "-b", "-/", "::").decode()
    return {line.removeprefix("::/") for line in listed.split("\n") if line and not line.endswith("/")}


@pytest.fixture(scope="module")
def drivers() -> set[str]:
    """What system A's kernel can do before it has a root: built in, or a module beside it."""
    (built_in,) = (IMAGE / "root/usr/lib/modules").glob("*/modules.builtin")
    (first_root,) = (IMAGE / "root/boot").glob("initrd.img-*")
    # Modules are compressed each by itself, and initramfs-tools leaves the archive of them as it is.
    modules = re.findall(rb"/([^/\0]+)\.ko(?:\.xz|\.zst)?\0", first_root.read_bytes())
    return {Path(line).stem for line in built_in.read_text().split()} | {name.decode() for name in modules}


@pytest.mark.parametrize("slot", KERNELS_MIB)
@pytest.mark.parametrize("board", [_3, _4, _5], ids=["3", "4", "5"])
def test_a_board_finds_what_it_starts_with(board: Board, slot: str) -> None:
    there = files(KERNELS_MIB[slot])
    assert {"config.txt", "cmdline.txt", "vmlinuz", "initrd.img", *board.firmware} <= there
    assert board.trees & there


@pytest.mark.parametrize("board", [_3, _4, _5], ids=["3", "4", "5"])
def test_a_board_s_kernel_finds_the_card(board: Board, drivers: set[str]) -> None:
    if board is _5 and "bcm2710-rpi-3-b.dtb" not in files(KERNELS_MIB["A"]):
        pytest.skip("Debian's kernel has no driver of a Raspberry Pi 5's card.")
    assert not [each for each in board.drivers if not each & drivers]


def test_the_first_partition_starts_nothing_by_itself() -> None:
    assert files(_START_MIB) == {"autoboot.txt", "bootcode.bin"}
    assert b"boot_partition=2" in read_card(_START_MIB, "autoboot.txt")


def test_the_firmware_is_told_of_kernel_watchdog_and_pins() -> None:
    always, in_a_trial = re.split(
        r"^\[tryboot\]$", read_card(KERNELS_MIB["A"], "config.txt").decode(), flags=re.MULTILINE
    )
    for line in ("kernel=vmlinuz", "initramfs initrd.img followkernel", "arm_64bit=1", "dtparam=i2c_arm=on"):
        assert line in always.splitlines()
    assert "dtparam=watchdog=on" in always.splitlines()
    assert "kernel_watchdog_timeout=180" in in_a_trial.split("[all]")[0].splitlines()
    mainline = "bcm2710-rpi-3-b.dtb" not in files(KERNELS_MIB["A"])
    assert ("upstream_kernel=1" in in_a_trial.split("[all]")[1].splitlines()) == mainline


def test_both_systems_are_there_for_a_bootloader_that_knows_no_trials() -> None:
    for places, length_mib in ((KERNELS_MIB, 192), (_ROOTS_MIB, 1280)):
        skipped = ":".join(str(place << 20) for place in places.values())
        subprocess.run(("cmp", f"--ignore-initial={skipped}", f"--bytes={length_mib << 20}", CARD, CARD), check=True)
