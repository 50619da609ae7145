"""Calls that are over: one by one, by the hour, and how they ended."""

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from sqlalchemy import ColumnElement, RowMapping, func, select

from contract.calls import CallDirection, DisconnectReason
from fleet.api.listing import CSV_ANSWER, AHundred, Listing
from fleet.api.models import Call, CallHour, CallHours, CallPage, CallResult, CallResults
from fleet.api.moments import From, Span, To, hour_of, span_within
from fleet.api.service import AskedScope, At
from fleet.names import HandsetName
from fleet.tables import calls

router: Final = APIRouter(tags=["calls"])

_HOUR: Final = timedelta(hours=1)

OfDevice = Annotated[HandsetName | None, Query(description="Of the handset with this name alone.")]

_MAX_SPAN: Final = timedelta(days=93)
"""What is counted by the hour, at most: a quarter of a year."""

_AskedSpan = Annotated[Span, Depends(span_within(_MAX_SPAN))]


def call_fields(row: RowMapping) -> dict[str, Any]:
    """Return what a row of calls holds, and how long was talked."""
    answered, ended = row["answered_at"], row["ended_at"]
    talk_s = None if answered is None or ended is None else (ended - answered).total_seconds()
    return {**row, "talk_s": talk_s}


def _call(row: RowMapping) -> Call:
    return Call.model_validate(call_fields(row))


LATEST: Final = Listing(calls, ("started_at", "fleet", "device", "epoch", "seq"), Call, _call, descending=True)


@router.get("/calls", response_model=CallPage, responses=CSV_ANSWER)
def list_calls(
    service: At,
    scope: AskedScope,
    asked: AHundred,
    *,
    device: OfDevice = None,
    start: From = None,
    end: To = None,
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
