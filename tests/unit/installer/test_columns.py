from pathlib import Path

import pytest

from firmware.installer.columns import all_settings, read_columns
from firmware.installer.device_table import Column, DeviceTable, refusal


def table(*headings: str) -> DeviceTable:
    return DeviceTable(
        Path("devices.csv"), tuple(Column(number, heading) for number, heading in enumerate(headings)), (), b""
    )


def mistakes(*headings: str) -> list[str]:
    return list(refusal(read_columns(table(*headings))[1]).mistakes)


def setting(heading: str) -> tuple[object, ...]:
    columns, wrong = read_columns(table("serial", heading))
    assert not wrong
    assert columns is not None
    ((_, found),) = columns.settings
    return found.path


@pytest.mark.parametrize(
    ("heading", "path"),
    [
        ("username", ("accounts", 0, "username")),
        ("Device ID", ("device", "id")),
        ("device-id", ("device", "id")),
        ("accounts.1.password", ("accounts", 1, "password")),
        ("accounts[2].password", ("accounts", 1, "password")),
        ("sip.local_port", ("sip", "local_port")),
        ("network.wifi.0.ssid", ("network", "wifi", 0, "ssid")),
    ],
)
def test_a_column_is_a_setting_by_its_short_name_its_path_or_as_mistakes_call_it(
    heading: str, path: tuple[object, ...]
) -> None:
    assert setting(heading) == path


def test_every_setting_of_the_schema_can_be_a_column() -> None:
    settings = list(all_settings())
    assert len(settings) > 150
    columns, wrong = read_columns(table("serial", *settings))
    assert not wrong
    assert columns is not None
    assert len(columns.settings) == len(settings)


@pytest.mark.parametrize(
    ("heading", "meant"), [("usrname", "username"), ("passwort", "password"), ("ssid", "network.wifi.0.ssid")]
)
def test_a_misspelt_column_is_told_with_what_was_meant(heading: str, meant: str) -> None:
    (said,) = mistakes("serial", heading)
    assert f'column B ({heading}): there is no such setting; did you mean "{meant}"?' in said


def test_people_may_have_columns_of_their_own() -> None:
    assert mistakes("serial", "# who paid") == []
    assert "put # before it" in mistakes("serial", "who paid")[0]


def test_a_table_without_serials_and_one_that_sets_the_same_twice_are_refused() -> None:
    assert "no column is called serial" in mistakes("username")[0]
    assert "column B (username) sets the same" in mistakes("serial", "username", "accounts.0.username")[0]


@pytest.mark.parametrize(
    ("heading", "cell", "value"),
    [
        ("sip.local_port", "5070", 5070),
        ("sip.local_port", "many", "many"),
        ("nat.ice", "Yes", True),
        ("sip.probe_s", "2.5", 2.5),
        ("display.rotate", "180", 180),
        ("username", "0100", "0100"),
        ("accounts.0.servers", "a.example; b.example:5070", ["a.example", "b.example:5070"]),
        ("keypad.rows", "5;6", [5, 6]),
    ],
)
def test_a_cell_becomes_what_toml_would_have(heading: str, cell: str, value: object) -> None:
    columns, _ = read_columns(table("serial", heading))
    assert columns is not None
    ((_, found),) = columns.settings
    assert found.value(cell) == value
    assert type(found.value(cell)) is type(value)


def test_passwords_are_known_to_be_secret() -> None:
    columns, _ = read_columns(table("serial", "password", "username", "network.wifi.0.password"))
    assert columns is not None
    assert [found.form.secret for _, found in columns.settings] == [True, False, True]
