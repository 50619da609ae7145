"""Handsets, what people call them, where they are, and what of theirs was not taken."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from sqlalchemy import Select, case, func, literal, select

from fleet.api.listing import CSV_ANSWER, AThousand, Listing
from fleet.api.models import (
    Device,
    DeviceCount,
    DeviceCounts,
    DevicePage,
    DeviceState,
    NamedDevice,
    Names,
    Quarantined,
    QuarantinePage,
)
from fleet.api.rights import number_of
from fleet.api.service import AskedScope, At
from fleet.tables import Moment, devices, quarantine

router: Final = APIRouter()

_STATE: Final = case((devices.c.retired_at.is_not(None), literal("retired")), else_=devices.c.state)

_KNOWN: Final = select(
    devices.c.fleet,
    devices.c.device,
    _STATE.label("state"),
    devices.c.state_since,
    devices.c.first_seen_at,
    devices.c.last_seen_at,
).subquery("known")

_BY_NAME: Final = Listing(_KNOWN, ("fleet", "device"), Device)
_BY_TIME: Final = Listing(_KNOWN, ("state_since", "fleet", "device"), Device)
_QUARANTINE: Final = Listing(quarantine, ("fleet", "device", "topic", "reason"), Quarantined)


@router.get("/devices", response_model=DevicePage, responses=CSV_ANSWER, tags=["devices"])
def list_devices(
    scope: AskedScope,
    asked: AThousand,
    *,
    state: Annotated[list[DeviceState] | None, Query(description="In one of these states.")] = None,
    search: Annotated[
        str | None, Query(max_length=64, pattern=r"^[a-z0-9-]+$", description="Whose name has this in it.")
    ] = None,
    order: Annotated[
        Literal["name", "since"], Query(description="By fleet and name, or who has been longest in its state first.")
    ] = "name",
) -> Any:
    """Handsets, the retired ones too, and where they are."""
    columns = _KNOWN.c
    conditions = [scope.holds(columns.fleet)]
    if state:
        conditions.append(columns.state.in_(state))
    if search:
        conditions.append(columns.device.contains(search, autoescape=True))
    return (_BY_NAME if order == "name" else _BY_TIME).answer(asked, conditions, "devices")


def counts_statement() -> Select[Any]:
    """Count handsets by fleet and state."""
    state = _KNOWN.c.state
    those = (number_of(state == which.value).label(which.value) for which in DeviceState)
    longest = (
        func.min(case((state == which.value, _KNOWN.c.state_since)), type_=Moment()).label(
            f"longest_{which.value}_since"
        )
        for which in (DeviceState.OFFLINE, DeviceState.NO_LINE)
    )
    return select(_KNOWN.c.fleet, *those, *longest).group_by(_KNOWN.c.fleet).order_by(_KNOWN.c.fleet)


@router.get("/devices/counts", tags=["devices"])
def count_devices(service: At, scope: AskedScope) -> DeviceCounts:
    """How many handsets of each fleet are in each state."""
    with service.engine.connect() as connection:
        found = connection.execute(counts_statement().where(scope.holds(_KNOWN.c.fleet))).mappings()
        return DeviceCounts(rows=tuple(DeviceCount.model_validate(dict(row)) for row in found))


@router.get("/names", tags=["names"])
def list_names(service: At, scope: AskedScope) -> Names:
    """What people call handsets, from the collector's table; one whose fleet nobody knows only for who sees all."""
    entries = service.directory.entries()
    statement = select(devices.c.device, devices.c.fleet).where(scope.holds(devices.c.fleet))
    heard: dict[str, set[str]] = {}
    with service.engine.connect() as connection:
        for device, fleet in connection.execute(statement):
            heard.setdefault(device, set()).add(fleet)
    rows = []
    for device, entry in sorted(entries.by_device.items()):
        spoken = heard.get(device, set())
        fleets: list[str | None] = [entry.fleet] if entry.fleet is not None else [*sorted(spoken)] or [None]
        rows += [
            NamedDevice(
                fleet=fleet, device=device, serial=entry.serial, label=entry.label, place=entry.place,
                heard=fleet in spoken,
            )
            for fleet in fleets
            if scope.fleets is None or fleet in scope.fleets
        ]  # fmt: skip
    return Names(rows=tuple(rows), read_at=entries.read_at, broken=entries.is_broken)


@router.get("/quarantine", response_model=QuarantinePage, responses=CSV_ANSWER, tags=["quarantine"])
def list_quarantined(scope: AskedScope, asked: AThousand) -> Any:
    """Messages that were not taken, by fleet, handset, topic and reason."""
    return _QUARANTINE.answer(asked, [scope.holds(quarantine.c.fleet)], "quarantine")
