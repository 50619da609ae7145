"""Calls as the store's rows, and as the journal's entries while the store is closed."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import asdict, astuple, fields, replace
from typing import Final

from pydantic import TypeAdapter

from contract.calls import DisconnectReason
from firmware.phone.call import AudioTrouble, CallId, CallQuality
from firmware.phone.requests.calls import CallKind
from firmware.ports.store import CallerContact, CallLogEntry
from firmware.store.call_kinds import KINDS
from firmware.store.call_records import CALLS, COLUMNS, Call, record_of
from firmware.store.contacts import StoredContacts
from firmware.store.database import Database, Row
from firmware.store.journal import Entry, is_time

JOURNAL_KIND: Final = "call"
"""Names entries of the journal that are calls."""

_LONGEST_S: Final = 30 * 86_400.0
"""No call lasts longer. Entries of one call may differ in when it began; this keeps all that follows from it a time."""

_QUALITY: Final = tuple(field.name for field in fields(CallQuality))
_LISTED: Final = tuple(
    field.name for field in fields(CallLogEntry) if field.name not in {"name", "quality", "contact_id"}
)
_ENTRIES: Final = TypeAdapter(CallLogEntry)


def entry_of(call: Call) -> Entry:
    """Return what the journal keeps of a call."""
    return {"kind": JOURNAL_KIND, **asdict(call)}


def from_entry(entry: Entry) -> Call | None:
    """Read a call; None where it is none, for whoever can write to the card can seal an entry."""
    try:
        call = CALLS.validate_json(json.dumps(entry), strict=True)
        times = [time for time in (call.started_at, call.answered_at, call.ended_at) if time is not None]
        if not all(map(is_time, times)) or max(times) - call.started_at > _LONGEST_S:
            return None
        # A call of which no record can be made must not keep the store from opening.
        over = replace(call, account="0" * 32, reason=call.reason or DisconnectReason.INTERRUPTED)
        record_of(over, "handset", None, 1, 1)
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
    kept = {**asdict(call), "account": opaque_account(database, call.account)}
    database.execute(
        f"INSERT INTO calls ({', '.join(COLUMNS)}, seen) VALUES ({'?, ' * len(COLUMNS)}0) "  # noqa: S608 - constants
        f"ON CONFLICT (call_id) DO UPDATE SET answered_at = {_ANSWERED_AT}, ended_at = {_ENDED_AT}, "
        "reason = excluded.reason, sip_code = excluded.sip_code, "
        "decision = coalesce(excluded.decision, calls.decision) WHERE calls.reason IS NULL",
        *(kept[column] for column in COLUMNS),
    )


def write_quality(database: Database, call_id: CallId, quality: CallQuality) -> None:
    """Write how a call sounded beside it."""
    database.execute(
        f"UPDATE calls SET {' = ?, '.join(_QUALITY)} = ? WHERE call_id = ?",  # noqa: S608 - constants
        *astuple(quality),
        call_id,
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
        f"SELECT {', '.join(_LISTED + _QUALITY)} FROM calls WHERE {KINDS[kind]} "  # noqa: S608 - constants
        "ORDER BY position DESC LIMIT ? OFFSET ?",
        limit,
        first,
    )
    return total, tuple(_entry(row, contacts.contact_in(database, row[2])) for row in rows)


def _entry(row: Row, contact: CallerContact | None) -> CallLogEntry:
    kept = dict(zip(_LISTED + _QUALITY, row, strict=True))
    quality = {name: kept.pop(name) for name in _QUALITY}
    quality["encrypted"] = bool(quality["encrypted"])
    quality["trouble"] = None if quality["trouble"] is None else AudioTrouble(quality["trouble"])
    kept["quality"] = CallQuality(**quality) if quality["mos"] is not None else None
    kept["name"], kept["contact_id"] = (contact.name, contact.contact_id) if contact is not None else ("", 0)
    return _ENTRIES.validate_python(kept)
