import logging
import os
import re
from pathlib import Path

import pytest

from fleet.api.directory import Directory, Entry

TABLE = (
    "serial;Device ID;label;password;room;sip.local_port\n10000000ABCD0001;desk-1;Müller;swordfish-1;Room 12;5070\n"
    "10000000abcd0002;;;swordfish-2;;\n"
)
FIRST = Entry(None, "desk-1", "10000000abcd0001", "Müller", "Room 12")
SECOND = Entry(None, "10000000abcd0002", "10000000abcd0002", "", "")


def write(path: Path, text: str) -> None:
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    # As whoever types it saves it: later, by the clock of the file system.
    os.utime(path, ns=(before + 10**9, before + 10**9))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "devices.csv"
    write(path, TABLE)
    return path


def test_names_come_from_the_very_table_that_installers_use(table: Path) -> None:
    entries = Directory(table).entries()
    assert entries.by_device == {"desk-1": FIRST, "10000000abcd0002": SECOND}
    assert entries.read_at is not None
    assert not entries.is_broken


def test_nothing_else_of_the_table_is_kept(table: Path) -> None:
    directory = Directory(table)
    assert "swordfish" not in repr((directory.entries(), vars(directory)))


def test_a_row_is_of_the_fleet_that_it_names_or_of_the_only_one_that_there_is(table: Path) -> None:
    write(table, "serial,device_id,fleet\n10000000abcd0001,desk-1,north\n10000000abcd0002,desk-2,\n")
    for fleets, second in ((("hotel",), "hotel"), (("hotel", "north"), None), ((), None)):
        by_device = Directory(table, fleets).entries().by_device
        assert (by_device["desk-1"].fleet, by_device["desk-2"].fleet) == ("north", second)


def test_a_table_that_changes_is_read_anew_and_one_that_does_not_is_not(table: Path) -> None:
    directory = Directory(table)
    first = directory.entries()
    assert directory.entries() is first
    write(table, TABLE.replace("Müller", "Meier"))
    assert directory.entries().by_device["desk-1"].label == "Meier"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no headings"),
        ("swordfish-1;swordfish-1\nswordfish-2;\n", r"There is a mistake\. .* wecall bundle mass devices\.csv --check"),
        ("device_id;label\ndesk-1;swordfish\n", "There is a mistake"),
        ("serial;device_id\n1;The Desk swordfish\n", r"Row 2 of .*devices\.csv names no handset"),
        ("serial;fleet\n10000000abcd0001;swordfish!\n", "Row 2 of .* names no handset"),
        ("serial;device_id\n1;desk-1\n2;desk-1\n", "Row 3 of .* has the device id of a row before it"),
        (f"serial;label\n1;{'swordfish' * 12}\n", "Row 2 of .* has a name that is none"),
        ("serial;label\n1;swordfish\x07\n", "Row 2 of .* has a name that is none"),
        (None, "cannot be read"),
    ],
)
def test_a_broken_table_keeps_the_last_names_and_the_log_says_why_once_and_nothing_of_its_cells(
    table: Path, text: str | None, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    directory = Directory(table)
    good = directory.entries()
    caplog.clear()
    if text is None:
        table.unlink()
    else:
        write(table, text)
    for _ in range(3):
        entries = directory.entries()
        assert (entries.by_device, entries.read_at, entries.is_broken) == (good.by_device, good.read_at, True)
    (said,) = caplog.messages
    assert said.startswith(f"The table of names {table} cannot be used, names stay as they were. ")
    assert re.search(why, said)
    assert "swordfish" not in said
    table.unlink(missing_ok=True)
    write(table, TABLE + "10000000abcd0003;desk-3;;;;\n")
    assert set(directory.entries().by_device) == {*good.by_device, "desk-3"}
    assert not directory.entries().is_broken


def test_without_a_table_there_are_no_names() -> None:
    entries = Directory().entries()
    assert (entries.by_device, entries.read_at, entries.is_broken) == ({}, None, False)


def test_a_table_that_comes_later_is_read_then(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "devices.csv")
    assert directory.entries().is_broken
    write(tmp_path / "devices.csv", TABLE)
    assert directory.entries().by_device["desk-1"] == FIRST
