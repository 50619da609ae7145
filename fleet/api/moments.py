"""Times in SQL: spans that are asked for, and what each database has its own words for."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import AwareDatetime, BeforeValidator, Field
from sqlalchemy import ColumnElement, Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from fleet.api.answers import RequestMistakeError
from fleet.tables import Moment

_DEFAULT_SPAN: Final = timedelta(days=7)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _no_number(text: Any) -> Any:
    if not (isinstance(text, str) and _RFC_3339.fullmatch(text)):
        raise ValueError("write it as 2026-03-10T12:00:00Z, or with +08:00 (in an address %2B08:00) in place of the Z")
    return text


_Moment = Annotated[AwareDatetime, Field(ge=_FIRST, le=_LAST), BeforeValidator(_no_number)]

From = Annotated[_Moment | None, Query(alias="from", description="Started then or later; RFC 3339 with its zone.")]
To = Annotated[_Moment | None, Query(alias="to", description="Started before; RFC 3339 with its zone.")]


@dataclass(frozen=True, slots=True)
class Span:
    """What started at `start` or later and before `end`."""

    start: datetime
    end: datetime


def span_within(most: timedelta) -> Callable[[From, To], Span]:
    """Return what makes a span of what is asked for: by default the last seven days, never longer than `most`."""

    def asked(start: From = None, end: To = None) -> Span:
        until = datetime.now(UTC) if end is None else end
        since = until - _DEFAULT_SPAN if start is None else start
        if since >= until:
            raise RequestMistakeError("query.from", "It has to be before `to`.")
        if until - since > most:
            raise RequestMistakeError(
                "query.from", f"It may be {most.days} days before `to` at most: ask for less, or several times."
            )
        return Span(since.astimezone(UTC), until.astimezone(UTC))

    return asked


class hour_of(GenericFunction[datetime]):  # noqa: N801 - written as the function that it is in SQL
    """The beginning of the hour, in UTC, that a time lies in."""

    type = Moment()
    inherit_cache = True
    name = "wecall_hour_of"


class minute_of(GenericFunction[datetime]):  # noqa: N801 - likewise
    """The beginning of the minute, in UTC, that a time lies in."""

    type = Moment()
    inherit_cache = True
    name = "wecall_minute_of"


class seconds_between(GenericFunction[float]):  # noqa: N801 - likewise
    """Seconds from one time to another."""

    type = Double()
    inherit_cache = True
    name = "wecall_seconds_between"


@compiles(hour_of, "postgresql")
def _hour_in_postgresql(element: ColumnElement[datetime], compiler: SQLCompiler, **settings: Any) -> str:
    return f"date_trunc('hour', {compiler.process(element.clauses, **settings)}, 'UTC')"


@compiles(hour_of, "sqlite")
def _hour_in_sqlite(element: ColumnElement[datetime], compiler: SQLCompiler, **settings: Any) -> str:
    # Times stand there as SQLAlchemy writes them: YYYY-MM-DD HH:MM:SS.ffffff, in UTC.
    return f"substr({compiler.process(element.clauses, **settings)}, 1, 13) || ':00:00.000000'"


@compiles(minute_of, "postgresql")
def _minute_in_postgresql(element: ColumnElement[datetime], compiler: SQLCompiler, **settings: Any) -> str:
    return f"date_trunc('minute', {compiler.process(element.clauses, **settings)}, 'UTC')"


@compiles(minute_of, "sqlite")
def _minute_in_sqlite(element: ColumnElement[datetime], compiler: SQLCompiler, **settings: Any) -> str:
    return f"substr({compiler.process(element.clauses, **settings)}, 1, 16) || ':00.000000'"


@compiles(seconds_between, "postgresql")
def _seconds_in_postgresql(element: Any, compiler: SQLCompiler, **settings: Any) -> str:
    first, second = (compiler.process(each, **settings) for each in element.clauses)
    return f"EXTRACT(EPOCH FROM ({second} - {first}))"


@compiles(seconds_between, "sqlite")
def _seconds_in_sqlite(element: Any, compiler: SQLCompiler, **settings: Any) -> str:
    first, second = (compiler.process(each, **settings) for each in element.clauses)
    return f"((julianday({second}) - julianday({first})) * 86400.0)"
