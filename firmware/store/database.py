"""One open SQLCipher database: how it is opened, its errors in our words, and its transactions."""

import errno
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

from sqlcipher3 import dbapi2

from firmware.base.errors import StorageError
from firmware.store.errors import (
    StoreBusyError,
    StoreClosedError,
    StoreCorruptError,
    StoreFullError,
    StoreKeyWrongError,
    StoreReadOnlyError,
    StoreTooNewError,
)

_FILE_NAME: Final = re.compile(r"^(?P<number>[0-9]{3})_[a-z0-9_]+\.sql$")

Row = tuple[Any, ...]
Value = str | bytes | int | float | None

KEY_BYTES: Final = 32


class Migratable(Protocol):
    """What a migration needs of a database."""

    def query(self, sql: str) -> list[tuple[int, ...]]: ...
    def execute_script(self, sql: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from schema `number - 1` to schema `number`."""

    number: int
    sql: str


def load_migrations() -> tuple[Migration, ...]:
    """Read the migrations that this firmware ships.

    Raises:
        StorageError: a number is missing or stands twice.
    """
    folder = resources.files("firmware.store") / "migrations"
    found = sorted(
        (
            Migration(int(match["number"]), file.read_text(encoding="utf-8"))
            for file in folder.iterdir()
            if (match := _FILE_NAME.match(file.name))
        ),
        key=lambda migration: migration.number,
    )
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise StorageError("The migrations of the store are not numbered 1, 2, 3 ...; install the firmware again.")
    return tuple(found)


def migrate(database: Migratable, migrations: Sequence[Migration]) -> None:
    """Bring a database to the newest schema; a crash leaves it at one schema or the next, never between.

    Raises:
        StoreTooNewError: a newer firmware has been here, and its data would not be understood.
    """
    [(current,)] = database.query("PRAGMA user_version")
    newest = len(migrations)
    if current > newest:
        raise StoreTooNewError(
            f"The store has schema {current}, this firmware knows schemas up to {newest}. "
            "Install the newer firmware again, or restore a copy of the store from before it."
        )
    for migration in migrations[current:]:
        # The version is part of the transaction (it lives in the file's header page).
        database.execute_script(
            f"BEGIN IMMEDIATE;\n{migration.sql}\n;PRAGMA user_version = {migration.number};\nCOMMIT;"
        )


class Database:
    """The connection; belongs to the thread that opened it."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key
        self._connection: Any = None
        self._connected = 0
        self._once_committed: list[Callable[[], None]] = []

    def open(self, migrations: Sequence[Migration]) -> None:
        """Open the file, made where there is none, and bring it to the newest schema.

        Every page is authenticated when it is read, so damage is found no later than where it would do harm; what is
        read here is the schema and the first pages. `check` reads everything.

        Raises:
            StorageError: its subclasses in firmware.store.errors say what is wrong, itself where it is none of them.
        """
        try:
            self._make_private()
        except OSError as error:
            self._fail_with_os_error(error)
        try:
            self._connect()
            migrate(self, migrations)
            self._remember_key()
        except BaseException:
            self.close()
            raise

    def read_schema(self) -> int:
        """Return the schema of a file that nobody has open, of which not a byte is changed; 0 where there is none.

        A write-ahead log that a crash has left is not looked into, so it may be that of a firmware before.

        Raises:
            StorageError: it does not open, as for `open`.
        """
        if not self._path.exists() or self._path.stat().st_size == 0:
            return 0
        try:
            self._connection = dbapi2.connect(f"{self._path.absolute().as_uri()}?immutable=1", uri=True)
            self.query("PRAGMA cipher_log_level = none")
            self.query(f"PRAGMA key = \"x'{self._key.hex()}'\"")
            [(schema,)] = self.query("PRAGMA user_version")
        except dbapi2.Error as error:
            self._fail(error)
        finally:
            self.close()
        return int(schema)

    def rekey(self, key: bytes) -> None:
        """Write the whole file anew with another key, in one transaction that leaves nothing but old or new.

        Takes on the order of 10 ms for each megabyte, and as much room again until it is done.

        Raises:
            StorageError: it could not be; the file stays as it was, and open.
        """
        old = self._key
        try:
            self.query(f"PRAGMA rekey = \"x'{key.hex()}'\"")
        finally:
            # Whatever the library says, the file tells: closing also brings the log into it, and overwrites old pages.
            self.close()
            self._key = key
            try:
                self._connect()
            except StoreKeyWrongError:
                self._key = old
                self._connect()
        if self._key is not key:
            raise StorageError(
                f"The store {self._path} could not be written anew with its new key. It stays as it was."
            )
        self._remember_key()

    def fold_log(self) -> None:
        """Write the log back into the file, so that nothing older stands in either."""
        self.query("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file; what was committed is safe with or without it."""
        if self._connection is not None:
            # Closing writes the log back into the file, for which there may be no room; the next opening does it again.
            with suppress(dbapi2.Error):
                self._connection.close()
            self._connection = None

    def query(self, sql: str, *parameters: Value) -> list[Row]:
        """Run one statement and return all its rows."""
        try:
            rows: list[Row] = self._live.execute(sql, parameters).fetchall()
        except dbapi2.Error as error:
            self._fail(error)
        return rows

    def execute(self, sql: str, *parameters: Value) -> int:
        """Run one statement and return how many rows it changed."""
        try:
            changed: int = self._live.execute(sql, parameters).rowcount
        except dbapi2.Error as error:
            self._fail(error)
        return changed

    def execute_script(self, sql: str) -> None:
        """Run statements that begin and end their own transaction; one that fails undoes them all."""
        try:
            self._live.executescript(sql)
        except dbapi2.Error as error:
            self._roll_back()
            self._fail(error)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; on the disk when the block has ended."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            self._once_committed.clear()
            self._roll_back()
            raise
        while self._once_committed:
            self._once_committed.pop(0)()

    def versions(self) -> tuple[int, int]:
        """Return what changes when the file is opened, which nobody else writes then, or when its schema changes."""
        [(schema,)] = self.query("PRAGMA schema_version")
        return self._connected, schema

    def once_committed(self, work: Callable[[], None]) -> None:
        """Have something done once the transaction under way is on the disk; never where it comes to nothing."""
        self._once_committed.append(work)

    def check(self) -> None:
        """Read every page and compare it with its authentication code, then check the structure.

        Costs a read of the whole file: on the order of 10 ms for each megabyte, hence on request and not at each start.

        Raises:
            StoreCorruptError: something is damaged.
        """
        # The codes are those of the file's own pages: of a key that was changed the file knows once it has the log.
        self.fold_log()
        damaged = self.query("PRAGMA cipher_integrity_check")
        if damaged or self.query("PRAGMA quick_check(1)") != [("ok",)]:
            raise StoreCorruptError(self._corrupt_message)

    def _make_private(self) -> None:
        # SQLite makes its write-ahead log with the permissions of the file itself.
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            return
        if self._path.stat().st_size == 0 and self._key_check_path.exists():
            # To SQLite an empty file is a new database; this one was lost, as after a power cut on a worn card.
            raise StoreCorruptError(self._corrupt_message)

    def _connect(self) -> None:
        try:
            self._connection = dbapi2.connect(str(self._path), isolation_level=None, timeout=1.0)
            self._connected += 1
        except dbapi2.Error as error:
            self._fail(error)
        # The library writes its complaints to standard error otherwise, and the key has to come before any access.
        self.query("PRAGMA cipher_log_level = none")
        self.query(f"PRAGMA key = \"x'{self._key.hex()}'\"")
        # One process owns the store. Exclusive also keeps the index of the write-ahead log in memory: no third file.
        self.query("PRAGMA locking_mode = exclusive")
        self.query("PRAGMA temp_store = memory")
        self.query("PRAGMA foreign_keys = on")
        if self.query("PRAGMA journal_mode = wal") != [("wal",)]:
            raise StorageError(f"The store {self._path} cannot keep a write-ahead log; use a local file system for it.")
        self.query("PRAGMA synchronous = full")
        self.query("PRAGMA secure_delete = on")
        # A file system that is read-only shows only when something is written.
        self.query("BEGIN IMMEDIATE")
        self.query("ROLLBACK")

    @property
    def _live(self) -> Any:
        if self._connection is None:
            # As after a change of the key whose file could not be opened again.
            raise StoreClosedError(f"The store {self._path} is not open any more. Restart the handset.")
        return self._connection

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself after a full disk or an I/O error (sqlite.org/lang_transaction.html).
        if self._connection is not None and self._connection.in_transaction:
            with suppress(dbapi2.Error):
                self._connection.execute("ROLLBACK")

    # A wrong key and a damaged first page look the same to SQLCipher ("file is not a database"), yet one is mended with
    # the right key and the other never. A code made from the key, kept beside the store, tells them apart; from 256
    # random bits it gives nothing away.

    @property
    def _key_check_path(self) -> Path:
        return self._path.with_name(self._path.name + ".key-check")

    @property
    def _key_code(self) -> str:
        return hmac.new(self._key, b"wecall store key check", hashlib.sha256).hexdigest()

    def _remember_key(self) -> None:
        if self._known_key_code() == self._key_code:
            return
        try:
            self._key_check_path.write_text(self._key_code + "\n", encoding="ascii")
            self._key_check_path.chmod(0o600)
        except OSError as error:
            self._fail_with_os_error(error)

    def _known_key_code(self) -> str | None:
        try:
            return self._key_check_path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None

    # --- errors ---

    @property
    def _corrupt_message(self) -> str:
        return (
            f"The store {self._path} is damaged. Calls work; the call log, contacts and call records do not. "
            "Restore a copy of it, or move it away to begin a new one."
        )

    def _fail(self, error: dbapi2.Error) -> NoReturn:
        # The low byte is the primary code (sqlite.org/rescode.html); SQLite's messages hold no values of ours.
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code in {dbapi2.SQLITE_IOERR, dbapi2.SQLITE_CANTOPEN} and not os.access(self._path, os.W_OK):
            # A write-ahead log that cannot be made is reported without its cause.
            code = dbapi2.SQLITE_READONLY
        if code == dbapi2.SQLITE_NOTADB and self._known_key_code() == self._key_code:
            code = dbapi2.SQLITE_CORRUPT
        match code:
            case dbapi2.SQLITE_NOTADB:
                raise StoreKeyWrongError(
                    f"The store {self._path} does not open with this key. Put back the key that it was made with."
                ) from error
            case dbapi2.SQLITE_CORRUPT:
                raise StoreCorruptError(self._corrupt_message) from error
            case dbapi2.SQLITE_FULL:
                raise StoreFullError(self._full_message) from error
            case dbapi2.SQLITE_READONLY:
                raise StoreReadOnlyError(self._read_only_message) from error
            case dbapi2.SQLITE_BUSY | dbapi2.SQLITE_LOCKED:
                raise StoreBusyError(
                    f"Another process has the store {self._path} open. Stop it, then start this one again."
                ) from error
            case _:
                raise StorageError(f"The store {self._path} failed: {error}.") from error

    def _fail_with_os_error(self, error: OSError) -> NoReturn:
        match error.errno:
            case errno.ENOSPC | errno.EDQUOT:
                raise StoreFullError(self._full_message) from error
            case errno.EROFS:
                raise StoreReadOnlyError(self._read_only_message) from error
            case _:
                raise StorageError(
                    f"The store {self._path} cannot be opened: {error.strerror}. Check its folder and permissions."
                ) from error

    @property
    def _full_message(self) -> str:
        return (
            f"There is no room left for the store {self._path}. Free space on the card, or delete calls from the log."
        )

    @property
    def _read_only_message(self) -> str:
        return f"The store {self._path} cannot be written. Check the card and the permissions of its folder."
