from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.base.errors import StorageError
from firmware.store.database import Database
from firmware.store.errors import StoreTooNewError
from firmware.store.migrate import Migration, load_migrations
from tests.lab.store import KEY

MIGRATIONS = load_migrations()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "store.db", KEY)
    yield database
    database.close()


def schema(database: Database) -> list[tuple[str, str]]:
    return database.query("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")


def version(database: Database) -> int:
    [(number,)] = database.query("PRAGMA user_version")
    return int(number)


@pytest.mark.parametrize("old", range(len(MIGRATIONS) + 1))
def test_every_old_version_is_brought_to_the_schema_of_a_new_store(
    database: Database, tmp_path: Path, old: int
) -> None:
    database.open(MIGRATIONS[:old])
    assert version(database) == old
    database.close()
    database.open(MIGRATIONS)
    new = Database(tmp_path / "new.db", KEY)
    new.open(MIGRATIONS)
    assert version(database) == len(MIGRATIONS)
    assert schema(database) == schema(new)
    new.close()


def test_calls_and_contacts_of_an_older_firmware_are_kept(database: Database) -> None:
    database.open(MIGRATIONS[:1])
    database.execute("INSERT INTO contacts (name) VALUES ('Ann')")
    database.execute(
        "INSERT INTO calls (call_id, direction, number, dialled, account, started_at, reason, clock_synced, boot_id, "
        "ledger_entries, seen) VALUES ('a', 'incoming', '10086', '', 'b', 1.0, 'busy', 1, 'c', 0, 0)"
    )
    database.close()
    database.open(MIGRATIONS)
    assert database.query("SELECT number, reason, decision, mos FROM calls") == [("10086", "busy", None, None)]
    assert database.query("SELECT name, ring FROM contacts") == [("Ann", "")]


def test_the_pin_of_an_older_firmware_is_still_the_holders(database: Database) -> None:
    database.open(MIGRATIONS[:4])
    database.execute("INSERT INTO pin (only, code, wrong_tries) VALUES (1, '$argon2id$', 4)")
    database.close()
    database.open(MIGRATIONS)
    assert database.query("SELECT slot, code, wrong_tries FROM pins") == [("holder", "$argon2id$", 4)]


def test_messages_that_wait_in_an_older_firmwares_outbox_still_wait(database: Database) -> None:
    database.open(MIGRATIONS[:1])
    database.execute("INSERT INTO outbox VALUES (7, 5, 'cdr', 'a', 2, '{}')")
    database.close()
    database.open(MIGRATIONS)
    assert database.query("SELECT * FROM outbox") == [(7, 5, "cdr", "a", 2, "{}", 0)]


def test_pictures_of_an_older_firmware_are_the_holders_own_and_its_contacts_have_no_more_of_their_cards(
    database: Database,
) -> None:
    database.open(MIGRATIONS[:14])
    database.execute("INSERT INTO contacts (name, picture) VALUES ('Ann', 'p1')")
    database.execute("INSERT INTO pictures (picture, name, sealing_key) VALUES ('p1', 'Ann', ?)", bytes(32))
    database.close()
    database.open(MIGRATIONS)
    assert database.query("SELECT picture, properties FROM contacts") == [("p1", "[]")]
    assert database.query("SELECT picture, contact_id FROM pictures") == [("p1", None)]


def test_a_migration_that_fails_leaves_the_version_before_it_whole(database: Database) -> None:
    database.open(MIGRATIONS)
    before = schema(database)
    database.close()
    broken = Migration(len(MIGRATIONS) + 1, "CREATE TABLE half (a TEXT); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(StorageError, match="nowhere"):
        database.open((*MIGRATIONS, broken))
    database.open(MIGRATIONS)
    assert version(database) == len(MIGRATIONS)
    assert schema(database) == before


def test_a_store_from_a_newer_firmware_is_refused_and_left_alone(database: Database) -> None:
    newer = Migration(len(MIGRATIONS) + 1, "CREATE TABLE from_the_future (a TEXT);")
    database.open((*MIGRATIONS, newer))
    database.close()
    newest = len(MIGRATIONS)
    message = f"schema {newest + 1}, this firmware knows schemas up to {newest}. Install the newer firmware"
    with pytest.raises(StoreTooNewError, match=message):
        database.open(MIGRATIONS)
    database.open((*MIGRATIONS, newer))
    assert version(database) == newest + 1


def test_the_migrations_that_ship_are_numbered_without_gaps() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_requests_of_an_older_firmware_are_kept_and_those_of_an_unset_clock_lose_a_day_that_never_was(
    database: Database,
) -> None:
    database.open(MIGRATIONS[:15])
    for number, synced, due in ((1, 0, "1970-01-08"), (2, 1, "2026-12-02"), (3, 1, "2026-12-03")):
        database.execute(
            "INSERT INTO requests (number, kind, filed_at, filed_s, clock_synced, due) "
            "VALUES (?, 'copy', 5.0, 7.0, ?, ?)",
            number,
            synced,
            due,
        )
    database.execute("DELETE FROM requests WHERE number = 3")
    database.execute("UPDATE requests SET closed = 'answered', closed_at = 9.0 WHERE number = 2")
    database.close()
    database.open(MIGRATIONS)
    assert database.query(
        "SELECT number, filed_at, filed_s, waits_s, due, objected, closed, closed_at FROM requests"
    ) == [
        (1, None, 7.0, 7.0, None, 0, None, None),
        (2, 5.0, 7.0, 7.0, "2026-12-02", 0, "answered", 9.0),
    ]
    [(first,), (second,)] = database.query("SELECT epoch FROM requests ORDER BY number")
    assert first != second
    [(number,)] = database.query(
        "INSERT INTO requests (epoch, kind, filed_s, waits_s) VALUES (1, 'copy', 0, 0) RETURNING number"
    )
    assert number == 4, "the number of a request that is forgotten does not come again"


def test_a_caller_who_was_turned_away_by_an_older_firmware_is_rejected_in_one_word(database: Database) -> None:
    database.open(MIGRATIONS[:15])
    for call_id, direction, answered_at in (("a", "incoming", None), ("b", "incoming", 2.0), ("c", "outgoing", None)):
        database.execute(
            "INSERT INTO calls (call_id, direction, number, dialled, account, started_at, answered_at, reason, "
            "clock_synced, boot_id, ledger_entries, seen) "
            "VALUES (?, ?, '1', '', 'b', 1.0, ?, 'local_hangup', 1, 'c', 0, 0)",
            call_id,
            direction,
            answered_at,
        )
    database.close()
    database.open(MIGRATIONS)
    assert [reason for (reason,) in database.query("SELECT reason FROM calls ORDER BY call_id")] == [
        "rejected", "local_hangup", "local_hangup",
    ]  # fmt: skip
