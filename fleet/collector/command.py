"""`wecall fleet collect`: takes what handsets send, beside the broker."""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Lock
from typing import Final

import click
from sqlalchemy import Engine

from fleet.api.audit_log import AuditLog
from fleet.api.feed import Feed
from fleet.api.settings import HttpSettings
from fleet.collector.alert_settings import AlertSettings
from fleet.collector.collector import Collector
from fleet.collector.database import open_database, writing
from fleet.collector.settings import CollectorSettings, read_settings
from fleet.errors import FleetError
from fleet.metrics import Counts

_log = logging.getLogger(__name__)

_BEAT_S: Final = 10.0
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@click.command()
@click.option(
    "--config", "path", required=True, type=click.Path(dir_okay=False, path_type=Path),
    help="The collector's settings, a TOML file; fleet/collector/collector.example.toml shows all of them.",
)  # fmt: skip
def collect(path: Path) -> None:
    """Take what handsets send to the broker into a database, and confirm it to them.

    Any number of these run side by side, each with a name and a certificate of its own. With the table [http] it also
    serves the page and the read-only API. It ends in good order with SIGTERM.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=_FORMAT)
    try:
        settings = read_settings(path)
        counts = Counts()
        engine = open_database(settings.database)
        feed = None if settings.http is None else Feed()
        turn = Lock()
        collector = Collector(settings, engine, counts, feed=feed, turn=turn, heartbeat=_Heart().beat)
        with ExitStack() as stack:
            stack.callback(engine.dispose)
            if settings.http is not None and feed is not None:
                reading = open_database(settings.database, only_reads=True)
                stack.callback(reading.dispose)
                stack.callback(
                    _serve(
                        settings.http, settings, reading, counts, feed=feed, log=AuditLog(writing(engine), turn=turn)
                    )
                )
            if settings.alerts is not None:
                stack.callback(_start_alerts(settings, settings.alerts, engine))
            asyncio.run(_collect(collector))
            _say("STOPPING=1")
    except FleetError as error:
        raise click.ClickException(str(error)) from error
    _log.info("Stopped.")


async def _collect(collector: Collector) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, collector.stop)
    _say("READY=1")
    _log.info("Collecting.")
    await collector.run()


def _serve(
    http: HttpSettings, settings: CollectorSettings, engine: Engine, counts: Counts, *, feed: Feed, log: AuditLog
) -> Callable[[], None]:
    """Start the HTTP server; return what stops it."""
    # What an intake alone does not need takes half a second to load.
    from fleet.api.app import create_app  # noqa: PLC0415
    from fleet.api.directory import Directory  # noqa: PLC0415
    from fleet.api.login import MqttLogin  # noqa: PLC0415
    from fleet.api.server import HttpServer  # noqa: PLC0415

    login = MqttLogin(settings.broker.host, http.login_port, settings.broker.ca)
    directory = Directory(settings.names, settings.fleets)
    app = create_app(engine, http, login=login, registry=counts.registry, directory=directory, feed=feed, log=log)
    server = HttpServer(app, http)
    server.start()

    def stop() -> None:
        feed.is_closed = True
        server.stop()

    _log.info("The HTTP API listens on %s, port %d.", http.host, server.port)
    return stop


def _start_alerts(settings: CollectorSettings, alert_settings: AlertSettings, engine: Engine) -> Callable[[], None]:
    """Begin to tell people what is wrong; return what ends it."""
    # It judges by what the page counts, and loads as much.
    from fleet.collector.alerts import Alerts  # noqa: PLC0415

    alerts = Alerts(settings, alert_settings, engine)
    alerts.start()
    return alerts.stop


def _say(words: str) -> None:
    """Tell systemd how it goes (sd_notify(3)), as "READY=1"; a service manager that has gone takes nobody with it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        # A leading "@" stands for Linux's abstract namespace.
        channel.sendto(words.encode(), f"\0{address[1:]}" if address.startswith("@") else address)


class _Heart:
    """Feeds systemd's watchdog while the collector goes round, not more often than is of use."""

    def __init__(self) -> None:
        self._beaten_at_s = float("-inf")

    def beat(self) -> None:
        """Say that there is progress."""
        now_s = time.monotonic()
        if now_s - self._beaten_at_s >= _BEAT_S:
            self._beaten_at_s = now_s
            _say("WATCHDOG=1")
