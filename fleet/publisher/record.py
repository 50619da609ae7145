"""How far a roll-out has come, on the operator's disk: a file for each message, to which lines are added.

The first line says who gets what in which stage, and is there whole or not at all. Each line after it is on the disk
before what follows from it is done; one that a power failure cut short is as if it had never been begun.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Annotated, BinaryIO, Final, Literal, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, ValidationError

from contract.results import OutcomeCode
from firmware.base.durable import replace_durably
from fleet.errors import FleetError
from fleet.names import Digest, HandsetName
from fleet.publications import Publication
from fleet.publisher.roll_out import RollOut, StopReason, Verdict

_SUFFIX: Final = ".rollout"
_NAMED_BY: Final = 16


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Plan(_Line):
    """The first line: what is to be done.

    Attributes:
        fleet: the handsets' own.
        publication: what is published, as the broker is told.
        stages: the handsets of each.
        max_failures: the part of a stage, in per cent, that may fail.
        messages: of a site the SHA-256 of each handset's own bundle; none where one message is for all.
    """

    format: Literal[1] = 1
    fleet: HandsetName
    publication: Annotated[
        Publication,
        PlainValidator(lambda said: msgspec.convert(said, Publication)),
        PlainSerializer(Publication.plain),
    ]
    stages: tuple[tuple[HandsetName, ...], ...]
    max_failures: Annotated[str, Field(pattern=r"^[0-9]+(/[0-9]+)?$")]
    messages: dict[HandsetName, Digest] = {}

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{'site' if self.messages else self.publication.kind} {self.publication.name}"

    def message_of(self, device: str) -> str:
        """Return the SHA-256 of what a handset gets."""
        return self.messages.get(device, self.publication.message)

    def brings(self, fleet: str, device: str, message: str) -> bool:
        """Tell whether this is what a handset gets."""
        return fleet == self.fleet and message == self.message_of(device)


class _Entry(_Line):
    """What has happened; each line says one of these.

    Attributes:
        sent: the broker has the message for these; True for those that were online.
        outcomes: what these say became of it.
        passed: so many stages are over.
        stopped: it has stopped by itself.
        excused: somebody looked at what went wrong at these, and went on.
        withdrawn: the broker no longer keeps the message for these.
        added: stages of handsets that are to have it too.
        again: the broker may have lost the message for these.
    """

    sent: dict[HandsetName, bool] | None = None
    outcomes: dict[HandsetName, OutcomeCode] | None = None
    passed: int | None = None
    stopped: StopReason | None = None
    excused: tuple[HandsetName, ...] | None = None
    withdrawn: tuple[HandsetName, ...] | None = None
    added: tuple[tuple[HandsetName, ...], ...] | None = None
    again: tuple[HandsetName, ...] | None = None


class Record:
    """One roll-out and its file.

    Attributes:
        plan: the first line.
        roll_out: how far it has come, as the lines say.
        stopped: why it stopped by itself; None where it has not, or went on.
        withdrawn: the handsets for which the broker no longer keeps the message.
    """

    def __init__(self, plan: Plan, file: BinaryIO) -> None:
        self.plan = plan
        self.roll_out = RollOut(plan.publication.kind, plan.stages, Fraction(plan.max_failures))
        self.stopped: StopReason | None = None
        self.withdrawn: set[str] = set()
        self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._file.close()

    @property
    def message(self) -> str:
        """SHA-256 in hexadecimal: of the message or, for a site, of who gets which."""
        return self.plan.publication.message

    @property
    def is_done(self) -> bool:
        """Whether all stages are over."""
        return not self.roll_out.stage

    @property
    def unheard(self) -> tuple[str, ...]:
        """Those for which the broker was given the message, and who have said nothing."""
        roll_out = self.roll_out
        return tuple(each for each in roll_out.sent if each not in roll_out.codes and each not in self.withdrawn)

    # --- each is on the disk when it returns --------------------------------------------------------------------------

    def note_sent(self, devices: Mapping[str, bool]) -> None:
        """Note that the broker has the message for these handsets; True for those that were online."""
        if devices:
            self._note(_Entry(sent=dict(devices)))

    def note_outcomes(self, outcomes: Iterable[tuple[str, OutcomeCode]]) -> None:
        """Note what handsets say, in its order."""
        news = {device: code for device, code in outcomes if self.roll_out.note_outcome(device, code)}
        if news:
            self._append(_Entry(outcomes={device: self.roll_out.codes[device] for device in news}))

    def note_passed(self) -> None:
        """Note how many stages are over by now."""
        self._append(_Entry(passed=self.roll_out.passed))

    def note_stopped(self, reason: StopReason) -> None:
        """Note that it has stopped by itself."""
        self._note(_Entry(stopped=reason))

    def excuse(self) -> None:
        """Go on in spite of what has gone wrong so far."""
        self._note(_Entry(excused=tuple(self.roll_out.excuse())))

    def note_withdrawn(self, devices: Iterable[str]) -> None:
        """Note that the broker no longer keeps the message for these."""
        self._note(_Entry(withdrawn=tuple(devices)))

    def extend(self, stages: Iterable[Sequence[str]]) -> None:
        """Let others have it too, in stages of their own behind those that there are."""
        self._note(_Entry(added=tuple(map(tuple, stages))))

    def send_again(self, devices: Iterable[str]) -> None:
        """Let these have it once more, as if the broker had never had it for them."""
        self._note(_Entry(again=tuple(devices)))

    def _note(self, entry: _Entry) -> None:
        self._append(entry)
        self._take_up(entry)

    def _append(self, entry: _Entry) -> None:
        self._file.write(entry.model_dump_json(exclude_none=True).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self, lines: Iterable[bytes]) -> None:
        """Take up what the lines after the first say.

        Raises:
            pydantic.ValidationError: one of them says nothing that this program writes.
        """
        for line in lines:
            self._take_up(_Entry.model_validate_json(line))

    def _take_up(self, entry: _Entry) -> None:
        if entry.added:
            self.roll_out.extend(entry.added)
        self.roll_out.note_sent(entry.sent or {})
        for device, code in (entry.outcomes or {}).items():
            self.roll_out.note_outcome(device, code)
        self.roll_out.passed = self.roll_out.passed if entry.passed is None else entry.passed
        self.stopped = entry.stopped or self.stopped
        if entry.excused is not None:
            self.roll_out.excused.update(entry.excused)
            self.stopped = None
        if entry.again:
            self.roll_out.send_again(entry.again)
        self.withdrawn.update(entry.withdrawn or ())


class RecordFolder:
    """All roll-outs of an operator."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sites: dict[str, str] | None = None

    @contextmanager
    def locked(self, operator: str) -> Iterator[None]:
        """Keep other commands of this operator away: the broker has one place for each.

        Raises:
            FleetError: one is at work.
            OSError: the folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f".{operator}.lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FleetError(f"Another command of {operator} is at work. Wait until it has ended.") from None
            yield

    def begin(self, plan: Plan) -> Record:
        """Write down what is to be done, before any of it is.

        Raises:
            OSError: the disk is full, read-only or broken.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        replace_durably(self._path(plan.publication.message), plan.model_dump_json().encode() + b"\n")
        found = self.find(plan.publication.message)
        assert found is not None  # noqa: S101 - it has just been written
        return found

    def find(self, message: str) -> Record | None:
        """Open the record of a message; None where there is none.

        Raises:
            FleetError: it is damaged.
            OSError: it cannot be read.
        """
        try:
            return self._open(self._path(message))
        except FileNotFoundError:
            return None

    def all(self) -> Iterator[Record]:
        """Read one after the other, the oldest publication first; each is closed when the next is asked for.

        Raises:
            FleetError: one is damaged.
            OSError: one cannot be read.
        """
        for path, _ in self._plans():
            with self._open(path, to_read=True) as record:
                yield record

    def that_brings(self, message: str) -> Record | None:
        """Open the record of the roll-out that brings a message, which may be one of a site's; None where none does.

        Raises:
            FleetError: it, or the beginning of another one, is damaged.
            OSError: it cannot be read.
        """
        if (found := self.find(message)) is not None:
            return found
        if self._sites is None:
            # Of a message that several bring the last one counts: its handsets are waited for.
            self._sites = {
                each: plan.publication.message for _, plan in self._plans() for each in plan.messages.values()
            }
        site = self._sites.get(message)
        return self.find(site) if site is not None else None

    def have_taken(self, fleet: str, messages: Mapping[str, str]) -> set[str]:
        """Return the handsets that have taken their message, in whatever roll-out; `messages` has it by device id."""
        return {
            device
            for record in self.all()
            for device, message in messages.items()
            if record.plan.brings(fleet, device, message) and record.roll_out.verdict_of(device) is Verdict.GOOD
        }

    def place_takers(self, record: Record) -> Iterator[Record]:
        """Read those that began later and take this one's place: a topic keeps one message.

        Each is closed when the next is asked for, and of no use then but for what is in memory.
        """
        for other in self.all():
            if _takes_place(other, record):
                yield other

    def displaced_by(self, record: Record) -> Iterator[tuple[Plan, int]]:
        """Return what this one takes the place of, with the number of handsets that have said nothing of that yet."""
        for other in self.all():
            if _takes_place(record, other):
                unheard = record.roll_out.devices.intersection(other.unheard)
                if count := sum(record.plan.message_of(each) != other.plan.message_of(each) for each in unheard):
                    yield other.plan, count

    def all_are_done(self) -> bool:
        """Whether no roll-out waits for anything that handsets may yet say."""
        return all(record.is_done for record in self.all())

    def _plans(self) -> list[tuple[Path, Plan]]:
        plans: list[tuple[Path, Plan]] = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with path.open("rb") as file:
                plans.append((path, _plan(path, file.readline())))
        return sorted(plans, key=lambda each: (each[1].publication.published_at, each[0]))

    def _path(self, message: str) -> Path:
        return self._folder / f"{message[:_NAMED_BY]}{_SUFFIX}"

    def _open(self, path: Path, *, to_read: bool = False) -> Record:
        file = path.open("rb" if to_read else "r+b")
        try:
            whole, newline, _cut = file.read().rpartition(b"\n")
            first, *lines = whole.split(b"\n")
            record = Record(_plan(path, first), file)
            record.read(lines)
            if not to_read:
                file.seek(len(whole + newline))
                file.truncate()
        except ValidationError as error:
            file.close()
            raise _damaged(path) from error
        except BaseException:
            file.close()
            raise
        return record


def _takes_place(later: Record, earlier: Record) -> bool:
    ours, theirs = earlier.plan, later.plan
    return (
        theirs.fleet == ours.fleet
        and theirs.publication.kind is ours.publication.kind
        and theirs.publication.published_at > ours.publication.published_at
        and not later.roll_out.devices.isdisjoint(earlier.roll_out.devices)
    )


def _plan(path: Path, line: bytes) -> Plan:
    try:
        return Plan.model_validate_json(line)
    except ValidationError as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> FleetError:
    return FleetError(
        f"The record of a roll-out, {path}, is damaged. Take it from a backup, or move it away: then everybody gets "
        "the message once more."
    )
