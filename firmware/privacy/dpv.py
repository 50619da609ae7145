"""The W3C Data Privacy Vocabulary's terms for what the handset does (DPV 2, https://w3id.org/dpv)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from firmware.phone.purpose import Actor, Purpose
from firmware.privacy.consent import LedgerAction


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
