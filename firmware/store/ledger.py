"""The consent ledger's rows.

The gate asks for their state before each message, so what has verified is kept in memory: the answers, and the newest
row with its hash. A question then reads that row, those after it and the head, and checks these.

All rows are read and checked anew where anything but our own additions may have touched them: when the file was opened,
which nobody else writes while it is open, when the schema has changed, when the newest row that was kept is not what it
was, and each time where the whole did not verify then or the triggers that let it only grow were not all there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

from pydantic import TypeAdapter

from contract.consent import Actor, Channel, ClockTrust
from firmware.privacy.consent import (
    NO_ENTRIES,
    ConsentState,
    Damage,
    DamageFound,
    LedgerAction,
    LedgerEntry,
    LedgerHead,
    LedgerPrefix,
    find_damage,
)
from firmware.privacy.policy import Reading, Witness
from firmware.store.database import Database, Row

# As bytes: what is no text at all must be told from a store that cannot be read.
_COLUMNS = ", ".join((
    "number",
    *(f"CAST({text} AS BLOB)" for text in ("action", "about", "at", "policy_version", "previous_hash", "hash")),
    *(f"CAST({text} AS BLOB)" for text in ("actor", "channel", "clock")),
    "format",
))  # fmt: skip

_TRIGGERS: Final = 4
_LEAST: Final = -(2**63)
"""No row is left out for a number that no entry has."""

_WITNESS: Final = TypeAdapter(Witness)


@dataclass(frozen=True, slots=True)
class _Verified:
    """What has verified: up to which row, and what the database's versions were then."""

    versions: tuple[int, int]
    prefix: LedgerPrefix
    newest: Row = field(repr=False)


_verified: WeakKeyDictionary[Database, _Verified] = WeakKeyDictionary()


def read_head(database: Database) -> LedgerHead:
    """Return the head that is kept apart from the entries; the head of no entries where there is none."""
    return _kept_head(database) or LedgerHead()


def read_ledger(database: Database) -> tuple[LedgerEntry, ...]:
    """Return the entries, oldest first, as far as they can be read."""
    return _parse(_rows(database), 1)[0]


def read_state(database: Database) -> ConsentState:
    """Return the answers that stand; a ledger that makes no sense counts as a no to everything."""
    head, versions = _kept_head(database), database.versions()
    before, rows = _after_verified(database, versions)
    entries, unreadable = _parse(rows, before.head.entries + 1)
    if head is None:
        return ConsentState.broken(LedgerHead(), DamageFound(1, Damage.CUT))
    if unreadable is not None:
        end = entries[-1].head if entries else before.head
        return ConsentState.broken(head, find_damage(entries, end, before) or unreadable)
    if (damage := find_damage(entries, head, before)) is not None:
        return ConsentState.broken(head, damage)
    prefix = before.followed_by(entries)
    if rows and (before.head.entries or _grows_only(database)):
        _verified[database] = _Verified(versions, prefix, rows[-1])
    return prefix.state


def append_entry(database: Database, entry: LedgerEntry) -> None:
    """Add an entry; the store's triggers see to it that it follows the head, and move the head."""
    database.execute(
        "INSERT INTO consent_ledger "
        "(number, action, about, at, policy_version, previous_hash, hash, actor, channel, clock, format) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        entry.number,
        entry.action,
        entry.about,
        entry.at,
        entry.policy_version,
        entry.previous_hash,
        entry.hash,
        entry.actor,
        entry.channel,
        entry.clock,
        entry.format,
    )


def _kept_head(database: Database) -> LedgerHead | None:
    rows = database.query("SELECT entries, CAST(hash AS BLOB) FROM consent_head")
    return LedgerHead(rows[0][0], rows[0][1].decode("ascii", "replace")) if rows else None


def _after_verified(database: Database, versions: tuple[int, int]) -> tuple[LedgerPrefix, list[Row]]:
    """Return what has verified and still counts, and the rows after it."""
    known = _verified.pop(database, None)
    if known is not None and known.versions == versions:
        rows = _rows(database, known.prefix.head.entries)
        # It is gone, or another one, where the transaction that added it came to nothing.
        if rows and rows[0] == known.newest:
            _verified[database] = known
            return known.prefix, rows[1:]
    return NO_ENTRIES, _rows(database)


def _grows_only(database: Database) -> bool:
    [(count,)] = database.query(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'consent_ledger'"
    )
    return int(count) == _TRIGGERS


def _rows(database: Database, first: int = _LEAST) -> list[Row]:
    sql = f"SELECT {_COLUMNS} FROM consent_ledger WHERE number >= ? ORDER BY number"  # noqa: S608 - our own names
    return database.query(sql, first)


def _parse(rows: Sequence[Row], first: int) -> tuple[tuple[LedgerEntry, ...], DamageFound | None]:
    """Return the entries up to the first that says what no entry can say, and where that is."""
    entries: list[LedgerEntry] = []
    for row in rows:
        try:
            entries.append(_entry(row))
        except ValueError:
            return tuple(entries), DamageFound(first + len(entries), Damage.UNREADABLE)
    return tuple(entries), None


def _entry(row: Row) -> LedgerEntry:
    number, *texts, format_ = row
    action, about, at, policy_version, previous_hash, digest = (text.decode("ascii") for text in texts[:6])
    actor, channel, clock = (None if text is None else text.decode("ascii") for text in texts[6:])
    entry = LedgerEntry(
        number,
        LedgerAction(action),
        about,
        at,
        policy_version,
        previous_hash,
        digest,
        None if actor is None else Actor(actor),
        None if channel is None else Channel(channel),
        None if clock is None else ClockTrust(clock),
        format_,
    )
    # An answer is about a purpose that there is.
    _ = entry.purpose
    return entry


def witnessed_s(database: Database, now: Reading) -> float:
    """Count on to a reading, and return how many seconds the handset has run; in the caller's transaction."""
    rows = database.query("SELECT said FROM witness")
    witness = _WITNESS.validate_json(rows[0][0]).advance(now) if rows else Witness.begin(now)
    database.execute(
        "INSERT INTO witness (only, said) VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET said = excluded.said",
        _WITNESS.dump_json(witness).decode(),
    )
    return witness.witnessed_s
