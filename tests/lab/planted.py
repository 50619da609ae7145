"""Something to be found in every column of every table of the store, should it ever leave.

A column that has nothing planted in it says why not. A table or a column that is not here fails `plant`: whoever adds
one decides what a capture has to look for.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from firmware.store.database import Database
from firmware.store.store import Store


@dataclass(frozen=True, slots=True)
class Left:
    """A column in which nothing is planted.

    Attributes:
        why: the reason.
        value: what stands there instead.
    """

    why: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Planted:
    """What stands in a column, and what of it is looked for."""

    value: Any
    looked_for: str | bytes


Column = Left | Planted


def _words(name: str) -> Planted:
    text = f"planted {name} £ö栽植"
    return Planted(text, text)


def _letters(name: str) -> Planted:
    return Planted(f"planted-{name}", f"planted-{name}")


def _digits(name: str) -> Planted:
    digits = f"049{int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10**8:08}"
    return Planted(digits, digits)


def _key(name: str) -> Planted:
    key = hashlib.sha256(name.encode()).digest()
    return Planted(key, key)


def _time(name: str) -> Planted:
    seconds = 1_600_000_000 + int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10**8
    return Planted(float(seconds), str(seconds))


def _document(name: str, **more: object) -> Planted:
    words = f"planted {name} £ö栽植"
    said = {"text": {"en": [words], "zh": [words]}, **more}
    return Planted(json.dumps(said, ensure_ascii=False), words)


_COUNT: Final = "a number too small to be told from others"
_ENUM: Final = "one word of a closed list"
_SETTLED: Final = "the handset itself reads and rewrites it at each start; the real one is there all week"
_ROW_ID: Final = Left(_COUNT)

TABLES: Final[Mapping[str, Mapping[str, Column] | str]] = {
    "identity": {"only": Left(_COUNT, 1), "account_secret": _key("account secret")},
    "calls": {
        "position": _ROW_ID,
        "call_id": _letters("call"),
        "direction": Left(_ENUM, "incoming"),
        "number": _digits("call number"),
        "dialled": _digits("call dialled"),
        "account": _letters("call-account"),
        "started_at": _time("call started"),
        "answered_at": _time("call answered"),
        "ended_at": _time("call ended"),
        "reason": Left(_ENUM, "remote_hangup"),
        "sip_code": Left(_COUNT, 200),
        "clock_synced": Left(_COUNT, 1),
        "boot_id": _letters("call-boot"),
        "ledger_entries": Left(_COUNT, 0),
        "seen": Left(_COUNT, 1),
        "decision": Left(_ENUM),
        "verification": Left(_ENUM),
        "loss_percent": Planted(12.3456789, "12.3456789"),
        "jitter_ms": Planted(34.5678912, "34.5678912"),
        "round_trip_ms": Planted(56.7891234, "56.7891234"),
        "codec": _letters("codec"),
        "encrypted": Left(_COUNT, 0),
        "mos": Planted(3.1415926, "3.1415926"),
        "repaired_percent": Planted(7.6543219, "7.6543219"),
        "far_loss_percent": Planted(8.7654321, "8.7654321"),
        "far_mos": Planted(2.7182818, "2.7182818"),
        "trouble": Left(_ENUM),
        "text": _words("call text"),
    },
    "contacts": {
        "contact_id": Left(_COUNT, 4711),
        "name": _words("contact name"),
        "ring": Left(_ENUM, ""),
        "blocked": Left(_COUNT, 1),
        "picture": _letters("contact-picture"),
        "properties": Planted('[{"name": "NOTE", "value": "planted-note-on-a-card"}]', "planted-note-on-a-card"),
        "sort_key": Left(_SETTLED, ""),
        "spelled_by": Left(_SETTLED, ""),
    },
    "contact_numbers": {
        "contact_id": Left(_COUNT, 4711),
        "number": _digits("contact number"),
        "tail": Left("the end of the number"),
        "kind": Left(_ENUM, "home"),
    },
    "contact_keys": "it is made of the contacts' names by each start",
    "messages": {
        "position": _ROW_ID,
        "message_id": _letters("message"),
        "direction": Left(_ENUM, "incoming"),
        "number": _digits("message number"),
        "display_name": _words("message name"),
        "text": _words("message text"),
        "at": _time("message"),
        "read": Left(_COUNT, 1),
        "delivered": Left(_COUNT, 1),
    },
    "recordings": {
        "position": _ROW_ID,
        "recording_id": _letters("recording"),
        "call_id": _letters("recording-call"),
        "number": _digits("recording number"),
        "name": _words("recording name"),
        "sealing_key": _key("recording key"),
        "sound_format": Left(_ENUM, "opus"),
        "began_at": _time("recording began"),
        "clock_synced": Left(_COUNT, 1),
        "boot_id": _letters("recording-boot"),
        "ledger_entries": Left(_COUNT, 0),
        "state": Left(_ENUM, "complete"),
        "message": Left(_ENUM, "heard"),
        "duration_s": Planted(4321.98765, "4321.98765"),
        "lost_s": Left(_COUNT, 0.0),
        "size_bytes": Planted(87654321, "87654321"),
        "kept": Left(_COUNT, 1),
        "kept_until": Left("those that are kept for good have none"),
    },
    "pictures": "a real one is added in the week, for a row has its file: its name and its key are looked for",
    "preferences": {
        "only": Left(_COUNT, 1),
        "chosen": Planted(
            json.dumps({"blocked": ["049555123123"], "speed_dials": [["7", "049555123123"]]}), "049555123123"
        ),
    },
    "pins": "what is set in the week is looked for, as digits and as it is kept",
    "set_up": _SETTLED,
    "witness": _SETTLED,
    "number_proof": {
        "only": Left(_COUNT, 1),
        "wrong_codes": Left(_COUNT, 0),
        "proved": Left(_COUNT, 0),
        "account": _letters("proved-account"),
    },
    "cancellation": "a row there ends the account",
    "retention_marks": "positions of rows by time, which the handset itself rewrites",
    "requests": {
        "number": Left(_COUNT, 1),
        "epoch": Left("the state of consent tells it of the requests that wait (W27), as number, kind and day", 4711),
        "kind": Left(_ENUM, "copy"),
        "filed_at": _time("request filed"),
        "filed_s": Left(_COUNT, 0),
        "waits_s": Left(_COUNT, 0),
        "due": Left("a date, as messages have", "2026-03-06"),
        "objected": Left(_COUNT, 0),
        "closed": Left(_ENUM, "granted"),
        "closed_at": _time("request closed"),
    },
    "answers": {
        "number": Left(_COUNT, 1),
        "request": Left(_COUNT, 1),
        "said": _document("answer text", request=1, epoch=4711, decision="granted"),
        "document": _key("answer document"),
        "issued_at": _time("answer issued"),
        "state": Left(_ENUM, "read"),
    },
    "copies": "the time that a copy was made at, for a day",
    "consent_ledger": "closed lists and times; its head leaves with each state of consent, which is parsed whole",
    "consent_head": "the state of consent tells it, and is parsed whole",
    "outbox": "what leaves, parsed whole",
    "outbox_counter": _COUNT,
    "traffic": {
        "day": Left("a date, as messages have; older ones go", (datetime.now(UTC) - timedelta(1)).date().isoformat()),
        "sent_bytes": Planted(31415926535, "31415926535"),
        "received_bytes": Planted(27182818284, "27182818284"),
    },
    "shares": {
        "epoch": Left(_COUNT, 0),
        "seq": Left(_COUNT, 0),
        "recipient": _words("recipient"),
        "topic": Left(_ENUM, "consent"),
        "call_id": _letters("shared-call"),
        "in_clear": Left(_COUNT, 0),
        "handed_at": _time("handed over"),
        "broker_at": _time("confirmed by the broker"),
        "collector": _letters("collector"),
        "collector_at": _time("confirmed by a collector"),
        "erased_epoch": Left(_COUNT),
        "erased_seq": Left(_COUNT),
    },
    "pseudonym_key": {"only": Left(_COUNT, 1), "key": _key("pseudonym key")},
    "documents": {
        "kind": Left(_ENUM, "catalogue"),
        "number": Left(_COUNT, 1),
        "digest": Planted("5eed" * 16, "5eed" * 16),
        "issued_at": _time("issued"),
        "taken_at": _time("taken"),
    },
    "updates": {
        "number": Left(_COUNT, 1),
        "document": _key("update document"),
        "outcome": Left(_ENUM, "taken"),
    },
    "policies": {
        "position": Left(_COUNT, -1),
        "version": _letters("policy"),
        "said": _document("policy text", version="planted-policy", date="2026-01-01", asks_again=[]),
        "document": _key("policy document"),
        "state": Left(_ENUM, "replaced"),
        "witness": Left("only one that waits has it"),
    },
    "notices": {
        "notice_id": Left(_COUNT, 1),
        "said": _document("notice text", title={"en": "Old", "zh": "旧"}, incident=False),
        "document": _key("notice document"),
        "incident": Left(_COUNT, 0),
        "issued_at": _time("notice issued"),
        "acknowledged_at": _time("acknowledged"),
    },
    "catalogues": "the operator's words, the newest of which count; a signed one would take the firmware's place",
}
"""Each table by its columns, or the reason for which it is left as it is."""

LOOKED_FOR: Final = {
    f"{table}.{name}": column.looked_for
    for table, columns in TABLES.items()
    if not isinstance(columns, str)
    for name, column in columns.items()
    if isinstance(column, Planted)
}
"""What a capture must not hold, by table and column."""


async def plant(store: Store) -> None:
    """Write it into an open store.

    Raises:
        AssertionError: the store has a table or a column about which nothing is decided, or lacks one.
    """
    await store.transact(_plant)


async def rows_of(store: Store) -> str:
    """Return everything in the store as text, to see what of it is still there."""

    def read(database: Database) -> str:
        return "\n".join(repr(row) for table in _tables(database) for row in database.query(f'SELECT * FROM "{table}"'))

    return await store.run(read)


def undecided(schema: Mapping[str, set[str]]) -> set[str]:
    """Return the tables and columns of which nothing is decided, and those that are gone."""
    decided = {
        (table, column)
        for table, columns in TABLES.items()
        for column in (schema.get(table, {""}) if isinstance(columns, str) else columns)
    }
    present = {(table, column) for table, columns in schema.items() for column in columns}
    return {f"{table}.{column}" for table, column in decided ^ present}


def schema_of(database: Database) -> dict[str, set[str]]:
    """Return the columns of each table."""
    return {
        table: {str(row[1]) for row in database.query(f'PRAGMA table_info("{table}")')} for table in _tables(database)
    }


def _tables(database: Database) -> list[str]:
    rows = database.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [str(name) for (name,) in rows]


def _plant(database: Database) -> None:
    missing = undecided(schema_of(database))
    assert not missing, f"tests/lab/planted.py says nothing of {sorted(missing)}, or speaks of what is not there"
    for table, columns in TABLES.items():
        if isinstance(columns, str):
            continue
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        values = [_value(table, name, column) for name, column in columns.items()]
        database.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", *values)


def _value(table: str, name: str, column: Column) -> Any:
    if (table, name) == ("contact_numbers", "tail"):
        return str(LOOKED_FOR["contact_numbers.number"])[-7:]
    return column.value
