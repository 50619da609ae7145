"""Calls as the store's rows, and as the journal's entries while the store is closed."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallQuality, Decision
from firmware.phone.errands import CallKind
from firmware.ports.store import CallerContact, CallLogEntry
from firmware.store.call_kinds import KINDS
from firmware.store.call_records import record_of
from firmware.store.contacts import StoredContacts
from firmware.store.database import Database, Row
from firmware.store.journal import Entry, is_time

JOURNAL_KIND: Final = "call"
"""Names entries of the journal that are calls."""

_LONGEST_S: Final = 30 * 86_400.0
"""No call lasts longer. Entries of one call may differ in when it began; this keeps all that follows from it a time."""

_COLUMNS: Final = (
    "call_id, direction, number, started_at, answered_at, ended_at, reason, sip_code, decision, loss_percent, "
    "jitter_ms, round_trip_ms, codec, encrypted, mos"
)


@dataclass(slots=True)
class Call:
    """A call that is not over, or whose end the store could not take yet."""

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
    set_aside: bool = False


_CALLS: Final = TypeAdapter(Call)


def entry_of(call: Call) -> Entry:
    """Return what the journal keeps of a call."""
    return {"kind": JOURNAL_KIND, **asdict(call)}


def from_entry(entry: Entry) -> Call | None:
    """Read a call; None where it is none, for whoever can write to the card can seal an entry."""
    try:
        call = _CALLS.validate_json(json.dumps(entry), strict=True)
        times = [time for time in (call.started_at, call.answered_at, call.ended_at) if time is not None]
        if not all(map(is_time, times)) or max(times) - call.started_at > _LONGEST_S:
            return None
        # A call of which no record can be made must not keep the store from opening.
        nobody = "0" * 32
        reason = call.reason or DisconnectReason.INTERRUPTED
        row = (call.call_id, nobody, call.direction, "", call.started_at, call.answered_at, call.ended_at, reason)
        record_of((*row, call.sip_code, call.clock_synced, call.boot_id, 0), "handset", None, 1, 1)
    except (ValueError, RecursionError):
        return None
    return call


# The row's start counts: where another run of the handset opened it, this one knows no more than how long ago that was.
_ANSWERED_AT: Final = "coalesce(calls.answered_at, calls.started_at + (excluded.answered_at - excluded.started_at))"
_ENDED_AT: Final = (
    f"max(calls.started_at + (excluded.ended_at - excluded.started_at), coalesce({_ANSWERED_AT}, calls.started_at))"
)


def write_call(database: Database, call: Call) -> None:
    """Write a call as it stands now; one that is over stays as it is."""
    database.execute(
        "INSERT INTO calls (call_id, direction, number, dialled, account, started_at, answered_at, "  # noqa: S608 - constants
        "ended_at, reason, sip_code, decision, clock_synced, boot_id, ledger_entries, seen) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) "
        f"ON CONFLICT (call_id) DO UPDATE SET answered_at = {_ANSWERED_AT}, ended_at = {_ENDED_AT}, "
        "reason = excluded.reason, sip_code = excluded.sip_code, "
        "decision = coalesce(excluded.decision, calls.decision) WHERE calls.reason IS NULL",
        call.call_id,
        call.direction.value,
        call.number,
        call.dialled,
        opaque_account(database, call.account),
        call.started_at,
        call.answered_at,
        call.ended_at,
        call.reason.value if call.reason is not None else None,
        call.sip_code,
        call.decision.value if call.decision is not None else None,
        int(call.clock_synced),
        call.boot_id,
        call.ledger_entries,
    )


def is_known(database: Database, call_id: CallId) -> bool:
    return bool(database.query("SELECT 1 FROM calls WHERE call_id = ?", call_id))


def is_over(database: Database, call_id: CallId) -> bool:
    return bool(database.query("SELECT 1 FROM calls WHERE call_id = ? AND reason IS NOT NULL", call_id))


def opaque_account(database: Database, account_name: str) -> str:
    """Return what stands for an account in the log and in records."""
    # Keyed with a secret of this store: two lines are told apart, and a name cannot be found by trying names.
    [(secret,)] = database.query("SELECT account_secret FROM identity")
    return hmac.new(secret, account_name.encode(), hashlib.sha256).hexdigest()[:32]


def read_calls(
    database: Database, contacts: StoredContacts, kind: CallKind, first: int, limit: int
) -> tuple[int, Sequence[CallLogEntry]]:
    """Return how many calls of a kind there are, and a stretch of them, newest first."""
    [(total,)] = database.query(f"SELECT count(*) FROM calls WHERE {KINDS[kind]}")  # noqa: S608 - constants
    rows = database.query(
        f"SELECT {_COLUMNS} FROM calls WHERE {KINDS[kind]} "  # noqa: S608 - constants
        "ORDER BY position DESC LIMIT ? OFFSET ?",
        limit,
        first,
    )
    return total, tuple(_entry(row, contacts.contact_in(database, row[2])) for row in rows)


def _entry(row: Row, contact: CallerContact | None) -> CallLogEntry:
    call_id, direction, number, started_at, answered_at, ended_at, reason, sip_code, decision, *quality = row
    return CallLogEntry(
        call_id=CallId(call_id),
        direction=CallDirection(direction),
        number=number,
        name=contact.name if contact is not None else "",
        started_at=started_at,
        answered_at=answered_at,
        ended_at=ended_at,
        reason=DisconnectReason(reason) if reason is not None else None,
        sip_code=sip_code,
        decision=Decision(decision) if decision is not None else None,
        quality=_quality(quality),
        contact_id=contact.contact_id if contact is not None else 0,
    )


def _quality(columns: Sequence[Any]) -> CallQuality | None:
    loss_percent, jitter_ms, round_trip_ms, codec, encrypted, mos = columns
    if mos is None:
        return None
    return CallQuality(loss_percent, jitter_ms, round_trip_ms, codec, bool(encrypted), mos)
