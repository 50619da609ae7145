"""What every route needs: the database, the settings, who is asking, and about which fleets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, HTTPException, Query, Request, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CollectorRegistry
from sqlalchemy import ColumnElement, Engine, select, true

from fleet.api.access import Doors, Reader
from fleet.api.attempts import Attempts
from fleet.api.audit_log import AuditLog
from fleet.api.directory import Directory
from fleet.api.feed import Feed
from fleet.api.open_id import OpenIdProvider
from fleet.api.settings import HttpSettings
from fleet.names import HandsetName
from fleet.tables import devices

BrokerLogin = Callable[[str, str], bool]
"""Asks the broker whether it lets a user with a password in; raises FleetError where it cannot be asked."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the app is made of; one for each app."""

    engine: Engine
    settings: HttpSettings
    doors: Doors
    attempts: Attempts
    login: BrokerLogin | None
    registries: tuple[CollectorRegistry, ...]
    directory: Directory
    feed: Feed | None = None
    open_id: OpenIdProvider | None = None
    audit: AuditLog = field(default_factory=AuditLog)

    def today(self) -> date:
        """Return the day that it is where requests are due."""
        return datetime.now(UTC).astimezone(ZoneInfo(self.settings.time_zone)).date()


def service_of(request: Request) -> Service:
    """Return what the app that got a request is made of."""
    service: Service = request.app.state.service
    return service


At = Annotated[Service, Depends(service_of)]

_BEARER: Final = HTTPBearer(auto_error=False, description="A token of the collector's token file, or of a session.")

Offered = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


def known_reader(service: At, offered: Offered) -> Reader:
    """Let in who shows a token that is good."""
    reader = None if offered is None else service.doors.reader(offered.credentials)
    if reader is None:
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED,
            "This needs a token that is good: send `Authorization: Bearer ...`, or log in again.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if reader.fleets is not None and not reader.fleets:
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            "This token is for no fleet. Behind it in the collector's file of tokens write the names of fleets, or * "
            "for all, and restart the collector.",
        )
    return reader


KnownReader = Annotated[Reader, Depends(known_reader)]


@dataclass(frozen=True, slots=True)
class Scope:
    """The fleets that an answer is about; None: all."""

    fleets: frozenset[str] | None

    def holds(self, fleet: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the condition that a row is of one of these."""
        return true() if self.fleets is None else fleet.in_(sorted(self.fleets))

    def among(self, engine: Engine) -> list[str]:
        """Return these fleets by name, also where they are all: an index that begins with the fleet needs to know."""
        if self.fleets is not None:
            return sorted(self.fleets)
        with engine.connect() as connection:
            return list(connection.execute(select(devices.c.fleet).distinct().order_by(devices.c.fleet)).scalars())


def asked_scope(
    reader: KnownReader,
    fleet: Annotated[HandsetName | None, Query(description="Of this fleet alone.")] = None,
) -> Scope:
    """Narrow what a reader may see to what is asked for."""
    if fleet is None:
        return Scope(reader.fleets)
    if reader.fleets is not None and fleet not in reader.fleets:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "This token is not for that fleet.")
    return Scope(frozenset({fleet}))


AskedScope = Annotated[Scope, Depends(asked_scope)]
