"""What is under a hand and tells how the phone is: the key matrix, the cradle's switch, the status LED."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from provisioning.section import ConfigurationTable, Conflicts, GpioPin

KeyName = Literal[
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", "ok", "cancel", "redial", "menu", "mute", "hold",
    "volume_up", "volume_down", "transfer", "conference", "speaker", "voicemail", "do_not_disturb", "record",
    "boost",
]  # fmt: skip


class Keypad(ConfigurationTable):
    """The key matrix; pins are BCM numbers (docs/wiring.md).

    Attributes:
        rows, columns: GPIO pins, top to bottom and left to right.
        keys: one line a row, one name a column.
        debounce_ms: for how long a contact must rest before it counts.
        repeat_after_ms, repeat_every_ms: when a key that is held begins to repeat, and how fast.
        long_press_ms: from when on a key counts as held.
    """

    rows: tuple[GpioPin, ...] = (5, 6, 13, 19, 26)
    columns: tuple[GpioPin, ...] = (12, 16, 20, 21, 24)
    keys: tuple[tuple[KeyName, ...], ...] = (
        ("1", "2", "3", "volume_up", "transfer"),
        ("4", "5", "6", "volume_down", "conference"),
        ("7", "8", "9", "mute", "speaker"),
        ("*", "0", "#", "hold", "voicemail"),
        ("cancel", "menu", "ok", "redial", "do_not_disturb"),
    )
    debounce_ms: Annotated[int, Field(ge=1, le=100)] = 10
    repeat_after_ms: Annotated[int, Field(ge=100, le=2000)] = 500
    repeat_every_ms: Annotated[int, Field(ge=20, le=1000)] = 120
    long_press_ms: Annotated[int, Field(ge=300, le=5000)] = 1000

    @model_validator(mode="after")
    def _layout_fits(self) -> Self:
        conflicts = Conflicts()
        if len(self.keys) != len(self.rows):
            conflicts.add(f"keys has {len(self.keys)} lines but rows names {len(self.rows)} pins", ("keys",), ("rows",))
        for position, line in enumerate(self.keys):
            if len(line) != len(self.columns):
                conflicts.add(
                    f"line {position + 1} of keys has {len(line)} names but columns names {len(self.columns)} pins",
                    ("keys", position), ("columns",),
                )  # fmt: skip
        names = [name for line in self.keys for name in line]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            conflicts.add(f"key names {twice} stand more than once", ("keys",))
        conflicts.check()
        return self


class HookSwitch(ConfigurationTable):
    """The cradle's switch.

    Attributes:
        pin: its BCM number.
        closed_means: what a closed contact (pin low) says.
        debounce_ms: for how long the contact must rest before it counts.
    """

    pin: GpioPin = 17
    closed_means: Literal["on_hook", "off_hook"] = "on_hook"
    debounce_ms: Annotated[int, Field(ge=1, le=200)] = 30


class Indicator(ConfigurationTable):
    """The status LED.

    Attributes:
        pin: its BCM number.
    """

    pin: GpioPin = 27
