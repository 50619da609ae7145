"""The key matrix: its pins, and which key is where."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from provisioning.section import GpioPin, Section

KEY_NAMES = frozenset("0123456789*#") | {
    "ok", "cancel", "redial", "menu", "mute", "hold", "volume_up", "volume_down", "transfer", "conference", "speaker",
    "voicemail", "do_not_disturb", "record",
}  # fmt: skip


class Keypad(Section):
    """The key matrix; pins are BCM numbers (docs/wiring.md).

    Attributes:
        rows, columns: GPIO pins, top to bottom and left to right.
        keys: one line a row, one name a column.
    """

    rows: tuple[GpioPin, ...] = (5, 6, 13, 19, 26)
    columns: tuple[GpioPin, ...] = (12, 16, 20, 21, 24)
    keys: tuple[tuple[str, ...], ...] = (
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
        if len(self.keys) != len(self.rows):
            raise ValueError(f"keys has {len(self.keys)} lines but rows names {len(self.rows)} pins")
        for number, line in enumerate(self.keys, start=1):
            if len(line) != len(self.columns):
                raise ValueError(
                    f"line {number} of keys has {len(line)} names but columns names {len(self.columns)} pins"
                )
        names = [name for line in self.keys for name in line]
        unknown = sorted(set(names) - KEY_NAMES)
        if unknown:
            raise ValueError(f"unknown key names {unknown}; choose from {sorted(KEY_NAMES)}")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"key names {twice} stand more than once")
        return self
