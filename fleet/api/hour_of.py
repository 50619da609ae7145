"""The beginning of the hour, in UTC, that a time lies in: each database has its own words for it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from fleet.collector.tables import Moment


class hour_of(GenericFunction[datetime]):  # noqa: N801 - written as the function that it is in SQL
    """The beginning of a time's hour."""

    type = Moment()
    inherit_cache = True
    name = "wecall_hour_of"


@compiles(hour_of, "postgresql")
def _in_postgresql(element: ColumnElement[datetime], compiler: SQLCompiler, **settings: Any) -> str:
    return f"date_trunc('hour', {compiler.process(element.clauses, **settings)}, 'UTC')"


@compiles(hour_of, "sqlite")
def _in_sqlite(element: ColumnElement[datetime], compiler: SQLCompiler, **settings: Any) -> str:
    # Times stand there as SQLAlchemy writes them: YYYY-MM-DD HH:MM:SS.ffffff, in UTC.
    return f"substr({compiler.process(element.clauses, **settings)}, 1, 13) || ':00:00.000000'"
