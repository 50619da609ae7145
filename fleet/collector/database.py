"""The collector's database: SQLite in a file, or PostgreSQL."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, inspect, make_url, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection

from fleet.collector.settings import Storage
from fleet.errors import FleetError
from fleet.files import read_secret
from fleet.tables import metadata, schema_version

VERSION: Final = 4
"""Of the tables. A change of theirs makes a new one, and a step that brings an older database up to it."""

_STEPS: Final = {
    2: (
        "ALTER TABLE requests ADD COLUMN epoch BIGINT",
        "ALTER TABLE requests ADD COLUMN objected BOOLEAN DEFAULT false NOT NULL",
    ),
    3: (
        """CREATE TABLE alerts (
            channel VARCHAR(8) NOT NULL, kind VARCHAR(32) NOT NULL, fleet VARCHAR(64) NOT NULL,
            subject VARCHAR(192) NOT NULL, began_at TIMESTAMP WITH TIME ZONE NOT NULL,
            told_at TIMESTAMP WITH TIME ZONE, ended_at TIMESTAMP WITH TIME ZONE,
            PRIMARY KEY (channel, kind, fleet, subject))""",
        """CREATE TABLE alert_channels (
            channel VARCHAR(8) NOT NULL PRIMARY KEY, next_at TIMESTAMP WITH TIME ZONE NOT NULL,
            failures INTEGER NOT NULL, problem VARCHAR(64))""",
    ),
    4: (
        """CREATE TABLE audit (
            at TIMESTAMP WITH TIME ZONE NOT NULL, id VARCHAR(32) NOT NULL, who VARCHAR(80) NOT NULL,
            action VARCHAR(16) NOT NULL, what VARCHAR(32) NOT NULL, fleets VARCHAR NOT NULL,
            device VARCHAR(64) NOT NULL, PRIMARY KEY (at, id))""",
    ),
}
"""What brings tables of the version before up to each version, the same on both databases."""

_PREPARING: Final = 7_430_001
"""Collectors that start at the same time prepare the database one after the other."""

# As long as a collector waits for another that has the file; each of its transactions takes milliseconds.
_SQLITE_PATIENCE_S: Final = 30
# As long as emptying the journal waits for whoever reads; records come in meanwhile, and it is tried again.
_FORGET_PATIENCE_S: Final = 0.1
_CONNECT_TIMEOUT_S: Final = 10
# A server that is asked too much says so rather than keep a collector waiting for ever.
_LOCK_TIMEOUT_MS: Final = 60_000
# As long as whoever only reads may keep the server busy with one question.
_READING_TIMEOUT_MS: Final = 60_000
# A server that is cut off says nothing at all.
_KEEP_ALIVE: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


_READING: Final = f" -c default_transaction_read_only=on -c statement_timeout={_READING_TIMEOUT_MS}"


def open_database(storage: Storage, *, only_reads: bool = False) -> Engine:
    """Return an engine; it connects when it is first used.

    On SQLite `engine.begin()` reads; whoever writes takes `writing(engine)`, which has the file for itself from its
    first moment on. Errors do not quote what was to be written.

    Args:
        storage: which database.
        only_reads: the database is to refuse whatever changes something, and to end what takes too long. Such an
            engine has connections of its own: whoever reads much takes none away from whoever writes.

    Raises:
        FleetError: the database's file or that of the password cannot be used.
    """
    url = make_url(storage.url)
    if url.drivername == "sqlite":
        _make_private(Path(url.database or ""))
        engine = create_engine(url, connect_args={"timeout": _SQLITE_PATIENCE_S}, hide_parameters=True)
        event.listen(engine, "connect", _set_up_sqlite)
        if only_reads:
            event.listen(engine, "connect", _forbid_writing)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    options: dict[str, Any] = {
        "connect_timeout": _CONNECT_TIMEOUT_S,
        "options": f"-c lock_timeout={_LOCK_TIMEOUT_MS} -c timezone=UTC{_READING if only_reads else ''}",
        "application_name": "wecall-collector",
        **_KEEP_ALIVE,
    }
    if storage.password_file is not None:
        options["password"] = read_secret(storage.password_file, "The database's password").strip()
    return create_engine(
        url, connect_args=options, pool_pre_ping=True, isolation_level="READ COMMITTED", hide_parameters=True
    )


def writing(engine: Engine) -> Engine:
    """Return the same engine for transactions that write."""
    return engine.execution_options(writes=True)


def insert_or(connection: Connection, table: Table) -> postgresql.Insert:
    """Return an insert into a table with `on_conflict_do_nothing` and `on_conflict_do_update`.

    Both databases know these under the same words, and SQLAlchemy under two names.
    """
    if connection.dialect.name == "sqlite":
        # The two classes share no base, and what is used here is the same in both.
        return sqlite.insert(table)  # type: ignore[return-value]
    return postgresql.insert(table)


def insert_or_change(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *changing: str) -> None:
    """Insert rows; of those whose key is there already change these columns, all of them where none is named."""
    if not rows:
        return
    statement = insert_or(connection, table)
    names = changing or [column.name for column in table.columns if not column.primary_key]
    changes = {name: statement.excluded[name] for name in names}
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes), rows)


def take_turn(connection: Connection, key: int) -> None:
    """Wait until no other transaction has this key, and have it until this one's end.

    An advisory lock of PostgreSQL's; SQLite has one writer at a time.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def prepare(engine: Engine) -> None:
    """Make the tables where they are not there yet, and bring those of an older program up to this one's.

    Raises:
        FleetError: they are a newer program's.
        SQLAlchemyError: the database is not there.
    """
    with writing(engine).begin() as connection:
        make_tables(connection)


def make_tables(connection: Connection) -> None:
    """Do so in a transaction that writes.

    Raises:
        FleetError: they are a newer program's.
    """
    take_turn(connection, _PREPARING)
    if not inspect(connection).has_table(schema_version.name):
        metadata.create_all(connection)
        connection.execute(insert(schema_version).values(version=VERSION))
        return
    version = connection.execute(select(schema_version.c.version)).scalar_one()
    for step in range(version + 1, VERSION + 1):
        for statement in _STEPS[step]:
            connection.execute(text(statement))
        connection.execute(update(schema_version).values(version=step))
    if version > VERSION:
        raise FleetError(
            f"The database has tables of version {version}, and this program knows them up to {VERSION}: a newer "
            "program has used it. Update this one; nothing was changed."
        )


def forget_for_good(engine: Engine) -> bool:
    """Take out of SQLite's journal what was deleted; False while somebody still reads an older state.

    Deleted rows are overwritten in the file itself (secure_delete), but the journal keeps pages as they were until it
    is emptied. PostgreSQL does it in its own time, by VACUUM.

    Raises:
        SQLAlchemyError: the database is not there.
    """
    if engine.dialect.name != "sqlite":
        return True
    # Outside of any transaction, or else the journal could not be emptied.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(1000 * _FORGET_PATIENCE_S)}")
        try:
            busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {1000 * _SQLITE_PATIENCE_S}")
    return not busy


def _set_up_sqlite(connection: DBAPIConnection, _record: Any) -> None:
    # The driver is not to begin transactions by itself: `_begin_sqlite` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _forbid_writing(connection: DBAPIConnection, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")


def _make_private(path: Path) -> None:
    """Make the file where it is not there yet: whose calls these are is for nobody else on this computer."""
    try:
        path.touch(mode=0o600)
    except OSError as error:
        raise FleetError(f"The database, {path}, cannot be written: {error.strerror}. Check its folder.") from error
