"""Every message that goes over the broker: its topic, who says it to whom, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from contract.discovery import DiscoveryMessage, discovery
from contract.downlink import AckMessage
from contract.messages import (
    CallDetailRecord,
    CdrMessage,
    ClockQuality,
    ConsentMessage,
    ErasureMessage,
    ErasureReason,
    Message,
    OutcomeMessage,
    PurposeState,
    RecordRange,
    StatusMessage,
)
from contract.results import OutcomeCode
from fleet.publications import Publication, PublicationKind


class Way(Enum):
    """Who says it."""

    FROM_HANDSET = "from the handset"
    TO_HANDSET = "to the handset"
    AMONG_OPERATORS = "among operators"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of message, which is one topic.

    Attributes:
        name: of its schema, and of its channel.
        address: its topic, the parts that differ in braces.
        way: who says it.
        retained: the broker keeps the newest.
        text: what else there is to know, beside what its model says of itself.
        model: None where the message is signed bytes.
        example: one of them.
    """

    name: str
    address: str
    way: Way
    retained: bool
    text: str
    model: type[Message] | None = None
    example: Message | None = None


_OURS: Final = "wecall/v1/{fleet}/{device}"
_DEVICE: Final = "handset-7"
_RECORD: Final = CallDetailRecord(
    id="0123456789abcdef0123456789abcdef",
    device=_DEVICE,
    account="fedcba9876543210fedcba9876543210",
    direction=CallDirection.OUTGOING,
    number="+861012345678",
    started_at="2026-03-01T10:00:00.000Z",
    answered_at="2026-03-01T10:00:04.500Z",
    ended_at="2026-03-01T10:01:00.250Z",
    result=DisconnectReason.REMOTE_HANGUP,
    sip_code=200,
    clock_quality=ClockQuality(synced=True, boot_id="7cd135d5-022d-46ac-81ce-18d084236757"),
    epoch=4711,
    seq=12,
)

KINDS: Final = (
    Kind(
        "status",
        f"{_OURS}/status",
        Way.FROM_HANDSET,
        retained=True,
        text="Published after each connection: `online` where an account can call, `no_line` where none can, `offline` "
        "while the handset does not know yet; once more where that has changed for 30 seconds; `offline` before it "
        "leaves, and by the broker as its last will; empty once its holder has gone.",
        model=StatusMessage,
        example=StatusMessage(state="online"),
    ),
    Kind(
        "cdr",
        f"{_OURS}/cdr",
        Way.FROM_HANDSET,
        retained=False,
        text="Only of calls that began after the holder had agreed (`cdr_sync`). A record comes again until the broker "
        "has it, or a collector where the handset waits for one: what shares device, epoch and seq is one record.",
        model=CdrMessage,
        example=CdrMessage(records=(_RECORD,)),
    ),
    Kind(
        "consent",
        f"{_OURS}/consent",
        Way.FROM_HANDSET,
        retained=True,
        text="On each change. Empty once the holder has gone.",
        model=ConsentMessage,
        example=ConsentMessage(
            device=_DEVICE,
            purposes=tuple(
                PurposeState(
                    purpose=purpose,
                    granted=purpose is Purpose.CDR_SYNC,
                    since="2026-03-01T09:00:00.000Z" if purpose is Purpose.CDR_SYNC else None,
                )
                for purpose in Purpose
            ),
            policy_version="2024-06-17",
            ledger_entries=1,
            ledger_head="a" * 64,
            ledger_intact=True,
            epoch=4711,
            seq=11,
        ),
    ),
    Kind(
        "erasure",
        f"{_OURS}/erasure",
        Way.FROM_HANDSET,
        retained=False,
        text="Whoever keeps records deletes what it names, and takes nothing of it in again.",
        model=ErasureMessage,
        example=ErasureMessage(
            device=_DEVICE,
            reason=ErasureReason.DELETED,
            cancelled=False,
            records=(RecordRange(epoch=4711, first=3, last=9),),
            epoch=4711,
            seq=13,
        ),
    ),
    Kind(
        "outcome",
        f"{_OURS}/outcome",
        Way.FROM_HANDSET,
        retained=False,
        text="",
        model=OutcomeMessage,
        example=OutcomeMessage(device=_DEVICE, message="b" * 64, code=OutcomeCode.IN_FORCE, epoch=4711, seq=14),
    ),
    Kind(
        "discovery",
        "homeassistant/device/{device}/config",
        Way.FROM_HANDSET,
        retained=True,
        text="Home Assistant's device discovery, published after each connection. Empty with "
        "`[sync] discovery = false`, and once the holder has gone.",
        model=DiscoveryMessage,
        example=discovery("lab", _DEVICE),
    ),
    Kind(
        "ack",
        f"{_OURS}/ack",
        Way.TO_HANDSET,
        retained=False,
        text='Only once they are where no power cut takes them. A handset waits for it with `[sync] complete = "ack"`.',
        model=AckMessage,
        example=AckMessage(collector="collector-1", messages=(RecordRange(epoch=4711, first=12, last=19),)),
    ),
    Kind(
        "policy",
        f"{_OURS}/policy",
        Way.TO_HANDSET,
        retained=True,
        text="A privacy policy with the operator's signature, in the envelope of `provisioning/signed.py`; "
        "`wecall policy sign` makes it.",
    ),
    Kind(
        "notice",
        f"{_OURS}/notice",
        Way.TO_HANDSET,
        retained=True,
        text="A notice with the operator's signature, in the same envelope; `wecall notice sign` makes it.",
    ),
    Kind(
        "answer",
        f"{_OURS}/answer",
        Way.TO_HANDSET,
        retained=True,
        text="An answer to one request of the holder's with the operator's signature, in the same envelope; "
        "`wecall answer sign` makes it.",
    ),
    Kind(
        "update",
        f"{_OURS}/update",
        Way.TO_HANDSET,
        retained=True,
        text="What a release is called, where its file lies and what it hashes to, with the operator's signature, in "
        "the same envelope (`provisioning/update.py`); `wecall release announce` makes it.",
    ),
    Kind(
        "bundle",
        f"{_OURS}/bundle",
        Way.TO_HANDSET,
        retained=True,
        text="A configuration with the operator's signature, as on a stick (`provisioning/bundle.py`) but without "
        "firmware; `wecall bundle build` and `sign` make it.",
    ),
    Kind(
        "publication",
        "wecall-fleet/v1/{fleet}/publication/{message}",
        Way.AMONG_OPERATORS,
        retained=True,
        text="Said by `wecall fleet publish`, for collectors and pages: outcomes name a message by its digest only.",
        model=Publication,
        example=Publication(
            kind=PublicationKind.POLICY, name="2026-3", message="b" * 64, published_at="2026-03-01T08:00:00.000Z"
        ),
    ),
)
"""All of them, as they are told of."""

PARAMETERS: Final[Mapping[str, str]] = {
    "fleet": "Whose handset it is: lower-case letters, digits and hyphens.",
    "device": "The handset, by the common name of its certificate; its client id, too.",
    "message": "SHA-256 of the message that is spoken of, in hexadecimal.",
}
"""What stands in braces in addresses."""
