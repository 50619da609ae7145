"""Judges a card after a power cut without booting it: what boots, whether that is whole, and what is kept.

It does with a copy of the card's parts what the card's bootloader and its initramfs do with them
(tools/image/files/etc/initramfs-tools/scripts/wecall). What has been judged once is not judged again as long as nothing
was written there.
"""

import asyncio
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Final, TypeVar

from pydantic_core import from_json

from firmware.base.errors import HandsetError
from firmware.setup.root.boot.choice import GRUB, Slot
from firmware.setup.root.update.memory import Memory, MemoryDamagedError, Phase, read_memory
from tests.fakes.boot_firmware import Started
from tests.lab.boot_model import starts
from tests.lab.guarded_store import open_store_of
from tests.lab.write_log import Area, State

T = TypeVar("T")

START: Final = 1
KERNELS: Final = {Slot.A: 2, Slot.B: 3}
ROOTS: Final = {Slot.A: 5, Slot.B: 6}
DATA: Final = 7
_MOST: Final = 7

STATE: Final = "var/lib/wecall-apply"
STORE: Final = "var/lib/wecall"
"""Where on the data partition root and the handset keep what they remember."""

_SECTOR: Final = 512
_EXTENDED: Final = {0x05, 0x0F}
_BOOTED: Final = ("slot.cfg", "vmlinuz", "initrd.img")
_ROOT: Final = re.compile(rb"wecall\.verity=([0-9a-f]{64}) wecall\.tree=([0-9]+)")
_HEADER: Final = slice(0x202, 0x206)
"""Where a kernel says that it is one (Linux: Documentation/arch/x86/boot.rst)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of a card.

    Attributes:
        started: what boots; None where nothing does.
        memory: what root remembers of updates; None where that cannot be read.
        marks: whether what the bootloader reads is as we write it.
        faults: what must not be, in words; none for a card that works.
        oddities: what a card at rest has not, in words.
    """

    started: Started | None
    memory: Memory | None
    marks: bool
    faults: tuple[str, ...]
    oddities: tuple[str, ...]

    @property
    def kind(self) -> Hashable:
        """What is the same for cards that are odd in the same way."""
        return self.started, self.memory, self.marks, self.oddities


class CardJudge:
    """A judge of the states of one replay.

    Args:
        first: the card when the log began.
        scratch: a folder for copies.
        kernels: what `kernel_of` says of the releases that the card may have.
        check_store: raises a HandsetError where the store in a folder does not open or is damaged.
    """

    def __init__(
        self, first: State, scratch: Path, kernels: Collection[str], check_store: Callable[[Path], None]
    ) -> None:
        self._scratch = scratch
        self._kernels = kernels
        self._check_store = check_store
        self._known: dict[Hashable, object] = {}
        self._table = read_table(first)

    def judge(self, state: State) -> Verdict:
        """Judge a card."""
        faults = [] if read_table(state) == self._table else ["its table of partitions is not what it was"]
        oddities: list[str] = []
        loadable = tuple(slot for slot in Slot if self._kernel(state, slot)[0])
        start, started = self._once(state, (START,), lambda: self._look_at_start(state, loadable), loadable)
        marks = GRUB.read(start)
        if marks is None:
            oddities.append("what the bootloader reads is of no form that we write")
        if started is None:
            faults.append("nothing boots")
        else:
            faults += self._slot(state, started.slot)
            oddities += ["a trial is due"] if started.as_trial else []
            if marks is not None and not started.as_trial and started.slot is not marks.primary:
                oddities.append("the primary system does not load")
        memory, data_faults, data_oddities = self._once(state, (DATA,), lambda: self._look_at_data(state))
        faults += data_faults
        oddities += data_oddities
        if memory is not None and (waiting := memory.waiting) is not None:
            faults += [f"what waits is not whole: {each}" for each in self._slot(state, waiting.slot)]
        if memory is not None and started is not None:
            faults += _disagreements(memory, started)
        return Verdict(started, memory, marks is not None, tuple(faults), tuple(oddities))

    def _once(self, state: State, parts: Collection[int], look: Callable[[], T], more: Hashable = None) -> T:
        """Look at partitions, unless that was done since they were written to."""
        # With what looks: in the same partitions different things are looked for.
        key = (look.__code__, more, *(state.writes(self._table[part]) for part in parts))
        if key not in self._known:
            self._known[key] = look()
        return self._known[key]  # type: ignore[return-value] # it is what this function has returned

    def _copy(self, state: State, part: int) -> Path:
        return state.copy(self._table[part], self._scratch / f"{part}.img")

    # --- what boots ---

    def _look_at_start(self, state: State, loadable: Collection[Slot]) -> tuple[bytes, Started | None]:
        """Return what the bootloader reads, and what it starts."""
        image = self._copy(state, START)
        try:
            return _read(image, GRUB.file) or b"", starts(image, loadable)
        except ValueError:
            return b"", None

    def _kernel(self, state: State, slot: Slot) -> tuple[bool, str, bytes]:
        """Say whether GRUB can load a kernel, which one it is, and what it is told."""

        def look() -> tuple[bool, str, bytes]:
            image = self._copy(state, KERNELS[slot])
            files = [_read(image, name) or b"" for name in _BOOTED]
            return all(files) and files[1][_HEADER] == b"HdrS", _digest(files), files[0]

        return self._once(state, (KERNELS[slot],), look, slot)

    def _slot(self, state: State, slot: Slot) -> list[str]:
        """Return what is wrong with a system that is to boot."""
        loads, kernel, options = self._kernel(state, slot)
        if not loads or kernel not in self._kernels:
            return [f"the kernel of system {slot} is that of no release"]

        def look() -> list[str]:
            found = _ROOT.search(options)
            if found is None:
                return [f"nobody says which root system {slot} has"]
            image = str(self._copy(state, ROOTS[slot]))
            tree = f"--hash-offset={found[2].decode()}"
            done = _run("veritysetup", "verify", image, image, found[1].decode(), tree)
            return [f"the root of system {slot} is damaged"] if done.returncode else []

        return self._once(state, (KERNELS[slot], ROOTS[slot]), look, slot)

    # --- what is kept ---

    def _look_at_data(self, state: State) -> tuple[Memory | None, list[str], list[str]]:
        """Return what root remembers, what is wrong with the data partition, and what is odd."""
        image = self._copy(state, DATA)
        # As the initramfs asks for it. 1: the journal was played back, or something was repaired.
        oddities = []
        repaired = _run("e2fsck", "-p", str(image))
        if repaired.returncode > 1:
            oddities.append("the data's file system needs more than its journal")
            repaired = _run("e2fsck", "-y", str(image))
        if repaired.returncode > 1:
            return None, [f"the data's file system is damaged: {_last(repaired)}"], oddities
        checked = _run("e2fsck", "-f", "-n", str(image))
        faults = [f"the data's file system is still damaged: {_last(checked)}"] if checked.returncode else []
        folder = self._scratch / "data"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in (STATE, STORE, "etc"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _run("debugfs", "-R", f"rdump /{name} {(folder / name).parent}", str(image))
        faults += _torn_files(folder)
        memory = None
        try:
            memory = read_memory(folder / STATE)
        except MemoryDamagedError:
            faults.append("what root remembers of updates cannot be read")
        try:
            self._check_store(folder / STORE)
        except HandsetError as error:
            faults.append(f"the store is damaged: {error}")
        if memory is not None and memory.waiting is not None and memory.waiting.phase is not Phase.PENDING:
            oddities.append("root remembers a trial")
        return memory, faults, oddities


def check_store(folder: Path, environment: Mapping[str, str]) -> None:
    """Open the store in a folder as the handset does, and read all of it.

    Args:
        folder: the handset's own.
        environment: names a folder with its key, see firmware/store/key_wrap.py.

    Raises:
        HandsetError: it does not open, or is damaged.
    """

    async def check() -> None:
        store = await open_store_of(folder, environment)
        try:
            await store.check()
        finally:
            await store.stop()

    if not (folder / "store.db").exists():
        raise HandsetError(f"There is no store in {folder}.")
    asyncio.run(check())


def kernel_of(image: Path) -> str:
    """Return what tells one release's kernel from others, from an image of its boot partition."""
    return _digest([_read(image, name) or b"" for name in _BOOTED])


def read_table(state: State) -> dict[int, Area]:
    """Return the partitions of a card by their numbers; those that cannot be read are not there."""
    found: dict[int, Area] = {}
    extended = 0
    for number, (kind, start, size) in enumerate(_entries(state, 0), 1):
        if kind in _EXTENDED:
            extended = start
        elif size:
            found[number] = Area(start * _SECTOR, size * _SECTOR)
    at = extended
    for number in count(5):
        # Each logical partition has a table of its own, which says where the next one's is.
        entries = _entries(state, at) if at and number <= _MOST else []
        if not entries or not entries[0][2]:
            return found
        found[number] = Area((at + entries[0][1]) * _SECTOR, entries[0][2] * _SECTOR)
        at = extended + entries[1][1] if entries[1][2] else 0
    raise AssertionError


def _entries(state: State, sector: int) -> list[tuple[int, int, int]]:
    """Return kind, start and size, in sectors, of what a table names; nothing where there is no table."""
    table = state.read(Area(sector * _SECTOR, _SECTOR))
    if table[510:] != b"\x55\xaa":
        return []
    entries = (table[446 + 16 * n : 462 + 16 * n] for n in range(4))
    return [(each[4], int.from_bytes(each[8:12], "little"), int.from_bytes(each[12:], "little")) for each in entries]


def _disagreements(memory: Memory, started: Started) -> Iterator[str]:
    """Return where what root remembers and what boots do not belong together."""
    waiting = memory.waiting
    if started.as_trial and (waiting is None or waiting.slot is not started.slot or waiting.phase is not Phase.RUNNING):
        yield "a trial is due of which root knows nothing"
    if not started.as_trial and waiting is not None and waiting.slot is started.slot and waiting.phase is Phase.PENDING:
        yield "what waits to be tried boots already"


def _torn_files(folder: Path) -> Iterator[str]:
    """Return which files have their final name and are not whole."""
    readers: dict[str, Callable[[bytes], object]] = {
        ".json": from_json,
        ".toml": lambda content: tomllib.loads(content.decode()),
    }
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and (read := readers.get(path.suffix)) is not None:
            try:
                read(path.read_bytes())
            except ValueError:
                yield f"/{path.relative_to(folder)} is not whole"
    number = folder / "etc/machine-id"
    if not number.is_file() or not re.fullmatch(rb"[0-9a-f]{32}\n?", number.read_bytes()):
        yield "/etc/machine-id is not whole"


def _digest(files: Collection[bytes]) -> str:
    return sha256(b"".join(sha256(each).digest() for each in files)).hexdigest()


def _read(image: Path, name: str) -> bytes | None:
    done = subprocess.run(["mtype", "-i", image, f"::{name}"], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def _last(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())[-300:]
