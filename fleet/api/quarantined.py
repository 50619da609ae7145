"""What was not taken, counted."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from fleet.api.listing import CSV_ANSWER, After, Limit, Listing, wants_csv
from fleet.api.models import Quarantined, QuarantinePage
from fleet.api.rows import AnyRow, as_model
from fleet.api.service import AskedScope, At
from fleet.collector.tables import quarantine

router: Final = APIRouter(tags=["quarantine"])


def _quarantined(row: AnyRow) -> Quarantined:
    return as_model(Quarantined, row)


_BY_DEVICE: Final = Listing(
    quarantine, ("fleet", "device", "topic", "reason"), (str, str, str, str), Quarantined, _quarantined
)


@router.get("/quarantine", response_model=QuarantinePage, responses=CSV_ANSWER)
def list_quarantined(
    request: Request, service: At, scope: AskedScope, after: After = None, limit: Limit = 1000
) -> QuarantinePage | Response:
    """Messages that were not taken, by fleet, handset, topic and reason."""
    conditions = [scope.holds(quarantine.c.fleet)]
    if wants_csv(request):
        return _BY_DEVICE.file(service.engine, conditions, after, "quarantine")
    rows, place = _BY_DEVICE.rows(service.engine, conditions, after, limit)
    return QuarantinePage(rows=rows, next=place)
