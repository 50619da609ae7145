"""What holders agreed to, what they asked of the operator and by when it has to answer, and what they had erased."""

from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from sqlalchemy import ColumnElement, RowMapping, Table, and_, case, func, select

from contract.consent import Purpose
from fleet.api.listing import CSV_ANSWER, AHundred, AThousand, Listing
from fleet.api.models import (
    ConsentCoverage,
    Erasure,
    ErasurePage,
    ErasureStanding,
    PurposeCoverage,
    RequestStanding,
    RightsRequest,
    RightsRequestCounts,
    RightsRequestPage,
)
from fleet.api.service import AskedScope, At
from fleet.tables import consents, devices, erasures, purposes, requests

router: Final = APIRouter()


def same_device(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row of a table is about a row of `devices`."""
    return and_(table.c.fleet == devices.c.fleet, table.c.device == devices.c.device)


def number_of(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Count the rows that meet a condition; 0 also where there are none at all."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


@router.get("/consents/coverage", tags=["consents"])
def count_consents(service: At, scope: AskedScope) -> ConsentCoverage:
    """Yes, no, or never asked, by purpose; the handsets that are not retired."""
    there = and_(devices.c.retired_at.is_(None), scope.holds(devices.c.fleet))
    known = select(func.count()).select_from(devices).where(there)
    told = (
        select(func.count(), number_of(~consents.c.ledger_intact))
        .select_from(consents.join(devices, same_device(consents)))
        .where(there)
    )
    answered = (
        select(
            purposes.c.purpose,
            number_of(purposes.c.granted).label("granted"),
            number_of(and_(~purposes.c.granted, purposes.c.since.is_not(None))).label("refused"),
            number_of(and_(~purposes.c.granted, purposes.c.since.is_(None))).label("not_asked"),
        )
        .select_from(purposes.join(devices, same_device(purposes)))
        .where(there)
        .group_by(purposes.c.purpose)
    )
    nobody = {"granted": 0, "refused": 0, "not_asked": 0}
    with service.engine.connect() as connection:
        number = connection.execute(known).scalar_one()
        reporting, broken = connection.execute(told).one()
        counted = {row["purpose"]: dict(row) for row in connection.execute(answered).mappings()}
    rows = tuple(PurposeCoverage(**{**nobody, **counted.get(each, {}), "purpose": each}) for each in Purpose)
    return ConsentCoverage(devices=number, reporting=reporting, ledgers_broken=broken, rows=rows)


def standing_of(today: date) -> dict[RequestStanding, ColumnElement[bool]]:
    """Return for each standing the condition that a request has it."""
    closed, late = requests.c.closed_at.is_not(None), requests.c.due < today
    return {
        RequestStanding.OPEN: and_(~closed, ~late),
        RequestStanding.OVERDUE: and_(~closed, late),
        RequestStanding.CLOSED: closed,
    }


def listing_of(today: date) -> Listing[RightsRequest]:
    """Return requests as they stand on a day."""
    standing = case(*((condition, each.value) for each, condition in standing_of(today).items()))

    def read(row: RowMapping) -> RightsRequest:
        days_left = None if row["closed_at"] is not None else (row["due"] - today).days
        return RightsRequest.model_validate({**row, "days_left": days_left})

    source = select(requests, standing.label("standing")).subquery()
    return Listing(source, ("due", "fleet", "device", "number"), RightsRequest, read)


@router.get("/requests", response_model=RightsRequestPage, responses=CSV_ANSWER, tags=["requests"])
def list_requests(
    service: At,
    scope: AskedScope,
    asked: AThousand,
    standing: Annotated[list[RequestStanding] | None, Query(description="That stand in one of these ways.")] = None,
) -> Any:
    """Holders' requests, the one that is due first first."""
    listing = listing_of(service.today())
    columns = listing.source.c
    conditions = [scope.holds(columns.fleet)]
    if standing:
        conditions.append(columns.standing.in_(standing))
    return listing.answer(asked, conditions, "requests")


@router.get("/requests/counts", tags=["requests"])
def count_requests(service: At, scope: AskedScope) -> RightsRequestCounts:
    """How many requests stand how."""
    statement = select(
        *(number_of(condition).label(each.value) for each, condition in standing_of(service.today()).items()),
        func.min(case((requests.c.closed_at.is_(None), requests.c.due)), type_=requests.c.due.type).label("next_due"),
    ).where(scope.holds(requests.c.fleet))
    with service.engine.connect() as connection:
        return RightsRequestCounts.model_validate(dict(connection.execute(statement).mappings().one()))


_ERASURES: Final = select(
    erasures,
    case((erasures.c.done_at.is_(None), ErasureStanding.OUTSTANDING.value), else_=ErasureStanding.DONE.value).label(
        "standing"
    ),
).subquery()
_LATEST_ERASURES: Final = Listing(
    _ERASURES, ("received_at", "fleet", "device", "epoch", "seq"), Erasure, descending=True
)


@router.get("/erasures", response_model=ErasurePage, responses=CSV_ANSWER, tags=["erasures"])
def list_erasures(
    scope: AskedScope,
    asked: AHundred,
    standing: Annotated[ErasureStanding | None, Query(description="Outstanding or done alone.")] = None,
) -> Any:
    """Notices by which handsets had records deleted, the one that came last first."""
    conditions = [scope.holds(_ERASURES.c.fleet)]
    if standing is not None:
        conditions.append(_ERASURES.c.standing == standing)
    return _LATEST_ERASURES.answer(asked, conditions, "erasures")
