"""Which system a card boots next, judged from what is on its first partition, by the models of the two firmwares."""

import subprocess
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from firmware.setup.root.boot.choice import Slot
from tests.fakes.boot_firmware import BOTH, Firmware, PcFirmware, RaspberryPiFirmware, Started, first_that_loads

_FIRMWARES: Final[tuple[Firmware, ...]] = (PcFirmware(), RaspberryPiFirmware())


def chooses(p1: bytes | Path, loadable: Collection[Slot] = BOTH) -> str:
    """Return "A" or "B": what boots after a power cut.

    Args:
        p1: the first partition, as a FAT image, the file that has one, or a folder with its files; a folder's are left
            as they are.
        loadable: the systems whose kernels load.

    Raises:
        ValueError: the partition has neither firmware's file, or nothing loads.
    """
    started = starts(p1, loadable)
    if started is None:
        raise ValueError("Neither system's kernel loads.")
    return started.slot


def starts(p1: bytes | Path, loadable: Collection[Slot] = BOTH) -> Started | None:
    """Return what boots after a power cut, and whether that is a trial; else as `chooses`."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        if isinstance(p1, bytes):
            image = folder / "p1.img"
            image.write_bytes(p1)
        else:
            image = p1
        for firmware in _FIRMWARES:
            file = firmware.bootloader.file
            content = _read_folder(image / file) if image.is_dir() else _read_image(image, file)
            if content is not None:
                (folder / file).parent.mkdir(exist_ok=True)
                (folder / file).write_bytes(content)
                return first_that_loads(firmware.decide(folder), loadable)
    raise ValueError("The partition has neither slot.env nor autoboot.txt.")


def _read_folder(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _read_image(image: Path, file: str) -> bytes | None:
    done = subprocess.run(["mtype", "-i", image, f"::{file}"], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None
