"""The two programs that choose between a card's systems, as models, and a power cut among the writes of what they read.

They read the files as those programs do, not as we write them.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pytest

from firmware.setup.root.boot.choice import GRUB, RASPBERRY_PI, Bootloader, Slot

_SIGNATURE: Final = b"# GRUB Environment Block\n"
_MOST_BYTES: Final = 512
_SLOTS: Final = {2: Slot.A, 3: Slot.B}

BOTH: Final = tuple(Slot)


class PowerCutError(Exception):
    """The power went."""


@dataclass(frozen=True, slots=True)
class Started:
    """A system that was started, as its bootloader tells it."""

    slot: Slot
    as_trial: bool


class Firmware(Protocol):
    """A machine's firmware, and what it remembers without a card."""

    bootloader: Bootloader

    def reboot(self, argument: str) -> None:
        """Be told how to start next: the kernel's reboot."""
        ...

    def cut_power(self) -> None:
        """Lose what only power keeps."""
        ...

    def decide(self, folder: Path) -> list[Started]:
        """Use up what is for one start, and return what is started: the first of these whose kernel loads."""
        ...


class PcFirmware:
    """GRUB with systemd/grub.cfg."""

    bootloader = GRUB

    def reboot(self, argument: str) -> None:
        assert argument == ""

    def cut_power(self) -> None:
        pass

    def decide(self, folder: Path) -> list[Started]:
        path = folder / "grub/slot.env"
        content = path.read_bytes() if path.exists() else b""
        found = _environment(content)
        tried = []
        if (once := found.get(b"trial")) in {b"A", b"B"}:
            path.write_bytes(content.replace(b"\ntrial=" + once, b"\ntrial=-", 1))
            tried = [Started(Slot(once.decode()), as_trial=True)]
        first = Slot.B if found.get(b"primary") == b"B" else Slot.A
        return [*tried, Started(first, as_trial=False), Started(first.other, as_trial=False)]


class RaspberryPiFirmware:
    """A bootloader of after November 2022, by "autoboot.txt" and "Fail-safe OS updates" of its documentation.

    The flag is in a register, which only power keeps, or in the EEPROM of the first boards of the Raspberry Pi 4.
    """

    bootloader = RASPBERRY_PI

    def __init__(self, *, keeps_flag: bool = False) -> None:
        self._keeps_flag = keeps_flag
        self._tryboot = False

    def reboot(self, argument: str) -> None:
        self._tryboot = argument == "0 tryboot"

    def cut_power(self) -> None:
        self._tryboot = self._tryboot and self._keeps_flag

    def decide(self, folder: Path) -> list[Started]:
        tryboot, self._tryboot = self._tryboot, False
        path = folder / "autoboot.txt"
        content = path.read_bytes()[:_MOST_BYTES] if path.exists() else b""
        applies, partition = True, b""
        for line in content.splitlines():
            if line.startswith(b"["):
                applies = line == b"[all]" or (line == b"[tryboot]" and tryboot)
            elif applies and line.startswith(b"boot_partition="):
                partition = line.partition(b"=")[2]
        # Without a number that counts, the first that is bootable; the first partition has no system and is not.
        first = _SLOTS.get(int(partition) if partition.isdigit() else 0, Slot.A)
        return [Started(first, as_trial=tryboot), Started(first.other, as_trial=tryboot)]


def first_that_loads(decided: list[Started], loadable: Collection[Slot]) -> Started | None:
    """Return what a firmware starts, None where it can start nothing."""
    return next((each for each in decided if each.slot in loadable), None)


@contextmanager
def power_cut(calls: int, kept: int) -> Iterator[None]:
    """Cut the power at a write or a flush; what was written since the last flush is on the card byte by byte, or not.

    Args:
        calls: how many writes and flushes are done before.
        kept: a bit for each of the bytes that were not flushed.

    Raises:
        PowerCutError: the body came to that call.
    """
    write = os.pwrite
    pending: list[tuple[int, int, bytes]] = []
    left = calls

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            for number, (descriptor, offset, old) in enumerate(pending):
                if not kept >> number & 1:
                    write(descriptor, old, offset)
            raise PowerCutError

    def pwrite(descriptor: int, content: bytes, offset: int) -> int:
        count()
        for place, _ in enumerate(content, offset):
            pending.append((descriptor, place, os.pread(descriptor, 1, place)))
        return write(descriptor, content, offset)

    def fsync(_descriptor: int) -> None:
        count()
        pending.clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        patch.setattr(os, "fsync", fsync)
        yield


def _environment(content: bytes) -> dict[bytes, bytes]:
    """Return the variables of an environment block; none where it has no signature (GRUB: grub_envblk_open)."""
    if not content.startswith(_SIGNATURE):
        return {}
    lines = content.removeprefix(_SIGNATURE).split(b"\n")
    return dict(line.split(b"=", 1) for line in lines if b"=" in line and not line.startswith(b"#"))
