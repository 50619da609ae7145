"""Choices that change one of the holder's settings: on or off, one of a few, or more and less."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from firmware.base.words import Text, word
from firmware.phone.holder_settings import adjust, set_preferences
from firmware.phone.key import Key
from firmware.phone.menu.choices import BACK, CHOOSE, Choice, Choices, Then
from firmware.phone.menu_stack import Quiet
from firmware.phone.menu_views import NoticeView, SoftKeys
from firmware.phone.preferences import Preferences
from firmware.phone.state import PhoneState

ON = word("on")
OFF = word("off")
CHOSEN = "✓"
"""Stands behind the one that is set."""


def on_or_off(on: bool) -> Text:
    """Return the word for a switch."""
    return ON if on else OFF


def switch(state: PhoneState, label: Text, field: str) -> Choice:
    """Make a row that switches one of the fields of Preferences."""
    return Choice(label, lambda state: _flip(state, field), on_or_off(bool(getattr(state.features.preferences, field))))


def change(state: PhoneState, field: str, value: object) -> None:
    """Set one of the fields of Preferences."""
    set_preferences(state, _with(state.features.preferences, field, value))


def _flip(state: PhoneState, field: str) -> None:
    change(state, field, not getattr(state.features.preferences, field))


def _with(preferences: Preferences, field: str, value: object) -> Preferences:
    return replace(preferences, **{field: value})  # type: ignore[arg-type]  # the caller names the field


class Options(Choices):
    """The few values that one of the fields of Preferences may have; choosing one goes back, or on."""

    def __init__(
        self,
        state: PhoneState,
        title: Text,
        field: str,
        options: Sequence[tuple[object, Text]],
        then: Then | None = None,
        *,
        standard: object = None,
    ) -> None:
        """Make the page; the value that is set is selected at first.

        Args:
            state: the phone's.
            title: what is chosen.
            field: which one of Preferences.
            options: pairs of a value and what it is called.
            then: what choosing leads to; None for the page before.
            standard: the value that counts while the field is empty.
        """
        self._field = field
        self._standard = standard
        values = [value for value, _ in options]
        now = self._now(state)
        super().__init__(title, self._rows, selected=values.index(now) if now in values else 0)
        self._options = options
        self._then = then or self._leave

    def _leave(self, state: PhoneState) -> None:
        state.menu.drop(state, self)

    def _rows(self, state: PhoneState) -> list[Choice]:
        now = self._now(state)
        return [Choice(name, self._setting(value), CHOSEN if value == now else "") for value, name in self._options]

    def _now(self, state: PhoneState) -> object:
        now = getattr(state.features.preferences, self._field)
        return self._standard if now in ("", None) else now

    def _setting(self, value: object) -> Callable[[PhoneState], None]:
        def choose(state: PhoneState) -> None:
            change(state, self._field, value)
            self._then(state)

        return choose


class Level(Quiet):
    """More or less of something, in per cent: the volume keys change it at once; OK goes back, or on."""

    def __init__(
        self,
        title: Text,
        percent: Callable[[PhoneState], int],
        turn: Callable[[PhoneState, int], None],
        then: Then | None = None,
    ) -> None:
        """Make the page.

        Args:
            title: what it is.
            percent: says how much there is.
            turn: makes it more, or less for -1.
            then: what OK leads to; None for the page before.
        """
        self._title = title
        self._percent = percent
        self._turn = turn
        self._then = then or self._leave

    def view(self, state: PhoneState) -> NoticeView:
        """Show how much there is."""
        percent = self._percent(state)
        return NoticeView(self._title, f"{percent} %", percent, SoftKeys(BACK, CHOOSE))

    def press(self, state: PhoneState, key: Key) -> None:
        """Turn it, or be done."""
        match key:
            case Key.VOLUME_UP:
                self._turn(state, 1)
            case Key.VOLUME_DOWN:
                self._turn(state, -1)
            case Key.OK:
                self._then(state)

    def _leave(self, state: PhoneState) -> None:
        state.menu.drop(state, self)


def turn_brightness(state: PhoneState, direction: int) -> None:
    """Make the display brighter or darker, and never so dark that nobody finds the way back."""
    preferences = state.features.preferences
    percent = max(10, min(100, preferences.brightness_percent + 10 * direction))
    if percent != preferences.brightness_percent:
        adjust(state, replace(preferences, brightness_percent=percent))
