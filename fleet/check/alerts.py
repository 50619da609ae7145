"""Whether people would be told that something is wrong."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url, select
from sqlalchemy.exc import SQLAlchemyError

from fleet.check.report import Row, State
from fleet.collector.alert_channels import Channel, channels_of
from fleet.collector.database import open_database
from fleet.collector.settings import CollectorSettings, Storage
from fleet.errors import FleetError
from fleet.tables import alert_channels


def check_alerts(settings: CollectorSettings) -> Iterator[Row]:
    """Go to each channel's door, and see how often it has failed."""
    if settings.alerts is None:
        yield Row("alerts", State.NOT_TRIED, "The settings have no [alerts]: nobody is told.")
        return
    failed = _failures(settings.database)
    for channel in channels_of(settings.alerts):
        yield _row(channel, *failed.get(channel.name, (0, "")))


def _row(channel: Channel, failures: int, problem: str) -> Row:
    what, place = f"alerts by {channel.name}", f"[alerts.{channel.name}]"
    try:
        channel.try_out()
    except FleetError as error:
        return Row(what, State.BAD, f"Nobody can be told: {error}. Look at {place}, and at its server.")
    if failures:
        return Row(
            what, State.BAD,
            f"The collector has failed {failures} times running: {problem}. Its server answers now; it tries again.",
        )  # fmt: skip
    return Row(what, State.GOOD, "Its server answers.")


def _failures(storage: Storage) -> dict[str, tuple[int, str]]:
    """Return by channel how often it has failed, and how; what the database does not say has a row of its own."""
    url = make_url(storage.url)
    if url.drivername == "sqlite" and not Path(url.database or "").exists():
        return {}
    engine = open_database(storage, only_reads=True)
    try:
        with engine.begin() as connection:
            columns = (alert_channels.c.channel, alert_channels.c.failures, alert_channels.c.problem)
            return {name: (failures, problem or "") for name, failures, problem in connection.execute(select(*columns))}
    except SQLAlchemyError:
        return {}
    finally:
        engine.dispose()
