"""The holder's settings, by what they are about."""

from firmware.base.words import Text, word
from firmware.phone.menu.cancel import CANCEL_ACCOUNT, cancel_page
from firmware.phone.menu.choices import Choice, Choices, Then, opening
from firmware.phone.menu.lock import lock_page
from firmware.phone.menu.pictures import background_page, pictures_page
from firmware.phone.menu.reset import reset_page
from firmware.phone.menu.sound import sound_page
from firmware.phone.menu.speed_dials import speed_dials_page
from firmware.phone.menu.switches import Level, Options, switch, turn_brightness
from firmware.phone.state import PhoneState

# Whoever cannot read what the display says finds it all the same.
_LANGUAGE = "Language 语言"
_LANGUAGES: tuple[tuple[str, str], ...] = (("en", "English"), ("zh", "中文"))
_SCREEN_OFF: tuple[tuple[int, Text], ...] = (
    (15, word("{s} s", s=15)),
    (30, word("{s} s", s=30)),
    (60, word("{min} min", min=1)),
    (300, word("{min} min", min=5)),
    (0, word("never")),
)


def settings_page(_state: PhoneState) -> Choices:
    """Make the page with all settings."""
    return Choices(word("Settings"), _rows)


def language_row(state: PhoneState) -> Choice:
    """Make the row that changes the language."""
    return Choice(_LANGUAGE, opening(language_page), dict(_LANGUAGES).get(state.language, ""))


def language_page(state: PhoneState, then: Then | None = None) -> Options:
    """Make the page on which the language is chosen; `then` is what that leads to, None for the page before."""
    return Options(state, _LANGUAGE, "language", _LANGUAGES, then, standard=state.settings.language)


def _rows(state: PhoneState) -> list[Choice]:
    return [
        Choice(word("Sounds"), opening(sound_page)),
        Choice(word("Display"), opening(_display_page)),
        language_row(state),
        Choice(word("Speed dials"), opening(speed_dials_page)),
        Choice(word("Lock"), opening(lock_page)),
        Choice(word("Pictures"), opening(pictures_page)),
        Choice(word("Reset"), opening(reset_page)),
        Choice(CANCEL_ACCOUNT, opening(cancel_page)),
    ]


def _display_page(_state: PhoneState) -> Choices:
    return Choices(word("Display"), _display_rows)


def _display_rows(state: PhoneState) -> list[Choice]:
    preferences = state.features.preferences
    return [
        Choice(word("Brightness"), opening(_brightness_page), f"{preferences.brightness_percent} %"),
        Choice(word("Dim after"), opening(_screen_off_page), dict(_SCREEN_OFF).get(preferences.screen_off_s, "")),
        switch(state, word("Large text"), "large_text"),
        switch(state, word("High contrast"), "high_contrast"),
        switch(state, word("Visible ring"), "visual_ring"),
        Choice(word("Background"), opening(background_page)),
        switch(state, word("Trad. Chinese"), "traditional"),
    ]


def _brightness_page(_state: PhoneState) -> Level:
    return Level(word("Brightness"), lambda state: state.features.preferences.brightness_percent, turn_brightness)


def _screen_off_page(state: PhoneState) -> Options:
    return Options(state, word("Dim after"), "screen_off_s", _SCREEN_OFF)
