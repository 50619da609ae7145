"""A PC that starts from the card that `make image ARCH=amd64` makes: UEFI, GRUB, and a watchdog that resets it."""

import base64
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tests.lab.virtual_machine import AGENT, AGENT_UNIT

IMAGE: Final = Path(__file__).parents[2] / "build" / "image" / "amd64"

# Debian's package ovmf.
_FIRMWARE: Final = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
_VARIABLES: Final = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")

_CREDENTIALS: Final = {
    "systemd.extra-unit.machine-agent.service": AGENT_UNIT,
    "systemd.unit-dropin.multi-user.target": "[Unit]\nWants=machine-agent.service\n",
}


class PcCard:
    """The computer, and its card: what is written to it stays from one start to the next.

    Args:
        folder: where the card lies.
        image: what was written to it at first.
        writes: a file that gets every write to it, as dm-log-writes has them; nothing is logged without.
        credentials: what its system is given beside what tests need (systemd.system-credentials(7)).

    Attributes:
        credentials: all that its system is given, from the next start on.
    """

    program = "qemu-system-x86_64"
    boot_timeout_s = 600.0

    def __init__(
        self,
        folder: Path,
        image: Path = IMAGE / "wecall.img",
        writes: Path | None = None,
        credentials: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Set up.

        Raises:
            RuntimeError: there is no such image.
        """
        if not image.is_file():
            raise RuntimeError(f"There is no card in {image}. Make one first: make image ARCH=amd64")
        self.card = folder / "card.qcow2"
        self._variables = folder / "variables.fd"
        self._writes = writes
        self.credentials = {**_CREDENTIALS, **credentials}
        if writes is not None:
            # QEMU makes none.
            writes.touch()
        if not self.card.exists():
            backing = ("-F", "raw", "-b", str(image.absolute()))
            subprocess.run(("qemu-img", "create", "-q", "-f", "qcow2", *backing, str(self.card)), check=True)
            shutil.copy(_VARIABLES, self._variables)

    def leave_to(self, folder: Path) -> None:
        """Copy the card as it is, for another computer in that folder: without what QEMU has not written yet."""
        for path in (self.card, self._variables):
            subprocess.run(("cp", "--sparse=always", path, folder), check=True)

    def take_from(self, folder: Path) -> None:
        """Have the card be again what was left to a folder."""
        for path in (self.card, self._variables):
            (folder / path.name).replace(path)

    def write_image(self, path: Path) -> Path:
        """Make a file of all that is on the card, and return it; no computer has the card."""
        subprocess.run(("qemu-img", "convert", "-q", "-O", "raw", self.card, path), check=True)
        return path

    def options(self, _scratch: Path) -> list[str]:
        """See Computer."""
        card = f"driver=qcow2,node-name=card,file.driver=file,file.filename={self.card}"
        logged = f"driver=blklogwrites,node-name=logged,file=card,log.driver=file,log.filename={self._writes}"
        # QEMU makes one write of several of the machine's, which fails where blklogwrites gets more than 1,024 parts.
        device = "drive=logged,request-merging=off" if self._writes else "drive=card"
        words = (f"io.systemd.credential.binary:{name}={_base64(text)}" for name, text in self.credentials.items())
        return [
            "-M", "q35", "-cpu", "max", "-device", "i6300esb",
            "-drive", f"if=pflash,format=raw,readonly=on,file={_FIRMWARE}",
            "-drive", f"if=pflash,format=raw,file={self._variables}",
            "-blockdev", card, *(("-blockdev", logged) if self._writes else ()),
            "-device", f"virtio-blk-pci,{device},bootindex=0",
            *(option for each in words for option in ("-smbios", f"type=11,value={each}")),
            "-fw_cfg", f"name=opt/io.systemd.credentials/machine.agent,file={AGENT}",
        ]  # fmt: skip


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
