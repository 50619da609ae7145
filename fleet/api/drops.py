"""Why calls drop, from their records alone: by handset, by place and by minute, and the calls behind it."""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, Query
from sqlalchemy import ColumnElement, FromClause, Row, RowMapping, Select, and_, case, exists, func, or_, select

from contract.calls import CallDirection, DisconnectReason
from fleet.api.calls import OfDevice, call_fields
from fleet.api.causes import Cause, Drop, FleetCalls, find_causes
from fleet.api.listing import CSV_ANSWER, AHundred, Listing
from fleet.api.models import (
    CauseKind,
    DropCause,
    DropCauses,
    DropKind,
    DroppedCall,
    DroppedCallPage,
    Drops,
    HandsetDrops,
    MinuteDrops,
    PlaceDrops,
)
from fleet.api.moments import Span, minute_of, seconds_between, span_within
from fleet.api.service import AskedScope, At, Service
from fleet.tables import calls

router: Final = APIRouter(tags=["calls"])

_Name = TypeVar("_Name", str, int)
_Some = TypeVar("_Some", bound=Drops)

MAX_DROPS: Final = 50_000
"""Calls that dropped, of one answer; of more the latest are looked at."""

_MAX_SPAN: Final = timedelta(days=31)
_MAX_ROWS: Final = 1000
_MAX_MINUTES: Final = 100
_MINUTE_S: Final = 60

_SHORT_S: Final = 10
"""Who has been understood talks for longer."""

_REDIAL_S: Final = 30
_REDIAL_NUMBERS: Final = 10
"""A redial is among so many messages of the handset's that follow: it is found by the primary key."""

_AskedSpan = Annotated[Span, Depends(span_within(_MAX_SPAN))]

_again = calls.alias("again")
_REDIALLED: Final = exists().where(
    _again.c.fleet == calls.c.fleet,
    _again.c.device == calls.c.device,
    _again.c.epoch == calls.c.epoch,
    _again.c.seq > calls.c.seq,
    _again.c.seq <= calls.c.seq + _REDIAL_NUMBERS,
    _again.c.direction == CallDirection.OUTGOING.value,
    _again.c.number == calls.c.number,
    seconds_between(calls.c.ended_at, _again.c.started_at).between(0, _REDIAL_S),
)

_IS: Final = {
    DropKind.NETWORK_LOST: calls.c.result == DisconnectReason.NETWORK_LOST.value,
    DropKind.INTERRUPTED: calls.c.result == DisconnectReason.INTERRUPTED.value,
    DropKind.SERVER_ERROR: or_(
        calls.c.result == DisconnectReason.SERVER_ERROR.value,
        and_(
            calls.c.result == DisconnectReason.UNREACHABLE.value,
            or_(calls.c.sip_code == 408, calls.c.sip_code.between(500, 599)),  # noqa: PLR2004 - RFC 3261 section 21
        ),
    ),
    DropKind.QUICK_REDIAL: and_(
        # Nothing is looked up for a call whose length is not known.
        calls.c.answered_at.is_not(None),
        calls.c.ended_at.is_not(None),
        seconds_between(calls.c.answered_at, calls.c.ended_at) < _SHORT_S,
        _REDIALLED,
    ),
}
_KIND: Final = case(*((condition, kind.value) for kind, condition in _IS.items()))


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which calls are asked about."""

    service: Service
    fleets: Sequence[str]
    span: Span

    def conditions(self, since: datetime | None = None) -> list[ColumnElement[bool]]:
        start = self.span.start if since is None else since
        return [calls.c.fleet.in_(self.fleets), calls.c.started_at >= start, calls.c.started_at < self.span.end]

    def dropped(self, *columns: FromClause | ColumnElement[Any]) -> Select[Any]:
        """Choose calls that dropped."""
        return select(*columns, _KIND.label("drop"), _REDIALLED.label("redialled")).where(
            *self.conditions(), or_(*_IS.values())
        )


def _asked(service: At, scope: AskedScope, span: _AskedSpan) -> _Asked:
    return _Asked(service, scope.among(service.engine), span)


_AskedCalls = Annotated[_Asked, Depends(_asked)]


def _dropped_call(row: RowMapping) -> DroppedCall:
    return DroppedCall.model_validate(call_fields(row))


@router.get("/calls/dropped", response_model=DroppedCallPage, responses=CSV_ANSWER)
def list_dropped_calls(
    about: _AskedCalls,
    asked: AHundred,
    device: OfDevice = None,
    place: Annotated[str | None, Query(max_length=100, description="Of handsets at this place alone.")] = None,
) -> Any:
    """Calls that dropped, by default in the last seven days, the one that started last first."""
    chosen = about.dropped(calls)
    if device is not None:
        chosen = chosen.where(calls.c.device == device)
    if place is not None:
        there = [name for name, at in about.service.directory.places().items() if at == place]
        chosen = chosen.where(calls.c.device.in_(there))
    key = ("started_at", "fleet", "device", "epoch", "seq")
    listing = Listing(chosen.subquery("dropped"), key, DroppedCall, _dropped_call, descending=True)
    return listing.answer(asked, [], "dropped")


@router.get("/calls/causes")
def find_causes_of_drops(about: _AskedCalls) -> DropCauses:
    """Why calls dropped, by default in the last seven days: at one handset, at one place, or at many at once."""
    dropped = (
        about.dropped(calls.c.fleet, calls.c.device, calls.c.started_at)
        .order_by(calls.c.started_at.desc())
        .limit(MAX_DROPS)
    )
    minute, number = minute_of(calls.c.started_at), func.count()
    with about.service.engine.connect() as connection:
        rows = connection.execute(dropped).all()
        start = about.span.start if len(rows) < MAX_DROPS else rows[-1].started_at
        those = about.conditions(start)
        by_minute = connection.execute(
            select(calls.c.fleet, minute, number).where(*those).group_by(calls.c.fleet, minute)
        ).all()
        by_device = connection.execute(
            select(calls.c.fleet, calls.c.device, number).where(*those).group_by(calls.c.fleet, calls.c.device)
        ).all()
    told = _by_fleet(rows, by_device, by_minute, about.service.directory.places())
    causes = sorted((each for one in told for each in one.causes()), key=lambda each: each[0], reverse=True)
    return DropCauses(
        start=start,
        end=about.span.end,
        calls=sum(number for *_, number in by_device),
        dropped=len(rows),
        causes=tuple(cause for _, cause in causes),
        handsets=_most((row for one in told for row in one.handsets()), _MAX_ROWS),
        places=_most((row for one in told for row in one.places()), _MAX_ROWS),
        minutes=_most((row for one in told for row in one.minutes()), _MAX_MINUTES),
    )


def _by_fleet(
    dropped: Sequence[Row[Any]],
    by_device: Iterable[Row[str, str, int]],
    by_minute: Iterable[Row[str, datetime, int]],
    places: Mapping[str, str],
) -> list["_Told"]:
    """Part what was found by fleet: each has servers, places and a usual share of its own."""
    drops: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in dropped:
        drops[row.fleet].append(row)
    devices: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for fleet, device, number in by_device:
        devices[fleet][device] = number
    minutes: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for fleet, at, number in by_minute:
        minutes[fleet][_minute(at)] = number
    return [
        _Told(
            fleet,
            FleetCalls(
                [Drop(row.device, _minute(row.started_at), DropKind(row.drop)) for row in mine],
                devices[fleet],
                minutes[fleet],
                places,
            ),
            Counter((row.device, _minute(row.started_at)) for row in mine if row.redialled),
        )
        for fleet, mine in drops.items()
    ]


class _Told:
    """What is told of one fleet."""

    def __init__(self, fleet: str, about: FleetCalls, redialled: Counter[tuple[str, int]]) -> None:
        self._fleet = fleet
        self._about = about
        self._redialled = redialled
        self._causes = find_causes(about)
        self._cause_of = {drop: cause for cause in self._causes for drop in cause.explains}

    def causes(self) -> Iterator[tuple[float, DropCause]]:
        """Return each with the number of calls that it is about."""
        for cause in self._causes:
            minutes = [drop.minute for drop in cause.explains]
            yield (
                cause.excess,
                DropCause(
                    kind=cause.kind,
                    fleet=self._fleet,
                    device=cause.name if cause.kind is CauseKind.HANDSET else None,
                    place=self._place_of(cause),
                    drop=cause.drop,
                    start=_moment(min(minutes)),
                    end=_moment(max(minutes) + 1),
                    calls=max(cause.calls, len(minutes)),
                    dropped=len(minutes),
                    handsets=len(cause.by_device),
                    usual=cause.usual,
                    chance=math.exp(cause.log_chance),
                ),
            )

    def handsets(self) -> Iterator[HandsetDrops]:
        for device, drops in self._grouped(lambda drop: drop.device):
            fields = self._fields(drops, self._about.by_device.get(device, 0))
            yield HandsetDrops(**fields, device=device, place=self._about.places.get(device))

    def places(self) -> Iterator[PlaceDrops]:
        all_calls: Counter[str] = Counter()
        for device, number in self._about.by_device.items():
            all_calls[self._about.places.get(device, "")] += number
        for place, drops in self._grouped(lambda drop: self._about.places.get(drop.device, "")):
            if place:
                yield PlaceDrops(**self._fields(drops, all_calls[place]), place=place)

    def minutes(self) -> Iterator[MinuteDrops]:
        for minute, drops in self._grouped(lambda drop: drop.minute):
            row = MinuteDrops(**self._fields(drops, self._about.by_minute.get(minute, 0)), minute=_moment(minute))
            if row.handsets > 1:
                yield row

    def _place_of(self, cause: Cause) -> str | None:
        if cause.kind is CauseKind.HANDSET:
            return self._about.places.get(cause.name)
        return cause.name or None

    def _grouped(self, name: Callable[[Drop], _Name]) -> Iterable[tuple[_Name, list[Drop]]]:
        groups: defaultdict[_Name, list[Drop]] = defaultdict(list)
        for drop in self._about.drops:
            groups[name(drop)].append(drop)
        return groups.items()

    def _fields(self, drops: Sequence[Drop], number: int) -> dict[str, Any]:
        kinds = Counter(drop.kind for drop in drops)
        handsets = {drop.device for drop in drops}
        explained = Counter(self._cause_of[drop] for drop in drops if drop in self._cause_of)
        cause = next((each for each, most in explained.most_common(1) if 2 * most >= len(drops)), None)
        return {
            "fleet": self._fleet,
            "calls": max(number, len(drops)),
            "dropped": len(drops),
            "network_lost": kinds[DropKind.NETWORK_LOST],
            "interrupted": kinds[DropKind.INTERRUPTED],
            "server_error": kinds[DropKind.SERVER_ERROR],
            "quick_redial": sum(self._redialled[place] for place in {drop[:2] for drop in drops}),
            "handsets": len(handsets),
            "cause": cause and cause.kind,
            "cause_drop": cause and cause.drop,
            "others": len(cause.by_device.keys() - handsets) if cause else 0,
        }


def _most(rows: Iterable[_Some], limit: int) -> tuple[_Some, ...]:
    return tuple(heapq.nlargest(limit, rows, key=lambda row: row.dropped))


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // _MINUTE_S


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * _MINUTE_S, UTC)
