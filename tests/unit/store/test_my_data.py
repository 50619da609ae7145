from firmware.phone.my_data import DataCategory
from firmware.store.database import Database
from firmware.store.my_data import CATEGORY_OF_TABLE, DERIVED, SECRETS
from tests.lab.store import StoreLab


def tables(database: Database) -> set[str]:
    rows = database.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {name for (name,) in rows}


async def test_each_table_of_the_store_belongs_to_a_category_that_the_holder_is_shown(lab: StoreLab) -> None:
    assert await lab.store.run(tables) == set(CATEGORY_OF_TABLE)
    assert set(await lab.my_data.counts()) == set(DataCategory) == set(CATEGORY_OF_TABLE.values())
    assert set(CATEGORY_OF_TABLE) >= DERIVED


async def test_each_key_of_the_store_is_a_secret_that_no_copy_holds(lab: StoreLab) -> None:
    def columns(database: Database) -> set[tuple[str, str]]:
        return {
            (table, row[1])
            for table in CATEGORY_OF_TABLE
            for row in database.query(f"PRAGMA table_info({table})")
            if row[2] == "BLOB" or row[1] == "code"
        }

    secrets = {(table, column) for table, columns in SECRETS.items() for column in columns}
    assert await lab.store.run(columns) - secrets == {
        ("policies", "document"),
        ("notices", "document"),
        ("answers", "document"),
        ("updates", "document"),
    }


async def test_however_long_a_table_is_each_row_is_read_once(lab: StoreLab) -> None:
    for number in range(3):
        await lab.add_contact(f"Ann {number}", [str(number)])
    await lab.store.transact(
        lambda database: database.execute(
            "WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 1200) "
            "INSERT INTO shares (epoch, seq, recipient, topic, in_clear, handed_at) "
            "SELECT 1, n, 'b', 'cdr', 0, n FROM many"
        )
    )
    seqs = [row["seq"] async for stretch in lab.my_data.rows("shares") for row in stretch]
    assert seqs == list(range(1, 1201))
    assert [row["name"] async for stretch in lab.my_data.rows("contacts") for row in stretch] == [
        "Ann 0", "Ann 1", "Ann 2",
    ]  # fmt: skip
