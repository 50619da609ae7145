"""The HTTP API as one app: routes, errors, headers, and the page."""

from datetime import timedelta
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from fleet.api import audit, calls, devices, drops, gauges, live, outcomes, rights, sessions
from fleet.api.access import Doors, read_tokens
from fleet.api.answers import ERRORS, answer_errors
from fleet.api.attempts import Attempts
from fleet.api.audit_log import AuditLog
from fleet.api.directory import Directory
from fleet.api.feed import Feed
from fleet.api.middleware import Guard
from fleet.api.models import Settings
from fleet.api.open_id import OpenIdProvider
from fleet.api.service import At, BrokerLogin, Service
from fleet.api.settings import HttpSettings

PAGE: Final = Path(__file__).parents[1] / "page"
"""The page that ships."""


def create_app(
    engine: Engine,
    settings: HttpSettings,
    *,
    login: BrokerLogin | None = None,
    registry: CollectorRegistry | None = None,
    directory: Directory | None = None,
    feed: Feed | None = None,
    log: AuditLog | None = None,
) -> FastAPI:
    """Make the app; it reads the database, writes nothing but who read it, and needs no intake beside it.

    Args:
        engine: the collector's database.
        settings: how it is reached, and who may read it.
        login: asks the broker who somebody is; None: only tokens of the file are good.
        directory: what people call handsets; None: nobody says.
        feed: what is live; None: nobody listens to a broker.
        log: where it is written down who did what; None: nowhere.
        registry: what `/metrics` shows beside what is counted in the database: the intake's counters.

    Raises:
        FleetError: the file of tokens, or what the OpenID provider is shown, is not as it has to be.
    """
    app = FastAPI(
        title="WeCall fleet",
        version="1",
        summary="What handsets have told, for those who look after them. Read-only.",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    figures = CollectorRegistry()
    service = Service(
        engine=engine,
        settings=settings,
        doors=Doors(
            {} if settings.token_file is None else read_tokens(settings.token_file),
            lifetime=timedelta(hours=settings.session_hours),
            idle=timedelta(minutes=settings.idle_minutes),
        ),
        attempts=Attempts(),
        login=login,
        registries=(figures,) if registry is None else (registry, figures),
        directory=directory or Directory(),
        feed=feed,
        open_id=None if settings.open_id is None else OpenIdProvider(settings.open_id),
        audit=log or AuditLog(),
    )
    figures.register(gauges.FleetGauges(engine, service.today))
    app.state.service = service
    api = APIRouter(prefix="/api/v1", responses=ERRORS)
    for part in (audit, calls, devices, drops, live, outcomes, rights):
        api.include_router(part.router, dependencies=[Depends(audit.note_look)])
    api.include_router(sessions.router)
    api.add_api_route("/settings", read_settings, methods=["GET"], response_model=Settings, tags=["settings"])
    app.include_router(api)
    app.include_router(gauges.router, responses=ERRORS)
    answer_errors(app)
    if settings.page and PAGE.is_dir():
        app.mount("/", StaticFiles(directory=PAGE, html=True), name="page")
    app.add_middleware(Guard, tls=settings.certificate is not None)
    return app


def read_settings(service: At) -> Settings:
    """What the page needs before anybody has logged in; needs no token."""
    settings = service.settings
    return Settings(
        languages=settings.languages,
        time_zone=settings.time_zone,
        open_id=None if settings.open_id is None else settings.open_id.name,
    )
