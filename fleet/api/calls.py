"""Calls that are over: one by one, by the hour, and how they ended."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BeforeValidator, Field
from sqlalchemy import ColumnElement, RowMapping, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from contract.calls import CallDirection, DisconnectReason
from fleet.api.answers import RequestMistakeError
from fleet.api.listing import CSV_ANSWER, AHundred, Listing
from fleet.api.models import Call, CallHour, CallHours, CallPage, CallResult, CallResults
from fleet.api.service import AskedScope, At
from fleet.names import HandsetName
from fleet.tables import Moment, calls

router: Final = APIRouter(tags=["calls"])

_HOUR: Final = timedelta(hours=1)

OfDevice = Annotated[HandsetName | None, Query(description="Of the handset with this name alone.")]

_MAX_SPAN: Final = timedelta(days=93)
"""What is counted by the hour, at most: a quarter of a year."""

_DEFAULT_SPAN: Final = timedelta(days=7)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _no_number(text: Any) -> Any:
    if not (isinstance(text, str) and _RFC_3339.fullmatch(text)):
        raise ValueError("write it as 2026-03-10T12:00:00Z, or with +08:00 (in an address %2B08:00) in place of the Z")
    return text


_Moment = Annotated[AwareDatetime, Field(ge=_FIRST, le=_LAST), BeforeValidator(_no_number)]

_From = Annotated[_Moment | None, Query(alias="from", description="Started then or later; RFC 3339 with its zone.")]
_To = Annotated[_Moment | None, Query(alias="to", description="Started before; RFC 3339 with its zone.")]


@dataclass(frozen=True, slots=True)
class _Span:
    """What started at `start` or later and before `end`."""

    start: datetime
    end: datetime


def _asked_span(start: _From = None, end: _To = None) -> _Span:
    """Make a span of what is asked for: by default the last seven days, never too long to count by the hour."""
    until = datetime.now(UTC) if end is None else end
    since = until - _DEFAULT_SPAN if start is None else start
    if since >= until:
        raise RequestMistakeError("query.from", "It has to be before `to`.")
    if until - since > _MAX_SPAN:
        raise RequestMistakeError(
            "query.from", f"It may be {_MAX_SPAN.days} days before `to` at most: ask for less, or several times."
        )
    return _Span(since.astimezone(UTC), until.astimezone(UTC))


_AskedSpan = Annotated[_Span, Depends(_asked_span)]


class hour_of(GenericFunction[datetime]):  # noqa: N801 - written as the function that it is in SQL
    """The beginning of the hour, in UTC, that a time lies in: each database has its own words for it."""

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


def _call(row: RowMapping) -> Call:
    answered, ended = row["answered_at"], row["ended_at"]
    talk_s = None if answered is None or ended is None else (ended - answered).total_seconds()
    return Call.model_validate({**row, "talk_s": talk_s})


LATEST: Final = Listing(calls, ("started_at", "fleet", "device", "epoch", "seq"), Call, _call, descending=True)


@router.get("/calls", response_model=CallPage, responses=CSV_ANSWER)
def list_calls(
    service: At,
    scope: AskedScope,
    asked: AHundred,
    *,
    device: OfDevice = None,
    start: _From = None,
    end: _To = None,
    result: Annotated[list[DisconnectReason] | None, Query(description="That ended in one of these ways.")] = None,
    direction: Annotated[CallDirection | None, Query(description="In this direction alone.")] = None,
) -> Any:
    """Calls, the one that started last first."""
    fleets = scope.among(service.engine)
    listing, parts = LATEST, [calls.c.fleet == fleet for fleet in fleets]
    if device is not None:
        # OFFSET 0 has a handset's few calls found first and put into order then; else the index by time is walked.
        of_device = select(calls).where(calls.c.fleet.in_(fleets), calls.c.device == device).offset(0)
        listing, parts = replace(LATEST, source=of_device.subquery()), []
    columns = listing.source.c
    conditions: list[ColumnElement[bool]] = [columns.fleet.in_(fleets)]
    if start is not None:
        conditions.append(columns.started_at >= start)
    if end is not None:
        conditions.append(columns.started_at < end)
    if result:
        conditions.append(columns.result.in_(result))
    if direction is not None:
        conditions.append(columns.direction == direction)
    return listing.answer(asked, conditions, "calls", parts=parts)


def _counted(service: At, scope: AskedScope, span: _AskedSpan, device: OfDevice = None) -> list[ColumnElement[bool]]:
    conditions = [
        calls.c.fleet.in_(scope.among(service.engine)),
        calls.c.started_at >= span.start,
        calls.c.started_at < span.end,
    ]
    return conditions if device is None else [*conditions, calls.c.device == device]


_Counted = Annotated[list[ColumnElement[bool]], Depends(_counted)]


@router.get("/calls/hourly")
def count_calls_by_hour(service: At, counted: _Counted, span: _AskedSpan) -> CallHours:
    """Calls by the hour in which they started, by default of the last seven days."""
    hour = hour_of(calls.c.started_at)
    statement = (
        select(hour.label("hour"), func.count().label("calls"), func.count(calls.c.answered_at).label("answered"))
        .where(*counted)
        .group_by(hour)
    )
    with service.engine.connect() as connection:
        found = {row["hour"]: CallHour.model_validate(dict(row)) for row in connection.execute(statement).mappings()}
    first = span.start.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    number = -((first - span.end) // _HOUR)
    hours = (first + index * _HOUR for index in range(number))
    rows = tuple(found.get(hour, CallHour(hour=hour, calls=0, answered=0)) for hour in hours)
    return CallHours(start=span.start, end=span.end, rows=rows)


@router.get("/calls/results")
def count_calls_by_result(service: At, counted: _Counted, span: _AskedSpan) -> CallResults:
    """How calls ended, by default those of the last seven days."""
    number = func.count()
    statement = (
        select(calls.c.result, calls.c.direction, number.label("calls"))
        .where(*counted)
        .group_by(calls.c.result, calls.c.direction)
        .order_by(number.desc(), calls.c.result, calls.c.direction)
    )
    with service.engine.connect() as connection:
        rows = tuple(CallResult.model_validate(dict(row)) for row in connection.execute(statement).mappings())
    return CallResults(start=span.start, end=span.end, rows=rows)
