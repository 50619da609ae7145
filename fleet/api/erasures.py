"""Notices by which handsets had records deleted."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from fleet.api.listing import CSV_ANSWER, After, Limit, Listing, wants_csv
from fleet.api.models import Erasure, ErasurePage, ErasureStanding
from fleet.api.rows import AnyRow, fields
from fleet.api.service import AskedScope, At
from fleet.collector.tables import erasures

router: Final = APIRouter(tags=["erasures"])


def _erasure(row: AnyRow) -> Erasure:
    standing = ErasureStanding.OUTSTANDING if row.done_at is None else ErasureStanding.DONE
    return Erasure.model_validate({**fields(row), "standing": standing})


_LATEST: Final = Listing(
    erasures,
    ("received_at", "fleet", "device", "epoch", "seq"),
    (datetime, str, str, int, int),
    Erasure,
    _erasure,
    descending=True,
)


@router.get("/erasures", response_model=ErasurePage, responses=CSV_ANSWER)
def list_erasures(
    request: Request,
    service: At,
    scope: AskedScope,
    *,
    standing: Annotated[ErasureStanding | None, Query(description="Outstanding or done alone.")] = None,
    after: After = None,
    limit: Limit = 100,
) -> ErasurePage | Response:
    """Erasures, the one that came last first."""
    conditions = [scope.holds(erasures.c.fleet)]
    if standing is not None:
        outstanding = erasures.c.done_at.is_(None)
        conditions.append(outstanding if standing is ErasureStanding.OUTSTANDING else ~outstanding)
    if wants_csv(request):
        return _LATEST.file(service.engine, conditions, after, "erasures")
    rows, place = _LATEST.rows(service.engine, conditions, after, limit)
    return ErasurePage(rows=rows, next=place)
