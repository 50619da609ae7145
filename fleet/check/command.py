"""`wecall fleet check`: one table of how a fleet's server stands."""

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fleet.check.alerts import check_alerts
from fleet.check.broker import check_broker, check_certificates, check_rights
from fleet.check.canary import check_canary
from fleet.check.database import check_database
from fleet.check.open_id import check_open_id
from fleet.check.page import check_page
from fleet.check.report import Check, Row, State, run_all
from fleet.collector.settings import CollectorSettings, read_settings
from fleet.errors import FleetError

_COLOURS: Final = {State.GOOD: "green", State.WARN: "yellow", State.BAD: "bold red", State.NOT_TRIED: "dim"}


@click.command()
@click.option(
    "--settings", "path", type=click.Path(dir_okay=False, path_type=Path), default=Path("collector.toml"),
    show_default=True, help="The collector's settings.",
)  # fmt: skip
@click.option(
    "--as-collector", is_flag=True,
    help="Also try what the collector may not do. One that runs is cut off, and comes back within seconds.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check(context: click.Context, path: Path, as_collector: bool, as_json: bool) -> None:
    """Say of broker, rights, certificates, database, page, log-in and alerts whether they work and what to do if not.

    A record of a call that nobody made goes from a handset's certificate through broker and collector, and is deleted
    again, where the settings have a [canary]. Everything is tried side by side and ends within 30 seconds; the exit
    code is 1 where something is bad.
    """
    try:
        settings = read_settings(path)
    except FleetError as error:
        raise click.ClickException(str(error)) from error
    rows = run_all(_checks(settings, as_collector=as_collector))
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        _show(rows)
    context.exit(1 if any(row.state is State.BAD for row in rows) else 0)


def _checks(settings: CollectorSettings, *, as_collector: bool) -> list[Check]:
    return [
        Check("broker", partial(check_broker, settings)),
        Check("rights of collector", partial(check_rights, settings, as_collector=as_collector)),
        Check("canary record", partial(check_canary, settings)),
        Check("certificates", partial(check_certificates, settings)),
        Check("database", partial(check_database, settings.database)),
        Check("page", partial(check_page, settings.http)),
        Check("OpenID provider", partial(check_open_id, settings.http)),
        Check("alerts", partial(check_alerts, settings)),
    ]


def _show(rows: list[Row]) -> None:
    table = Table("what", "state", "", box=None, pad_edge=False)
    for row in rows:
        # A sentence may name a table of the settings, as [http].
        table.add_row(row.what, Text(row.state.value, _COLOURS[row.state]), Text(row.says))
    Console().print(table)
