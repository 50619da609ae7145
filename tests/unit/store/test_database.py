import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.base.errors import StorageError
from firmware.store.database import Database, Migration, load_migrations
from firmware.store.errors import (
    StoreBusyError,
    StoreClosedError,
    StoreCorruptError,
    StoreFullError,
    StoreKeyWrongError,
    StoreTooNewError,
)
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


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "store.db", KEY)
    yield opened
    opened.close()


def schema(opened: Database) -> list[tuple[str, str]]:
    return opened.query("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")


def version(opened: Database) -> int:
    [(number,)] = opened.query("PRAGMA user_version")
    return int(number)


@pytest.mark.parametrize("old", range(len(MIGRATIONS) + 1))
def test_every_old_version_is_brought_to_the_schema_of_a_new_store(opened: Database, tmp_path: Path, old: int) -> None:
    opened.open(MIGRATIONS[:old])
    assert version(opened) == old
    opened.close()
    opened.open(MIGRATIONS)
    new = Database(tmp_path / "new.db", KEY)
    new.open(MIGRATIONS)
    assert version(opened) == len(MIGRATIONS)
    assert schema(opened) == schema(new)
    new.close()


def test_calls_and_contacts_of_an_older_firmware_are_kept(opened: Database) -> None:
    opened.open(MIGRATIONS[:1])
    opened.execute("INSERT INTO contacts (name) VALUES ('Ann')")
    opened.execute(
        "INSERT INTO calls (call_id, direction, number, dialled, account, started_at, reason, clock_synced, boot_id, "
        "ledger_entries, seen) VALUES ('a', 'incoming', '10086', '', 'b', 1.0, 'busy', 1, 'c', 0, 0)"
    )
    opened.close()
    opened.open(MIGRATIONS)
    assert opened.query("SELECT number, reason, decision, mos FROM calls") == [("10086", "busy", None, None)]
    assert opened.query("SELECT name, ring FROM contacts") == [("Ann", "")]


def test_the_pin_of_an_older_firmware_is_still_the_holders(opened: Database) -> None:
    opened.open(MIGRATIONS[:4])
    opened.execute("INSERT INTO pin (only, code, wrong_tries) VALUES (1, '$argon2id$', 4)")
    opened.close()
    opened.open(MIGRATIONS)
    assert opened.query("SELECT slot, code, wrong_tries FROM pins") == [("holder", "$argon2id$", 4)]


def test_messages_that_wait_in_an_older_firmwares_outbox_still_wait(opened: Database) -> None:
    opened.open(MIGRATIONS[:1])
    opened.execute("INSERT INTO outbox VALUES (7, 5, 'cdr', 'a', 2, '{}')")
    opened.close()
    opened.open(MIGRATIONS)
    assert opened.query("SELECT * FROM outbox") == [(7, 5, "cdr", "a", 2, "{}", 0)]


def test_pictures_of_an_older_firmware_are_the_holders_own_and_its_contacts_have_no_more_of_their_cards(
    opened: Database,
) -> None:
    opened.open(MIGRATIONS[:14])
    opened.execute("INSERT INTO contacts (name, picture) VALUES ('Ann', 'p1')")
    opened.execute("INSERT INTO pictures (picture, name, sealing_key) VALUES ('p1', 'Ann', ?)", bytes(32))
    opened.close()
    opened.open(MIGRATIONS)
    assert opened.query("SELECT picture, properties FROM contacts") == [("p1", "[]")]
    assert opened.query("SELECT picture, contact_id FROM pictures") == [("p1", None)]


def test_a_migration_that_fails_leaves_the_version_before_it_whole(opened: Database) -> None:
    opened.open(MIGRATIONS)
    before = schema(opened)
    opened.close()
    broken = Migration(len(MIGRATIONS) + 1, "CREATE TABLE half (a TEXT); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(StorageError, match="nowhere"):
        opened.open((*MIGRATIONS, broken))
    opened.open(MIGRATIONS)
    assert version(opened) == len(MIGRATIONS)
    assert schema(opened) == before


def test_a_store_from_a_newer_firmware_is_refused_and_left_alone(opened: Database) -> None:
    newer = Migration(len(MIGRATIONS) + 1, "CREATE TABLE from_the_future (a TEXT);")
    opened.open((*MIGRATIONS, newer))
    opened.close()
    newest = len(MIGRATIONS)
    message = f"schema {newest + 1}, this firmware knows schemas up to {newest}. Install the newer firmware"
    with pytest.raises(StoreTooNewError, match=message):
        opened.open(MIGRATIONS)
    opened.open((*MIGRATIONS, newer))
    assert version(opened) == newest + 1


def test_the_migrations_that_ship_are_numbered_without_gaps() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_requests_of_an_older_firmware_are_kept_and_those_of_an_unset_clock_lose_a_day_that_never_was(
    opened: Database,
) -> None:
    opened.open(MIGRATIONS[:15])
    for number, synced, due in ((1, 0, "1970-01-08"), (2, 1, "2026-12-02"), (3, 1, "2026-12-03")):
        opened.execute(
            "INSERT INTO requests (number, kind, filed_at, filed_s, clock_synced, due) "
            "VALUES (?, 'copy', 5.0, 7.0, ?, ?)",
            number,
            synced,
            due,
        )
    opened.execute("DELETE FROM requests WHERE number = 3")
    opened.execute("UPDATE requests SET closed = 'answered', closed_at = 9.0 WHERE number = 2")
    opened.close()
    opened.open(MIGRATIONS)
    assert opened.query(
        "SELECT number, filed_at, filed_s, waits_s, due, objected, closed, closed_at FROM requests"
    ) == [
        (1, None, 7.0, 7.0, None, 0, None, None),
        (2, 5.0, 7.0, 7.0, "2026-12-02", 0, "answered", 9.0),
    ]
    [(first,), (second,)] = opened.query("SELECT epoch FROM requests ORDER BY number")
    assert first != second
    [(number,)] = opened.query(
        "INSERT INTO requests (epoch, kind, filed_s, waits_s) VALUES (1, 'copy', 0, 0) RETURNING number"
    )
    assert number == 4, "the number of a request that is forgotten does not come again"


def test_a_caller_who_was_turned_away_by_an_older_firmware_is_rejected_in_one_word(opened: Database) -> None:
    opened.open(MIGRATIONS[:15])
    for call_id, direction, answered_at in (("a", "incoming", None), ("b", "incoming", 2.0), ("c", "outgoing", None)):
        opened.execute(
            "INSERT INTO calls (call_id, direction, number, dialled, account, started_at, answered_at, reason, "
            "clock_synced, boot_id, ledger_entries, seen) "
            "VALUES (?, ?, '1', '', 'b', 1.0, ?, 'local_hangup', 1, 'c', 0, 0)",
            call_id,
            direction,
            answered_at,
        )
    opened.close()
    opened.open(MIGRATIONS)
    assert [reason for (reason,) in opened.query("SELECT reason FROM calls ORDER BY call_id")] == [
        "rejected", "local_hangup", "local_hangup",
    ]  # fmt: skip
