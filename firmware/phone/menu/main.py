"""The menu that everything begins with."""

from firmware.phone.holder_settings import toggle_do_not_disturb
from firmware.phone.menu.choices import Choice, Choices
from firmware.phone.state import PhoneState
from firmware.phone.words import Text, word

ON = word("on")
OFF = word("off")


def main_menu() -> Choices:
    """Make the page that the menu key opens."""
    return Choices(word("Menu"), _choices)


def _choices(state: PhoneState) -> list[Choice]:
    return [Choice(word("Do not disturb"), _toggle_do_not_disturb, _do_not_disturb(state))]


def _do_not_disturb(state: PhoneState) -> Text:
    return ON if state.features.preferences.do_not_disturb else OFF


def _toggle_do_not_disturb(state: PhoneState) -> None:
    toggle_do_not_disturb(state)
