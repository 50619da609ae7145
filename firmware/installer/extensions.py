"""A table of a PBX's extensions, one a row, and the table of their phones that `wecall bundle mass` takes."""

import csv
import io
import re
import secrets
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_letters
from typing import Final

from firmware.installer.columns import PLACE, SERIAL
from firmware.installer.device_table import CellMistake, Column, DeviceTable, Row, read_table, refusal
from provisioning.remarks import joined

EXTENSION: Final = "extension"
_NAME: Final = "name"
_DEVICE_ID: Final = "device_id"
_HEADINGS: Final[Mapping[str, str]] = {
    EXTENSION: "username",
    _NAME: "label",
    SERIAL: SERIAL,
    _DEVICE_ID: _DEVICE_ID,
    PLACE: PLACE,
}
"""The columns that there may be, and what `wecall bundle mass` calls them."""

_NUMBER: Final = re.compile("[0-9]{2,6}")
_MAX_NAME: Final = 32
_MAX_NAME_BYTES: Final = 79
"""What Asterisk keeps of the name in `callerid`."""

_PASSWORD_LETTERS: Final = 24


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension of the PBX.

    Attributes:
        number: what others dial.
        name: what others see.
        password: what its phone registers with.
    """

    number: str
    name: str
    password: str = field(repr=False)


def read_extensions(path: Path) -> tuple[tuple[Extension, ...], DeviceTable]:
    """Read a table of extensions, and give each a password.

    Returns:
        The extensions; and their phones, each with the row and the cells that it has there, so that a mistake in one is
        told where it was typed.

    Raises:
        ProvisioningError: it cannot be read, or with every mistake.
    """
    table = read_table(path)
    positions = {column.heading.lower(): column.position for column in table.columns}
    if mistakes := tuple(_mistakes_in_headings(table, positions)):
        raise refusal(mistakes)
    known = tuple(
        Extension(row.cells[positions[EXTENSION]], row.cells[positions[_NAME]], _new_password()) for row in table.rows
    )
    if mistakes := tuple(_mistakes(table, known)):
        raise refusal(mistakes)
    return known, _phones(table, known)


def column_of(table: DeviceTable, heading: str) -> Column:
    """Return the column of a heading that is there."""
    return next(column for column in table.columns if column.heading.lower() == heading)


def as_csv(table: DeviceTable) -> str:
    """Write a table."""
    headings = dict.fromkeys(range(len(table.rows[0].cells)), "")
    headings |= {column.position: column.heading for column in table.columns}
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows([headings.values(), *(row.cells for row in table.rows)])
    return written.getvalue()


def _mistakes_in_headings(table: DeviceTable, positions: Mapping[str, int]) -> Iterator[CellMistake]:
    for column in table.columns:
        if column.heading.lower() not in _HEADINGS:
            yield table.mistake(
                f"there is no such column; there are {joined(_HEADINGS, 'and', quote=False)}.", column=column
            )
    for heading in (EXTENSION, _NAME):
        if heading not in positions:
            yield table.mistake(f"no column is called {heading}.")


def _mistakes(table: DeviceTable, known: tuple[Extension, ...]) -> Iterator[CellMistake]:
    number, name = column_of(table, EXTENSION), column_of(table, _NAME)
    firsts: dict[str, Row] = {}
    for row, extension in zip(table.rows, known, strict=True):
        if not _NUMBER.fullmatch(extension.number):
            yield table.mistake("an extension has two to six digits.", row, number)
        elif (first := firsts.setdefault(extension.number, row)) is not row:
            yield table.mistake(f"row {first.number} has this extension already.", row, number)
        if not _is_name(extension.name):
            text = f"a name has 1 to {_MAX_NAME} letters, digits, spaces and .-' and begins with a letter or a digit."
            yield table.mistake(text, row, name)


def _is_name(text: str) -> bool:
    """Whether a name ends no value and begins no comment in a file of Asterisk's, and no formula in a spreadsheet."""
    kinds = [unicodedata.category(letter)[0] for letter in text]
    good = all(kind in {"L", "M", "N"} or letter in " .-'" for kind, letter in zip(kinds, text, strict=True))
    fits = len(text) <= _MAX_NAME and len(text.encode()) <= _MAX_NAME_BYTES
    return kinds[:1] in (["L"], ["N"]) and good and fits


def _new_password() -> str:
    # Letters alone: a spreadsheet makes no number or formula of them.
    return "".join(secrets.choice(ascii_letters) for _ in range(_PASSWORD_LETTERS))


def _phones(table: DeviceTable, known: tuple[Extension, ...]) -> DeviceTable:
    width = len(table.rows[0].cells)
    positions = {_HEADINGS[column.heading.lower()]: column.position for column in table.columns}
    added = [heading for heading in (SERIAL, _DEVICE_ID, "password") if heading not in positions]
    positions |= {heading: width + number for number, heading in enumerate(added)}
    rows = []
    for row, extension in zip(table.rows, known, strict=True):
        cells = [*row.cells, *[""] * len(added)]
        cells[positions[_DEVICE_ID]] = cells[positions[_DEVICE_ID]] or f"phone-{extension.number}"
        cells[positions["password"]] = extension.password
        rows.append(Row(row.number, tuple(cells)))
    columns = tuple(Column(position, heading) for heading, position in positions.items())
    return DeviceTable(table.path, columns, tuple(rows), b"")
