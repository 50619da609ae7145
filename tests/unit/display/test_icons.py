"""The signs of the status bar."""

from firmware.display.icons import ICONS
from firmware.display.model import Icon


def test_icons_are_ten_pixels_tall_and_even() -> None:
    assert set(ICONS) == set(Icon)
    for rows in ICONS.values():
        assert len(rows) == 10
        assert len({len(row) for row in rows}) == 1
        assert set("".join(rows)) == {"#", "."}
