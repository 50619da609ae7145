"""Messages of handsets as they come to a collector, made for the purpose."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from contract.consent import Purpose, RequestKind, RequestState
from contract.messages import (
    CdrMessage,
    ConsentMessage,
    ErasureMessage,
    ErasureReason,
    Message,
    OutcomeMessage,
    PurposeState,
    RecordRange,
    RequestStatement,
)
from contract.results import OutcomeCode

EPOCH: Final = 77
STARTED: Final = "2024-05-06T10:00:00.000Z"
"""Long enough ago for any computer that runs tests."""


def record(device: str, seq: int, **changes: Any) -> dict[str, Any]:
    """Return a record as JSON has it."""
    return {
        "id": f"{seq:032x}",
        "device": device,
        "account": "0" * 32,
        "direction": "outgoing",
        "number": "+8613912345678",
        "started_at": STARTED,
        "answered_at": "2024-05-06T10:00:05.000Z",
        "ended_at": "2024-05-06T10:01:00.000Z",
        "result": "local_hangup",
        "sip_code": 200,
        "clock_quality": {"synced": True, "boot_id": "01234567-89ab-cdef-0123-456789abcdef"},
        "epoch": EPOCH,
        "seq": seq,
    } | changes


def cdr(device: str, *seqs: int, **changes: Any) -> bytes:
    """Return a message with the records of some numbers."""
    return records([record(device, seq, **changes) for seq in seqs])


def records(entries: Sequence[Mapping[str, Any]]) -> bytes:
    """Return a message with these records, sound or not."""
    return json.dumps({"records": entries}).encode()


def erasure(device: str, seq: int, *ranges: tuple[int, int], epoch: int = EPOCH) -> bytes:
    """Return a notice that takes records of this epoch back."""
    return _json(
        ErasureMessage(
            device=device,
            reason=ErasureReason.DELETED,
            cancelled=False,
            records=tuple(RecordRange(epoch=epoch, first=first, last=last) for first, last in ranges),
            epoch=epoch,
            seq=seq,
        )
    )


def cancellation(device: str, seq: int, *, epoch: int = EPOCH) -> bytes:
    """Return the notice of a holder who has gone."""
    return _json(
        ErasureMessage(device=device, reason=ErasureReason.CANCELLED, cancelled=True, records=(), epoch=epoch, seq=seq)
    )


def reset(device: str, seq: int, *epochs: int, epoch: int = EPOCH) -> bytes:
    """Return the notice of a handset that was reset."""
    return _json(
        ErasureMessage(
            device=device,
            reason=ErasureReason.RESET,
            cancelled=False,
            records=tuple(RecordRange(epoch=each, first=1, last=2**53 - 1) for each in epochs),
            epoch=epoch,
            seq=seq,
        )
    )


def consent(
    device: str,
    seq: int,
    *,
    granted: bool = True,
    requests: Iterable[tuple[int, str | None]] = (),
    objected: bool = False,
    epoch: int = EPOCH,
) -> bytes:
    """Return a state of consent, with open requests by number and day."""
    return _json(
        ConsentMessage(
            device=device,
            purposes=tuple(PurposeState(purpose=purpose, granted=granted, since=STARTED) for purpose in Purpose),
            policy_version="2026.1",
            ledger_entries=6,
            ledger_head="a" * 64,
            ledger_intact=True,
            requests=tuple(
                RequestStatement(
                    number=number,
                    epoch=epoch,
                    kind=RequestKind.ACCESS,
                    due=due,
                    state=RequestState.OPEN,
                    objected=objected,
                )
                for number, due in requests
            ),
            epoch=epoch,
            seq=seq,
        )
    )


def outcome(device: str, seq: int, *, message: str = "b" * 64, epoch: int = EPOCH) -> bytes:
    """Return what became of a message."""
    return _json(OutcomeMessage(device=device, message=message, code=OutcomeCode.APPLIED, epoch=epoch, seq=seq))


def _json(message: Message) -> bytes:
    return message.written()


def numbers_in(payload: bytes) -> set[int]:
    """Return the numbers of the records in a message."""
    return {each.seq for each in CdrMessage.read(payload).records}
