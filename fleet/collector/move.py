"""A collector's database from SQLite to PostgreSQL: all of it or nothing, in one transaction at either end."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, Table, create_engine, event, func, inspect, make_url, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from fleet.collector.database import VERSION, make_tables, open_database, writing
from fleet.collector.settings import Storage
from fleet.errors import FleetError
from fleet.tables import metadata, schema_version

TABLES: Final = tuple(table for table in metadata.sorted_tables if table is not schema_version)
"""What is moved; the version is the new database's own."""

_ROWS_AT_ONCE: Final = 1000
# A collector has the file open for as long as it runs: whoever waits longer waits in vain.
_PATIENCE_S: Final = 2


class Move:
    """Copies everything; the old file is nobody else's meanwhile, and stays as it is.

    Whatever ends it before `run` has returned, the new database is as it was: the same command can be said again.
    """

    def __init__(self, old: Storage, new: Storage) -> None:
        """Set up without connecting.

        Raises:
            FleetError: they are not a file of SQLite's and a PostgreSQL, or the file is not there.
        """
        url = make_url(old.url)
        if (url.drivername, make_url(new.url).drivername) != ("sqlite", "postgresql+psycopg"):
            raise FleetError("A database is moved from sqlite:///... to postgresql+psycopg://... and in no other way.")
        self._path = Path(url.database or "")
        if not self._path.is_file():
            raise FleetError(f"There is no database {self._path}. Check the path.")
        self._old = create_engine(
            url, poolclass=NullPool, connect_args={"timeout": _PATIENCE_S}, hide_parameters=True
        )  # fmt: skip
        event.listen(self._old, "connect", _keep_for_ourselves)
        event.listen(self._old, "begin", _begin)
        self._new: Engine = open_database(new)

    def run(self, began: Callable[[int], None], copied: Callable[[str, int], None]) -> int:
        """Copy, count at both ends, and return how many rows it was.

        Args:
            began: told how many rows there are in all.
            copied: told of a table's name how many more of its rows have been handed over.

        Raises:
            FleetError: somebody uses the old database, the new one is not empty, or one of them fails.
        """
        try:
            with self._read() as source, writing(self._new).begin() as target:
                make_tables(target)
                # A collector that was started too early waits.
                target.execute(text(f"LOCK TABLE {', '.join(table.name for table in TABLES)} IN EXCLUSIVE MODE"))
                _refuse_what_is_not_empty(target)
                numbers = {table: _count(source, table) for table in TABLES}
                began(sum(numbers.values()))
                for table, number in numbers.items():
                    _copy(source, target, table, copied)
                    if (there := _count(target, table)) != number:
                        raise FleetError(
                            f"Of {number} rows of {table.name} {there} arrived. Nothing was changed; try it again."
                        )
        except (SQLAlchemyError, psycopg.Error) as error:
            raise FleetError(f"The move failed: {_words(error)}. Nothing was changed; try it again.") from error
        finally:
            self._new.dispose()
        return sum(numbers.values())

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self._old.connect())
                connection.begin()
            except SQLAlchemyError as error:
                cause = getattr(error, "orig", None)
                if getattr(cause, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                    raise FleetError(
                        f"{self._path} cannot be used: {cause}. Check the path, and who may write it."
                    ) from error
                raise FleetError(
                    f"Somebody uses {self._path}. Stop every collector that writes there, and whoever else has it "
                    "open: systemctl stop wecall-collector"
                ) from error
            if not inspect(connection).has_table(schema_version.name):
                raise FleetError(f"{self._path} is no collector's database. Check the path.")
            version = connection.execute(select(schema_version.c.version)).scalar_one()
            if version != VERSION:
                raise FleetError(
                    f"{self._path} has tables of version {version}, and this program moves those of {VERSION}. Start a "
                    "collector of this version there once, stop it, and try it again."
                )
            yield connection


def _refuse_what_is_not_empty(target: Connection) -> None:
    for table in TABLES:
        if target.execute(select(table).limit(1)).first() is not None:
            raise FleetError(
                f"The new database is not empty: it has rows of {table.name}. Name another one; nothing was changed."
            )


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _copy(source: Connection, target: Connection, table: Table, copied: Callable[[str, int], None]) -> None:
    names = ", ".join(table.columns.keys())
    rows = source.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table))
    driver: Any = target.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for part in rows.partitions():
            for row in part:
                copy.write_row(row)
            copied(table.name, len(part))


def _words(error: Exception) -> str:
    """Name an error; of one that may quote a row no more than its kind."""
    cause = getattr(error, "orig", None) or error
    return f"{cause}".partition("\n")[0] if isinstance(cause, psycopg.OperationalError) else type(cause).__name__


def _keep_for_ourselves(connection: DBAPIConnection, _record: Any) -> None:
    # In exclusive mode the first look at a file with a journal fails as long as anybody else has it open.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA locking_mode=EXCLUSIVE")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    connection.exec_driver_sql("PRAGMA query_only=ON")
