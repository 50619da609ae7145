"""A PC's card of 22 MiB with all the partitions of a real one, and logs of what is written to it."""

import struct
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from firmware.setup.root.boot.choice import GRUB, Marks, Slot
from tests.lab.card_judge import KERNELS, ROOTS
from tests.lab.write_log import WriteLog

SECTOR: Final = 512
FLUSH: Final = 1
FUA: Final = 2
DISCARD: Final = 4

Done = tuple[int, bytes, int]
"""What was done to a disk: the first sector, what was written, and flags."""

A_FLUSH: Final[Done] = (0, b"", FLUSH)

_MIB: Final = 1 << 20
_STARTS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 7, 7: 9}
_SIZES: Final = {1: 1, 2: 1, 3: 1, 4: 17, 5: 1, 6: 1, 7: 12}
_EXTENDED: Final = 4
_TREE: Final = 64 * 4096


def write_log(path: Path, *done: Done, sector: int = SECTOR, discards: int = 0) -> WriteLog:
    """Write a log of what was done; `discards` is the length of a discard, in sectors."""
    parts = [struct.pack("<QQQI", 0x6A736677736872, 1, len(done), sector).ljust(sector, b"\0")]
    for first, content, flags in done:
        count = discards if flags & DISCARD else len(content) // sector
        parts += [struct.pack("<QQQQ", first, count, flags, 0).ljust(sector, b"\0"), content]
    path.write_bytes(b"".join(parts))
    return WriteLog(path)


def changes(old: bytes, new: bytes) -> Sequence[Done]:
    """Return the writes that make one disk of another, a sector each."""
    sectors = (number for number in range(len(new) // SECTOR) if _at(old, number) != _at(new, number))
    return [(number, _at(new, number), 0) for number in sectors]


class SmallCard:
    """A card; release 1 is in A, and B is empty.

    Attributes:
        image: its bytes, in a file.
    """

    def __init__(self, folder: Path, data: Path) -> None:
        """Make one whose data partition has what a folder has."""
        self._folder = folder
        self.image = folder / "card.img"
        with self.image.open("wb") as file:
            file.truncate(22 * _MIB)
        lines = [
            f"{number}: start={start}MiB, size={_SIZES[number]}MiB, type={'f' if number == _EXTENDED else 'c'}"
            for number, start in _STARTS.items()
        ]
        _run(["sfdisk", "--quiet", self.image], "\n".join(["label: dos", *lines]))
        for number in (1, 2, 3):
            _run(["mformat", "-i", self._at(number), "-T", str(_MIB // SECTOR), "-h", "2", "-s", "16", "::"])
        _run(["mmd", "-i", self._at(1), "::grub"])
        self.mark(Marks(Slot.A, None))
        self.install(Slot.A, 1)
        self.keep(data)

    @property
    def content(self) -> bytes:
        """All of it."""
        return self.image.read_bytes()

    def mark(self, marks: Marks) -> None:
        """Have the bootloader told something."""
        self._put(1, GRUB.file, GRUB.content(marks))

    def install(self, slot: Slot, release: int, parts: Iterable[str] = ("root", "boot")) -> None:
        """Put a release into a slot, or a part of it."""
        root = self._folder / "root.img"
        root.write_bytes(b"".join(struct.pack("<II", release, block).ljust(4096, b"r") for block in range(64)))
        made = _run(["veritysetup", "format", f"--hash-offset={_TREE}", f"--salt={0:064d}", root, root])
        root_hash = next(line.split()[-1] for line in made.splitlines() if line.startswith("Root hash"))
        if "root" in parts:
            self.put(ROOTS[slot], root.read_bytes())
        if "boot" in parts:
            kernel = f"kernel {release}".encode().ljust(0x202, b"k") + b"HdrS".ljust(9000, b"k")
            options = f'set options="wecall.verity={root_hash} wecall.tree={_TREE}"\n'
            for name, content in (("slot.cfg", options.encode()), ("vmlinuz", kernel), ("initrd.img", b"i" * 5000)):
                self._put(KERNELS[slot], name, content)

    def keep(self, data: Path) -> None:
        """Have the data partition be made anew with what a folder has."""
        image = self._folder / "data.img"
        image.unlink(missing_ok=True)
        _run(["mke2fs", "-q", "-t", "ext4", "-b", "1024", "-d", data, image, f"{_SIZES[7]}M"])
        self.put(7, image.read_bytes())

    def put(self, part: int, content: bytes, offset: int = 0) -> None:
        """Write to a partition."""
        with self.image.open("r+b") as file:
            file.seek(_STARTS[part] * _MIB + offset)
            file.write(content)

    def part(self, number: int) -> bytes:
        """Return what a partition has."""
        return self.content[_STARTS[number] * _MIB :][: _SIZES[number] * _MIB]

    def _put(self, part: int, name: str, content: bytes) -> None:
        file = self._folder / "file"
        file.write_bytes(content)
        _run(["mcopy", "-D", "o", "-i", self._at(part), file, f"::{name}"])

    def _at(self, number: int) -> str:
        return f"{self.image}@@{_STARTS[number]}M"


def _at(disk: bytes, number: int) -> bytes:
    return disk[number * SECTOR : (number + 1) * SECTOR]


def _run(command: Sequence[str | Path], stdin: str = "") -> str:
    return subprocess.run(command, input=stdin, text=True, check=True, capture_output=True).stdout
