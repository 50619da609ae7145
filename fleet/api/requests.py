"""What holders asked of the operator, and by when it has to answer."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import ColumnElement, and_, case, func, or_, select

from fleet.api.listing import CSV_ANSWER, After, Limit, Listing, wants_csv
from fleet.api.models import RequestStanding, RightsRequest, RightsRequestCounts, RightsRequestPage
from fleet.api.rows import AnyRow, fields
from fleet.api.service import AskedScope, At
from fleet.collector.tables import requests

router: Final = APIRouter(tags=["requests"])


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

    def read(row: AnyRow) -> RightsRequest:
        days_left = None if row.closed_at is not None else (row.due - today).days
        if days_left is None:
            standing = RequestStanding.CLOSED
        else:
            standing = RequestStanding.OVERDUE if days_left < 0 else RequestStanding.OPEN
        return RightsRequest.model_validate({**fields(row), "standing": standing, "days_left": days_left})

    return Listing(requests, ("due", "fleet", "device", "number"), (date, str, str, int), RightsRequest, read)


@router.get("/requests", response_model=RightsRequestPage, responses=CSV_ANSWER)
def list_requests(
    request: Request,
    service: At,
    scope: AskedScope,
    *,
    standing: Annotated[list[RequestStanding] | None, Query(description="That stand in one of these ways.")] = None,
    after: After = None,
    limit: Limit = 1000,
) -> RightsRequestPage | Response:
    """Holders' requests, the one that is due first first."""
    today = service.today()
    conditions = [scope.holds(requests.c.fleet)]
    if standing:
        conditions.append(or_(*(standing_of(today)[one] for one in standing)))
    listing = listing_of(today)
    if wants_csv(request):
        return listing.file(service.engine, conditions, after, "requests")
    rows, place = listing.rows(service.engine, conditions, after, limit)
    return RightsRequestPage(rows=rows, next=place)


@router.get("/requests/counts")
def count_requests(service: At, scope: AskedScope) -> RightsRequestCounts:
    """How many requests stand how."""
    standings = standing_of(service.today())
    statement = select(
        *(
            func.coalesce(func.sum(case((condition, 1), else_=0)), 0).label(standing.value)
            for standing, condition in standings.items()
        ),
        func.min(case((requests.c.closed_at.is_(None), requests.c.due)), type_=requests.c.due.type).label("next_due"),
    ).where(scope.holds(requests.c.fleet))
    with service.engine.connect() as connection:
        return RightsRequestCounts.model_validate(fields(connection.execute(statement).one()))
