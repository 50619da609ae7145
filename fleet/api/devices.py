"""Handsets and where they are."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import Select, case, func, literal, select

from fleet.api.listing import CSV_ANSWER, After, Limit, Listing, wants_csv
from fleet.api.models import Device, DeviceCount, DeviceCounts, DevicePage, DeviceState
from fleet.api.rows import AnyRow, as_model
from fleet.api.service import AskedScope, At
from fleet.collector.tables import Moment, devices

router: Final = APIRouter(tags=["devices"])

_STATE: Final = case((devices.c.retired_at.is_not(None), literal("retired")), else_=devices.c.state)

_KNOWN: Final = select(
    devices.c.fleet,
    devices.c.device,
    _STATE.label("state"),
    devices.c.state_since,
    devices.c.first_seen_at,
    devices.c.last_seen_at,
).subquery("known")


def _device(row: AnyRow) -> Device:
    return as_model(Device, row)


_BY_NAME: Final = Listing(_KNOWN, ("fleet", "device"), (str, str), Device, _device)
_BY_TIME: Final = Listing(_KNOWN, ("state_since", "fleet", "device"), (datetime, str, str), Device, _device)


@router.get("/devices", response_model=DevicePage, responses=CSV_ANSWER)
def list_devices(
    request: Request,
    service: At,
    scope: AskedScope,
    *,
    state: Annotated[list[DeviceState] | None, Query(description="In one of these states.")] = None,
    search: Annotated[
        str | None, Query(max_length=64, pattern=r"^[a-z0-9-]+$", description="Whose name has this in it.")
    ] = None,
    order: Annotated[
        Literal["name", "since"], Query(description="By fleet and name, or who has been longest in its state first.")
    ] = "name",
    after: After = None,
    limit: Limit = 1000,
) -> DevicePage | Response:
    """Handsets, the retired ones too, and where they are."""
    columns = _KNOWN.c
    conditions = [scope.holds(columns.fleet)]
    if state:
        conditions.append(columns.state.in_(state))
    if search:
        conditions.append(columns.device.contains(search, autoescape=True))
    listing = _BY_NAME if order == "name" else _BY_TIME
    if wants_csv(request):
        return listing.file(service.engine, conditions, after, "devices")
    rows, place = listing.rows(service.engine, conditions, after, limit)
    return DevicePage(rows=rows, next=place)


def counts_statement() -> Select[Any]:
    """Count handsets by fleet and state."""
    state = _KNOWN.c.state

    def those(which: DeviceState) -> Any:
        return func.coalesce(func.sum(case((state == which.value, 1), else_=0)), 0).label(which.value)

    offline_since = func.min(case((state == DeviceState.OFFLINE.value, _KNOWN.c.state_since)), type_=Moment())
    return (
        select(_KNOWN.c.fleet, *(those(which) for which in DeviceState), offline_since.label("longest_offline_since"))
        .group_by(_KNOWN.c.fleet)
        .order_by(_KNOWN.c.fleet)
    )


@router.get("/devices/counts")
def count_devices(service: At, scope: AskedScope) -> DeviceCounts:
    """How many handsets of each fleet are in each state."""
    with service.engine.connect() as connection:
        found = connection.execute(counts_statement().where(scope.holds(_KNOWN.c.fleet))).all()
    return DeviceCounts(rows=tuple(as_model(DeviceCount, row) for row in found))
