"""`wecall fleet move-database`: from SQLite to PostgreSQL."""

from pathlib import Path

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fleet.collector.move import Move
from fleet.collector.settings import Storage
from fleet.errors import FleetError


@click.command()
@click.argument("old")
@click.argument("new")
@click.option(
    "--password-file", type=click.Path(dir_okay=False, path_type=Path),
    help="PostgreSQL's password, mode 0600.  [default: what PGPASSFILE says]",
)  # fmt: skip
def move_database(old: str, new: str, password_file: Path | None) -> None:
    """Copy a collector's database from OLD, sqlite:///calls.db, into NEW, postgresql+psycopg://wecall@host/wecall.

    Stop every collector of OLD first; records wait on the handsets. NEW has to be empty. Everything is there in the
    end, counted, or nothing: cut off at any moment, OLD and NEW are as they were, and the same command can be said
    again.
    """
    console = Console(stderr=True)
    try:
        move = Move(_storage("OLD", old), _storage("NEW", new, password_file))
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=console, disable=not console.is_terminal,
        ) as progress:  # fmt: skip
            task = progress.add_task("", total=None)
            rows = move.run(
                lambda total: progress.update(task, total=total),
                lambda table, number: progress.update(task, description=table, advance=number),
            )
    except FleetError as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"{rows} rows are in the new database. Write its address under [database] in collector.toml, and start the "
        "collectors. Then delete the old file, and its backups in time: what holders take back from now on is deleted "
        "in the new one alone."
    )


def _storage(which: str, url: str, password_file: Path | None = None) -> Storage:
    try:
        return Storage(url=url, password_file=password_file)
    except ValidationError as error:
        why = error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise click.UsageError(f"{which} {why}.") from error
