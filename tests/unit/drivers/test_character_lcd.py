"""Displays of letters: what the contract cannot ask of every display."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.character_lcd import CharacterLcd
from drivers.errors import DeviceError
from drivers.panel_bus import I2cConnection
from tests.fakes.character_panel import CharacterPanel

BELL = (0b00100, 0b01110, 0b01110, 0b01110, 0b11111, 0b00000, 0b00100, 0b00000)
FRAME = b"14:03".rjust(20) + b"Press a key".ljust(60)
OTHER = b"14:04".rjust(20) + b"Press a key".ljust(60)


@pytest.fixture
def panel() -> CharacterPanel:
    return CharacterPanel()


def display_on(panel: CharacterPanel, **options: object) -> CharacterLcd:
    return CharacterLcd(I2cConnection(1, 0x27), open_bus=lambda: panel, **options)  # type: ignore[arg-type]


def test_only_the_letters_that_differ_are_sent(panel: CharacterPanel) -> None:
    display = display_on(panel)
    display.start()
    display.show(FRAME)
    written = panel.letters_written
    display.show(OTHER)
    assert panel.letters_written == written + 1
    assert panel.frame() == OTHER


def test_characters_of_our_own_are_there_again_after_the_power_was_gone(panel: CharacterPanel) -> None:
    display = display_on(panel, glyphs=[BELL, BELL[::-1]])
    display.start()
    assert (panel.glyph(0), panel.glyph(1)) == (BELL, BELL[::-1])
    panel.unplug()
    with pytest.raises(DeviceError, match=r"No display answers at address 0x27 on I2C bus 1"):
        display.show(FRAME)
    panel.power_up()
    display.show(FRAME)
    assert (panel.glyph(0), panel.frame()) == (BELL, FRAME)


@pytest.mark.parametrize("bytes_before_the_fault", [0, 1, 5, 7, 11])
def test_a_fault_in_the_middle_of_a_letter_leaves_nothing_garbled(
    panel: CharacterPanel, bytes_before_the_fault: int
) -> None:
    display = display_on(panel)
    display.start()
    panel.fails_after = bytes_before_the_fault
    with pytest.raises(DeviceError):
        display.show(FRAME)
    # The display kept its power: it may wait for the second half of a byte.
    panel.fails_after = None
    display.show(FRAME)
    assert panel.frame() == FRAME


def test_the_light_and_the_letters_go_out_together(panel: CharacterPanel) -> None:
    display = display_on(panel)
    display.start()
    assert (panel.is_lit, panel.is_on) == (True, True)
    display.set_brightness(1)
    assert (panel.is_lit, panel.is_on) == (True, True)
    display.set_brightness(0)
    assert (panel.is_lit, panel.is_on) == (False, False)


def test_a_bus_that_is_given_up_is_closed(panel: CharacterPanel) -> None:
    display = display_on(panel)
    panel.unplug()
    with pytest.raises(DeviceError):
        display.start()
    assert panel.is_closed


def test_a_display_with_the_older_letters_shows_those_it_has_without_accents(panel: CharacterPanel) -> None:
    display = display_on(panel, rom="a00")
    display.start()
    display.show(b"\x00Zo\xeb f\xe4hrt \x1a \xc9".ljust(80))
    assert panel.frame() == b"\x00Zoe f\xe1hrt \x7e E".ljust(80)


@pytest.mark.parametrize("glyphs", [[BELL] * 9, [BELL[:7]]])
def test_glyphs_that_do_not_fit_are_refused(panel: CharacterPanel, glyphs: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="takes up to 8 glyphs of 8 rows each"):
        display_on(panel, glyphs=glyphs)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(st.binary(min_size=80, max_size=80), min_size=1, max_size=2))
def test_whatever_was_shown_before_the_latest_frame_is_what_is_read(frames: list[bytes]) -> None:
    panel = CharacterPanel()
    display = display_on(panel)
    display.start()
    for frame in frames:
        display.show(frame)
    assert panel.frame() == frames[-1]
