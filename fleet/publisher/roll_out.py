"""A roll-out in stages, without broker and clock: who is next, what an outcome means, and when it stops by itself."""

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Final

from contract.results import OutcomeCode
from fleet.publications import PublicationKind

WHOLE: Final = Fraction(100)

_GOOD: Final[Mapping[PublicationKind, frozenset[OutcomeCode]]] = {
    PublicationKind.POLICY: frozenset(
        {OutcomeCode.TAKEN, OutcomeCode.SHOWN, OutcomeCode.ACKNOWLEDGED, OutcomeCode.IN_FORCE}
    ),
    # Not to want notices is the holder's right.
    PublicationKind.NOTICE: frozenset(
        {OutcomeCode.TAKEN, OutcomeCode.SHOWN, OutcomeCode.ACKNOWLEDGED, OutcomeCode.NOT_GRANTED}
    ),
    PublicationKind.ANSWER: frozenset({OutcomeCode.TAKEN, OutcomeCode.ACKNOWLEDGED}),
    PublicationKind.BUNDLE: frozenset({OutcomeCode.APPLIED}),
    PublicationKind.UPDATE: frozenset({OutcomeCode.APPLIED}),
}
# The handset is still at it, and says another word then.
_NOT_YET: Final = frozenset({OutcomeCode.BUSY, OutcomeCode.TAKEN, OutcomeCode.INSTALLED, OutcomeCode.POSTPONED})


class Verdict(StrEnum):
    """What an outcome says of a handset; PENDING: it is still at it."""

    GOOD = "good"
    FAILED = "failed"
    PENDING = "pending"


class Step(StrEnum):
    """What is to be done next."""

    SEND = "send"
    WAIT = "wait"
    STOP = "stop"
    DONE = "done"


class StopReason(StrEnum):
    """Why a roll-out stopped by itself.

    FAILURES: more handsets of a stage failed, or said nothing while they were online, than is allowed.
    NOBODY: no handset of a stage has taken it, so that nobody knows whether it can be taken.
    """

    FAILURES = "failures"
    NOBODY = "nobody"


def verdict(kind: PublicationKind, code: OutcomeCode) -> Verdict:
    """Say what a code means for this kind of message."""
    if code in _GOOD[kind]:
        return Verdict.GOOD
    return Verdict.PENDING if code in _NOT_YET else Verdict.FAILED


def stages_of(devices: Collection[str], percentages: Sequence[Fraction], message: str) -> tuple[tuple[str, ...], ...]:
    """Part handsets into stages.

    Which come first depends on the message and on nothing else: the same command finds the same stages, and it is not
    always the same handsets that go ahead.

    Args:
        devices: those that are to have the message.
        percentages: how many have it after each stage, rising to 100.
        message: its SHA-256 in hexadecimal.

    Returns:
        The stages, none of them empty.
    """
    order = sorted(set(devices), key=lambda device: hashlib.sha256(f"{message} {device}".encode()).digest())
    ends = [math.ceil(len(order) * percentage / WHOLE) for percentage in percentages]
    stages = (tuple(order[begin:end]) for begin, end in zip([0, *ends], ends, strict=False))
    return tuple(stage for stage in stages if stage)


class RollOut:
    """How far one message has come.

    Attributes:
        kind: of the message.
        stages: the handsets of each.
        devices: all of them.
        max_failures: the part of a stage, in per cent, that may fail.
        passed: how many stages are over.
        sent: the handsets that have it at the broker; True for those that were online then.
        codes: the last word of each that has said something; a good one stands.
        excused: the handsets whose failures somebody has looked at, and went on.
    """

    def __init__(
        self, kind: PublicationKind, stages: Iterable[Sequence[str]], max_failures: Fraction = Fraction(5)
    ) -> None:
        self.kind = kind
        self.stages: tuple[tuple[str, ...], ...] = ()
        self.max_failures = max_failures
        self.passed = 0
        self.sent: dict[str, bool] = {}
        self.codes: dict[str, OutcomeCode] = {}
        self.excused: set[str] = set()
        self.devices: set[str] = set()
        self.extend(stages)

    def extend(self, stages: Iterable[Sequence[str]]) -> None:
        """Add stages behind the last one, of handsets that are in none."""
        self.stages += tuple(map(tuple, stages))
        self.devices = {device for stage in self.stages for device in stage}

    @property
    def stage(self) -> tuple[str, ...]:
        """The handsets of the stage that runs; none where all are over."""
        return self.stages[self.passed] if self.passed < len(self.stages) else ()

    @property
    def unsent(self) -> list[str]:
        """Those of them that are to get it now, in their order."""
        return [device for device in self.stage if device not in self.sent]

    def send_again(self, devices: Iterable[str]) -> None:
        """Take back that the broker has it for these; of those whose stage is over a last one is made."""
        again = set(devices)
        self.sent = {device: online for device, online in self.sent.items() if device not in again}
        to_come = {device for stage in self.stages[self.passed :] for device in stage}
        if over := sorted(again - to_come):
            self.extend([over])

    def note_sent(self, devices: Mapping[str, bool]) -> None:
        """Note that the broker has the message for these; whether they were online is as it was the first time."""
        for device, online in devices.items():
            self.sent.setdefault(device, online)

    def note_outcome(self, device: str, code: OutcomeCode) -> bool:
        """Note what a handset says; return whether that is news."""
        if device not in self.devices or self.codes.get(device) is code:
            return False
        before = self.codes.get(device)
        if before is not None and verdict(self.kind, before) is Verdict.GOOD:
            return False
        self.codes[device] = code
        return True

    def verdict_of(self, device: str, *, waited_out: bool = False) -> Verdict:
        """Say how it went at a handset.

        Args:
            device: which one.
            waited_out: nobody waits any longer: whoever was online and said nothing has failed, as a handset has that
                did not survive what it got. A holder who has postponed an update may, and it has not failed.
        """
        code = self.codes.get(device)
        if code is not None and (found := verdict(self.kind, code)) is not Verdict.PENDING:
            return found
        is_silent = self.sent.get(device) and code is not OutcomeCode.POSTPONED
        return Verdict.FAILED if waited_out and is_silent else Verdict.PENDING

    def verdicts(self, *, waited_out: bool = False) -> Counter[Verdict]:
        """Count the verdicts of the stage that runs."""
        return Counter(self.verdict_of(device, waited_out=waited_out) for device in self.stage)

    def why_stopped(self, *, waited_out: bool = False) -> StopReason | None:
        """Say why it must not go on as it is; None where it may."""
        failed = [
            device
            for device in self.stage
            if device not in self.excused and self.verdict_of(device, waited_out=waited_out) is Verdict.FAILED
        ]
        if len(failed) > self.max_failures * len(self.stage) / WHOLE:
            return StopReason.FAILURES
        if self._is_over(waited_out=waited_out) and not self._is_taken and not self.excused.issuperset(self.stage):
            return StopReason.NOBODY
        return None

    def next_step(self, *, waited_out: bool = False) -> Step:
        """Say what is to be done, and go on to the next stage where this one is over.

        Args:
            waited_out: the time that a stage has for its answers is over.
        """
        while self.stage:
            if self.why_stopped(waited_out=waited_out) is not None:
                return Step.STOP
            if self.unsent:
                return Step.SEND
            if not self._is_over(waited_out=waited_out):
                return Step.WAIT
            self.passed += 1
            waited_out = False
        return Step.DONE

    @property
    def _is_taken(self) -> bool:
        return any(self.verdict_of(device) is Verdict.GOOD for device in self.stage)

    def _is_over(self, *, waited_out: bool) -> bool:
        """Whether nobody is waited for: those that are offline are not, once somebody else has taken it."""
        if self.unsent:
            return False
        pending = [device for device in self.stage if self.verdict_of(device) is Verdict.PENDING]
        if waited_out or not pending:
            return True
        return self._is_taken and not any(self.sent[device] for device in pending)

    def excuse(self) -> list[str]:
        """Let what has gone wrong in the stage that runs not count from now on; return the handsets."""
        excused = [
            device for device in self.stage if device in self.sent and self.verdict_of(device) is not Verdict.GOOD
        ]
        self.excused.update(excused)
        return excused

    def counts(self) -> Counter[str]:
        """Count the last words of all handsets, and those that have it and have said nothing."""
        said = Counter(code.value for code in self.codes.values())
        if silent := sum(device not in self.codes for device in self.sent):
            said["no answer yet"] = silent
        return said
