"""The page that people wire by says what the default configuration says."""

import re
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest
from gpiozero.pins.mock import MockFactory

from provisioning.controls import HookSwitch, Indicator, Keypad
from provisioning.display import Controller, Display, DisplayFamily

PAGE = (Path(__file__).parents[3] / "docs" / "wiring.md").read_text(encoding="utf-8")
# | what | BCM | header pin | goes to |
PINS = {
    what: (int(bcm), int(header), goes_to)
    for what, bcm, header, goes_to in re.findall(r"^\| ([^|]+) \| (\d+) \| (\d+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
}
KEYPAD = Keypad()
SPI_DISPLAY = Display(family=DisplayFamily.LCD_320X240)


def test_every_pin_of_the_default_configuration_is_in_the_table() -> None:
    expected = {
        **{f"keypad row {number}": bcm for number, bcm in enumerate(KEYPAD.rows, start=1)},
        **{f"keypad column {number}": bcm for number, bcm in enumerate(KEYPAD.columns, start=1)},
        "hook switch": HookSwitch().pin,
        "status LED": Indicator().pin,
        "display SDA": 2,
        "display SCL": 3,
        "display SPI clock": 11,
        "display SPI data": 10,
        "display SPI select": 8,
        "display DC": SPI_DISPLAY.dc_pin,
        "display reset": SPI_DISPLAY.reset_pin,
        "display backlight": SPI_DISPLAY.backlight_pin,
    }
    assert {what: bcm for what, (bcm, _, _) in PINS.items()} == expected


def test_the_page_has_every_family_with_all_its_controllers() -> None:
    rows = dict(re.findall(r"^\| `([a-z]+_\d+x\d+)` \| (`[^|]+) \|", PAGE, re.MULTILINE))
    assert list(rows) == [family.value for family in DisplayFamily]
    named = [name for row in rows.values() for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(get_args(Controller))


def test_the_header_pin_is_that_of_the_board(subtests: pytest.Subtests) -> None:
    for what, (bcm, header, _) in PINS.items():
        with subtests.test(what=what):
            assert f"BOARD{header}" in MockFactory().pin(bcm).info.names


@pytest.mark.parametrize(
    ("what", "names"),
    [
        *((f"keypad row {number}", line) for number, line in enumerate(KEYPAD.keys, start=1)),
        *((f"keypad column {number}", line) for number, line in enumerate(zip(*KEYPAD.keys, strict=True), start=1)),
    ],
)
def test_the_keys_of_a_row_and_a_column_are_those_of_the_layout(what: str, names: tuple[str, ...]) -> None:
    assert PINS[what][2] == "keys " + ", ".join(name.replace("_", " ") for name in names)


def test_the_drawing_of_the_matrix_has_every_key_and_every_pin() -> None:
    drawing = re.search(r"```\n(.*?)one crossing", PAGE, re.DOTALL)
    assert drawing is not None
    names = re.findall(r"[^\s|()-]+(?: (?:up|down|not disturb))?", drawing[1])
    assert {name.replace("_", " ") for name in chain(*KEYPAD.keys)} <= set(names)
    assert {int(bcm) for bcm in re.findall(r"BCM +(\d+)", drawing[1])} == {*KEYPAD.rows, *KEYPAD.columns}
