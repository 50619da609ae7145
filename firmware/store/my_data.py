"""Everything in the store, by the kind of data that it is: what the holder is shown and gets a copy of."""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from firmware.phone.my_data import DataCategory
from firmware.store.database import Database
from firmware.store.store import Store

CATEGORY_OF_TABLE: Final[Mapping[str, DataCategory]] = {
    "identity": DataCategory.ACCOUNT,
    "set_up": DataCategory.ACCOUNT,
    "number_proof": DataCategory.ACCOUNT,
    "cancellation": DataCategory.ACCOUNT,
    "witness": DataCategory.ACCOUNT,
    "retention_marks": DataCategory.ACCOUNT,
    "contacts": DataCategory.CONTACTS,
    "contact_numbers": DataCategory.CONTACTS,
    "contact_keys": DataCategory.CONTACTS,
    "calls": DataCategory.CALLS,
    "messages": DataCategory.MESSAGES,
    "recordings": DataCategory.RECORDINGS,
    "pictures": DataCategory.PICTURES,
    "preferences": DataCategory.SETTINGS,
    "consent_ledger": DataCategory.CONSENTS,
    "consent_head": DataCategory.CONSENTS,
    "requests": DataCategory.REQUESTS,
    "answers": DataCategory.REQUESTS,
    "copies": DataCategory.REQUESTS,
    "shares": DataCategory.SHARES,
    "outbox": DataCategory.SHARES,
    "outbox_counter": DataCategory.SHARES,
    "traffic": DataCategory.SHARES,
    "pseudonym_key": DataCategory.SHARES,
    "policies": DataCategory.POLICIES,
    "catalogues": DataCategory.POLICIES,
    "documents": DataCategory.POLICIES,
    "updates": DataCategory.POLICIES,
    "notices": DataCategory.NOTICES,
    "pins": DataCategory.PIN,
}
"""Each table of the schema."""

SECRETS: Final[Mapping[str, frozenset[str]]] = {
    "identity": frozenset({"account_secret"}),
    "recordings": frozenset({"sealing_key"}),
    "pictures": frozenset({"sealing_key"}),
    "pseudonym_key": frozenset({"key"}),
    "pins": frozenset({"code"}),
}
"""What no copy holds: keys, and what a PIN could be guessed by."""

DERIVED: Final = frozenset({"contact_keys"})
"""What is made of other tables, and says nothing that they do not say."""

# What there is one of for each thing that a person would count.
_COUNTED: Final[Mapping[DataCategory, str]] = {
    DataCategory.ACCOUNT: "SELECT count(*) FROM identity",
    DataCategory.CONTACTS: "SELECT count(*) FROM contacts",
    DataCategory.CALLS: "SELECT count(*) FROM calls",
    DataCategory.MESSAGES: "SELECT count(*) FROM messages",
    DataCategory.RECORDINGS: "SELECT count(*) FROM recordings",
    DataCategory.PICTURES: "SELECT count(*) FROM pictures",
    DataCategory.SETTINGS: "SELECT count(*) FROM preferences",
    DataCategory.CONSENTS: "SELECT count(*) FROM consent_ledger",
    DataCategory.REQUESTS: "SELECT count(*) FROM requests",
    DataCategory.SHARES: "SELECT count(*) FROM shares",
    DataCategory.POLICIES: "SELECT count(*) FROM policies",
    DataCategory.NOTICES: "SELECT count(*) FROM notices",
    DataCategory.PIN: "SELECT count(*) FROM pins",
}
_WITHOUT_ROWID: Final[Mapping[str, str]] = {"shares": "epoch, seq, recipient"}
_STRETCH: Final = 500

DataRow = Mapping[str, Any]
"""One row of a table as JSON has it."""


class StoredMyData:
    """Reads all that there is."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def counts(self) -> Mapping[DataCategory, int]:
        """Return how many things there are of each category."""
        return await self._store.run(
            lambda database: {category: int(database.query(sql)[0][0]) for category, sql in _COUNTED.items()}
        )

    async def rows(self, table: str) -> AsyncIterator[Sequence[DataRow]]:
        """Return a table, a stretch of rows at a time without its secrets; calls are written in between."""
        after = 0
        while True:
            columns, rows = await self._store.run(partial(_read, table=table, after=after))
            if not rows:
                return
            left_out = SECRETS.get(table, frozenset())
            yield [
                {name: _as_json(value) for name, value in zip(columns, row[1:], strict=True) if name not in left_out}
                for row in rows
            ]
            after = after + len(rows) if table in _WITHOUT_ROWID else rows[-1][0]


def _read(database: Database, table: str, after: int) -> tuple[list[str], list[tuple[Any, ...]]]:
    columns = [str(row[1]) for row in database.query(f"PRAGMA table_info({table})")]
    names = ", ".join(columns)
    if (order := _WITHOUT_ROWID.get(table)) is not None:
        sql = f"SELECT 0, {names} FROM {table} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608 - names of the schema
    else:
        sql = f"SELECT rowid, {names} FROM {table} WHERE rowid > ?2 ORDER BY rowid LIMIT ?1"  # noqa: S608 - likewise
    return columns, database.query(sql, _STRETCH, after)


def _as_json(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
