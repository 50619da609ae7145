"""The catalogue of purposes: what the holder is told before answering, and what is written on a receipt.

One comes with the firmware. The operator may send others, signed; they change words and for how long something is kept,
and nothing of what this firmware does: which data it uses, where they go and what it cannot do without.

The terms are those of the W3C Data Privacy Vocabulary (DPV 2, https://w3id.org/dpv).
"""

import functools
import json
from collections.abc import Mapping
from enum import StrEnum
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from contract.consent import Actor, Purpose
from firmware.base.errors import HandsetError
from firmware.privacy.consent import LedgerAction

POLICY_VERSION: Final = "2024-06-17"
"""The privacy policy that a consent refers to where no other one has taken effect."""

NEEDED: Final = frozenset({Purpose.SERVICE})
"""Without a yes to these the phone answers and calls for help, and no more."""

_MOST_PURPOSES: Final = 32
_MOST_DAYS: Final = 36_500

Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$")]
PurposeId = Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
Name = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")]
Sentences = Annotated[str, Field(min_length=1, max_length=600, pattern=r"^[^\x00-\x1f\x7f]+$")]


class DataCategory(StrEnum):
    """What the handset knows of its holder and of those whom the holder calls."""

    TELEPHONE_NUMBER = "telephone_number"
    ACCOUNT = "account"
    VOICE = "voice"
    VOICE_RECORDING = "voice_recording"
    CALL_METADATA = "call_metadata"
    CONTACT = "contact"
    PICTURE = "picture"
    COMMUNICATION = "communication"


class Region(StrEnum):
    """Where what is used for a purpose comes to.

    HANDSET: it stays there. OPERATOR: to the operator, and it may leave the region only as `cross_border_cdr` says.
    BROKER: the region of the operator's broker, wherever that is.
    """

    HANDSET = "handset"
    OPERATOR = "operator"
    BROKER = "broker"


PREFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dpv": "https://w3id.org/dpv#",
        "pd": "https://w3id.org/dpv/pd#",
        "loc": "https://w3id.org/dpv/loc#",
        "dct": "http://purl.org/dc/terms/",
        "schema": "https://schema.org/",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
    }
)
"""The namespaces that the terms below are written with."""

RECEIPT_SCHEMA: Final = "https://w3id.org/dpv/schema/dpv-27560#receipt"
RECORD_SCHEMA: Final = "https://w3id.org/dpv/schema/dpv-27560#record"
"""The profile of ISO/IEC TS 27560:2023 that receipts and the records in them follow."""

DATA_TERMS: Final[Mapping[DataCategory, str]] = MappingProxyType(
    {
        DataCategory.TELEPHONE_NUMBER: "pd:TelephoneNumber",
        DataCategory.ACCOUNT: "pd:UID",
        DataCategory.VOICE: "pd:Communication",
        DataCategory.VOICE_RECORDING: "pd:VoiceCommunicationRecording",
        DataCategory.CALL_METADATA: "pd:CallLog",
        DataCategory.CONTACT: "pd:Contact",
        DataCategory.PICTURE: "pd:Picture",
        DataCategory.COMMUNICATION: "pd:Communication",
    }
)

PURPOSE_TERMS: Final[Mapping[Purpose, str]] = MappingProxyType(
    {
        Purpose.SERVICE: "dpv:RequestedServiceProvision",
        Purpose.RECORDING: "dpv:RecordManagement",
        Purpose.CDR_SYNC: "dpv:RecordManagement",
        Purpose.CROSS_BORDER_CDR: "dpv:RecordManagement",
        Purpose.CONTACT_IMPORT: "dpv:ServicePersonalisation",
        Purpose.OPERATOR_NOTICES: "dpv:CommunicationForCustomerCare",
    }
)
"""The broader purpose that each of ours is one of."""

PROCESSING_TERMS: Final[Mapping[Purpose, tuple[str, ...]]] = MappingProxyType(
    {
        Purpose.SERVICE: ("dpv:Use", "dpv:Transmit"),
        Purpose.RECORDING: ("dpv:Store",),
        Purpose.CDR_SYNC: ("dpv:Store", "dpv:Transmit"),
        Purpose.CROSS_BORDER_CDR: ("dpv:Transfer",),
        Purpose.CONTACT_IMPORT: ("dpv:Collect", "dpv:Store"),
        Purpose.OPERATOR_NOTICES: ("dpv:Display", "dpv:Transmit"),
    }
)

STATUS_TERMS: Final[Mapping[LedgerAction, str]] = MappingProxyType(
    {
        LedgerAction.GRANT: "dpv:ConsentGiven",
        LedgerAction.REFUSE: "dpv:ConsentRefused",
        LedgerAction.WITHDRAW: "dpv:ConsentWithdrawn",
        LedgerAction.LAPSE: "dpv:ConsentExpired",
    }
)

ACTOR_TERMS: Final[Mapping[Actor, str]] = MappingProxyType(
    {
        Actor.HOLDER: "dpv:DataSubject",
        Actor.GUARDIAN: "dpv:GuardianOfDataSubject",
        Actor.POLICY: "dpv:DataController",
        Actor.OPERATOR: "dpv:DataController",
    }
)
"""Who indicated an answer. A policy is the operator's."""


class CatalogueError(HandsetError):
    """A catalogue cannot be used with this firmware."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BothNames(_Part):
    """A name in both languages."""

    en: Name
    zh: Name

    def in_language(self, language: str) -> str:
        """Return it in the language of the display."""
        return self.zh if language == "zh" else self.en


class BothTexts(_Part):
    """Sentences in both languages."""

    en: Sentences
    zh: Sentences

    def in_language(self, language: str) -> str:
        """Return them in the language of the display."""
        return self.zh if language == "zh" else self.en


class Retention(BothTexts):
    """For how long what is used is kept, in words.

    Attributes:
        days: the same as a number, where it is one: 0 for no longer than the call.
    """

    days: Annotated[int, Field(ge=0, le=_MOST_DAYS)] | None


class PurposeEntry(_Part):
    """One purpose.

    Attributes:
        id: names it; one that this firmware does not know cannot be asked for.
        name: in a few words.
        covers: what is done and what is not.
        recipients: who gets something.
        retention: for how long it is kept.
        data: what it takes.
        region: where that comes to.
        needed: there is no service without it.
        since_policy: the first policy that this entry, as it is, belongs to.
    """

    id: PurposeId
    name: BothNames
    covers: BothTexts
    recipients: BothTexts
    retention: Retention
    data: Annotated[tuple[DataCategory, ...], Field(min_length=1, max_length=len(DataCategory))]
    region: Region
    needed: bool
    since_policy: Version

    @property
    def purpose(self) -> Purpose | None:
        """The purpose, None where this firmware does not know it."""
        return Purpose(self.id) if self.id in set(Purpose) else None

    def does_the_same(self, other: Self) -> bool:
        """Tell whether another entry takes the same data to the same place, and is needed as much."""
        return (set(self.data), self.region, self.needed) == (set(other.data), other.region, other.needed)


class Catalogue(_Part):
    """Purposes, each once.

    Attributes:
        version: what it is called.
        purposes: what the holder may say yes to.
    """

    version: Version
    purposes: Annotated[tuple[PurposeEntry, ...], Field(min_length=1, max_length=_MOST_PURPOSES)]

    @model_validator(mode="after")
    def _each_stands_once(self) -> Self:
        if len({entry.id for entry in self.purposes}) < len(self.purposes):
            raise ValueError("a purpose stands more than once")
        return self

    def entry(self, purpose: Purpose) -> PurposeEntry:
        """Return what is said of a purpose; every one that this firmware knows is there in a catalogue in force."""
        return next(entry for entry in self.purposes if entry.id == purpose)


@functools.cache
def built_in() -> Catalogue:
    """Return the catalogue that comes with this firmware. It needs no signature beside that of the firmware."""
    text = (resources.files("firmware.privacy") / "texts" / "purposes.json").read_text(encoding="utf-8")
    return Catalogue.model_validate_json(text)


def read_catalogue(content: Mapping[str, Any]) -> Catalogue:
    """Read a catalogue of the operator's, whose signature the caller has checked.

    Raises:
        CatalogueError: it is none, or it says of a purpose what this firmware does not do.
    """
    try:
        # As JSON: a list there is a tuple here.
        catalogue = Catalogue.model_validate_json(json.dumps(content))
    except ValidationError as error:
        # The error's own text quotes the content.
        places = ", ".join(".".join(map(str, item["loc"])) or "the whole" for item in error.errors(include_input=False))
        raise CatalogueError(f"The catalogue of purposes is not understood at: {places}.") from error
    for entry in catalogue.purposes:
        if (purpose := entry.purpose) is not None and not entry.does_the_same(built_in().entry(purpose)):
            raise CatalogueError(
                f"The catalogue says of the purpose {purpose} that it takes other data, to another place, or is needed "
                "where this firmware does without. Sign one that says what this firmware does."
            )
    return catalogue


def merge(current: Catalogue, newer: Catalogue) -> tuple[Catalogue, frozenset[Purpose]]:
    """Put a newer catalogue in the place of the one in force.

    Purposes of which it says nothing stay as they are; those that this firmware does not know are left out.

    Returns:
        The catalogue, and the purposes of which it says something else than before: no earlier answer counts for them.
    """
    told = {purpose: entry for entry in newer.purposes if (purpose := entry.purpose) is not None}
    entries = {purpose: told.get(purpose, current.entry(purpose)) for purpose in Purpose}
    changed = frozenset(purpose for purpose, entry in entries.items() if entry != current.entry(purpose))
    return Catalogue(version=newer.version, purposes=tuple(entries.values())), changed
