"""Each display that can be configured gets the driver that knows it, and what keys do is posted."""

from pathlib import Path

import pytest

from drivers.character_lcd import CharacterLcd
from drivers.colour_lcd import ColourLcd
from drivers.oled import OledDisplay
from firmware.app.devices import Settings, build_devices, panel_of, post_keys
from firmware.display.families.rom import GLYPHS
from firmware.phone.events import Event, KeyHeld, KeyPressed, KeyReleased, KeyRepeated
from firmware.phone.key import Key
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


def test_what_keys_do_is_posted_and_of_those_that_come_up_the_one_that_means_something(tmp_path: Path) -> None:
    keypad = build_devices(Settings(), simulator_dir=tmp_path, glyphs=GLYPHS).keypad
    posted: list[Event] = []
    post_keys(keypad, posted.append)
    assert keypad.when_pressed is not None
    assert keypad.when_repeated is not None
    assert keypad.when_held is not None
    assert keypad.when_released is not None
    for report in (keypad.when_pressed, keypad.when_repeated, keypad.when_held):
        report("5")
    for key in Key:
        keypad.when_released(key.value)
    five = Key.DIGIT_5
    assert posted == [KeyPressed(five), KeyRepeated(five), KeyHeld(five), *map(KeyReleased, (Key.DIGIT_0, Key.BOOST))]
