"""The simulated display by itself."""

import pytest

from drivers.simulator.display import FAMILIES, Family, SimulatedDisplay


def nothing() -> None:
    """A display on its own has no page to wake."""


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_frame_of_no_display_is_refused_in_words(family: Family) -> None:
    display = SimulatedDisplay(nothing, family.name)
    frame = b"\x01" * family.frame_bytes
    display.show(frame)
    with pytest.raises(ValueError, match=f"A frame of 5 bytes does not fit a display of {family.width} by"):
        display.show(b"\xff" * 5)
    assert display.frame == frame


def test_a_frame_that_was_drawn_for_the_display_before_is_forgotten() -> None:
    display = SimulatedDisplay(nothing, "oled_128x64")
    display.choose("lcd_320x240")
    display.show(b"\xff" * 1024)
    assert display.frame == bytes(320 * 240 * 3)


def test_whoever_draws_is_told_of_another_display_once_it_takes_frames() -> None:
    display = SimulatedDisplay(nothing, "oled_128x64")
    display.when_family_changed = lambda name: display.show(b"\x07" * FAMILIES[name].frame_bytes)
    display.choose("character_20x4")
    assert display.frame == b"\x07" * 80


def test_a_display_that_there_is_not_changes_nothing() -> None:
    display = SimulatedDisplay(nothing, "oled_128x64")
    with pytest.raises(ValueError, match="no such display"):
        display.choose("hologram")
    assert display.family.name == "oled_128x64"
