"""A table of handsets, one a row, as people save it from a spreadsheet: `devices.csv`."""

import csv
import io
import re
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_uppercase
from typing import Final

from firmware.base.durable import replace_durably
from provisioning.errors import ProvisioningError

MAX_ROWS: Final = 10_000
_MAX_BYTES: Final = 16 * 1024 * 1024
_DELIMITERS: Final = ",;\t"
_AS_CSV: Final = 'In the spreadsheet save it as "CSV UTF-8".'


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table.

    Attributes:
        position: the first is 0.
        heading: as it stands in the first row.
    """

    position: int
    heading: str

    @property
    def letters(self) -> str:
        """What a spreadsheet calls it: A, B, ... Z, AA, ..."""
        letters, left = "", self.position
        while left >= 0:
            letters = ascii_uppercase[left % 26] + letters
            left = left // 26 - 1
        return letters

    def __str__(self) -> str:
        return f"column {self.letters} ({self.heading})" if self.heading else f"column {self.letters}"


@dataclass(frozen=True, slots=True)
class Row:
    """A handset.

    Attributes:
        number: as a spreadsheet counts; the headings are row 1.
        cells: one for each column, without spaces around it; "" where nothing stands.
    """

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CellMistake:
    """What is wrong with a cell, or with a row or a column where it has no other place.

    Attributes:
        text: what is wrong; no secret.
        row: its number; 0 for none.
        column: None for none.
        file: where it stands.
    """

    text: str
    row: int
    column: Column | None
    file: str


@dataclass(frozen=True, slots=True)
class DeviceTable:
    """All handsets of a site.

    Attributes:
        path: the file.
        columns: those that have a heading.
        rows: those in which something stands.
        content: the bytes of the file.
    """

    path: Path
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    content: bytes = field(repr=False)

    def mistake(self, text: str, row: Row | None = None, column: Column | None = None) -> CellMistake:
        """Say what is wrong with a row, a column, or a cell."""
        return CellMistake(text, row.number if row else 0, column, self.path.name)


def read_table(path: Path) -> DeviceTable:
    """Read a table in whatever form spreadsheets save it: commas, semicolons or tabs, UTF-8 or UTF-16.

    Raises:
        ProvisioningError: it cannot be read, with every mistake of its form.
    """
    content = _read(path)
    text = _decoded(path, content)
    numbered: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        for number, cells in enumerate(reader, start=1):
            numbered.append((number, [cell.strip() for cell in cells]))
            if number > MAX_ROWS + 1:
                raise ProvisioningError(f"{path} has more than {MAX_ROWS} rows. Divide it into several files.")
    except csv.Error as error:
        raise ProvisioningError(f"{path} is not a table: line {reader.line_num}: {error}. {_AS_CSV}") from None
    if not numbered or not any(numbered[0][1]):
        raise ProvisioningError(
            f"{path} has no headings: its first row names the columns, such as serial and username."
        )
    headings = numbered[0][1]
    columns = tuple(Column(position, heading) for position, heading in enumerate(headings) if heading)
    rows = tuple(
        Row(number, tuple((cells + [""] * len(headings))[: len(headings)]))
        for number, cells in numbered[1:]
        if any(cells)
    )
    table = DeviceTable(path, columns, rows, content)
    if mistakes := tuple(_mistakes_of_form(table, headings, numbered[1:])):
        raise refusal(mistakes)
    return table


def rewrite_table(table: DeviceTable, cells: Mapping[tuple[int, int], str]) -> None:
    """Put other texts into cells; all else stays as people saved it, and the file is its owner's alone.

    Args:
        table: as it was read.
        cells: the texts, by the number of the row and the position of the column, which may be new.

    Raises:
        ProvisioningError: somebody has changed the table meanwhile.
        OSError: it cannot be written.
    """
    text = _decoded(table.path, table.content)
    delimiter = _delimiter(text)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    for (number, position), cell in cells.items():
        row = rows[number - 1]
        row += [""] * (position + 1 - len(row))
        row[position] = cell
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator="\r\n" if "\r\n" in text else "\n").writerows(rows)
    if _read(table.path) != table.content:
        raise ProvisioningError(f"{table.path} was changed meanwhile, so it was left alone. Run the command again.")
    # Where its name is a link, what it leads to is the table.
    replace_durably(table.path.resolve(), written.getvalue().encode(_encoding(table.content)))


def refusal(mistakes: Collection[CellMistake]) -> ProvisioningError:
    """Say everything that is wrong."""
    count = len(mistakes)
    return ProvisioningError(f"There are {count} mistakes." if count > 1 else "There is a mistake.", told(mistakes))


def told(mistakes: Iterable[CellMistake]) -> tuple[str, ...]:
    """Put mistakes in the order of the table; what is wrong in the same way with many rows is said once."""
    rows: dict[tuple[str, Column | None, str], list[int]] = {}
    for each in mistakes:
        rows.setdefault((each.file, each.column, each.text), []).append(each.row)
    found = [
        (numbers[0], column.position if column else -1, f"{_place(file, numbers, column)}: {text}")
        for (file, column, text), numbers in rows.items()
    ]
    return tuple(each for *_, each in sorted(found))


def _place(file: str, rows: list[int], column: Column | None) -> str:
    spans: list[list[int]] = []
    for number in sorted(set(rows) - {0}):
        if spans and number == spans[-1][-1] + 1:
            spans[-1] = [spans[-1][0], number]
        else:
            spans.append([number])
    words = ", ".join(" to ".join(map(str, span)) for span in spans)
    many = len(spans) > 1 or any(len(span) > 1 for span in spans)
    of_rows = f"row{'s' if many else ''} {words}" if words else ""
    return ", ".join(filter(None, (file, of_rows, str(column) if column else "")))


def spreadsheet_damage(cell: str) -> str:
    """Say what a spreadsheet did to a long number, or "" where it did nothing that can be seen."""
    if re.fullmatch(r"[0-9][.,]?[0-9]*[Ee]\+[0-9]+", cell):
        return (
            f"a spreadsheet has made a number of it ({cell}), and the digits are lost; "
            "give the column the format Text, and type the cell anew"
        )
    return ""


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ProvisioningError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > _MAX_BYTES:
        raise ProvisioningError(f"{path} is larger than any table of handsets. Is it the right file?")
    if content.startswith(b"PK"):
        raise ProvisioningError(f"{path} is a spreadsheet and not a table in CSV. {_AS_CSV}")
    return content


def _encoding(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-8-sig" if content.startswith(BOM_UTF8) else "utf-8"


def _delimiter(text: str) -> str:
    return max(_DELIMITERS, key=text.split("\n", 1)[0].count)


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode(_encoding(content))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ProvisioningError(f"{path} is not in UTF-8: line {line} has other letters. {_AS_CSV}") from None


def _mistakes_of_form(
    table: DeviceTable, headings: list[str], numbered: list[tuple[int, list[str]]]
) -> Iterator[CellMistake]:
    lowered = [heading.lower() for heading in headings]
    for column in table.columns:
        first = lowered.index(column.heading.lower())
        if first != column.position:
            yield table.mistake(f"this heading stands in column {Column(first, '').letters} already.", column=column)
    for number, cells in numbered:
        for position, cell in enumerate(cells):
            if cell and (position >= len(headings) or not headings[position]):
                yield table.mistake("this cell stands under no heading.", Row(number, ()), Column(position, ""))
    if not table.rows:
        yield table.mistake("there is no handset below the headings.")
