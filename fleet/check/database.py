"""Whether the database can be written, has the tables of this program, and has room."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import inspect, make_url, select, update
from sqlalchemy.exc import SQLAlchemyError

from fleet.check.report import Row, State
from fleet.collector.database import VERSION, open_database, writing
from fleet.collector.settings import Storage
from fleet.tables import schema_version

_DATABASE: Final = "database"
_DISK: Final = "database's disk"
_GIB: Final = 1 << 30
_LITTLE: Final = 2 * _GIB
_TOO_LITTLE: Final = _GIB // 4


def check_database(storage: Storage) -> Iterator[Row]:
    """Write into it, take that back, and see how much room there is."""
    url = make_url(storage.url)
    if url.drivername != "sqlite":
        yield _written(storage)
        yield Row(_DISK, State.NOT_TRIED, "PostgreSQL does not say how much is free. See df on its machine.")
        return
    path = Path(url.database or "")
    if path.exists():
        yield _written(storage)
    elif path.parent.is_dir():
        yield Row(_DATABASE, State.WARN, f"{path} is not there yet. The collector makes it when it starts.")
    else:
        yield Row(_DATABASE, State.BAD, f"There is no folder {path.parent}. Make it, and give it to the collector.")
        return
    free = shutil.disk_usage(path.parent).free
    says = f"{free / _GIB:.1f} GiB are free at {path.parent}."
    if free < _LITTLE:
        more = "Make room, or set retention_days: without room nothing is confirmed."
        yield Row(_DISK, State.BAD if free < _TOO_LITTLE else State.WARN, f"{says} {more}")
    else:
        yield Row(_DISK, State.GOOD, says)


def _written(storage: Storage) -> Row:
    engine = open_database(storage)
    try:
        with writing(engine).connect() as connection, connection.begin() as attempt:
            if not inspect(connection).has_table(schema_version.name):
                return Row(_DATABASE, State.WARN, "It has no tables yet. The collector makes them when it starts.")
            version = connection.execute(select(schema_version.c.version)).scalar_one()
            connection.execute(update(schema_version).values(version=version))
            attempt.rollback()
    except SQLAlchemyError as error:
        why = f"{getattr(error, 'orig', None) or type(error).__name__}".partition("\n")[0]
        return Row(_DATABASE, State.BAD, f"It takes nothing: {why}. Nothing is confirmed until it does.")
    finally:
        engine.dispose()
    if version > VERSION:
        says = f"Its tables are of version {version}, and this program knows them up to {VERSION}. Update this one."
        return Row(_DATABASE, State.BAD, says)
    if version < VERSION:
        says = f"Its tables are of version {version}. A collector of this version makes them {VERSION} when it starts."
        return Row(_DATABASE, State.WARN, says)
    return Row(_DATABASE, State.GOOD, f"It can be written; its tables are of version {VERSION}.")
