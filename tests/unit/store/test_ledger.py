"""What a question costs that the gate asks of a long ledger, and that what is kept in memory hides no change of it."""

from pathlib import Path

import pytest

from contract.consent import Purpose
from firmware.base.errors import StorageError
from firmware.privacy.consent import Damage, DamageFound, LedgerAction, LedgerEntry, LedgerHead
from firmware.store import ledger
from firmware.store.database import Database, Row, load_migrations
from firmware.store.ledger import append_entry, read_head, read_state
from tests.lab.ledger import chain_of, follow
from tests.lab.store import KEY

MANY = 5000
CDR = Purpose.CDR_SYNC
CHANGED = "UPDATE consent_ledger SET at = '2020-01-01T00:00:00.000Z' WHERE number = 1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def database(path: Path) -> Database:
    """A store whose ledger has verified."""
    database = Database(path, KEY)
    database.open(load_migrations())
    for entry in chain_of(LedgerAction.GRANT, LedgerAction.WITHDRAW, LedgerAction.GRANT):
        append_entry(database, entry)
    assert read_state(database).granted(CDR)
    return database


def add(database: Database, action: LedgerAction) -> None:
    append_entry(database, follow(read_head(database), action, CDR))


def drop_triggers(database: Database) -> list[str]:
    found = database.query("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    for name, _ in found:
        database.execute(f"DROP TRIGGER {name}")
    return [sql for _, sql in found]


def change_without_triggers(database: Database) -> None:
    triggers = drop_triggers(database)
    database.execute(CHANGED)
    for sql in triggers:
        database.execute(sql)


def test_a_question_about_a_long_ledger_looks_at_what_is_new_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(path, KEY)
    database.open(load_migrations())
    head = LedgerHead()
    with database.transaction():
        for number in range(MANY):
            entry = follow(head, LedgerAction.WITHDRAW if number % 2 else LedgerAction.GRANT, CDR)
            append_entry(database, entry)
            head = entry.head
    assert not read_state(database).granted(CDR)
    read: list[int] = []
    parse = ledger._entry

    def parse_and_note(row: Row) -> LedgerEntry:
        read.append(row[0])
        return parse(row)

    monkeypatch.setattr(ledger, "_entry", parse_and_note)
    assert not read_state(database).granted(CDR)
    assert read == []
    add(database, LedgerAction.GRANT)
    assert read_state(database).granted(CDR)
    assert read_state(database).head.entries == MANY + 1
    assert read == [MANY + 1]


@pytest.mark.parametrize("by", ["this connection", "another one, while this one was closed"])
def test_a_changed_row_is_found_whoever_changed_it(database: Database, path: Path, by: str) -> None:
    if by == "this connection":
        change_without_triggers(database)
    else:
        database.close()
        other = Database(path, KEY)
        other.open(load_migrations())
        schema = other.query("PRAGMA schema_version")
        change_without_triggers(other)
        other.execute(f"PRAGMA schema_version = {schema[0][0]}")
        other.close()
        database.open(load_migrations())
    for _ in range(2):
        assert read_state(database).damage == DamageFound(1, Damage.CHANGED)


def test_a_changed_row_is_found_where_no_trigger_is_left(database: Database) -> None:
    drop_triggers(database)
    assert read_state(database).intact
    database.execute(CHANGED)
    assert read_state(database).damage == DamageFound(1, Damage.CHANGED)


def test_an_answer_that_came_to_nothing_counts_neither_then_nor_under_the_one_that_takes_its_place(
    database: Database,
) -> None:
    def withdraw_and_fail() -> None:
        with database.transaction():
            add(database, LedgerAction.WITHDRAW)
            assert not read_state(database).granted(CDR)
            raise StorageError("The card is gone.")

    for _ in range(2):
        with pytest.raises(StorageError, match="gone"):
            withdraw_and_fail()
        add(database, LedgerAction.GRANT)
        state = read_state(database)
        assert state.intact
        assert state.granted(CDR)
