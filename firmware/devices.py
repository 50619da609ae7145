"""Builds the devices that a configuration names: those on the Pi's pins, or those on the simulator's page."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from firmware.errors import MediaError
from firmware.phone.country import ASSUMED_COUNTRY
from firmware.ports.devices import Display, HookSwitch, Indicator, Keypad, Ringer
from firmware.ports.sound import SoundCard
from provisioning.display import Display as DisplaySettings
from provisioning.hook_switch import HookSwitch as HookSwitchSettings
from provisioning.indicator import Indicator as IndicatorSettings
from provisioning.keypad import Keypad as KeypadSettings
from provisioning.ringer import Ringer as RingerSettings
from provisioning.schema import Configuration
from provisioning.sound import Sound as SoundSettings

_HALF_TURN = 180


class StartedDevice(Protocol):
    """Anything that is started before use and stopped after."""

    def start(self) -> None:
        """Begin to use the hardware."""
        ...

    def stop(self) -> None:
        """Let it go."""
        ...


class Stick(Protocol):
    """The simulator's USB port."""

    when_plugged: Callable[[bytes], Awaitable[None]] | None


class Page(Protocol):
    """The simulator's page, where there is one."""

    @property
    def url(self) -> str:
        """Where to look at it."""
        ...

    @property
    def family(self) -> str:
        """The display family that the person at the page has chosen."""
        ...

    when_family_changed: Callable[[str], None] | None

    @property
    def stick(self) -> Stick:
        """What is plugged in there."""
        ...

    def describe(self, text: str) -> None:
        """Say in words what the display shows now, for those who do not see it; from the main thread."""
        ...

    def note(self, text: str) -> None:
        """Add a line to what the page tells of the phone's doings; from the main thread."""
        ...

    async def start(self) -> None:
        """Serve it."""
        ...

    async def stop(self) -> None:
        """Close it."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """The parts of a configuration that describe devices; the defaults serve a handset that has none yet."""

    country: str = ASSUMED_COUNTRY
    keypad: KeypadSettings = field(default_factory=KeypadSettings)
    hook_switch: HookSwitchSettings = field(default_factory=HookSwitchSettings)
    display: DisplaySettings = field(default_factory=DisplaySettings)
    sound: SoundSettings = field(default_factory=SoundSettings)
    ringer: RingerSettings = field(default_factory=RingerSettings)
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
            sound=configuration.sound,
            ringer=configuration.ringer,
            indicator=configuration.indicator,
        )


@dataclass(frozen=True, slots=True)
class Devices:
    """One of each, and a loudspeaker where there is one; `page` is where they are shown, where they are simulated."""

    keypad: Keypad
    hook_switch: HookSwitch
    display: Display
    indicator: Indicator
    ringer: Ringer
    sound_card: SoundCard
    page: Page | None = None
    speaker_card: SoundCard | None = None


Glyph = Sequence[int]
"""A character of our own for displays of letters: eight rows of five dots."""


def build_devices(
    settings: Settings,
    *,
    simulator_port: int | None,
    on_ringer_fault: Callable[[str], None],
    glyphs: Sequence[Glyph] = (),
) -> Devices:
    """Build all devices without starting any.

    Args:
        settings: what the configuration says of them.
        glyphs: what the codes 0 to 7 of a display of letters look like.
        simulator_port: show keys, hook, display and LED as a page on this local port instead of driving pins.
        on_ringer_fault: told, on the ringer's thread, why the phone cannot ring, or not with its own tone.
    """
    from drivers.ringer import AlsaRinger
    from drivers.sound import AlsaSoundCard
    from firmware.media.tone_plans import tone_plan

    sound = settings.sound

    def sound_card(playback: str, capture: str, mixer_card: str | None, mixer_element: str) -> SoundCard:
        return AlsaSoundCard(
            playback=playback,
            capture=capture,
            mixer_card=mixer_card,
            mixer_element=mixer_element,
            rate_hz=sound.rate_hz,
            period_frames=sound.rate_hz * sound.period_ms // 1000,
            prefill_frames=sound.rate_hz * sound.prefill_ms // 1000,
        )

    handset_card = sound_card(sound.playback, sound.capture, sound.mixer_card, sound.mixer_element)
    speaker_card = None
    if sound.speaker_playback is not None:
        speaker_card = sound_card(
            sound.speaker_playback,
            sound.speaker_capture or sound.capture,
            sound.speaker_mixer_card,
            sound.speaker_mixer_element,
        )
    ringer = AlsaRinger(
        settings.ringer.playback,
        cadence_ms=tone_plan(settings.country).ring_cadence_ms,
        volume_percent=settings.ringer.volume_percent,
        tone=_ring_tone(settings.ringer.tone, on_ringer_fault),
        on_fault=on_ringer_fault,
    )
    if simulator_port is None:
        devices = _on_pins(settings, ringer, handset_card, glyphs)
    else:
        devices = _on_a_page(settings, ringer, handset_card, simulator_port, glyphs)
    return replace(devices, speaker_card=speaker_card)


def _ring_tone(path: Path | None, on_fault: Callable[[str], None]) -> Callable[[], bytes] | None:
    """Return what reads the ring tone; where that cannot be played it says so and returns an empty one."""
    if path is None:
        return None

    def read() -> bytes:
        from firmware.media.ring_tone import load_ring_tone

        try:
            return load_ring_tone(path)
        except MediaError as error:
            on_fault(str(error))
            return b""

    return read


def _on_pins(settings: Settings, ringer: Ringer, sound_card: SoundCard, glyphs: Sequence[Glyph]) -> Devices:
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
        ringer=ringer,
        sound_card=sound_card,
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
    match display.controller:
        case "hd44780" if isinstance(connection, I2cConnection):
            from drivers.character_lcd import CharacterLcd

            return CharacterLcd(connection, glyphs=glyphs, rom=display.character_rom)
        case "st7789" | "ili9341" as controller:
            from drivers.colour_lcd import ColourLcd

            return ColourLcd(
                connection,
                controller=controller,
                backlight_pin=display.backlight_pin,
                upside_down=display.rotate == _HALF_TURN,
            )
        case "ssd1306" | "sh1106" | "ssd1309" | "sh1107" | "ssd1327" as oled:
            from drivers.oled import OledDisplay

            return OledDisplay(connection, controller=oled, rotate=display.rotate)
        case _:
            raise ValueError(f"A display with {display.controller} cannot be on {display.wiring}.")


def _on_a_page(
    settings: Settings, ringer: Ringer, sound_card: SoundCard, port: int, glyphs: Sequence[Glyph]
) -> Devices:
    from drivers.simulator import Simulator

    simulator = Simulator(
        settings.keypad.keys,
        port=port,
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
        ringer=_SoundAndLight(ringer, simulator.ringer_light),
        sound_card=sound_card,
        page=simulator,
    )


class _Light(StartedDevice, Protocol):
    """A ringer that is seen."""

    def ring(self, pattern: str) -> None: ...
    def silence(self) -> None: ...


class _SoundAndLight:
    """A ringer that is heard and one that is seen, as one."""

    def __init__(self, sound: Ringer, light: _Light) -> None:
        self._sound = sound
        self._light = light

    def start(self) -> None:
        self._sound.start()
        self._light.start()

    def stop(self) -> None:
        self._sound.stop()
        self._light.stop()

    def ring(self, pattern: str = "normal") -> None:
        self._light.ring(pattern)
        self._sound.ring(pattern)

    def silence(self) -> None:
        self._light.silence()
        self._sound.silence()

    def set_volume(self, percent: int) -> None:
        self._sound.set_volume(percent)

    def play(self, sound: bytes) -> None:
        self._sound.play(sound)
