"""Which of a card's two systems boots: the bytes that its bootloader reads, and how they change.

FAT has no journal, so nothing is renamed: the file is changed where it lies, and only in the bytes that differ. Of a
sector that a power cut tears, each byte is the old or the new one; each such mixture boots a system that is good. That
holds because only the system that runs can become the primary one, and because the other one is named, if at all, as
one that is tried once.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from firmware.base.durable import replace_durably
from firmware.base.errors import HandsetError

_BLOCK_BYTES: Final = 1024


class BootError(HandsetError):
    """The card's choice between its systems cannot be read or changed, or must not be changed so."""


class Slot(StrEnum):
    """A place on the card for one system: a kernel, and the root that belongs to it."""

    A = "A"
    B = "B"

    @property
    def other(self) -> "Slot":
        """The other place."""
        return Slot.B if self is Slot.A else Slot.A


_PARTITIONS: Final = {Slot.A: 2, Slot.B: 3}
"""Which partition of a card has a system's kernel."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What a bootloader is told.

    Attributes:
        primary: boots, unless a trial is due.
        trial: boots once, when a trial is due; None where none is.
    """

    primary: Slot
    trial: Slot | None


@dataclass(frozen=True, slots=True)
class Bootloader:
    """A bootloader, as a card knows it.

    Attributes:
        file: what it reads, below the card's first partition.
        content: that file for marks; as long for all of them.
        known: the marks that the file can have.
        names_trial_at_rest: the file names the trial's slot all the time, and something else says when one is due.
        reboot_argument: what the kernel is told when it reboots into a trial; empty where the file says it.
    """

    file: str
    content: Callable[[Marks], bytes]
    known: tuple[Marks, ...]
    names_trial_at_rest: bool
    reboot_argument: str

    def at_rest(self, primary: Slot) -> Marks:
        """Return the marks for a primary slot while nothing is to be tried."""
        return Marks(primary, primary.other if self.names_trial_at_rest else None)

    def read(self, content: bytes) -> Marks | None:
        """Return what a file says; None for one that is not, byte for byte, one that we write."""
        return next((marks for marks in self.known if self.content(marks) == content), None)


def _environment_block(marks: Marks) -> bytes:
    """GRUB's environment block: 1024 bytes, as save_env writes them in place (GRUB's manual, "Environment block")."""
    text = f"# GRUB Environment Block\nprimary={marks.primary}\ntrial={marks.trial or '-'}\n"
    return text.encode("ascii").ljust(_BLOCK_BYTES, b"#")


def _autoboot(marks: Marks) -> bytes:
    """Raspberry Pi's autoboot.txt, of 512 bytes at most ("autoboot.txt" in its documentation of config.txt)."""
    primary, trial = _PARTITIONS[marks.primary], _PARTITIONS[marks.trial or marks.primary.other]
    return f"[all]\ntryboot_a_b=1\nboot_partition={primary}\n[tryboot]\nboot_partition={trial}\n".encode("ascii")


GRUB: Final = Bootloader(
    "grub/slot.env", _environment_block, tuple(Marks(primary, trial) for primary in Slot for trial in (*Slot, None)),
    names_trial_at_rest=False, reboot_argument="",
)  # fmt: skip
"""A PC's; systemd/grub.cfg is its script."""

RASPBERRY_PI: Final = Bootloader(
    "autoboot.txt", _autoboot, tuple(Marks(primary, trial) for primary in Slot for trial in Slot),
    names_trial_at_rest=True, reboot_argument="0 tryboot",
)  # fmt: skip
"""A Raspberry Pi's firmware: a flag of its own, used up by the boot that it decides, says that a trial is due."""


class BootChoice:
    """The choice between a card's two systems, as the one that runs sees it and may change it.

    Attributes:
        booted: the system that runs.
    """

    def __init__(
        self, bootloader: Bootloader, folder: Path, booted: Slot, *, as_trial: bool, knows_trials: bool = True
    ) -> None:
        """Look at a card.

        Args:
            bootloader: what boots it.
            folder: where its first partition is mounted.
            booted: the system that runs.
            as_trial: the bootloader started it as a trial.
            knows_trials: the bootloader is new enough to start one.
        """
        self.booted = booted
        self._bootloader = bootloader
        self._path = folder / bootloader.file
        self._as_trial = as_trial
        self._knows_trials = knows_trials

    @property
    def primary(self) -> Slot:
        """The system that boots, unless a trial is due.

        Raises:
            BootError: the file cannot be read or is damaged; `normalise` writes it anew.
        """
        return self._marks().primary

    @property
    def on_trial(self) -> bool:
        """Whether the system that runs is being tried: the next start is the other one's.

        Raises:
            BootError: as `primary`.
        """
        return self._as_trial and self.primary is not self.booted

    def set_primary(self, slot: Slot) -> None:
        """Have a system boot from now on: the one that runs, found to be good.

        Raises:
            BootError: it does not run, or the card cannot be written.
        """
        if slot is not self.booted:
            raise BootError(f"System {slot} does not run, so nobody knows that it works: start a trial of it.")
        self._write(self._bootloader.at_rest(slot))

    def arm_trial(self, slot: Slot) -> str:
        """Have the next start be the other system's, once; return what the kernel is to be told at that reboot, or "".

        Raises:
            BootError: it is no trial, the bootloader has none, or the card cannot be written.
        """
        if slot is self.booted or self.primary is not self.booted:
            raise BootError(
                f"System {slot} cannot be tried while system {self.booted} runs and {self.primary} is the primary one."
            )
        self.check_trials()
        self._write(Marks(self.booted, slot))
        return self._bootloader.reboot_argument

    def check_trials(self) -> None:
        """See that the other system can be tried on this board.

        Raises:
            BootError: it cannot.
        """
        if not self._knows_trials:
            raise BootError("This board's bootloader is too old to try a system: renew it with rpi-eeprom-update.")

    def normalise(self, remembered: Slot | None = None) -> None:
        """Have nothing lead to the system that does not run, but the way back from a trial or from a fallback.

        A file that is damaged is written anew.

        Args:
            remembered: the primary system, as far as anybody else knows it: a damaged file does not say.

        Raises:
            BootError: the card cannot be written.
        """
        try:
            primary = self.primary
        except BootError:
            primary = remembered or (self.booted.other if self._as_trial else self.booted)
        self._write(self._bootloader.at_rest(primary))

    def release(self, slot: Slot) -> None:
        """Have nothing lead to a system that is about to be overwritten.

        Raises:
            BootError: it runs, or is what the next start falls back to; or the card cannot be written.
        """
        self.normalise()
        if slot is self.booted or slot is self.primary:
            raise BootError(f"System {slot} is needed: {self.booted} runs, and {self.primary} is the one that boots.")

    def _marks(self) -> Marks:
        try:
            content = self._path.read_bytes()
        except OSError as error:
            raise BootError(f"{self._path} cannot be read: {error.strerror}.") from error
        marks = self._bootloader.read(content)
        if marks is None:
            raise BootError(f"{self._path} is damaged: it is not as the bootloader and this system write it.")
        return marks

    def _write(self, marks: Marks) -> None:
        content = self._bootloader.content(marks)
        try:
            if not _change_bytes(self._path, content):
                replace_durably(self._path, content)
        except OSError as error:
            raise BootError(f"{self._path} cannot be written: {error.strerror}.") from error


def _change_bytes(path: Path, content: bytes) -> bool:
    """Change the bytes of a file that differ; return False, with nothing done, where it has another length."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        there = os.pread(descriptor, len(content) + 1, 0)
        if len(there) != len(content):
            return False
        for offset, (old, new) in enumerate(zip(there, content, strict=True)):
            if old != new:
                os.pwrite(descriptor, bytes([new]), offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True
