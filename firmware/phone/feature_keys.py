"""Keys that switch a feature whatever the phone is doing."""

from collections.abc import Callable, Mapping

from firmware.phone.events import KeyHeld, KeyPressed
from firmware.phone.holder_settings import toggle_do_not_disturb
from firmware.phone.key import Key
from firmware.phone.lock import unless_locked
from firmware.phone.moves import show_notice
from firmware.phone.private_mode import begin_private_mode
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint


def _toggle_do_not_disturb(state: PhoneState, _event: KeyPressed) -> None:
    show_notice(state, toggle_do_not_disturb(state))


def _begin_private_mode(state: PhoneState, _event: KeyHeld) -> None:
    # The first moment of holding the key was a press of it.
    toggle_do_not_disturb(state)
    state.features.feature = "private_mode"
    show_notice(state, Hint.FEATURE_ON if begin_private_mode(state) else Hint.FEATURE_IMPOSSIBLE)


FEATURE_KEYS: Mapping[Key, Callable[[PhoneState, KeyPressed], None]] = {
    Key.DO_NOT_DISTURB: unless_locked(_toggle_do_not_disturb)
}

HELD_FEATURE_KEYS: Mapping[Key, Callable[[PhoneState, KeyHeld], None]] = {
    Key.DO_NOT_DISTURB: unless_locked(_begin_private_mode)
}
