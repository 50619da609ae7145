import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.base.errors import StorageError
from firmware.store.database import Database
from firmware.store.errors import (
    StoreBusyError,
    StoreClosedError,
    StoreCorruptError,
    StoreFullError,
    StoreKeyWrongError,
)
from firmware.store.migrate import load_migrations
from tests.lab.store import KEY

MIGRATIONS = load_migrations()
OTHER_KEY = bytes(32)
PAGE_BYTES = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(path, KEY)
    database.open(MIGRATIONS)
    yield database
    database.close()


def damage(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))


def test_the_store_is_opened_so_that_a_commit_is_on_the_disk(database: Database) -> None:
    settings = {
        name: database.query(f"PRAGMA {name}")[0][0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "temp_store", "locking_mode")
    }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "temp_store": 2,
        "locking_mode": "exclusive",
    }


def test_only_the_owner_may_read_any_of_the_store_s_files(database: Database, path: Path) -> None:
    database.execute("INSERT INTO contacts (name) VALUES ('Ann')")
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("store.db", "store.db-wal", "store.db.key-check"), 0o600)


def test_another_key_is_said_to_be_wrong(database: Database, path: Path) -> None:
    database.close()
    with pytest.raises(StoreKeyWrongError, match=r"does not open with this key\. Put back the key"):
        Database(path, OTHER_KEY).open(MIGRATIONS)
    database.open(MIGRATIONS)


def test_a_wrong_key_complains_to_nobody_but_the_caller(
    database: Database, path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    database.close()
    with pytest.raises(StoreKeyWrongError):
        Database(path, OTHER_KEY).open(MIGRATIONS)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("offset", [0, 20, 2000, PAGE_BYTES - 1], ids=lambda offset: f"byte {offset}")
def test_a_damaged_first_page_is_told_from_a_wrong_key(database: Database, path: Path, offset: int) -> None:
    database.close()
    damage(path, offset)
    with pytest.raises(StoreCorruptError, match=r"is damaged\. Calls work"):
        Database(path, KEY).open(MIGRATIONS)


def test_any_damaged_page_is_found_by_the_check(database: Database, path: Path) -> None:
    database.check()
    with database.transaction():
        for _ in range(100):
            database.execute("INSERT INTO contacts (name) VALUES (hex(randomblob(400)))")
    database.close()
    pages = path.stat().st_size // PAGE_BYTES
    assert pages > 20
    damage(path, (pages - 2) * PAGE_BYTES + 100)
    database.open(MIGRATIONS)
    with pytest.raises(StoreCorruptError):
        database.check()


def test_a_damaged_page_is_never_read_as_data(database: Database, path: Path) -> None:
    with database.transaction():
        for _ in range(100):
            database.execute("INSERT INTO contacts (name) VALUES (hex(randomblob(400)))")
    database.close()
    damage(path, (path.stat().st_size // PAGE_BYTES - 2) * PAGE_BYTES + 100)
    database.open(MIGRATIONS)
    with pytest.raises(StoreCorruptError):
        database.query("SELECT * FROM contacts")


def test_an_empty_file_where_a_store_was_is_damage_and_not_a_new_store(database: Database, path: Path) -> None:
    database.close()
    path.write_bytes(b"")
    with pytest.raises(StoreCorruptError):
        Database(path, KEY).open(MIGRATIONS)


def test_a_shortened_file_is_damage(database: Database, path: Path) -> None:
    database.close()
    os.truncate(path, 3 * PAGE_BYTES)
    with pytest.raises(StoreCorruptError):
        Database(path, KEY).open(MIGRATIONS)


def test_a_plain_file_is_no_store(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + bytes(10_000))
    with pytest.raises(StoreKeyWrongError):
        Database(path, KEY).open(MIGRATIONS)


def test_a_second_process_is_told_that_the_store_is_in_use(database: Database, path: Path) -> None:
    with pytest.raises(StoreBusyError, match="Another process has the store"):
        Database(path, KEY).open(MIGRATIONS)


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()
    with pytest.raises(StorageError, match=r"store\.db"):
        Database(tmp_path / "store.db", KEY).open(MIGRATIONS)


def test_no_room_is_said_and_undoes_the_whole_transaction(database: Database) -> None:
    [(pages,)] = database.query("PRAGMA page_count")
    database.query(f"PRAGMA max_page_count = {pages + 2}")

    def write_too_much() -> None:
        with database.transaction():
            database.execute("INSERT INTO contacts (name) VALUES ('Ann')")
            for _ in range(100):
                database.execute("INSERT INTO contacts (name) VALUES (hex(randomblob(400)))")

    with pytest.raises(StoreFullError, match="no room left for the store"):
        write_too_much()
    assert database.query("SELECT count(*) FROM contacts") == [(0,)]
    database.query("PRAGMA max_page_count = 1000000")
    write_too_much()


def test_an_error_inside_a_transaction_undoes_it(database: Database) -> None:
    def fail() -> None:
        with database.transaction():
            database.execute("INSERT INTO contacts (name) VALUES ('Ann')")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert database.query("SELECT * FROM contacts") == []


def test_an_error_tells_nothing_of_the_values(database: Database) -> None:
    database.execute("INSERT INTO contacts (contact_id, name) VALUES (1, 'Ann Secret')")
    with pytest.raises(StorageError) as caught:
        database.execute("INSERT INTO contacts (contact_id, name) VALUES (?, ?)", 1, "Ann Secret")
    assert "Secret" not in str(caught.value)


# --- another key ---


def test_a_store_gets_another_key_and_keeps_what_is_in_it(database: Database, path: Path) -> None:
    database.execute("UPDATE outbox_counter SET last_seq = 7")
    database.rekey(OTHER_KEY)
    assert database.query("SELECT last_seq FROM outbox_counter") == [(7,)]
    database.check()
    database.close()
    with pytest.raises(StoreKeyWrongError):
        Database(path, KEY).open(MIGRATIONS)
    again = Database(path, OTHER_KEY)
    again.open(MIGRATIONS)
    assert again.query("SELECT last_seq FROM outbox_counter") == [(7,)]
    again.close()


def test_a_store_that_cannot_be_opened_again_with_either_key_says_so_from_then_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_database: Database) -> None:
        raise StoreFullError("There is no room.")

    monkeypatch.setattr(Database, "_connect", fail)
    with pytest.raises(StoreFullError):
        database.rekey(OTHER_KEY)
    with pytest.raises(StoreClosedError, match="not open any more"):
        database.query("SELECT 1")
    with pytest.raises(StoreClosedError), database.transaction():
        pytest.fail("begun on a store that is closed")
