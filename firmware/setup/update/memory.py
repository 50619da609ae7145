"""What a handset remembers of updates over restarts and power cuts: one file, replaced as a whole.

<state_dir>/updates/
    waiting.json         what was announced, what is tried, and what the operator is yet to be told
    before_trial.json    how the handset was before it restarted into what is tried
"""

import logging
import math
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, ValidationError

from contract.results import OutcomeCode
from firmware.base.durable import replace_durably
from firmware.phone.updates import UpdateKind
from firmware.setup.root.update.messages import Base64, UpdateState
from firmware.setup.update.judge import USUAL, Facts
from provisioning.section import Section

_log = logging.getLogger(__name__)

FOLDER_NAME: Final = "updates"
BEFORE_NAME: Final = "before_trial.json"
_WAITING_NAME: Final = "waiting.json"
_DAY_S: Final = 24 * 3600
_MOST_DUE: Final = 16
_ENDS: Final = {
    True: frozenset({OutcomeCode.APPLIED, OutcomeCode.FAILED}),
    False: frozenset({OutcomeCode.WENT_BACK, OutcomeCode.KEY_REVOKED, OutcomeCode.BELOW_FLOOR}),
}
"""What root says of what was tried once it is over, where that runs and where it does not. It runs and has FAILED where
the bootloader can load nothing else.
"""

S = TypeVar("S", bound=Section)
Version = Annotated[str, Field(max_length=64)]
Digest = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
Moment = Annotated[float, Field(ge=0, lt=2**53)]


class Waiting(Section):
    """An update that was announced over the network.

    Attributes:
        digest: SHA-256 of the document, by which the operator hears of it.
        message: the document, in base64.
        not_before_s: when it may come, in seconds since the epoch.
        latest_s: until then the holder may put it off.
        is_put_off: the holder did.
        is_wanted_now: the holder does not want to wait for the idle hours.
        code: why the last try came to nothing.
    """

    digest: Digest
    message: Base64
    version: Version
    kind: UpdateKind
    not_before_s: Moment
    latest_s: Moment
    is_put_off: bool = False
    is_wanted_now: bool = False
    code: OutcomeCode | Literal[""] = ""

    def may_come(self, now_s: float) -> bool:
        """Whether its time has come, and the holder's time to put it off is over or was not taken."""
        return now_s >= self.not_before_s and not (self.is_put_off and now_s < self.latest_s)

    def in_place_of(self, before: "Waiting | None") -> "Waiting":
        """Take the place of another: what makes the phone safe comes no later because something else is published."""
        if before is None or before.kind is not UpdateKind.SECURITY:
            return self
        return self.model_copy(
            update={
                "kind": UpdateKind.SECURITY,
                "not_before_s": min(self.not_before_s, before.not_before_s),
                "latest_s": min(self.latest_s, before.latest_s),
                "is_put_off": before.is_put_off,
            }
        )


class Tried(Section):
    """What is in the other slot, or runs on trial; `digest` is empty and `kind` None where a stick brought it."""

    version: Version
    digest: Digest = ""
    kind: UpdateKind | None = None


class Ended(Tried):
    """What became of an update."""

    code: OutcomeCode


class Memory(Section):
    """All of it.

    Attributes:
        waiting: the newest that was announced, until it is known what became of it.
        tried: what was installed, until it is known whether it works.
        ended: what became of the last one.
        due: what the operator is yet to be told, each with the document's digest.
    """

    waiting: Waiting | None = None
    tried: Tried | None = None
    ended: Ended | None = None
    due: Annotated[tuple[tuple[Digest, OutcomeCode], ...], Field(max_length=_MOST_DUE)] = ()

    def telling(self, digest: str, code: OutcomeCode) -> "Memory":
        """Have the operator told of a document; of what a stick brought nobody is told."""
        if not digest or (self.due and self.due[-1] == (digest, code)):
            return self
        return self.model_copy(update={"due": (*self.due, (digest, code))[-_MOST_DUE:]})

    def tells_yet(self, digest: str) -> bool:
        """Whether the operator is yet to be told of a document."""
        return any(digest == each for each, _ in self.due)

    def settled(self, state: UpdateState) -> "Memory":
        """Return what is known once root says how it stands: whether what was tried runs for good, or is given up.

        Where neither is so the power was cut, and it waits on.
        """
        if (tried := self.tried) is None or state.on_trial:
            return self
        if state.last_version != tried.version or state.last not in _ENDS[state.version == tried.version]:
            return self
        code = OutcomeCode(state.last)
        changes: dict[str, object] = {"tried": None, "ended": Ended(**tried.model_dump(), code=code)}
        told = self.telling(tried.digest, code)
        if (waiting := self.waiting) is not None and waiting.version == tried.version:
            # It was announced as well, or once more.
            told = told.telling(waiting.digest, code)
            changes["waiting"] = None
        return told.model_copy(update=changes)


def latest_s(now_s: float, not_before_s: float, days: int) -> float:
    """Return until when the holder may put off what is announced now."""
    return math.floor(max(now_s, not_before_s)) + days * _DAY_S


class UpdateStore:
    """Keeps the memory; every change is on the disk when it returns.

    Methods that write raise OSError where the card cannot be written, and then nothing has changed.
    """

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / FOLDER_NAME
        self._memory: Memory | None = None

    @property
    def memory(self) -> Memory:
        """What is remembered; nothing where the file is not what this firmware writes."""
        if self._memory is None:
            self._memory = self._read(_WAITING_NAME, Memory) or Memory()
        return self._memory

    def keep(self, memory: Memory) -> None:
        """Remember this from now on."""
        if memory != self.memory:
            self._write(_WAITING_NAME, memory)
            self._memory = memory

    def before_trial(self) -> Facts:
        """Return how the handset was before it restarted to try something."""
        return self._read(BEFORE_NAME, Facts) or USUAL

    def keep_before_trial(self, facts: Facts) -> None:
        """Write down how it is now, before it restarts."""
        self._write(BEFORE_NAME, facts)

    def _read(self, name: str, kind: type[S]) -> S | None:
        try:
            return kind.model_validate_json((self._folder / name).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):
            _log.warning("What is remembered of updates in %s cannot be read; it is forgotten.", name)
            return None

    def _write(self, name: str, section: Section) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_durably(self._folder / name, section.model_dump_json().encode())
