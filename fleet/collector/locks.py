"""Which transactions of several collectors may run beside each other.

Records may be written by all at once. An erasure has its handset for itself: it waits until whoever writes a record of
that handset is done, and whoever comes later sees what may not come in again.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from sqlalchemy import BigInteger, Boolean, Connection, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from fleet.collector.quarantine import Sender

SHARES: Final = 128
"""Handsets share this many locks: few enough for PostgreSQL's table of locks, where one a handset would not be."""

_FIRST_KEY: Final = 7_431_000

# The function is called row by row, in the order of the array: the same for everybody, so that none waits in a circle.
_TAKE: Final = text(
    "SELECT count(CASE WHEN alone THEN pg_advisory_xact_lock(key)::text "
    "ELSE pg_advisory_xact_lock_shared(key)::text END) "
    "FROM unnest(:keys, :alone) AS wanted (key, alone)"
).bindparams(bindparam("keys", type_=ARRAY(BigInteger)), bindparam("alone", type_=ARRAY(Boolean)))


def take_locks(connection: Connection, writes: Iterable[Sender], erases: Iterable[Sender]) -> None:
    """Take what a transaction needs, before anything else in it, until its end.

    SQLite has one writer at a time, and needs none.

    Args:
        connection: in a transaction of its own.
        writes: the handsets of which something is written.
        erases: those of which something is erased.
    """
    if connection.dialect.name != "postgresql":
        return
    alone = {_share(sender) for sender in erases}
    shares = sorted(alone | {_share(sender) for sender in writes})
    if shares:
        connection.execute(
            _TAKE,
            {"keys": [_FIRST_KEY + share for share in shares], "alone": [share in alone for share in shares]},
        )


def _share(sender: Sender) -> int:
    digest = hashlib.blake2s(f"{sender.fleet}/{sender.device}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) % SHARES
