"""What leaves of a call: its record, made from its row in the transaction that closes it."""

from functools import partial

from contract.calls import CallDirection, DisconnectReason
from contract.messages import CallDetailRecord, ClockQuality, Topic, timestamp
from firmware.phone.call import CallId, Decision
from firmware.privacy.consent import ConsentState
from firmware.privacy.egress.border import reportable_number
from firmware.store.database import Database, Row
from firmware.store.outbox import StoredOutbox


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
            "SELECT call_id, account, direction, number, started_at, answered_at, ended_at, reason, sip_code, "
            "clock_synced, boot_id, ledger_entries FROM calls WHERE call_id = ? AND decision IS NOT ?",
            call_id,
            Decision.BARRED.value,
        )
        for row in rows:
            self._outbox.append(
                database,
                Topic.CDR,
                partial(record_of, row, self._device, self._reported_number(database, state, row)),
                ledger_entries_at_start=row[-1],
                call_id=call_id,
                state=state,
            )

    def _reported_number(self, database: Database, state: ConsentState, row: Row) -> str | None:
        border = self._outbox.recipient.border
        if not border.crossed:
            return reportable_number(row[3])
        [(key,)] = database.query("SELECT key FROM pseudonym_key")
        return border.number(row[3], key, state, row[-1])


def record_of(row: Row, device: str, number: str | None, epoch: int, seq: int) -> CallDetailRecord:
    """Make the record of a call's row.

    Raises:
        ValueError: no record can be made of it.
    """
    call_id, account, direction, _, started_at, answered_at, ended_at, reason, sip_code, synced, boot_id, _ = row
    return CallDetailRecord(
        id=call_id,
        device=device,
        account=account,
        direction=CallDirection(direction),
        number=number,
        started_at=timestamp(started_at),
        answered_at=timestamp(answered_at) if answered_at is not None else None,
        ended_at=timestamp(ended_at) if ended_at is not None else None,
        result=DisconnectReason(reason),
        sip_code=sip_code,
        clock_quality=ClockQuality(synced=bool(synced), boot_id=boot_id),
        epoch=epoch,
        seq=seq,
    )
