"""A computer of a Raspberry Pi's kind, which boots the card that `make image` makes; what it writes there is lost."""

import base64
import subprocess
from pathlib import Path
from typing import Final

from tests.lab.virtual_machine import AGENT, AGENT_UNIT, SIZE

_CHECKOUT: Final = Path(__file__).parents[2]
IMAGE: Final = _CHECKOUT / "build" / "image" / "arm64"
CARD: Final = IMAGE / "wecall.img"
# Where on the card system A's kernel begins, and B's (tools/image/pack), in MiB.
KERNELS_MIB: Final = {"A": 65, "B": 257}

_BOARD: Final = ("-M", "virt", "-cpu", "cortex-a72")
# A Raspberry Pi 3 Model B's: what gpiozero asks before it believes in a GPIO header.
_REVISION: Final = "0xa02082"
# What a Raspberry Pi's firmware says: it has started partition 2, A's, by itself, after the power came back.
_FIRMWARE: Final = {"partition": "2", "tryboot": "0", "capabilities": "0x7", "rsts": "0x1000"}


class CardRoot:
    """The computer: QEMU's own board with the processor of a Raspberry Pi 4, as no board of theirs has room for a USB
    stick and a network that it could be reached by. It has no firmware of theirs: QEMU loads A's kernel in its place.
    """

    program = "qemu-system-aarch64"
    boot_timeout_s = 900.0

    def __init__(self) -> None:
        """Set up.

        Raises:
            RuntimeError: there is no card.
        """
        if not CARD.is_file():
            raise RuntimeError(f"There is no card in {IMAGE}. Make one first: make image")

    def options(self, scratch: Path) -> list[str]:
        """See Computer; the board's GPIO lines can be moved through the socket qtest.sock in the folder."""
        kernel, first_root, command_line = (scratch / name for name in ("vmlinuz", "initrd.img", "cmdline.txt"))
        for each in (kernel, first_root, command_line):
            each.write_bytes(read_card(KERNELS_MIB["A"], each.name))
        unit = base64.b64encode(AGENT_UNIT.encode()).decode()
        parameters = (
            f"{command_line.read_text().strip()} console=ttyAMA0 "
            "systemd.show_status=0 systemd.wants=machine-agent.service "
            f"systemd.set_credential_binary=systemd.extra-unit.machine-agent.service:{unit} "
            # The board's switch for shutting down has one of the GPIO lines that tests move.
            "module_blacklist=gpio_keys"
        )
        return [
            *_BOARD, "-no-reboot", "-device", "i6300esb", "-dtb", str(self._device_tree(scratch)),
            "-qtest", f"unix:{scratch / 'qtest.sock'},server=on,wait=off", "-qtest-log", "/dev/null",
            "-kernel", str(kernel), "-initrd", str(first_root), "-append", parameters,
            "-drive", f"if=none,id=card,format=raw,snapshot=on,file={CARD}",
            "-device", "virtio-blk-pci,drive=card",
            "-fsdev", f"local,id=checkout,path={_CHECKOUT},security_model=none,readonly=on",
            "-device", "virtio-9p-pci,fsdev=checkout,mount_tag=checkout",
            "-fw_cfg", f"name=opt/io.systemd.credentials/machine.agent,file={AGENT}",
        ]  # fmt: skip

    def _device_tree(self, scratch: Path) -> Path:
        """Write what QEMU says of its board, with a Raspberry Pi's revision in it and what their firmware says."""
        tree = scratch / "board.dtb"
        board, *others = _BOARD[1:]
        dump = (self.program, "-M", f"{board},dumpdtb={tree}", *others, *SIZE)
        subprocess.run(dump, check=True, capture_output=True)
        subprocess.run(("fdtput", "-p", "-t", "x", tree, "/system", "linux,revision", _REVISION), check=True)
        for name, value in _FIRMWARE.items():
            said = ("fdtput", "-p", "-t", "x", tree, "/chosen/bootloader", name, value)
            subprocess.run(said, check=True)
        return tree


def read_card(at_mib: int, name: str) -> bytes:
    """Return a file of the FAT partition that begins there on the card."""
    return mtools("mtype", at_mib, f"::{name}")


def mtools(program: str, at_mib: int, *arguments: str) -> bytes:
    """Return what one of the mtools says of the partition that begins there on the card."""
    command = (program, "-i", f"{CARD}@@{at_mib}M", *arguments)
    return subprocess.run(command, check=True, capture_output=True).stdout
