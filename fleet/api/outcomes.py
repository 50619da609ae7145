"""What became of what the operator sent."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from sqlalchemy import ColumnElement, Engine, RowMapping, and_, func, select, union

from contract.results import OutcomeCode
from fleet.api.listing import CSV_ANSWER, AHundred, AThousand, Listing
from fleet.api.models import CodeCount, DeviceOutcome, DeviceOutcomePage, Outcome, OutcomePage
from fleet.api.service import AskedScope
from fleet.names import Digest
from fleet.publications import PublicationKind
from fleet.tables import Moment, outcomes, publications

router: Final = APIRouter(tags=["outcomes"])

_ranked: Final = select(
    outcomes,
    func.row_number()
    .over(
        partition_by=(outcomes.c.fleet, outcomes.c.device, outcomes.c.message),
        order_by=(outcomes.c.epoch.desc(), outcomes.c.seq.desc()),
    )
    .label("rank"),
).subquery("ranked")

NEWEST: Final = (
    select(_ranked.c.fleet, _ranked.c.device, _ranked.c.message, _ranked.c.code, _ranked.c.received_at)
    .where(_ranked.c.rank == 1)
    .subquery("newest")
)
"""The newest word of each handset about each message."""

_answered: Final = (
    select(
        NEWEST.c.fleet,
        NEWEST.c.message,
        func.count().label("devices"),
        func.min(NEWEST.c.received_at, type_=Moment()).label("first_received_at"),
        func.max(NEWEST.c.received_at, type_=Moment()).label("last_received_at"),
    )
    .group_by(NEWEST.c.fleet, NEWEST.c.message)
    .subquery("answered")
)

_named: Final = union(
    select(publications.c.fleet, publications.c.message), select(outcomes.c.fleet, outcomes.c.message)
).subquery("named")

_KNOWN: Final = (
    select(
        _named.c.fleet,
        _named.c.message,
        publications.c.kind,
        publications.c.name,
        publications.c.published_at,
        func.coalesce(_answered.c.devices, 0).label("devices"),
        _answered.c.last_received_at,
        func.coalesce(publications.c.published_at, _answered.c.first_received_at, type_=Moment()).label("at"),
    )
    .select_from(
        _named.outerjoin(
            publications, and_(publications.c.fleet == _named.c.fleet, publications.c.message == _named.c.message)
        ).outerjoin(_answered, and_(_answered.c.fleet == _named.c.fleet, _answered.c.message == _named.c.message))
    )
    .subquery("known")
)
"""What was published, and what was answered though nobody said that it was published."""


def _without_codes(row: RowMapping) -> Outcome:
    return Outcome.model_validate({**{name: value for name, value in row.items() if name != "at"}, "codes": ()})


_LATEST: Final = Listing(_KNOWN, ("at", "fleet", "message"), Outcome, _without_codes, descending=True)
_BY_DEVICE: Final = Listing(NEWEST, ("fleet", "device", "message"), DeviceOutcome)

OfMessage = Annotated[Digest | None, Query(description="About the message with this SHA-256 alone.")]


@router.get("/outcomes")
def list_outcomes(
    scope: AskedScope,
    asked: AHundred,
    message: OfMessage = None,
    kind: Annotated[PublicationKind | None, Query(description="About what was published as this alone.")] = None,
) -> OutcomePage:
    """What became of each message of the operator's, the one that was published last first."""
    conditions: list[ColumnElement[bool]] = [scope.holds(_KNOWN.c.fleet)]
    if message is not None:
        conditions.append(_KNOWN.c.message == message)
    if kind is not None:
        conditions.append(_KNOWN.c.kind == kind)
    rows, place = _LATEST.rows(asked.engine, conditions, asked.after, asked.limit)
    codes = _codes(asked.engine, rows)
    with_codes = (row.model_copy(update={"codes": tuple(codes.get((row.fleet, row.message), ()))}) for row in rows)
    return OutcomePage(rows=tuple(with_codes), next=place)


def _codes(engine: Engine, rows: Sequence[Outcome]) -> dict[tuple[str, str], list[CodeCount]]:
    number = func.count()
    statement = (
        select(NEWEST.c.fleet, NEWEST.c.message, NEWEST.c.code, number.label("devices"))
        .where(NEWEST.c.fleet.in_({row.fleet for row in rows}), NEWEST.c.message.in_({row.message for row in rows}))
        .group_by(NEWEST.c.fleet, NEWEST.c.message, NEWEST.c.code)
        .order_by(number.desc(), NEWEST.c.code)
    )
    codes: dict[tuple[str, str], list[CodeCount]] = {}
    with engine.connect() as connection:
        for row in connection.execute(statement):
            codes.setdefault((row.fleet, row.message), []).append(CodeCount(code=row.code, devices=row.devices))
    return codes


@router.get("/outcomes/devices", response_model=DeviceOutcomePage, responses=CSV_ANSWER)
def list_device_outcomes(
    scope: AskedScope,
    asked: AThousand,
    message: OfMessage = None,
    code: Annotated[list[OutcomeCode] | None, Query(description="With one of these codes.")] = None,
) -> Any:
    """The newest word of each handset about each message, by fleet, handset and message."""
    conditions: list[ColumnElement[bool]] = [scope.holds(NEWEST.c.fleet)]
    if message is not None:
        conditions.append(NEWEST.c.message == message)
    if code:
        conditions.append(NEWEST.c.code.in_(code))
    return _BY_DEVICE.answer(asked, conditions, "outcomes")
