"""What the holder switches on the phone itself, by codes and keys: it is kept at once, and outlives a restart.

How loud each way to be heard is follows the holder's setting, or else the configuration's.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from contract.consent import Actor, Purpose
from firmware.phone.commands import SavePreferences
from firmware.phone.dial_plan import Objection
from firmware.phone.events import KeyHeld, KeyPressed, KeyReleased, KeyRepeated, Timer
from firmware.phone.features import CodeReading, Feature
from firmware.phone.key import Key
from firmware.phone.lock import unless_locked
from firmware.phone.moves import show_notice
from firmware.phone.my_data import DataCategory
from firmware.phone.orders import AudioRoute, SetVolume
from firmware.phone.preferences import Preferences
from firmware.phone.request import Failed
from firmware.phone.requests.consents import ConsentsRead, WithdrawOptional
from firmware.phone.state import PhoneState
from firmware.phone.text_entry import TextEntry, with_chosen
from firmware.phone.view import Hint

_MAX_BLOCKED = 200
_LET_GO_S = 2.0
"""What is turned step by step is kept when no step has followed for so long."""

_Switch = Callable[[PhoneState, CodeReading], bool]
"""Changes what the holder has set; False where that cannot be."""

STEP_PERCENT = 10
# Silence in the earpiece reads as a broken phone, so the volume stops above it; a ringer may be silent.
_QUIETEST_PERCENT = {AudioRoute.EARPIECE: 10, AudioRoute.SPEAKER: 10, AudioRoute.RINGER: 0}
_FIELDS = {
    AudioRoute.EARPIECE: "earpiece_percent",
    AudioRoute.SPEAKER: "speaker_percent",
    AudioRoute.RINGER: "ringer_percent",
}


def switch(state: PhoneState, reading: CodeReading) -> Hint:
    """Do what a code says, and return what to tell the person."""
    state.features.feature = _NAMES.get(reading.feature) or reading.feature.removesuffix("_on").removesuffix("_off")
    if not _SWITCHES[reading.feature](state, reading):
        return Hint.FEATURE_IMPOSSIBLE
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
    keep(state)


def adjust(state: PhoneState, preferences: Preferences) -> None:
    """Take on at once what the holder is turning step by step; it is kept a little later."""
    state.features.preferences = preferences
    state.start_timer(Timer.LET_GO, _LET_GO_S)


def keep(state: PhoneState, _event: object = None) -> None:
    """Keep what the holder has set."""
    state.cancel_timer(Timer.LET_GO)
    state.features.preferences_saved = True
    state.emit(SavePreferences(state.features.preferences))


def remember_written(state: PhoneState, entry: TextEntry) -> None:
    """Keep which characters were chosen in a text that is saved or sent, to offer them first."""
    preferences = state.features.preferences
    written = with_chosen(preferences.written, entry)
    if written != preferences.written:
        set_preferences(state, replace(preferences, written=written))


def block(state: PhoneState, number: str) -> bool:
    """Let a number ring no longer; False where that cannot be."""
    preferences = state.features.preferences
    # In a list of patterns a number that ends with `*` would stand for many.
    if not number or number.endswith("*") or len(preferences.blocked) >= _MAX_BLOCKED:
        return False
    others = tuple(blocked for blocked in preferences.blocked if blocked != number)
    allowed = tuple(each for each in preferences.allowed if each != number)
    set_preferences(state, replace(preferences, blocked=(*others, number), allowed=allowed))
    return True


def unblock(state: PhoneState, number: str) -> None:
    """Let a number ring again."""
    preferences = state.features.preferences
    left = tuple(blocked for blocked in preferences.blocked if blocked != number)
    set_preferences(state, replace(preferences, blocked=left))


def allow(state: PhoneState, number: str) -> bool:
    """Let a number always ring, whatever the other rules say; False where that cannot be."""
    preferences = state.features.preferences
    if not number or number.endswith("*") or len(preferences.allowed) >= _MAX_BLOCKED:
        return False
    blocked = tuple(each for each in preferences.blocked if each != number)
    allowed = (*(each for each in preferences.allowed if each != number), number)
    set_preferences(state, replace(preferences, blocked=blocked, allowed=allowed))
    return True


def allow_no_more(state: PhoneState, number: str) -> None:
    """Let the other rules count for a number again."""
    preferences = state.features.preferences
    left = tuple(allowed for allowed in preferences.allowed if allowed != number)
    set_preferences(state, replace(preferences, allowed=left))


def speed_dial_objection(state: PhoneState, number: str) -> Objection | None:
    """Say why a digit cannot dial a number, None where it can."""
    plan = state.settings.dial_plan
    if plan.is_barred(number):
        return Objection.BARRED
    return None if plan.accepts(number) else Objection.IMPOSSIBLE


def set_speed_dial(state: PhoneState, digit: str, number: str) -> None:
    """Let a digit that is held dial a number; an empty one clears the digit."""
    set_preferences(state, _with_speed_dial(state.features.preferences, digit, number))


def speed_dial(state: PhoneState, digit: str) -> str:
    """Return the number that holding a digit dials, empty where none was set."""
    return dict(state.features.preferences.speed_dials).get(digit, "")


def _set(**changes: bool | str) -> _Switch:
    def change(state: PhoneState, _reading: CodeReading) -> bool:
        # The table names the fields.
        set_preferences(state, replace(state.features.preferences, **changes))  # type: ignore[arg-type]
        return True

    return change


def _forward(field: str) -> _Switch:
    def change(state: PhoneState, reading: CodeReading) -> bool:
        if state.settings.dial_plan.objection(reading.number) is not None:
            return False
        return _set(**{field: reading.number})(state, reading)

    return change


def _begin_private_mode(state: PhoneState, _reading: CodeReading) -> bool:
    return begin_private_mode(state)


def _block_last_caller(state: PhoneState, _reading: CodeReading) -> bool:
    caller = state.features.last_caller
    return caller is not None and block(state, caller.number)


def _unblock_last_caller(state: PhoneState, _reading: CodeReading) -> bool:
    """Take back what was blocked last; once more, what was blocked before it."""
    blocked = state.features.preferences.blocked
    if blocked:
        unblock(state, blocked[-1])
    return bool(blocked)


def _set_speed_dial(state: PhoneState, reading: CodeReading) -> bool:
    # A `+` is what holding 0 makes.
    if reading.digit == "0" or speed_dial_objection(state, reading.number) is not None:
        return False
    set_speed_dial(state, reading.digit, reading.number)
    return True


def _with_speed_dial(preferences: Preferences, digit: str, number: str) -> Preferences:
    numbers = {**dict(preferences.speed_dials), digit: number}
    return replace(preferences, speed_dials=tuple(sorted((key, to) for key, to in numbers.items() if to)))


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
    Feature.PRIVATE_MODE_ON: _begin_private_mode,
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


def is_private(state: PhoneState) -> bool:
    """Whether nothing but the service is agreed to; it ends with the next yes."""
    consents = state.features.consents
    return consents is not None and consents.granted <= {Purpose.SERVICE}


def begin_private_mode(state: PhoneState) -> bool:
    """Take it all back; False where a guardian is, or may be, to be asked first, for which the menu has a page."""
    if state.has_guardian or not state.knows_its_holder:
        return False
    withdraw_optional(state, Actor.HOLDER)
    return True


def withdraw_optional(state: PhoneState, actor: Actor) -> None:
    """Take it all back on somebody's word, and show so on every page about it."""
    state.ask(WithdrawOptional(actor), _take_answer)


def _take_answer(state: PhoneState, answer: ConsentsRead | Failed) -> None:
    if isinstance(answer, Failed):
        # Whoever asked for it has seen that it is on.
        state.features.feature = "private_mode"
        show_notice(state, Hint.FEATURE_IMPOSSIBLE)
    else:
        state.menu.tell(state, answer)


def forget_erased(state: PhoneState, categories: Collection[DataCategory]) -> None:
    """Remember nothing of what the store has forgotten; what the holder had set is the configuration's again."""
    features = state.features
    if DataCategory.SETTINGS in categories:
        features.preferences = features.kept = state.settings.preferences
    if {DataCategory.CONTACTS, DataCategory.MESSAGES} & set(categories):
        features.preferences = replace(features.preferences, written=())
        features.kept = replace(features.kept, written=())
    if DataCategory.CALLS in categories:
        state.last_dialled = ""
        features.last_caller = features.missed = features.refusal = None
        features.past_calls.clear()
        features.why_failed = None
    if DataCategory.CONTACTS in categories:
        features.saved = ""
    if not {DataCategory.CALLS, DataCategory.CONTACTS}.isdisjoint(categories):
        state.people.called.clear()
        state.people.known.clear()
    if DataCategory.RECORDINGS in categories:
        features.messages_here = 0
    if DataCategory.MESSAGES in categories:
        features.draft = None


def _toggle_do_not_disturb(state: PhoneState, _event: KeyPressed) -> None:
    show_notice(state, toggle_do_not_disturb(state))


def _hold_do_not_disturb(state: PhoneState, _event: KeyHeld) -> None:
    # The first moment of holding the key was a press of it.
    toggle_do_not_disturb(state)
    state.features.feature = "private_mode"
    show_notice(state, Hint.FEATURE_ON if begin_private_mode(state) else Hint.FEATURE_IMPOSSIBLE)


FEATURE_KEYS: Mapping[Key, Callable[[PhoneState, KeyPressed], None]] = {
    Key.DO_NOT_DISTURB: unless_locked(_toggle_do_not_disturb)
}

HELD_FEATURE_KEYS: Mapping[Key, Callable[[PhoneState, KeyHeld], None]] = {
    Key.DO_NOT_DISTURB: unless_locked(_hold_do_not_disturb)
}


def turn(state: PhoneState, route: AudioRoute, step_percent: int) -> None:
    """Make a way to be heard louder or quieter, as far as it goes; it is kept when the person has let go."""
    percent = max(_QUIETEST_PERCENT[route], min(100, state.volumes[route] + step_percent))
    if percent != state.volumes[route]:
        _set_volume(state, route, percent)
        # The table names the fields.
        adjust(state, replace(state.features.preferences, **{_FIELDS[route]: percent}))  # type: ignore[arg-type]


def keep_boost(state: PhoneState, event: object) -> None:
    """Have the earpiece louder for as long as the key for it is down, and no longer than there is something to hear."""
    match event:
        case KeyPressed(Key.BOOST) | KeyRepeated(Key.BOOST):
            state.boosted = True
        case KeyReleased(Key.BOOST):
            state.boosted = False
    state.boosted = state.boosted and state.earpiece_open


def take_volumes(state: PhoneState) -> None:
    """Be as loud as the holder has set it before."""
    for route, field in _FIELDS.items():
        percent: int | None = getattr(state.features.preferences, field)
        if percent is not None and percent != state.volumes[route]:
            _set_volume(state, route, percent)


def _set_volume(state: PhoneState, route: AudioRoute, percent: int) -> None:
    state.volumes[route] = percent
    # The ringer's follows from the state: a call that has to be heard may raise it.
    if route is not AudioRoute.RINGER:
        state.emit(SetVolume(route, percent))


_PREVIEW_S = 2.0


def preview_ring(state: PhoneState, ring: str) -> None:
    """Ring in a way for a moment."""
    state.previewed_ring = ring
    state.start_timer(Timer.RING_PREVIEW, _PREVIEW_S)


def stop_preview(state: PhoneState, _event: object = None) -> None:
    """Be silent again."""
    state.previewed_ring = ""
    state.cancel_timer(Timer.RING_PREVIEW)
