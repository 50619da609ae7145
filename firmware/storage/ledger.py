"""The consent ledger's rows."""

import functools
from typing import Final

from firmware.phone.purpose import Actor, Channel, ClockTrust
from firmware.privacy.consent import (
    ConsentState,
    Damage,
    DamageFound,
    LedgerAction,
    LedgerEntry,
    LedgerHead,
    current_state,
    find_damage,
)
from firmware.storage.database import Database, Row

# As bytes: what is no text at all must be told from a store that cannot be read.
_COLUMNS = ", ".join((
    "number",
    *(f"CAST({text} AS BLOB)" for text in ("action", "about", "at", "policy_version", "previous_hash", "hash")),
    *(f"CAST({text} AS BLOB)" for text in ("actor", "channel", "clock")),
    "format",
))  # fmt: skip


# The whole ledger is read whenever the gate is asked, and each of its rows is the same as before but for the newest.
_REMEMBERED: Final = 4096


def read_head(database: Database) -> LedgerHead:
    """Return the head that is kept apart from the entries; the head of no entries where there is none."""
    return _kept_head(database) or LedgerHead()


def read_ledger(database: Database) -> tuple[LedgerEntry, ...]:
    """Return the entries, oldest first, as far as they can be read."""
    return _read(database)[0]


def read_state(database: Database) -> ConsentState:
    """Return the answers that stand; a ledger that makes no sense counts as a no to everything."""
    head = _kept_head(database)
    entries, unreadable = _read(database)
    if head is None:
        return ConsentState.broken(LedgerHead(), DamageFound(1, Damage.CUT))
    if unreadable is not None:
        before = entries[-1].head if entries else LedgerHead()
        return ConsentState.broken(head, find_damage(entries, before) or unreadable)
    return current_state(entries, head)


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


def _read(database: Database) -> tuple[tuple[LedgerEntry, ...], DamageFound | None]:
    """Return the entries up to the first that says what no entry can say, and where that is."""
    entries: list[LedgerEntry] = []
    for row in database.query(f"SELECT {_COLUMNS} FROM consent_ledger ORDER BY number"):  # noqa: S608 - our own names
        try:
            entries.append(_entry(row))
        except ValueError:
            return tuple(entries), DamageFound(len(entries) + 1, Damage.UNREADABLE)
    return tuple(entries), None


@functools.lru_cache(maxsize=_REMEMBERED)
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
