"""What the holder switches on the phone itself: it is kept at once, and outlives a restart."""

from collections.abc import Callable
from dataclasses import replace

from firmware.phone.commands import SavePreferences
from firmware.phone.feature_codes import CodeReading, Feature
from firmware.phone.preferences import Preferences
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint

_MAX_BLOCKED = 200

_Switch = Callable[[PhoneState, CodeReading], Preferences | None]


def switch(state: PhoneState, reading: CodeReading) -> Hint:
    """Do what a code says, and return what to tell the person."""
    state.features.feature = _NAMES.get(reading.feature) or reading.feature.removesuffix("_on").removesuffix("_off")
    changed = _SWITCHES[reading.feature](state, reading)
    if changed is None:
        return Hint.FEATURE_IMPOSSIBLE
    set_preferences(state, changed)
    return Hint.FEATURE_OFF if reading.feature in _SWITCHED_OFF else Hint.FEATURE_ON


def toggle_do_not_disturb(state: PhoneState) -> Hint:
    """Let calls ring no longer, or again."""
    preferences = state.features.preferences
    changed = replace(preferences, do_not_disturb=not preferences.do_not_disturb)
    set_preferences(state, changed)
    state.features.feature = "do_not_disturb"
    return Hint.FEATURE_ON if changed.do_not_disturb else Hint.FEATURE_OFF


def set_preferences(state: PhoneState, preferences: Preferences) -> None:
    """Take on what the holder has set, and keep it."""
    state.features.preferences = preferences
    state.features.preferences_changed = True
    state.emit(SavePreferences(preferences))


def speed_dial(state: PhoneState, digit: str) -> str:
    """Return the number that holding a digit dials, empty where none was set."""
    return dict(state.features.preferences.speed_dials).get(digit, "")


def _set(**changes: bool | str) -> _Switch:
    def change(state: PhoneState, _reading: CodeReading) -> Preferences:
        return replace(state.features.preferences, **changes)  # type: ignore[arg-type]  # the table names the fields

    return change


def _forward(field: str) -> _Switch:
    def change(state: PhoneState, reading: CodeReading) -> Preferences | None:
        if state.settings.dial_plan.objection(reading.number) is not None:
            return None
        return replace(state.features.preferences, **{field: reading.number})  # type: ignore[arg-type]  # as above

    return change


def _block_last_caller(state: PhoneState, _reading: CodeReading) -> Preferences | None:
    preferences, caller = state.features.preferences, state.features.last_caller
    # In a list of patterns a number that ends with `*` would stand for many.
    blockable = caller is not None and caller.number and not caller.number.endswith("*")
    if caller is None or not blockable or len(preferences.blocked) >= _MAX_BLOCKED:
        return None
    others = tuple(number for number in preferences.blocked if number != caller.number)
    return replace(preferences, blocked=(*others, caller.number))


def _unblock_last_caller(state: PhoneState, _reading: CodeReading) -> Preferences | None:
    """Take back what was blocked last; once more, what was blocked before it."""
    preferences = state.features.preferences
    return replace(preferences, blocked=preferences.blocked[:-1]) if preferences.blocked else None


def _set_speed_dial(state: PhoneState, reading: CodeReading) -> Preferences | None:
    # A `+` is what holding 0 makes, and nobody is to be called for help by mistake.
    plan = state.settings.dial_plan
    if reading.digit == "0" or plan.is_barred(reading.number) or not plan.accepts(reading.number):
        return None
    preferences = state.features.preferences
    numbers = dict(preferences.speed_dials) | {reading.digit: reading.number}
    return replace(preferences, speed_dials=tuple(sorted(numbers.items())))


_SWITCHES: dict[Feature, _Switch] = {
    Feature.DO_NOT_DISTURB_ON: _set(do_not_disturb=True),
    Feature.DO_NOT_DISTURB_OFF: _set(do_not_disturb=False),
    Feature.FORWARD_ALWAYS_ON: _forward("forward_always"),
    Feature.FORWARD_ALWAYS_OFF: _set(forward_always=""),
    Feature.FORWARD_BUSY_ON: _forward("forward_busy"),
    Feature.FORWARD_BUSY_OFF: _set(forward_busy=""),
    Feature.FORWARD_NO_ANSWER_ON: _forward("forward_no_answer"),
    Feature.FORWARD_NO_ANSWER_OFF: _set(forward_no_answer=""),
    Feature.REJECT_ANONYMOUS_ON: _set(reject_anonymous=True),
    Feature.REJECT_ANONYMOUS_OFF: _set(reject_anonymous=False),
    Feature.AUTO_ANSWER_ON: _set(auto_answer=True),
    Feature.AUTO_ANSWER_OFF: _set(auto_answer=False),
    Feature.BLOCK_LAST_CALLER: _block_last_caller,
    Feature.UNBLOCK_LAST_CALLER: _unblock_last_caller,
    Feature.SET_SPEED_DIAL: _set_speed_dial,
}
_NAMES = {
    Feature.BLOCK_LAST_CALLER: "block",
    Feature.UNBLOCK_LAST_CALLER: "block",
    Feature.SET_SPEED_DIAL: "speed_dial",
}
"""What the display calls them, where that is not the code's name."""

SWITCHED = frozenset(_SWITCHES)
"""The features that change a setting; the others call somebody."""

_SWITCHED_OFF = frozenset(feature for feature in Feature if feature.endswith("_off")) | {Feature.UNBLOCK_LAST_CALLER}
