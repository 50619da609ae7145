"""What can be set about the display: which family it is of, its controller, and how it is wired."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from provisioning.remarks import joined
from provisioning.section import HEXADECIMAL, ConfigurationTable, Conflicts, GpioPin

Controller = Literal["ssd1306", "sh1106", "ssd1309", "sh1107", "ssd1327", "st7789", "ili9341", "hd44780"]
Wiring = Literal["i2c", "spi"]
Rotation = Literal[0, 90, 180, 270]
SpiSpeedMhz = Literal[1, 2, 4, 8, 16, 20, 24, 28, 32, 36, 40, 44, 48, 50, 52]
"""The speeds in MHz that luma takes; a Pi makes each of them or the next below."""


class DisplayFamily(StrEnum):
    """Displays that show the same page in the same way."""

    OLED_128X64 = "oled_128x64"
    OLED_128X128 = "oled_128x128"
    LCD_320X240 = "lcd_320x240"
    CHARACTER_20X4 = "character_20x4"


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a family may be made of; the first of each is what it has where nothing is said."""

    controllers: tuple[Controller, ...]
    wirings: tuple[Wiring, ...]
    rotations: tuple[Rotation, ...]
    i2c_address: int = 0x3C
    spi_mhz: SpiSpeedMhz = 8
    own_fields: tuple[str, ...] = ()


_KINDS: Mapping[DisplayFamily, _Kind] = {
    DisplayFamily.OLED_128X64: _Kind(("ssd1306", "sh1106", "ssd1309"), ("i2c", "spi"), (0, 180)),
    DisplayFamily.OLED_128X128: _Kind(("sh1107", "ssd1327"), ("i2c", "spi"), (0, 90, 180, 270)),
    DisplayFamily.LCD_320X240: _Kind(
        ("st7789", "ili9341"), ("spi",), (0, 180), spi_mhz=40, own_fields=("backlight_pin",)
    ),
    DisplayFamily.CHARACTER_20X4: _Kind(("hd44780",), ("i2c",), (0,), i2c_address=0x27, own_fields=("character_rom",)),
}
_COMMON_FIELDS = ("family", "controller", "wiring", "rotate", "off_after_s")
_BUS_FIELDS: Mapping[Wiring, tuple[str, ...]] = {
    "i2c": ("i2c_bus", "i2c_address"),
    "spi": ("spi_port", "spi_device", "spi_mhz", "dc_pin", "reset_pin"),
}
# Clock, data out and data in of the header's SPI ports, and what selects a device (BCM numbers).
_SPI_PINS = {0: (11, 10, 9), 1: (21, 20, 19)}
_SELECT_PINS = {(0, 0): 8, (0, 1): 7, (1, 0): 18, (1, 1): 17}


class Display(ConfigurationTable):
    """The panel; what is left out is what its family mostly has (docs/wiring.md).

    Attributes:
        family: decides how pages look, and what the other settings may be.
        controller: the chip on the panel.
        wiring: the bus that it is on.
        i2c_bus, i2c_address: where on I2C; /dev/i2c-1 is the header's.
        spi_port, spi_device: where on SPI, as in /dev/spidev0.1.
        spi_mhz: how fast; OLEDs take up to 10.
        dc_pin, reset_pin: BCM pins that tell commands from pixels, and that wake the controller.
        backlight_pin: BCM pin that dims a colour display.
        rotate: degrees clockwise by which the picture is turned, for a panel that is mounted another way.
        off_after_s: how long after it was dimmed the display is switched off until it is wanted again; 0 leaves it dim.
        character_rom: which letters a character display has: "a02" with accents, "a00" on most cheap ones.
    """

    family: DisplayFamily = DisplayFamily.OLED_128X64
    controller: Controller = "ssd1306"
    wiring: Wiring = "i2c"
    i2c_bus: Annotated[int, Field(ge=0, le=10)] = 1
    i2c_address: Annotated[int, Field(ge=0x03, le=0x77, json_schema_extra=HEXADECIMAL)] = 0x3C
    spi_port: Literal[0, 1] = 0
    spi_device: Literal[0, 1] = 0
    spi_mhz: SpiSpeedMhz = 8
    dc_pin: GpioPin = 25
    reset_pin: GpioPin = 23
    backlight_pin: GpioPin = 18
    rotate: Rotation = 0
    character_rom: Literal["a00", "a02"] = "a02"
    off_after_s: Annotated[int, Field(ge=0, le=86_400)] = 0

    @model_validator(mode="before")
    @classmethod
    def _take_what_the_family_has(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("family", DisplayFamily.OLED_128X64) not in list(DisplayFamily):
            return given
        kind = _KINDS[DisplayFamily(given.get("family", DisplayFamily.OLED_128X64))]
        usual = {"controller": kind.controllers[0], "wiring": kind.wirings[0]}
        if given.get("wiring", kind.wirings[0]) == "i2c":
            return {**usual, "i2c_address": kind.i2c_address, **given}
        return {**usual, "spi_mhz": kind.spi_mhz, **given}

    @model_validator(mode="after")
    def _settings_belong_to_the_family(self) -> Self:
        kind = _KINDS[self.family]
        conflicts = Conflicts()
        for name, value, choices in (
            ("controller", self.controller, kind.controllers),
            ("wiring", self.wiring, kind.wirings),
            ("rotate", self.rotate, kind.rotations),
        ):
            if value not in choices:
                conflicts.add(f"is {_quoted(value)}, but {self.family} takes {joined(choices)}", (name,), ("family",))
        own = (*_COMMON_FIELDS, *_BUS_FIELDS[self.wiring], *kind.own_fields)
        for foreign in sorted(self.model_fields_set - set(own)):
            conflicts.add(
                f"is not for {self.family} on {self.wiring}, which takes {', '.join(own[1:])}",
                (foreign,), ("family",), ("wiring",),
            )  # fmt: skip
        conflicts.check()
        return self

    @property
    def pins(self) -> tuple[tuple[str, int], ...]:
        """The BCM pins that no other device can have, each with the setting that decides it; I2C's can be shared."""
        if self.wiring == "i2c":
            return ()
        bus = (*_SPI_PINS[self.spi_port], _SELECT_PINS[self.spi_port, self.spi_device])
        own = ("dc_pin", "reset_pin", *(name for name in _KINDS[self.family].own_fields if name == "backlight_pin"))
        return (*(("wiring", pin) for pin in bus), *((name, getattr(self, name)) for name in own))


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
