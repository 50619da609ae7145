"""How many holders said yes to what."""

from typing import Final

from fastapi import APIRouter
from sqlalchemy import ColumnElement, Table, and_, case, func, select

from contract.consent import Purpose
from fleet.api.models import ConsentCoverage, PurposeCoverage
from fleet.api.service import AskedScope, At
from fleet.collector.tables import consents, devices, purposes

router: Final = APIRouter(tags=["consents"])


def same_device(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row of a table is about a row of `devices`."""
    return and_(table.c.fleet == devices.c.fleet, table.c.device == devices.c.device)


@router.get("/consents/coverage")
def count_consents(service: At, scope: AskedScope) -> ConsentCoverage:
    """Yes, no, or never asked, by purpose; the handsets that are not retired."""
    there = and_(devices.c.retired_at.is_(None), scope.holds(devices.c.fleet))
    known = select(func.count()).select_from(devices).where(there)
    told = (
        select(func.count().label("reporting"), func.sum(case((consents.c.ledger_intact, 0), else_=1)).label("broken"))
        .select_from(consents.join(devices, same_device(consents)))
        .where(there)
    )
    answered = (
        select(
            purposes.c.purpose,
            func.sum(case((purposes.c.granted, 1), else_=0)).label("granted"),
            func.sum(case((and_(~purposes.c.granted, purposes.c.since.is_not(None)), 1), else_=0)).label("refused"),
            func.sum(case((and_(~purposes.c.granted, purposes.c.since.is_(None)), 1), else_=0)).label("not_asked"),
        )
        .select_from(purposes.join(devices, same_device(purposes)))
        .where(there)
        .group_by(purposes.c.purpose)
    )
    with service.engine.connect() as connection:
        number = connection.execute(known).scalar_one()
        reporting, broken = connection.execute(told).one()
        counted = {row.purpose: row for row in connection.execute(answered)}
    return ConsentCoverage(
        devices=number,
        reporting=reporting,
        ledgers_broken=broken or 0,
        rows=tuple(
            PurposeCoverage(
                purpose=purpose,
                granted=counted[purpose].granted if purpose in counted else 0,
                refused=counted[purpose].refused if purpose in counted else 0,
                not_asked=counted[purpose].not_asked if purpose in counted else 0,
            )
            for purpose in Purpose
        ),
    )
