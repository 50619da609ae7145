"""`wecall bundle unseal`: the passwords of a table go back into it, for another key, or to be seen."""

from pathlib import Path
from typing import Final

import click

from firmware.installer.columns import columns_of
from firmware.installer.device_table import read_table
from firmware.installer.private_keys import signing_key
from firmware.installer.sealed_secrets import SealedSecrets, TableKey, unseal_table

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("table", metavar="DEVICES.CSV", type=_FILE)
@click.option("--key", "key_file", type=_FILE, required=True, help="The private key that they were sealed with.")
def unseal(table: Path, key_file: Path) -> None:
    """Put the passwords that `wecall bundle mass` took out of DEVICES.CSV back into its empty cells."""
    devices = read_table(table)
    columns = columns_of(devices)
    sealed = SealedSecrets(table)
    sealed.read()
    sealed.open(TableKey.of(signing_key(key_file)))
    count = unseal_table(devices, columns, sealed)
    click.echo(f"{count} password(s) put back into {table}. The next `wecall bundle mass` seals them again.")
