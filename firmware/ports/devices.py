"""The devices of a phone, as drivers/ and drivers/simulator/ have them.

Drivers raise OSError (their own subclass of it) when a device is missing or fails.
"""

from collections.abc import Callable
from typing import Protocol

from firmware.phone.commands import IndicatorPattern


class Keypad(Protocol):
    """Keys by their configured names; callbacks arrive on the driver's thread."""

    when_pressed: Callable[[str], None] | None
    when_repeated: Callable[[str], None] | None
    when_held: Callable[[str], None] | None
    when_released: Callable[[str], None] | None

    def start(self) -> None: ...
    def stop(self) -> None: ...


class HookSwitch(Protocol):
    """The handset's cradle; `is_off_hook` is the debounced state."""

    when_lifted: Callable[[], None] | None
    when_replaced: Callable[[], None] | None

    @property
    def is_off_hook(self) -> bool: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


class Display(Protocol):
    """The panel. How long a frame is, and what its bytes are, follows from the display's family.

    Black and white: rows top to bottom, one bit a pixel, most significant bit leftmost, each row padded to whole bytes.
    Colour: rows of red, green and blue bytes. Characters: rows of codes of the controller's A02 character set.
    """

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def show(self, frame: bytes) -> None: ...
    def set_brightness(self, percent: int) -> None:
        """Dim the panel from now on, from 100 down to 0, where it sleeps and keeps what is shown for when it wakes."""
        ...

    def refresh(self) -> None:
        """Heal a panel that was without power for a moment; nothing is seen of it on one that was not."""
        ...


class Indicator(Protocol):
    """The status LED; `pattern` is one of IndicatorPattern's values."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def show(self, pattern: IndicatorPattern) -> None: ...


class RingerLight(Protocol):
    """Shows that the phone rings."""

    def ring(self, pattern: str) -> None: ...
    def silence(self) -> None: ...


class Ringer(Protocol):
    """The ringer on its own PCM; returns at once, rings on its own thread."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def ring(self, pattern: str = "normal", *, rises: bool = False) -> None: ...
    def silence(self) -> None: ...
    def set_volume(self, percent: int) -> None: ...
    def play(self, sound: bytes) -> None:
        """Play a sound once, in place of the one before; an empty one is silence. Nothing sounds over ringing."""
        ...
