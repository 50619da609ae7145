"""Options that several commands have."""

from pathlib import Path
from typing import Final

import click

DEFAULT_CONFIGURATION: Final = Path("/etc/wecall/config.toml")

runtime_dir_option = click.option(
    "--runtime-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="RUNTIME_DIRECTORY",
    default=Path("/run/wecall"),
    show_default=True,
    help="Where the handset's local sockets are.",
)

state_dir_option = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="STATE_DIRECTORY",
    default=Path("/var/lib/wecall"),
    show_default=True,
    help="Where the encrypted store is.",
)
