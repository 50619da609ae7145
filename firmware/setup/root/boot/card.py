"""The card that a system runs from: its bootloader, where that is told what to boot, and why the system was started."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from firmware.setup.root.boot.choice import GRUB, RASPBERRY_PI, BootChoice, BootError, Slot
from firmware.setup.root.machine import Machine

SLOT: Final = "run/wecall-update/slot"
"""Where the initramfs says which system it started."""

TRIAL: Final = "wecall.trial"
"""What GRUB adds to the kernel's command line in a trial, see systemd/grub.cfg."""

_FOLDER: Final = "boot/firmware"
_FIRMWARE: Final = "proc/device-tree/chosen/bootloader"
"""What a Raspberry Pi's firmware says ("Common bootloader properties" in its documentation): 32 bits, big-endian."""

_TRYBOOT_A_B: Final = 1 << 2
"""In the firmware's capabilities: it reads tryboot_a_b. One of before November 2022 takes autoboot.txt's last line."""

_FULL_RESET, _POWER_ON = 1 << 5, 1 << 12
"""In the PM_RSTS register: the watchdog's full reset, power (HADWRF, HADPOR; Linux: include/linux/mfd/bcm2835-pm.h)."""

_CARD_RESET: Final = 0x20
"""In a watchdog's bootstatus: it has reset the machine (Linux: include/uapi/linux/watchdog.h, WDIOF_CARDRESET)."""


class ResetReason(StrEnum):
    """Why a machine was started."""

    WATCHDOG = "watchdog"
    """A watchdog has reset it; on a Raspberry Pi an orderly reboot looks the same, as its kernel reboots by that."""
    POWER = "power"
    """Its power came back; or, on a PC, it was rebooted."""
    UNKNOWN = "unknown"


def reset_reason(root: Path = Path("/")) -> ResetReason:
    """Return why the machine was started this time; ask once the watchdog's driver is loaded."""
    for name in ("rsts", "pm_rsts"):
        register = _firmware_says(root, name)
        if register is not None:
            if register & _FULL_RESET:
                return ResetReason.WATCHDOG
            return ResetReason.POWER if register & _POWER_ON else ResetReason.UNKNOWN
    states = [int(path.read_text(), 0) for path in root.glob("sys/class/watchdog/watchdog*/bootstatus")]
    if not states:
        return ResetReason.UNKNOWN
    return ResetReason.WATCHDOG if any(state & _CARD_RESET for state in states) else ResetReason.POWER


@contextmanager
def boot_choice(machine: Machine) -> Iterator[BootChoice]:
    """Give the choice between the card's systems, with what it is written to mounted meanwhile.

    Raises:
        BootError: no card is there, or its first partition cannot be mounted.
    """
    try:
        booted = Slot((machine.root / SLOT).read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise BootError(f"/{SLOT} does not say which system runs: this machine does not run from a card.") from error
    folder = machine.root / _FOLDER
    mounted = _is_mounted(machine, folder)
    if not mounted:
        options = "rw,nosuid,nodev,noexec,noatime"
        if machine.run("mount", "-t", "vfat", "-o", options, _first_partition(machine), str(folder)) is None:
            raise BootError(f"The card's first partition cannot be mounted at {folder}: check the card with fsck.vfat.")
    try:
        yield _choice(machine.root, folder, booted)
    finally:
        if not mounted:
            machine.run("umount", str(folder))


def _choice(root: Path, folder: Path, booted: Slot) -> BootChoice:
    tryboot = _firmware_says(root, "tryboot")
    if tryboot is None:
        words = (root / "proc/cmdline").read_text(encoding="utf-8", errors="replace").split()
        return BootChoice(GRUB, folder, booted, as_trial=TRIAL in words)
    # Only firmware in an EEPROM says what it can; that of a Raspberry Pi 3 is on the card and as new as that.
    capabilities = _firmware_says(root, "capabilities")
    return BootChoice(
        RASPBERRY_PI,
        folder,
        booted,
        as_trial=tryboot == 1,
        knows_trials=capabilities is None or bool(capabilities & _TRYBOOT_A_B),
    )


def _firmware_says(root: Path, name: str) -> int | None:
    try:
        return int.from_bytes((root / _FIRMWARE / name).read_bytes()[:4], "big")
    except OSError:
        return None


def _is_mounted(machine: Machine, folder: Path) -> bool:
    return any(target == str(folder) for _, target in _mounts(machine.root))


def _first_partition(machine: Machine) -> str:
    """Return the device of the first partition of the card that has /data; a stick may have any label or number."""
    numbers = [number for number, target in _mounts(machine.root) if target == str(machine.root / "data")]
    for number in numbers:
        disk = (machine.root / "sys/dev/block" / number).resolve().parent
        for partition in disk.glob("*/partition"):
            if partition.read_text(encoding="ascii").strip() == "1":
                return f"/dev/{partition.parent.name}"
    raise BootError("Nothing is mounted at /data, so this machine does not run from a card.")


def _mounts(root: Path) -> list[tuple[str, str]]:
    """Return device numbers and places of what is mounted (proc_pid_mountinfo(5): the third and the fifth field)."""
    lines = (root / "proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    return [(fields[2], fields[4]) for fields in map(str.split, lines)]
