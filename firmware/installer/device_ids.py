"""Who is who at a site: the device id of each serial in the installer's table."""

from collections.abc import Mapping
from pathlib import Path

from firmware.installer.columns import read_columns
from firmware.installer.device_table import read_table, refusal


def device_ids(path: Path) -> Mapping[str, str]:
    """Return the device id of each serial in a table of `wecall bundle mass`; the serial itself where it has none.

    Raises:
        ProvisioningError: it cannot be read, with every mistake of its form.
    """
    table = read_table(path)
    columns, mistakes = read_columns(table)
    if columns is None or mistakes:
        raise refusal(mistakes)
    column = columns.column_of(("device", "id"))
    return {
        (serial := row.cells[columns.serial.position].lower()): (row.cells[column.position] if column else "") or serial
        for row in table.rows
    }
