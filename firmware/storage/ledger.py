"""The consent ledger's rows."""

from firmware.phone.purpose import Purpose
from firmware.privacy.consent import ConsentAction, ConsentEntry, ConsentState, LedgerHead, current_state
from firmware.storage.database import Database


def read_head(database: Database) -> LedgerHead:
    """Return the head that is kept apart from the entries."""
    rows = database.query("SELECT entries, hash FROM consent_head")
    return LedgerHead(*rows[0]) if rows else LedgerHead()


def read_ledger(database: Database) -> tuple[ConsentEntry, ...]:
    """Return the entries, oldest first.

    Raises:
        ValueError: an entry says what no entry can say.
    """
    rows = database.query(
        "SELECT number, action, purpose, at, policy_version, previous_hash, hash FROM consent_ledger ORDER BY number"
    )
    return tuple(
        ConsentEntry(number, ConsentAction(action), Purpose(purpose), at, policy_version, previous_hash, digest)
        for number, action, purpose, at, policy_version, previous_hash, digest in rows
    )


def read_state(database: Database) -> ConsentState:
    """Return the answers that stand; a ledger that makes no sense counts as a no to everything."""
    head = read_head(database)
    try:
        return current_state(read_ledger(database), head)
    except ValueError:
        return ConsentState.broken(head)


def append_entry(database: Database, entry: ConsentEntry) -> None:
    """Add an entry; the store's triggers see to it that it follows the head, and move the head."""
    database.execute(
        "INSERT INTO consent_ledger (number, action, purpose, at, policy_version, previous_hash, hash) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        entry.number,
        entry.action.value,
        entry.purpose.value,
        entry.at,
        entry.policy_version,
        entry.previous_hash,
        entry.hash,
    )
