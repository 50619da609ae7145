"""The handset itself: facts about it, where it stands, and its reset."""

from dataclasses import dataclass
from enum import StrEnum

from contract.results import HardwarePart, OutcomeCode
from firmware.base.words import Text
from firmware.phone.bundle_news import BundleEnded
from firmware.phone.key import Key
from firmware.phone.request import Request

Facts = tuple[tuple[Text, Text], ...]
"""Pairs of label and value; a value alone where the label is empty."""


class FactsKind(StrEnum):
    """Facts about the handset that a page shows."""

    NETWORK = "network"
    ABOUT = "about"
    LICENCES = "licences"
    DIAGNOSTICS = "diagnostics"
    EGRESS = "egress"
    SET_UP = "set_up"


@dataclass(frozen=True, slots=True)
class ReadFacts(Request[Facts]):
    """Read facts about the handset."""

    kind: FactsKind


@dataclass(frozen=True, slots=True)
class ChooseCountry(Request[None]):
    """Keep where the phone stands, by the country's ISO 3166 code; then the phone starts anew."""

    code: str


@dataclass(frozen=True, slots=True)
class ResetAsked:
    """What a signed document has to name: the handset's serial, and a number that counts once."""

    serial: str
    number: str


@dataclass(frozen=True, slots=True)
class AskForReset(Request[ResetAsked]):
    """Ask the operator for a reset, as nobody knows the PIN any more; asked again it is the same request."""


@dataclass(frozen=True, slots=True)
class FactoryReset(Request[None]):
    """Forget all that the holder and the calls have left here, then start anew."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """What the microphone has heard in a moment: the amplitude (RMS) of its quietest period and of its loudest."""

    quietest: int = 0
    loudest: int = 0


@dataclass(frozen=True, slots=True)
class ReadLoudness(Request[Loudness]):
    """Listen for a moment how loud it is, while the microphone is open; nothing of what is said is kept."""


@dataclass(frozen=True, slots=True)
class PartTested:
    """What the self-test found of one part.

    Attributes:
        works: None where it could not be tried.
        missing: the keys that never came.
    """

    part: HardwarePart
    works: bool | None
    missing: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class KeepSelfTest(Request[None]):
    """Keep what the self-test found, for the next report."""

    parts: tuple[PartTested, ...]


@dataclass(frozen=True, slots=True)
class MakeHelpCode(Request[str]):
    """Make the digits that say how the phone is, and write down that somebody wanted them.

    Attributes:
        bundle: what the phone has heard last of one.
        update: what became of the last one, None where nothing did.
    """

    bundle: BundleEnded | None
    update: OutcomeCode | None
