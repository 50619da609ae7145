"""For how long the handset has run in all, kept in the store: a clock that nobody can set."""

from typing import Final

from pydantic import TypeAdapter

from firmware.privacy.policy import Reading, Witness
from firmware.store.database import Database

_WITNESS: Final = TypeAdapter(Witness)


def witnessed_s(database: Database, now: Reading) -> float:
    """Count on to a reading, and return how many seconds the handset has run; in the caller's transaction."""
    rows = database.query("SELECT said FROM witness")
    witness = _WITNESS.validate_json(rows[0][0]).advance(now) if rows else Witness.begin(now)
    database.execute(
        "INSERT INTO witness (only, said) VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET said = excluded.said",
        _WITNESS.dump_json(witness).decode(),
    )
    return witness.witnessed_s
