"""Builds the devices that a configuration names, those on the Pi's pins or those of a simulator, and ties its keys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from firmware.phone.country import ASSUMED_COUNTRY
from firmware.phone.events import Event, KeyHeld, KeyPressed, KeyReleased, KeyRepeated
from firmware.phone.key import Key
from firmware.ports.devices import Display, HookSwitch, Indicator, Keypad, RingerLight
from provisioning.controls import HookSwitch as HookSwitchSettings
from provisioning.controls import Indicator as IndicatorSettings
from provisioning.controls import Keypad as KeypadSettings
from provisioning.display import Display as DisplaySettings
from provisioning.display import DisplayFamily
from provisioning.schema import Configuration

_HALF_TURN = 180


class StartedDevice(Protocol):
    """Anything that is started before use and stopped after."""

    def start(self) -> None:
        """Begin to use the hardware."""
        ...

    def stop(self) -> None:
        """Let it go."""
        ...


class Page(Protocol):
    """The simulator's page, which is served by a process of its own; for the main thread."""

    async def start(self) -> None:
        """Connect with it; where it is there the hook switch's state is its person's from here on."""
        ...

    def stop(self) -> None:
        """Hang up."""
        ...

    @property
    def family(self) -> str:
        """The display family that the person at the page has chosen."""
        ...

    when_family_changed: Callable[[str], None] | None
    when_typed: Callable[[str], None] | None

    def describe(self, text: str, *, is_writing: bool = False) -> None:
        """Say in words what the display shows now, for those who do not see it, and whether letters are taken."""
        ...

    def note(self, text: str) -> None:
        """Add a line to what the page tells of the phone's doings."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """The parts of a configuration that describe devices; the defaults serve a handset that has none yet."""

    country: str = ASSUMED_COUNTRY
    keypad: KeypadSettings = field(default_factory=KeypadSettings)
    hook_switch: HookSwitchSettings = field(default_factory=HookSwitchSettings)
    display: DisplaySettings = field(default_factory=DisplaySettings)
    indicator: IndicatorSettings = field(default_factory=IndicatorSettings)

    @classmethod
    def of(cls, configuration: Configuration | None) -> "Settings":
        """Take them from a configuration, or the defaults where there is none."""
        if configuration is None:
            return cls()
        return cls(
            country=configuration.device.assumed_country,
            keypad=configuration.keypad,
            hook_switch=configuration.hook_switch,
            display=configuration.display,
            indicator=configuration.indicator,
        )


@dataclass(frozen=True, slots=True)
class Devices:
    """One of each; where they are simulated `page` is where they are shown, and `ringer_light` shows that it rings."""

    keypad: Keypad
    hook_switch: HookSwitch
    display: Display
    indicator: Indicator
    page: Page | None = None
    ringer_light: RingerLight | None = None


Glyph = Sequence[int]
"""A character of our own for displays of letters: eight rows of five dots."""


def build_devices(
    settings: Settings,
    *,
    simulator_dir: Path | None,
    glyphs: Sequence[Glyph] = (),
) -> Devices:
    """Build all devices without starting any.

    Args:
        settings: what the configuration says of them.
        glyphs: what the codes 0 to 7 of a display of letters look like.
        simulator_dir: use keys, hook, display and LED of the simulator with a socket here instead of driving pins.
    """
    if simulator_dir is None:
        return _on_pins(settings, glyphs)
    return _on_a_page(settings, simulator_dir, glyphs)


def post_keys(keypad: Keypad, post: Callable[[Event], None]) -> None:
    """Have what a person does to the keys posted, on the keypad's thread."""

    def post_release(name: str) -> None:
        # Each event has the whole view worked out, and these are the only keys whose release means anything.
        if name in {Key.BOOST, Key.DIGIT_0}:
            post(KeyReleased(Key(name)))

    keypad.when_pressed = lambda name: post(KeyPressed(Key(name)))
    keypad.when_repeated = lambda name: post(KeyRepeated(Key(name)))
    keypad.when_held = lambda name: post(KeyHeld(Key(name)))
    keypad.when_released = post_release


def _on_pins(settings: Settings, glyphs: Sequence[Glyph]) -> Devices:
    from drivers.hook_switch import GpioHookSwitch
    from drivers.indicator import StatusIndicator
    from drivers.keypad import MatrixKeypad

    keypad, hook_switch = settings.keypad, settings.hook_switch
    return Devices(
        keypad=MatrixKeypad(
            rows=keypad.rows,
            columns=keypad.columns,
            keys=keypad.keys,
            debounce_ms=keypad.debounce_ms,
            repeat_after_ms=keypad.repeat_after_ms,
            repeat_every_ms=keypad.repeat_every_ms,
            long_press_ms=keypad.long_press_ms,
        ),
        hook_switch=GpioHookSwitch(
            hook_switch.pin, closed_means=hook_switch.closed_means, debounce_ms=hook_switch.debounce_ms
        ),
        display=panel_of(settings.display, glyphs),
        indicator=StatusIndicator(settings.indicator.pin),
    )


def panel_of(display: DisplaySettings, glyphs: Sequence[Glyph] = ()) -> Display:
    """Build the panel that a configuration describes, without starting it."""
    from drivers.panel_bus import I2cConnection, SpiConnection

    connection: I2cConnection | SpiConnection
    if display.wiring == "i2c":
        connection = I2cConnection(display.i2c_bus, display.i2c_address)
    else:
        connection = SpiConnection(
            display.spi_port,
            display.spi_device,
            speed_mhz=display.spi_mhz,
            dc_pin=display.dc_pin,
            reset_pin=display.reset_pin,
        )
    # The schema lets each family have its own controllers only, and letters I2C only.
    match display.family:
        case DisplayFamily.CHARACTER_20X4 if isinstance(connection, I2cConnection):
            from drivers.character_lcd import CharacterLcd

            return CharacterLcd(connection, glyphs=glyphs, rom=display.character_rom)
        case DisplayFamily.LCD_320X240:
            from drivers.colour_lcd import ColourLcd

            return ColourLcd(
                connection,
                controller=display.controller,
                backlight_pin=display.backlight_pin,
                upside_down=display.rotate == _HALF_TURN,
            )
        case DisplayFamily.OLED_128X64 | DisplayFamily.OLED_128X128:
            from drivers.oled import OledDisplay

            return OledDisplay(connection, controller=display.controller, rotate=display.rotate)
        case _:
            raise ValueError(f"A display with {display.controller} cannot be on {display.wiring}.")


def _on_a_page(settings: Settings, simulator_dir: Path, glyphs: Sequence[Glyph]) -> Devices:
    from drivers.simulator.handset import SimulatedDevices

    simulator = SimulatedDevices(
        simulator_dir,
        settings.keypad.keys,
        repeat_after_ms=settings.keypad.repeat_after_ms,
        repeat_every_ms=settings.keypad.repeat_every_ms,
        long_press_ms=settings.keypad.long_press_ms,
        family=settings.display.family,
        glyphs=glyphs,
    )
    return Devices(
        keypad=simulator.keypad,
        hook_switch=simulator.hook_switch,
        display=simulator.display,
        indicator=simulator.indicator,
        page=simulator,
        ringer_light=simulator.ringer_light,
    )
