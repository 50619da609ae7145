"""Numbered migrations: each is one SQL file and one transaction."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final, Protocol

from firmware.base.errors import StorageError
from firmware.store.errors import StoreTooNewError

_FILE_NAME: Final = re.compile(r"^(?P<number>[0-9]{3})_[a-z0-9_]+\.sql$")


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
