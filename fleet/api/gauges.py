"""Figures of the fleet for Prometheus, counted in the database whenever it asks; nothing in them names a handset."""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, HTTPException, status
from fastapi.responses import Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine, case, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from fleet.api.devices import counts_statement
from fleet.api.models import DeviceState, RequestStanding
from fleet.api.rights import number_of, same_device, standing_of
from fleet.api.service import At, KnownReader
from fleet.tables import Moment, alert_channels, calls, devices, erasures, purposes, requests

_log = logging.getLogger(__name__)

router: Final = APIRouter(tags=["metrics"])

_HOUR: Final = timedelta(hours=1)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(service: At, reader: KnownReader) -> Response:
    """Counters and gauges as Prometheus reads them; for tokens that see every fleet."""
    if reader.fleets is not None:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "The figures are of all fleets, and this token is for some.")
    return Response(b"".join(map(generate_latest, service.registries)), media_type=CONTENT_TYPE_LATEST)


class FleetGauges(Collector):
    """Counts when it is asked, one short transaction each time."""

    def __init__(
        self, engine: Engine, today: Callable[[], date], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Set up.

        Args:
            engine: the collector's database.
            today: the day that it is where requests are due.
            now: the clock.
        """
        self._engine = engine
        self._today = today
        self._now = now

    def describe(self) -> Iterable[Metric]:
        # Or else the registry would count everything when this is added to it.
        return ()

    def collect(self) -> Iterator[Metric]:
        readable = GaugeMetricFamily("wecall_fleet_database_readable", "Whether the figures below can be counted.")
        families: list[Metric] = []
        try:
            with self._engine.connect() as connection:
                families = [*self._counted(connection)]
        except (DBAPIError, PoolTimeoutError) as error:
            _log.warning("The fleet's figures cannot be counted: the database fails with %s", type(error).__name__)
        readable.add_metric([], 1.0 if families else 0.0)
        yield readable
        yield from families

    def _counted(self, connection: Connection) -> Iterator[Metric]:
        now = self._now()
        states = connection.execute(counts_statement()).all()
        family = _family("devices", "Handsets by state.", "fleet", "state")
        offline = _family("longest_offline_seconds", "Since when the handset is offline that is so longest.", "fleet")
        no_line = _family("longest_no_line_seconds", "Since when the handset has no line that is so longest.", "fleet")
        for row in states:
            for state in DeviceState:
                family.add_metric([row.fleet, state.value], getattr(row, state.value))
            offline.add_metric([row.fleet], _age_s(row.longest_offline_since, now))
            no_line.add_metric([row.fleet], _age_s(row.longest_no_line_since, now))
        yield from (family, offline, no_line)
        fleets = [row.fleet for row in states]
        yield from self._requests(connection, fleets)
        yield from _erasures(connection, fleets, now)
        yield _consents(connection)
        yield _calls(connection, fleets, now)
        yield _alert_failures(connection)

    def _requests(self, connection: Connection, fleets: list[str]) -> Iterator[Metric]:
        standings = {
            standing: condition
            for standing, condition in standing_of(self._today()).items()
            if standing is not RequestStanding.CLOSED
        }
        counted = map(number_of, standings.values())
        statement = select(requests.c.fleet, *counted).where(requests.c.closed_at.is_(None)).group_by(requests.c.fleet)
        known: dict[str, Any] = {row[0]: row[1:] for row in connection.execute(statement)}
        family = _family("requests", "Holders' requests that are not closed, by how they stand.", "fleet", "standing")
        for fleet in fleets:
            for standing, number in zip(standings, known.get(fleet, (0, 0)), strict=True):
                family.add_metric([fleet, standing.value], number)
        yield family


def _erasures(connection: Connection, fleets: list[str], now: datetime) -> Iterator[Metric]:
    statement = (
        select(erasures.c.fleet, func.count(), func.min(erasures.c.received_at, type_=Moment()))
        .where(erasures.c.done_at.is_(None))
        .group_by(erasures.c.fleet)
    )
    known = {fleet: (number, oldest) for fleet, number, oldest in connection.execute(statement)}
    outstanding = _family("erasures_outstanding", "Notices whose records are not yet deleted.", "fleet")
    age = _family("oldest_erasure_seconds", "How long the oldest of them has waited.", "fleet")
    for fleet in fleets:
        number, oldest = known.get(fleet, (0, None))
        outstanding.add_metric([fleet], number)
        age.add_metric([fleet], _age_s(oldest, now))
    yield outstanding
    yield age


def _consents(connection: Connection) -> Metric:
    answer = case((purposes.c.granted, "granted"), (purposes.c.since.is_not(None), "refused"), else_="not_asked")
    statement = (
        select(purposes.c.fleet, purposes.c.purpose, answer, func.count())
        .select_from(purposes.join(devices, same_device(purposes)))
        .where(devices.c.retired_at.is_(None))
        .group_by(purposes.c.fleet, purposes.c.purpose, answer)
    )
    family = _family("consents", "Handsets by what their holder said to each purpose.", "fleet", "purpose", "answer")
    for fleet, purpose, said, number in connection.execute(statement):
        family.add_metric([fleet, purpose, said], number)
    return family


def _calls(connection: Connection, fleets: list[str], now: datetime) -> Metric:
    # Fleet by fleet: the index on fleet and start has nothing for a question about the start alone.
    statement = (
        select(calls.c.fleet, calls.c.result, func.count())
        .where(calls.c.fleet.in_(fleets), calls.c.started_at >= now - _HOUR, calls.c.started_at < now)
        .group_by(calls.c.fleet, calls.c.result)
    )
    family = _family("calls_last_hour", "Calls that started in the last hour, by how they ended.", "fleet", "result")
    for fleet, result, number in connection.execute(statement):
        family.add_metric([fleet, result], number)
    return family


def _alert_failures(connection: Connection) -> Metric:
    family = _family("alert_failures", "How often a channel of alerts has failed since it last worked.", "channel")
    for channel, failures in connection.execute(select(alert_channels.c.channel, alert_channels.c.failures)):
        family.add_metric([channel], failures)
    return family


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"wecall_fleet_{name}", text, labels=labels)


def _age_s(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
