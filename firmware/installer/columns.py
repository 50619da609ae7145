"""What the columns of a table of handsets set: the serial, a label's line, or any setting of a configuration."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final

from firmware.installer.device_table import CellMistake, Column, DeviceTable, Row, read_table, refusal
from provisioning.forms import Form
from provisioning.reference import tables, top_settings
from provisioning.remarks import KeyPath

SERIAL: Final = "serial"
PLACE: Final = "place"

_SHORT: Final[Mapping[str, str]] = {
    "serial_number": SERIAL,
    "location": PLACE,
    "room": PLACE,
    "device": "device.id",
    "device_id": "device.id",
    "fleet": "device.fleet",
    "country": "device.country",
    "region": "device.region",
    "language": "device.language",
    "username": "accounts.0.username",
    "user": "accounts.0.username",
    "extension": "accounts.0.username",
    "password": "accounts.0.password",
    "label": "accounts.0.label",
    "display_name": "accounts.0.display_name",
    "domain": "accounts.0.domain",
    "server": "accounts.0.server",
    "auth_username": "accounts.0.auth_username",
    "voicemail_number": "accounts.0.voicemail_number",
}
"""What the most frequent columns may be called; what stands for itself needs no line."""


_TRUTHS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that a column gives each handset.

    Attributes:
        path: where it stands.
        form: what it takes.
    """

    path: KeyPath
    form: Form

    def value(self, cell: str) -> Any:
        """Return what TOML has for a cell; the values of a list have semicolons between them."""
        if self.form.item is None:
            return _value(cell, self.form.kind)
        return [_value(part.strip(), self.form.item.kind) for part in cell.split(";") if part.strip()]


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of one table are for.

    Attributes:
        serial: the handset's own number.
        place: where it goes, for its label.
        settings: the rest, but for columns of people's own.
    """

    serial: Column
    place: Column | None
    settings: tuple[tuple[Column, Setting], ...]

    def secrets_in(self, row: Row) -> Mapping[KeyPath, str]:
        """Return the passwords that stand in a row, by their settings."""
        return {
            setting.path: cell
            for column, setting in self.settings
            if setting.form.secret and (cell := row.cells[column.position])
        }

    def serial_in(self, row: Row) -> str:
        """Return a row's serial, which may be none."""
        return row.cells[self.serial.position].lower()

    def account_in(self, row: Row) -> str:
        """Return the user name of the first account; "" where no column or cell says it."""
        column = self.column_of(("accounts", 0, "username"))
        return row.cells[column.position] if column else ""

    def column_of(self, path: KeyPath) -> Column | None:
        """Return the column that sets a path, where one does."""
        return next((column for column, setting in self.settings if setting.path == path), None)


def read_columns(table: DeviceTable) -> tuple[Columns | None, tuple[CellMistake, ...]]:
    """Find out what each column is for; a heading that begins with # is people's own.

    Returns:
        What they are for, None where there is no serial; and every mistake.
    """
    serial: Column | None = None
    place: Column | None = None
    settings: list[tuple[Column, Setting]] = []
    taken: dict[KeyPath, Column] = {}
    mistakes: list[CellMistake] = []
    for column in table.columns:
        if column.heading.startswith("#"):
            continue
        plain = re.sub(r"[\s-]+", "_", column.heading.lower())
        name = _SHORT.get(plain, plain)
        setting = None if name in {SERIAL, PLACE} else _find(name)
        key: KeyPath = setting.path if setting else (name,)
        if setting is None and name not in {SERIAL, PLACE}:
            mistakes.append(table.mistake(_unknown(plain), column=column))
            continue
        if key in taken:
            mistakes.append(table.mistake(f"{taken[key]} sets the same.", column=column))
            continue
        taken[key] = column
        if setting is not None:
            settings.append((column, setting))
        elif name == SERIAL:
            serial = column
        else:
            place = column
    if serial is None:
        mistakes.append(table.mistake("no column is called serial, so that nobody knows which handset is which."))
        return None, tuple(mistakes)
    return Columns(serial, place, tuple(settings)), tuple(mistakes)


def columns_of(table: DeviceTable) -> Columns:
    """Return what each column is for.

    Raises:
        ProvisioningError: with every mistake.
    """
    columns, mistakes = read_columns(table)
    if columns is None or mistakes:
        raise refusal(mistakes)
    return columns


def device_ids(path: Path) -> Mapping[str, str]:
    """Return the device id of each serial in a table of `wecall bundle mass`; the serial itself where it has none.

    Raises:
        ProvisioningError: it cannot be read, with every mistake of its form.
    """
    table = read_table(path)
    columns = columns_of(table)
    column = columns.column_of(("device", "id"))
    return {
        (serial := columns.serial_in(row)): (row.cells[column.position] if column else "") or serial
        for row in table.rows
    }


@cache
def all_settings() -> Mapping[str, Form]:
    """Return what every setting is called as a column, with 0 for the entries of lists, and what it takes."""
    named = {setting.name: setting.form for setting in top_settings()}
    for table in tables():
        before = ".".join(table.path) + (".0." if table.several else ".")
        named |= {f"{before}{setting.name}": setting.form for setting in table.settings}
    return named


def _unknown(name: str) -> str:
    names = [SERIAL, PLACE, *_SHORT, *all_settings()]
    close = get_close_matches(name, names, n=1, cutoff=0.7) or get_close_matches(
        name.rsplit(".", 1)[-1], [each.rsplit(".", 1)[-1] for each in names], n=1, cutoff=0.8
    )
    if close and close[0] not in names:
        close = [next(each for each in names if each.endswith(f".{close[0]}"))]
    hint = f'did you mean "{close[0]}"?' if close else "put # before it if it is a note of your own."
    return f"there is no such setting; {hint}"


def _find(name: str) -> Setting | None:
    """Find "accounts.0.username", or "accounts[1].username" as mistakes have it, which count from 1."""
    dotted = re.sub(r"\[([1-9][0-9]*)\]", lambda found: f".{int(found[1]) - 1}", name)
    path = tuple(int(part) if part.isdigit() else part for part in dotted.split("."))
    form = all_settings().get(".".join("0" if isinstance(part, int) else part for part in path))
    return None if form is None else Setting(path, form)


def _value(text: str, kind: type[bool | float | str]) -> Any:
    """Return what TOML has; text that cannot be it is left for the schema to object to."""
    if kind is bool:
        return _TRUTHS.get(text.lower(), text)
    try:
        return kind(text)
    except ValueError:
        return text
