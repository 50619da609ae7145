"""Compares a table of handsets with the identities that the handsets left on a stick, and fills serials in."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from firmware.base.durable import replace_durably
from firmware.installer.columns import SERIAL, Columns, read_columns
from firmware.installer.device_table import CellMistake, Column, DeviceTable, Row, read_table, refusal, rewrite_table
from provisioning.identity import Identity
from provisioning.manifest import SERIAL_PATTERN

_LIKE: Final = 0.85
"""Two serials are like each other where so much is the same: of 16 digits all but two."""
_MOST_COMPARED: Final = 10_000
_HEADINGS: Final = (SERIAL, "device_id", "username", "password", "label", "place")


def serial_warnings(table: DeviceTable, columns: Columns, known: Mapping[str, Identity]) -> Iterator[CellMistake]:
    """Find serials that nobody's identity has, identities that no row has, and serials that are unlike the others.

    Args:
        table: the handsets.
        columns: what its columns are for.
        known: the identities, by their serials; where there are none, nothing is compared with them.
    """
    rows = {serial: row for row in table.rows if (serial := columns.serial_in(row))}
    spare = sorted(set(known) - set(rows))
    without = [serial for serial in rows if serial not in known]
    odd = dict(_unlike(without, [*rows, *spare]))
    compared = len(without) * len(spare) <= _MOST_COMPARED
    for serial in without:
        near = _nearest(serial, spare) if compared else ""
        if near:
            spare.remove(near)
            text = f"no identity is of {serial}; did you mean {near}, whose identity no row has?"
        elif not re.fullmatch(SERIAL_PATTERN, serial):
            # What is no serial is a mistake, which is told as such.
            continue
        elif serial in odd:
            text = odd[serial]
        elif known:
            text = "no identity is of this handset, so that a code has to be typed there if it has passwords."
        else:
            continue
        yield table.mistake(text, rows[serial], columns.serial)
    for serial in spare:
        yield CellMistake("no row has this serial, so that no bundle is for it.", 0, None, known[serial].file_name)


def _nearest(serial: str, others: Sequence[str]) -> str:
    bare = serial.lstrip("0")
    eaten = [each for each in others if each.lstrip("0") == bare]
    return next(iter(eaten or get_close_matches(serial, others, n=1, cutoff=_LIKE)), "")


def _unlike(serials: Iterable[str], all_of_them: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Say what is odd about serials where more than half of all have the same form."""
    (length, is_hexadecimal), count = Counter(map(_form, all_of_them)).most_common(1)[0] if all_of_them else ((0, 0), 0)
    if 2 * count <= len(all_of_them):
        return
    for serial in serials:
        if is_hexadecimal and (others := "".join(dict.fromkeys(re.sub("[0-9a-f]", "", serial)))):
            yield serial, f'most serials here have only 0 to 9 and a to f, and this one has "{others}".'
        elif len(serial) != length:
            why = f"most serials here have {length} letters and digits, and this one has {len(serial)}"
            if serial.isdigit() and len(serial) < length:
                why += "; did a spreadsheet eat its zeros? Give the column the format Text, and type the cell anew"
            yield serial, f"{why}."


def _form(serial: str) -> tuple[int, bool]:
    return len(serial), bool(re.fullmatch("[0-9a-f]+", serial))


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of a table whose serials were filled in.

    Attributes:
        serials: those that were, in the order of the rows.
        left: those of identities for which there was no row.
        empty: so many rows have no serial yet.
    """

    serials: tuple[str, ...]
    left: tuple[str, ...]
    empty: int


def fill_serials(path: Path, known: Mapping[str, Identity]) -> Filled:
    """Give each row that has no serial one of an identity that no row has, in their orders; nothing is overwritten.

    Where there is no table, one is made with a row for each identity.

    Raises:
        ProvisioningError: the table cannot be read, or a column is none, with every mistake.
        OSError: it cannot be written.
    """
    serials = sorted(known)
    if not path.exists():
        rows = "".join(f"{serial}{',' * (len(_HEADINGS) - 1)}\n" for serial in serials)
        replace_durably(path, f"{','.join(_HEADINGS)}\n{rows}".encode())
        return Filled(tuple(serials), (), 0)
    table = read_table(path)
    columns, mistakes = read_columns(table)
    if mistakes := tuple(mistake for mistake in mistakes if mistake.column is not None):
        raise refusal(mistakes)
    column = columns.serial if columns else Column(len(table.rows[0].cells), SERIAL)
    cells = {row: _cell(row, column) for row in table.rows}
    empty = [row for row, cell in cells.items() if not cell]
    spare = sorted(set(serials) - set(cells.values()))
    filled = tuple(zip(empty, spare, strict=False))
    if filled:
        heading = {} if columns else {(1, column.position): SERIAL}
        rewrite_table(table, heading | {(row.number, column.position): serial for row, serial in filled})
    return Filled(tuple(serial for _, serial in filled), tuple(spare[len(filled) :]), len(empty) - len(filled))


def _cell(row: Row, column: Column) -> str:
    return row.cells[column.position].lower() if column.position < len(row.cells) else ""
