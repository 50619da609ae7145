"""Each display that can be configured gets the driver that knows it."""

from pathlib import Path

import pytest

from drivers.character_lcd import CharacterLcd
from drivers.colour_lcd import ColourLcd
from drivers.oled import OledDisplay
from firmware.app.devices import Settings, build_devices, panel_of
from firmware.display.families.rom import GLYPHS
from provisioning.display import _KINDS, Display
from provisioning.parsing import parse_configuration

BASE = '[device]\nid = "desk-1"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n[display]\n'


def display_of(settings: str) -> Display:
    return parse_configuration(BASE + settings).display


@pytest.mark.parametrize(
    ("settings", "driver"),
    [
        ("", OledDisplay),
        ('controller = "ssd1309"\nwiring = "spi"', OledDisplay),
        ('family = "oled_128x128"\nrotate = 90', OledDisplay),
        ('family = "oled_128x128"\ncontroller = "ssd1327"', OledDisplay),
        ('family = "lcd_320x240"', ColourLcd),
        ('family = "lcd_320x240"\ncontroller = "ili9341"\nrotate = 180', ColourLcd),
        ('family = "character_20x4"\ncharacter_rom = "a00"', CharacterLcd),
    ],
)
def test_a_configured_display_gets_its_driver(settings: str, driver: type) -> None:
    assert isinstance(panel_of(display_of(settings), GLYPHS), driver)


@pytest.mark.parametrize(
    ("family", "controller"), [(family, name) for family, kind in _KINDS.items() for name in kind.controllers]
)
def test_every_controller_that_can_be_configured_has_a_driver_that_knows_it(family: str, controller: str) -> None:
    assert panel_of(display_of(f'family = "{family}"\ncontroller = "{controller}"'), GLYPHS)


@pytest.mark.parametrize("family", ["oled_128x64", "oled_128x128", "lcd_320x240", "character_20x4"])
def test_the_simulator_begins_with_the_configured_family(family: str, tmp_path: Path) -> None:
    settings = Settings.of(parse_configuration(f'{BASE}family = "{family}"'))
    devices = build_devices(settings, simulator_dir=tmp_path, glyphs=GLYPHS)
    assert devices.page is not None
    assert devices.page.family == family
