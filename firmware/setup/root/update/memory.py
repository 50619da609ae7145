"""What root remembers of updates, and what follows from it at a start.

It is one value in one file, readable by root alone, so that each step from one to the next is one rename, which a power
cut leaves done or not done. That a system is good stands in one place only: what the bootloader chooses.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from packaging.version import Version
from pydantic import ConfigDict, Field

from contract.results import OutcomeCode
from firmware.base.durable import replace_durably
from firmware.base.errors import HandsetError
from firmware.setup.root.boot.choice import Slot
from provisioning.section import Section

NAME: Final = "update.json"

MOST_TRIES: Final = 3
"""So often one version is tried: power cuts may end all but the last of them."""


class MemoryDamagedError(HandsetError):
    """What root remembers of updates cannot be read."""


class Phase(StrEnum):
    """How far what lies in the other slot has come.

    PENDING: it waits to be tried. RUNNING: the bootloader was told to boot it once, or it runs. FAILED: it did not
    work, and the machine is about to go back.
    """

    PENDING = "pending"
    RUNNING = "running"
    FAILED = "failed"


class _Remembered(Section):
    """What a newer system has written on trial, the one of before reads, and passes over what it does not know."""

    model_config = ConfigDict(extra="ignore")


class Waiting(_Remembered):
    """A whole version in the slot that is not the one that counts.

    Attributes:
        manifest_sha256: RAUC's hash of its manifest, which names the hashes of all that was written.
        tries: how often it was started.
        since: the start of the machine (boot_id) in which somebody had it tried, or found that it does not work.
    """

    slot: Slot
    version: str
    manifest_sha256: str
    phase: Phase = Phase.PENDING
    tries: Annotated[int, Field(ge=0, le=MOST_TRIES)] = 0
    since: str = ""


class Memory(_Remembered):
    """All of it.

    Attributes:
        failed: the highest version that did not work; only a higher one is taken.
        last: what became of the last update that was begun, of the version `last_version`.
        floor: the lowest version that is taken; it only rises.
        number: of the newest message that was taken.
        release_keys: the newest signed list that came, in base64, the image's own among them.
        keys_number: of the newest list that was ever seen.
    """

    format: Literal[1] = 1
    waiting: Waiting | None = None
    failed: str = ""
    last: OutcomeCode | Literal[""] = ""
    last_version: str = ""
    floor: str = ""
    number: Annotated[int, Field(ge=0)] = 0
    release_keys: str = ""
    keys_number: Annotated[int, Field(ge=0)] = 0

    def begun(self, version: str) -> Self:
        """Return it once the other slot may be overwritten: nothing whole is in there."""
        return self.model_copy(update={"waiting": None, "last": OutcomeCode.FAILED, "last_version": version})

    def ended(self, code: OutcomeCode) -> Self:
        """Return it once the version that was begun could not be installed."""
        return self.model_copy(update={"last": code})

    def installed(self, waiting: Waiting) -> Self:
        """Return it once a version lies whole in the other slot."""
        return self._at(waiting).ended(OutcomeCode.INSTALLED)

    def starting(self, boot_id: str) -> Self:
        """Return it just before the bootloader is told to boot what waits, once."""
        return self._in(Phase.RUNNING, boot_id, tries=1)

    def pending(self) -> Self:
        """Return it once it is known that the bootloader is not told to boot what waits."""
        return self._in(Phase.PENDING, "")

    def failing(self, boot_id: str) -> Self:
        """Return it once what runs on trial was found not to work."""
        return self._in(Phase.FAILED, boot_id)

    def kept(self) -> Self:
        """Return it once the bootloader chooses the slot that was on trial."""
        return self._settled(OutcomeCode.APPLIED)

    def gone_back(self) -> Self:
        """Return it once the machine runs what it ran before the trial."""
        failed = higher(self.failed, self.waiting.version if self.waiting is not None else "")
        return self._settled(OutcomeCode.WENT_BACK).model_copy(update={"failed": failed})

    def given_up(self, code: OutcomeCode) -> Self:
        """Return it once what waits must not be tried any more."""
        return self._settled(code)

    def raised(self, floor: str) -> Self:
        """Return it with this floor, where that is higher."""
        return self.model_copy(update={"floor": higher(self.floor, floor)})

    def _in(self, phase: Phase, boot_id: str, *, tries: int = 0) -> Self:
        if (waiting := self.waiting) is None:
            return self
        change = {"phase": phase, "since": boot_id, "tries": waiting.tries + tries}
        return self._at(waiting.model_copy(update=change))

    def _at(self, waiting: Waiting) -> Self:
        return self.model_copy(update={"waiting": waiting})

    def _settled(self, code: OutcomeCode) -> Self:
        version = self.waiting.version if self.waiting is not None else self.last_version
        return self.model_copy(update={"waiting": None, "last": code, "last_version": version})


def higher(one: str, other: str) -> str:
    """Return the higher of two versions; an empty one is below all."""
    return max(one, other, key=lambda text: (bool(text), Version(text or "0")))


@dataclass(frozen=True, slots=True)
class Start:
    """How the machine was started.

    Attributes:
        slot: that it runs from.
        primary: that the bootloader chooses unless it is told to try the other one once.
        boot_id: names this start.
        by_watchdog: a watchdog reset the machine before it, or, on a Raspberry Pi, somebody had it start anew. Where no
            one can tell, it counts as a power cut: the number of tries bounds it.
    """

    slot: Slot
    primary: Slot
    boot_id: str
    by_watchdog: bool = False


def is_on_trial(memory: Memory, slot: str) -> bool:
    """Tell whether what runs from this slot has not been found to work yet."""
    return memory.waiting is not None and memory.waiting.slot == slot and memory.waiting.phase is Phase.RUNNING


def may_go_back(memory: Memory, slot: str) -> bool:
    """Tell whether the machine may yet leave what runs from this slot: it is on trial, or has just failed that."""
    return memory.waiting is not None and memory.waiting.slot == slot and memory.waiting.phase is not Phase.PENDING


def must_go_back(memory: Memory, start: Start) -> bool:
    """Tell whether this very start has failed its trial, and the machine is to be started anew.

    Where the bootloader comes back to what has failed, it could load nothing else, and the machine stays.
    """
    waiting = memory.waiting
    return (
        waiting is not None
        and waiting.slot == start.slot != start.primary
        and waiting.phase is Phase.FAILED
        and waiting.since == start.boot_id
    )


def recovered(memory: Memory, start: Start) -> Memory:
    """Return what is to be remembered after a start: whoever was cut off anywhere goes on from there."""
    if (waiting := memory.waiting) is None or must_go_back(memory, start):
        return memory
    if waiting.slot == start.slot:
        if start.primary == start.slot:
            return memory.kept()
        if waiting.phase is Phase.PENDING and waiting.tries < MOST_TRIES:
            # Nobody told the bootloader so: it could not load the system that counts.
            return memory.starting(start.boot_id)
        return memory if waiting.phase is Phase.RUNNING else memory.gone_back().ended(OutcomeCode.FAILED)
    was_tried = waiting.phase is Phase.RUNNING and waiting.since != start.boot_id
    if waiting.phase is Phase.FAILED or (was_tried and start.by_watchdog) or waiting.tries >= MOST_TRIES:
        return memory.gone_back()
    return memory.pending()


def read_memory(folder: Path) -> Memory:
    """Return what root remembers; nothing before the first update.

    Raises:
        MemoryDamagedError: there is something, but it cannot be read.
    """
    path = folder / NAME
    try:
        memory = Memory.model_validate_json(path.read_bytes())
        if "format" not in memory.model_fields_set:
            raise ValueError("nobody wrote this")  # noqa: TRY301 - told below, as other damage
    except FileNotFoundError:
        return Memory()
    except (OSError, ValueError) as error:
        raise MemoryDamagedError(
            f"{path} cannot be read ({type(error).__name__}), so no update is taken. Delete it, or write the card anew."
        ) from error
    return memory


def write_memory(folder: Path, memory: Memory) -> None:
    """Remember something else from now on.

    Raises:
        OSError: the disk is full, read-only or broken; what was remembered stands.
    """
    replace_durably(folder / NAME, memory.model_dump_json().encode())
