"""Calls that are over: one by one, by the hour, and how they ended."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import ColumnElement, func, select

from contract.calls import CallDirection, DisconnectReason
from fleet.api.hour_of import hour_of
from fleet.api.listing import CSV_ANSWER, After, Limit, Listing, wants_csv
from fleet.api.models import Call, CallHour, CallHours, CallPage, CallResult, CallResults
from fleet.api.rows import AnyRow, as_model, fields
from fleet.api.service import AskedScope, At, Scope, Service
from fleet.api.spans import AskedSpan, From, Span, To
from fleet.collector.tables import calls
from fleet.names import HandsetName

router: Final = APIRouter(tags=["calls"])

_HOUR: Final = timedelta(hours=1)

OfDevice = Annotated[HandsetName | None, Query(description="Of the handset with this name alone.")]


def _call(row: AnyRow) -> Call:
    talk_s = None
    if row.answered_at is not None and row.ended_at is not None:
        talk_s = (row.ended_at - row.answered_at).total_seconds()
    return Call.model_validate({**fields(row), "talk_s": talk_s})


LATEST: Final = Listing(
    calls,
    ("started_at", "fleet", "device", "epoch", "seq"),
    (datetime, str, str, int, int),
    Call,
    _call,
    descending=True,
)


@router.get("/calls", response_model=CallPage, responses=CSV_ANSWER)
def list_calls(
    request: Request,
    service: At,
    scope: AskedScope,
    *,
    device: OfDevice = None,
    start: From = None,
    end: To = None,
    result: Annotated[list[DisconnectReason] | None, Query(description="That ended in one of these ways.")] = None,
    direction: Annotated[CallDirection | None, Query(description="In this direction alone.")] = None,
    after: After = None,
    limit: Limit = 100,
) -> CallPage | Response:
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
    if wants_csv(request):
        return listing.file(service.engine, conditions, after, "calls", parts=parts)
    rows, place = listing.rows(service.engine, conditions, after, limit, parts=parts)
    return CallPage(rows=rows, next=place)


def _within(service: Service, scope: Scope, span: Span) -> tuple[ColumnElement[bool], ...]:
    fleets = calls.c.fleet.in_(scope.among(service.engine))
    return fleets, calls.c.started_at >= span.start, calls.c.started_at < span.end


@router.get("/calls/hourly")
def count_calls_by_hour(service: At, scope: AskedScope, span: AskedSpan, device: OfDevice = None) -> CallHours:
    """Calls by the hour in which they started, by default of the last seven days."""
    hour = hour_of(calls.c.started_at)
    statement = (
        select(hour.label("hour"), func.count().label("calls"), func.count(calls.c.answered_at).label("answered"))
        .where(*_within(service, scope, span))
        .group_by(hour)
    )
    if device is not None:
        statement = statement.where(calls.c.device == device)
    with service.engine.connect() as connection:
        counted = {row.hour: as_model(CallHour, row) for row in connection.execute(statement)}
    first = span.start.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    number = -((first - span.end) // _HOUR)
    hours = (first + index * _HOUR for index in range(number))
    rows = tuple(counted.get(hour, CallHour(hour=hour, calls=0, answered=0)) for hour in hours)
    return CallHours(start=span.start, end=span.end, rows=rows)


@router.get("/calls/results")
def count_calls_by_result(service: At, scope: AskedScope, span: AskedSpan, device: OfDevice = None) -> CallResults:
    """How calls ended, by default those of the last seven days."""
    number = func.count()
    statement = (
        select(calls.c.result, calls.c.direction, number.label("calls"))
        .where(*_within(service, scope, span))
        .group_by(calls.c.result, calls.c.direction)
        .order_by(number.desc(), calls.c.result, calls.c.direction)
    )
    if device is not None:
        statement = statement.where(calls.c.device == device)
    with service.engine.connect() as connection:
        rows = tuple(as_model(CallResult, row) for row in connection.execute(statement))
    return CallResults(start=span.start, end=span.end, rows=rows)
