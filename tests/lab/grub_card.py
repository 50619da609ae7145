"""A PC's card with systemd/grub.cfg, started in QEMU as far as a kernel, which finds no root and hangs."""

import re
import shutil
import subprocess
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

from firmware.setup.root.boot.choice import GRUB, Marks, Slot
from tests.fakes.boot_firmware import BOTH, Started
from tests.lab.debian_kernel import amd64_kernel, archive

_CHECKOUT: Final = Path(__file__).parents[2]
SCRIPT: Final = _CHECKOUT / "systemd/grub.cfg"
_FIRST: Final = _CHECKOUT / "tools/image/grub-first.cfg"
_OVMF: Final = Path("/usr/share/OVMF")
_MODULES: Final = (
    "part_msdos fat search search_fs_file normal configfile test echo sleep reboot loadenv linux regexp setpci memrw"
)
_TABLE: Final = """label: dos
1: start=1MiB,size=48MiB,type=ef
2: start=50MiB,size=64MiB,type=c
3: start=120MiB,size=64MiB,type=c
"""
_PATIENCE_S: Final = 240.0


class GrubCard:
    """A card.

    Attributes:
        image: its bytes.
    """

    def __init__(self, folder: Path, marks: Marks, *, loadable: Collection[Slot] = BOTH, watchdog_ticks: int) -> None:
        """Make one whose watchdog, where the machine has one, waits for twice so many ticks of a millisecond."""
        self._folder = folder
        self.image = folder / "card.img"
        with self.image.open("wb") as file:
            file.truncate(200 << 20)
        subprocess.run(["sfdisk", "--quiet", self.image], input=_TABLE, text=True, check=True)
        script = SCRIPT.read_text()
        assert "0x16800" in script
        self._partition(1, 48)
        self._run(["mmd", "-i", self._at(1), "::EFI", "::EFI/BOOT", "::grub"])
        self._put(1, "grub/grub.cfg", script.replace("0x16800", hex(watchdog_ticks)).encode())
        self._put(1, GRUB.file, GRUB.content(marks))
        self._put(1, "EFI/BOOT/BOOTX64.EFI", self._grub())
        for slot, number in ((Slot.A, 2), (Slot.B, 3)):
            self._partition(number, 64)
            self._put(number, "slot.cfg", b'set options="console=ttyS0 panic=0"\n')
            self._put(number, "initrd.img", archive({}, ["nothing"]))
            if slot in loadable:
                self._put(number, "vmlinuz", amd64_kernel().image.read_bytes())

    @property
    def marks(self) -> Marks | None:
        """What its slot.env says; None where that is not as we write it."""
        command = ["mtype", "-i", self._at(1), f"::{GRUB.file}"]
        return GRUB.read(subprocess.run(command, capture_output=True, check=True).stdout)

    def starts(self, *, count: int = 1, writable: bool = True) -> list[Started]:
        """Start a machine, and return the first systems that it starts; nobody but its watchdog ends one that hangs.

        Raises:
            TimeoutError: they do not start.
        """
        said = self._folder / "said.txt"
        said.write_bytes(b"")
        variables = self._folder / "variables.fd"
        shutil.copy(_OVMF / "OVMF_VARS_4M.fd", variables)
        machine = subprocess.Popen([
            "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "1024", "-nodefaults",
            "-display", "none", "-serial", f"file:{said}",
            "-drive", f"if=pflash,format=raw,readonly=on,file={_OVMF / 'OVMF_CODE_4M.fd'}",
            "-drive", f"if=pflash,format=raw,file={variables}",
            "-drive", f"if=none,id=card,format=raw,file={self.image},readonly={'off' if writable else 'on'}",
            "-device", "virtio-blk-pci,drive=card", "-device", "i6300esb", "-watchdog-action", "reset",
        ])  # fmt: skip
        try:
            until = time.monotonic() + _PATIENCE_S
            while time.monotonic() < until:
                lines = re.findall(rb"Command line: .* wecall\.slot=([AB])(.*)", said.read_bytes())
                if len(lines) >= count:
                    return [Started(Slot(slot.decode()), as_trial=b"wecall.trial" in rest) for slot, rest in lines]
                time.sleep(0.2)
        finally:
            machine.kill()
            machine.wait()
        raise TimeoutError(f"The machine started {len(lines)} of {count} systems; see {said}.")

    def _grub(self) -> bytes:
        program = self._folder / "grub.efi"
        options = ["--fonts=", "--locales=", "--themes=", f"--modules={_MODULES}", f"boot/grub/grub.cfg={_FIRST}"]
        self._run(["grub-mkstandalone", "-O", "x86_64-efi", "-o", program, *options])
        return program.read_bytes()

    def _partition(self, number: int, mebibytes: int) -> None:
        self._run(["mformat", "-i", self._at(number), "-F", "-c", "1", "-T", str(mebibytes << 11), "::"])

    def _put(self, number: int, name: str, content: bytes) -> None:
        file = self._folder / "file"
        file.write_bytes(content)
        self._run(["mcopy", "-i", self._at(number), file, f"::{name}"])

    def _at(self, number: int) -> str:
        return f"{self.image}@@{(1, 50, 120)[number - 1]}M"

    @staticmethod
    def _run(command: list[str | Path]) -> None:
        subprocess.run(command, check=True, capture_output=True)
