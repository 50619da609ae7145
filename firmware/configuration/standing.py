"""Which configuration counts, which one is tried, what became of the last bundle: all that `ConfigStore` knows.

It is one value in one file, so that each step from one standing to the next is one rename, which a power cut leaves
done or not done.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, field_validator

from contract.results import BundleResult, ReportCode
from firmware.phone.bundle_news import BundleStep
from firmware.phone.call import RegistrationFailure
from provisioning.manifest import BundleNumber
from provisioning.report import Check, Report
from provisioning.section import Section

MOST_TRIES: Final = 3
"""So often a trial is begun, where the handset never comes as far as to end it."""

_MOST_REFUSED: Final = 8
"""So many bundles that came over the network are remembered as refused."""

MOST_KEPT: Final = 5
"""So many configurations are kept: the one that counts and those from before."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A bundle's SHA-256."""


class BundleSource(StrEnum):
    """Which way a bundle came."""

    STICK = "stick"
    LAN = "lan"
    NETWORK = "network"
    COMMAND_LINE = "command_line"


@dataclass(frozen=True, slots=True)
class Progress:
    """A bundle's standing.

    Attributes:
        count: rises with each change, within one run of the handset; a run begins anew to count.
        step: what is being done with it, or was last.
        report: what became of it; None while that is not known.
    """

    count: int
    step: BundleStep
    report: Report | None = None


class _Written(Section):
    """What may be read by older firmware than wrote it, which was tried and taken back: it passes over what is new."""

    model_config = ConfigDict(extra="ignore")


class Candidate(_Written):
    """A bundle that may come to count.

    Attributes:
        number: its own.
        digest: its SHA-256.
        offer: what it was called while it came in.
        source: which way it came.
        signer: the id of the key that signed it.
        note: what the signer wrote for those who handle it.
        goes_back: it was taken before, and somebody wants it back.
        tries: how often the handset has started with it.
    """

    number: BundleNumber
    digest: Digest
    offer: str
    source: BundleSource
    signer: str = ""
    note: str = ""
    goes_back: bool = False
    tries: int = 0


class Kept(_Written):
    """A bundle that counts, or counted once.

    Attributes:
        kept_at: when it came to count, in seconds since the epoch.
    """

    number: BundleNumber
    digest: Digest
    kept_at: float
    signer: str = ""
    note: str = ""


class Finishing(_Written):
    """A bundle that counts already, of which something is still to be done: what else it brings is taken in."""

    candidate: Candidate
    checks: tuple[Check, ...]


class Ended(_Written):
    """What became of a bundle.

    Attributes:
        number: its own; None where it could not be read.
        failure: why a line did not register, where that is the reason.
        bundle_fleet, own_fleet: of a bundle for another fleet that one, and the handset's; empty otherwise.
        at: when, in seconds since the epoch.
        told: the phone has heard of it.
        outcome_due: the operator has not.
    """

    offer: str
    digest: str
    source: BundleSource
    result: BundleResult
    code: ReportCode = ""
    number: BundleNumber | None = None
    failure: RegistrationFailure | None = None
    bundle_fleet: str = ""
    own_fleet: str = ""
    checks: tuple[Check, ...] = ()
    at: float
    told: bool = False
    outcome_due: bool = False

    @classmethod
    def of(
        cls,
        candidate: Candidate,
        result: BundleResult,
        code: ReportCode = "",
        *,
        checks: tuple[Check, ...],
        at_s: float,
        failure: RegistrationFailure | None = None,
    ) -> Self:
        """Return what became of a bundle that was tried."""
        return cls(
            offer=candidate.offer,
            digest=candidate.digest,
            source=candidate.source,
            result=result,
            code=code,
            number=candidate.number,
            failure=failure,
            checks=checks,
            at=at_s,
            outcome_due=candidate.source is BundleSource.NETWORK,
        )


class Standing(_Written):
    """All of it.

    Attributes:
        active: the number of the configuration that counts; None where the configuration's file does.
        trial: what is being tried in its place.
        finishing: what counts already and is not done with.
        ended: what became of the last bundle.
        newest: the highest number that ever counted.
        reverted: higher numbers that did not work, and those that somebody took back.
        kept: what counts and what counted before, in the order of their numbers.
        refused: bundles that came over the network and were refused under the configuration that counts: the broker
            brings them with each connection.
    """

    active: BundleNumber | None = None
    trial: Candidate | None = None
    finishing: Finishing | None = None
    ended: Ended | None = None
    newest: Annotated[int, Field(ge=0)] = 0
    reverted: tuple[BundleNumber, ...] = ()
    kept: tuple[Kept, ...] = ()
    refused: tuple[Digest, ...] = ()

    @field_validator("trial", "finishing", "ended", mode="wrap")
    @classmethod
    def _is_nothing_where_it_is_not_understood(cls, value: object, understand: ValidatorFunctionWrapHandler) -> object:
        """Go without what newer firmware says in words of its own, so that what counts goes on counting."""
        try:
            return understand(value)
        except ValidationError:
            return None

    @property
    def before(self) -> Kept | None:
        """The one that counted before the one that counts."""
        earlier = [kept for kept in self.kept if self.active is not None and kept.number < self.active]
        return earlier[-1] if earlier else None

    @property
    def candidate(self) -> Candidate | None:
        """The bundle that is not done with."""
        return self.trial or (self.finishing.candidate if self.finishing is not None else None)

    def trying(self, candidate: Candidate) -> "Standing":
        """Return the standing in which a bundle is tried."""
        return self._with(trial=candidate)

    def keeping(self, at_s: float, checks: tuple[Check, ...]) -> "Standing":
        """Return the standing in which what was tried counts."""
        if (trial := self.trial) is None:
            return self
        entry = Kept(
            number=trial.number,
            digest=trial.digest,
            kept_at=at_s,
            signer=trial.signer,
            note=trial.note,
        )
        # Going back takes back what was newer: that is not to come again by itself, from a broker that keeps it.
        taken_back = {each.number for each in self.kept if each.number > trial.number}
        # Those below a number that counts are refused for being old.
        still_refused = {number for number in self.reverted if trial.goes_back or number > trial.number}
        kept = (*(each for each in self.kept if each.number < trial.number), entry)[-MOST_KEPT:]
        newest = max(self.newest, trial.number)
        return self._with(
            active=trial.number,
            trial=None,
            finishing=Finishing(candidate=trial, checks=checks),
            newest=newest,
            reverted=tuple(sorted(still_refused | taken_back)),
            kept=kept,
            refused=(),
        )

    def ending(self, ended: Ended) -> "Standing":
        """Return the standing in which a bundle is done with, whether it counts or not."""
        reverted = set(self.reverted)
        if self.trial is not None and not self.trial.goes_back:
            reverted.add(self.trial.number)
        return self._with(trial=None, finishing=None, ended=ended, reverted=tuple(sorted(reverted)))

    def refusing(self, digest: str) -> "Standing":
        """Return the standing in which the operator has heard that a bundle is refused."""
        return self._with(refused=(*(each for each in self.refused if each != digest), digest)[-_MOST_REFUSED:])

    def noting(self, *, told: bool | None = None, outcome_due: bool | None = None) -> "Standing":
        """Return the standing in which somebody has heard what became of the last bundle."""
        if self.ended is None:
            return self
        changes = {"told": told, "outcome_due": outcome_due}
        return self._with(
            ended=self.ended.model_copy(update={name: value for name, value in changes.items() if value is not None})
        )

    def _with(self, **changes: object) -> "Standing":
        return self.model_copy(update=changes)
