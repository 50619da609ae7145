"""What leaves of a call: its record, made from its row in the transaction that closes it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Final

from pydantic import TypeAdapter

from contract.calls import CallDirection, DisconnectReason
from contract.messages import CallDetailRecord, ClockQuality, Topic, timestamp
from firmware.phone.call import CallId, Decision, Verification
from firmware.privacy.consent import ConsentState
from firmware.privacy.egress.border import reportable_number
from firmware.store.database import Database
from firmware.store.outbox import StoredOutbox


@dataclass(slots=True)
class Call:
    """A call as the log keeps it: one that is not over, or whose end the store could not take yet, or a row of it.

    Attributes:
        account: the account's name; in a row what stands for it.
        ledger_entries: how many the ledger had when the call began.
        set_aside: the journal has it.
    """

    call_id: CallId
    direction: CallDirection
    number: str
    dialled: str
    account: str
    started_at: float
    started_monotonic_s: float
    clock_synced: bool
    ledger_entries: int = 0
    answered_at: float | None = None
    ended_at: float | None = None
    reason: DisconnectReason | None = None
    sip_code: int = 0
    decision: Decision | None = None
    boot_id: str = ""
    verification: Verification | None = None
    set_aside: bool = False


CALLS: Final = TypeAdapter(Call)

COLUMNS: Final = tuple(field.name for field in fields(Call) if field.name not in {"started_monotonic_s", "set_aside"})
"""What a row has of a call."""


class CallRecords:
    """Makes records, and queues them."""

    def __init__(self, outbox: StoredOutbox, device: str) -> None:
        """`device` names the handset in each record."""
        self._outbox = outbox
        self._device = device

    def queue(self, database: Database, call_id: CallId, state: ConsentState) -> None:
        """Queue the record of a call that is over, where consent allows.

        A number that was barred never became a call, so nothing is queued for it.

        Args:
            database: in the transaction that writes its end.
            call_id: names it.
            state: what the holder agrees to there.
        """
        rows = database.query(
            f"SELECT {', '.join(COLUMNS)} FROM calls WHERE call_id = ? AND decision IS NOT ?",  # noqa: S608 - constants
            call_id,
            Decision.BARRED.value,
        )
        for row in rows:
            kept = dict(zip(COLUMNS, row, strict=True))
            number = self._reported_number(database, state, kept)
            self._outbox.append(
                database,
                Topic.CDR,
                partial(self._record, kept, number),
                ledger_entries_at_start=kept["ledger_entries"],
                call_id=call_id,
                state=state,
            )

    def _reported_number(self, database: Database, state: ConsentState, kept: Mapping[str, Any]) -> str | None:
        border = self._outbox.recipient.border
        if not border.crossed:
            return reportable_number(kept["number"])
        [(key,)] = database.query("SELECT key FROM pseudonym_key")
        return border.number(kept["number"], key, state, kept["ledger_entries"])

    def _record(self, kept: Mapping[str, Any], number: str | None, epoch: int, seq: int) -> CallDetailRecord:
        call = CALLS.validate_python({**kept, "started_monotonic_s": 0.0})
        return record_of(call, self._device, number, epoch, seq)


def record_of(call: Call, device: str, number: str | None, epoch: int, seq: int) -> CallDetailRecord:
    """Make the record of a call; `number` is what it says of the other end.

    Raises:
        ValueError: no record can be made of it.
    """
    if call.reason is None:
        raise ValueError("The call is not over.")
    return CallDetailRecord(
        id=call.call_id,
        device=device,
        account=call.account,
        direction=call.direction,
        number=number,
        started_at=timestamp(call.started_at),
        answered_at=timestamp(call.answered_at) if call.answered_at is not None else None,
        ended_at=timestamp(call.ended_at) if call.ended_at is not None else None,
        result=call.reason,
        sip_code=call.sip_code,
        clock_quality=ClockQuality(synced=call.clock_synced, boot_id=call.boot_id),
        epoch=epoch,
        seq=seq,
    )
