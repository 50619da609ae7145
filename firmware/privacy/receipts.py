"""Receipts for what the holder has answered: the DPV's profile of ISO/IEC TS 27560:2023, as JSON-LD.

A receipt is made from the ledger whenever it is asked for, and is the same each time: it tells of one answer, and of
those for the same purpose that came before it. Its identifier names the ledger entry and its hash, so that whoever
kept a receipt can hold the ledger to it (`wecall ledger verify --witness`).
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contract.consent import Actor, Channel, ClockTrust, Purpose
from firmware.privacy.catalogue import (
    ACTOR_TERMS,
    DATA_TERMS,
    PREFIXES,
    PROCESSING_TERMS,
    PURPOSE_TERMS,
    RECEIPT_SCHEMA,
    RECORD_SCHEMA,
    STATUS_TERMS,
    BothNames,
    BothTexts,
    Catalogue,
    PurposeEntry,
    Region,
)
from firmware.privacy.consent import LedgerAction, LedgerEntry

Receipt = Mapping[str, Any]
"""A JSON-LD document."""

_NAMES: Final = uuid.UUID("3f0c6a5e-5d0b-4f0e-9f5e-6f3a3c1c2a70")
"""The namespace of the ids that receipts, records and so on get (RFC 9562 section 5.5)."""

_SHORT_HASH: Final = 32

_METHODS: Final[Mapping[Channel, str]] = {
    Channel.KEYPAD: "by the keys of the handset",
    Channel.STICK: "by a stick in the handset",
    Channel.COMMAND_LINE: "by the command line of the handset",
    Channel.NETWORK: "by a signed document from the network",
    Channel.HANDSET: "by the handset itself, as the policy says",
}


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose receipts these are.

    Attributes:
        device: names the handset.
        controller: the operator's name; empty where the configuration has none.
        contact: how the operator is reached about personal data.
        country: where the handset is, as two letters.
        broker_region: where the operator's broker is, as two letters; empty where that is the handset's country.
    """

    device: str
    controller: str = ""
    contact: str = ""
    country: str = "CN"
    broker_region: str = ""


def receipts(
    entries: Sequence[LedgerEntry], catalogue_of: Callable[[str], Catalogue], issuer: Issuer
) -> Iterator[tuple[LedgerEntry, Receipt]]:
    """Make a receipt for each answer in a ledger that verifies, oldest first.

    Args:
        entries: the whole ledger.
        catalogue_of: returns the catalogue of a version, and the firmware's own for an empty one.
        issuer: whose receipts these are.
    """
    version = ""
    told: dict[Purpose, list[LedgerEntry]] = {purpose: [] for purpose in Purpose}
    for entry in entries:
        if entry.action is LedgerAction.CATALOGUE_IN_FORCE:
            version = entry.about
        if (purpose := entry.purpose) is not None:
            told[purpose].append(entry)
            yield entry, _receipt(told[purpose], catalogue_of(version).entry(purpose), issuer)


def summary(entry: LedgerEntry, issuer: Issuer) -> str:
    """Make the little of a receipt that fits a QR code: what was answered, when, and the entry that says so.

    With half of the hash it is a code of version 10, up to a device's name of 22 letters: the largest that a display of
    128 pixels draws with two of them to a module, as cameras want it.

    Raises:
        ValueError: the entry is no answer.
    """
    if (purpose := entry.purpose) is None:
        raise ValueError("only an answer has a receipt")
    document = {
        "@context": {"@vocab": PREFIXES["dpv"]},
        "@type": "ConsentReceipt",
        "hasIdentifier": f"{issuer.device}:{entry.number}:{entry.hash[:_SHORT_HASH]}",
        "hasPurpose": purpose,
        "hasConsentStatus": {"@type": _local(STATUS_TERMS[entry.action]), "isIndicatedAtTime": entry.at},
    }
    return json.dumps(document, separators=(",", ":"))


def _receipt(answers: Sequence[LedgerEntry], said: PurposeEntry, issuer: Issuer) -> Receipt:
    newest = answers[-1]
    return {
        "@context": dict(PREFIXES),
        "@id": _urn(issuer, "receipt", newest.hash),
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": {"@id": RECEIPT_SCHEMA},
        "dpv:hasIdentifier": _identifier(newest, issuer),
        "dct:created": _time(newest.at),
        "dpv:hasRecordOfActivity": {
            "@id": _urn(issuer, "record", said.id),
            "@type": "dpv:ConsentRecord",
            "dct:conformsTo": {"@id": RECORD_SCHEMA},
            "dct:identifier": f"{issuer.device}:{said.id}",
            "dpv:hasDataSubject": {
                "@id": _urn(issuer, "holder", ""),
                "@type": "dpv:DataSubject",
                "dct:identifier": f"the holder of {issuer.device}",
            },
            "dpv:hasDataController": _controller(issuer),
            "dpv:hasJurisdiction": {"@id": _place(issuer.country)},
            "dpv:hasNotice": {
                "@id": _urn(issuer, "policy", newest.policy_version),
                "@type": "dpv:ConsentNotice",
                "dct:identifier": newest.policy_version,
                "dct:language": ["en", "zh"],
            },
            "dpv:hasProcess": _process(Purpose(said.id), said, issuer),
            "dpv:hasConsentControl": {
                "@type": "dpv:WithdrawConsent",
                "dpv:isExercisedAt": "the handset: Menu, Privacy; or wecall consent withdraw",
            },
            "dpv:hasConsentStatus": [_event(answer) for answer in answers],
        },
    }


def _controller(issuer: Issuer) -> Mapping[str, Any]:
    return {
        "@id": _urn(issuer, "controller", issuer.controller),
        "@type": ["dpv:Organisation", "dpv:DataController"],
        "dpv:hasName": issuer.controller or "not named in the handset's configuration",
        "dpv:hasContact": issuer.contact or "not named in the handset's configuration",
    }


def _process(purpose: Purpose, said: PurposeEntry, issuer: Issuer) -> Mapping[str, Any]:
    return {
        "@type": "dpv:Process",
        "dct:description": _in_both(said.covers),
        "dpv:hasPurpose": {
            "@id": _urn(issuer, "purpose", said.id),
            "@type": "dpv:Purpose",
            "skos:broader": {"@id": PURPOSE_TERMS[purpose]},
            "dct:identifier": said.id,
            "dct:title": _in_both(said.name),
        },
        "dpv:hasProcessing": [{"@id": term} for term in PROCESSING_TERMS[purpose]],
        "dpv:hasPersonalData": [{"@id": DATA_TERMS[category]} for category in said.data],
        "dpv:hasRecipient": {"@type": "dpv:Recipient", "dct:description": _in_both(said.recipients)},
        "dpv:hasStorageCondition": [
            {"@type": "dpv:StorageLocation", "dpv:hasLocation": {"@id": _place(_country(said.region, issuer))}},
            {"@type": "dpv:StorageDuration", "dct:description": _in_both(said.retention), **_duration(said)},
        ],
        "dpv:hasLegalBasis": {"@id": "dpv:ExplicitlyExpressedConsent"},
        "dpv:hasNecessity": {"@id": "dpv:Required" if said.needed else "dpv:Optional"},
    }


def _event(entry: LedgerEntry) -> Mapping[str, Any]:
    where = f"Entry {entry.number} of the handset's ledger, under the policy {entry.policy_version}."
    clock = "" if entry.clock is ClockTrust.SYNCED else " The clock had not been set from the network."
    event: dict[str, Any] = {
        "@type": STATUS_TERMS[entry.action],
        "dpv:isIndicatedAtTime": _time(entry.at),
        "dpv:isIndicatedBy": {"@id": ACTOR_TERMS[entry.actor or Actor.HOLDER]},
        "dct:identifier": _witness(entry),
        "dct:provenance": f"{where}{clock}",
    }
    if entry.channel is not None:
        event["dpv:hasIndicationMethod"] = _METHODS[entry.channel]
    if entry.action is LedgerAction.GRANT:
        event["dpv:hasDuration"] = {"@type": "dpv:UntilEventDuration", "rdf:value": "until it is withdrawn"}
    return event


def _duration(said: PurposeEntry) -> Mapping[str, Any]:
    if said.retention.days is None:
        return {"dpv:hasDuration": {"@type": "dpv:UntilEventDuration", "rdf:value": "until it is deleted"}}
    return {"dpv:hasDuration": {"@type": "dpv:TemporalDuration", "rdf:value": f"P{said.retention.days}D"}}


def _country(region: Region, issuer: Issuer) -> str:
    return issuer.broker_region or issuer.country if region is Region.BROKER else issuer.country


def _place(country: str) -> str:
    return f"loc:{country}"


def _witness(entry: LedgerEntry) -> str:
    return f"{entry.number}:{entry.hash}"


def _identifier(entry: LedgerEntry, issuer: Issuer) -> str:
    return f"{issuer.device}:{_witness(entry)}"


def _urn(issuer: Issuer, kind: str, name: str) -> str:
    return uuid.uuid5(_NAMES, f"{issuer.device}\n{kind}\n{name}").urn


def _time(at: str) -> Mapping[str, str]:
    return {"@type": "xsd:dateTime", "@value": at}


def _in_both(words: BothNames | BothTexts) -> list[Mapping[str, str]]:
    return [{"@language": "en", "@value": words.en}, {"@language": "zh", "@value": words.zh}]


def _local(term: str) -> str:
    return term.partition(":")[2]
