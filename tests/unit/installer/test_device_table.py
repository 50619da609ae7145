from pathlib import Path

import pytest

from firmware.installer.device_table import Column, read_table
from provisioning.errors import ProvisioningError


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "devices.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(path: Path) -> str:
    with pytest.raises(ProvisioningError) as caught:
        read_table(path)
    return " ".join((str(caught.value), *caught.value.mistakes))


@pytest.mark.parametrize(
    "content",
    [
        "serial,username\n10000000abcd0001,100\n",
        "serial;username\r\n10000000abcd0001;100\r\n",
        "serial\tusername\n10000000abcd0001\t100",
        "\ufeffserial,username\n10000000abcd0001,100\n",
        "serial;username\n10000000abcd0001;100\n".encode("utf-16"),
        ' serial , username \n\n "10000000abcd0001" ,100,\n'.replace(' "', '"').replace('" ', '"'),
    ],
    ids=["commas", "semicolons", "tabs", "byte order mark", "UTF-16", "spaces"],
)
def test_a_table_is_read_however_a_spreadsheet_saves_it(tmp_path: Path, content: str | bytes) -> None:
    table = read_table(write(tmp_path, content))
    assert [column.heading for column in table.columns] == ["serial", "username"]
    assert [row.cells[:2] for row in table.rows] == [("10000000abcd0001", "100")]


def test_rows_are_numbered_as_the_spreadsheet_numbers_them(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, 'serial,label\nfirst,"two\nlines"\n,\nthird,x\n'))
    assert [(row.number, row.cells[0]) for row in table.rows] == [(2, "first"), (4, "third")]


@pytest.mark.parametrize(
    ("position", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (702, "AAA")]
)
def test_columns_have_the_letters_of_a_spreadsheet(position: int, letters: str) -> None:
    assert Column(position, "").letters == letters


def test_letters_of_another_encoding_are_named_with_their_line(tmp_path: Path) -> None:
    said = refused(write(tmp_path, "serial,label\n1,Zo\u00eb\n".encode("latin-1")))
    assert "line 2" in said
    assert "CSV UTF-8" in said


def test_a_spreadsheet_itself_is_told_from_a_table(tmp_path: Path) -> None:
    assert "is a spreadsheet" in refused(write(tmp_path, b"PK\x03\x04 and so on"))


def test_a_cell_without_a_heading_and_a_heading_twice_are_both_told(tmp_path: Path) -> None:
    said = refused(write(tmp_path, "serial,Label,label\n1,a,b,stray\n"))
    assert "column C (label): this heading stands in column B already" in said
    assert "row 2, column D: this cell stands under no heading" in said


@pytest.mark.parametrize("content", ["", "\n", "serial\n", "serial,username\n,\n"])
def test_a_table_without_a_handset_is_refused(tmp_path: Path, content: str) -> None:
    assert "no handset" in refused(write(tmp_path, content)) or "no headings" in refused(write(tmp_path, content))


def test_a_quote_that_is_not_closed_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    assert "line 3" in refused(write(tmp_path, 'serial,label\n1,"open\n2,x\n'))
