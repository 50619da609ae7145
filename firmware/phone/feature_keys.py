"""Keys that switch a feature whatever the phone is doing."""

from collections.abc import Callable, Mapping

from firmware.phone.events import Key, KeyPressed
from firmware.phone.holder_settings import toggle_do_not_disturb
from firmware.phone.lock import unless_locked
from firmware.phone.moves import show_notice
from firmware.phone.state import PhoneState


def _toggle_do_not_disturb(state: PhoneState, _event: KeyPressed) -> None:
    show_notice(state, toggle_do_not_disturb(state))


FEATURE_KEYS: Mapping[Key, Callable[[PhoneState, KeyPressed], None]] = {
    Key.DO_NOT_DISTURB: unless_locked(_toggle_do_not_disturb)
}
