"""MENU: a menu is open and nobody is calling. The handset is in its cradle.

Volume keys move, OK chooses, CANCEL goes back and, held, leaves; so does MENU. Lifting the handset calls whoever the
page is about, or lets the person hear what it plays. A call that comes in is shown at once, and the menu is there again
after it.
"""

from firmware.phone.auto_redial import put_off
from firmware.phone.call_news import take_stray_call_state
from firmware.phone.dialling import send_number
from firmware.phone.events import HandsetLifted, HandsetReplaced, KeyHeld, KeyPressed, KeyRepeated, Timer, TimerExpired
from firmware.phone.feature_keys import FEATURE_KEYS, HELD_FEATURE_KEYS
from firmware.phone.hook import lifting, speaker_key
from firmware.phone.key import Key
from firmware.phone.menu.stack import Screen
from firmware.phone.modes.listening import listen
from firmware.phone.moves import MENU_PATIENCE_S, enter, go_home
from firmware.phone.news import CallsFound, CallStateChanged, IncomingCallReceived
from firmware.phone.receiving import receive_call
from firmware.phone.rows import BACKGROUND, Rows, by_key, by_timer, impossible
from firmware.phone.shortcuts import begin_dialling
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.takeover import taking_over
from firmware.phone.view import Mode

_SCREEN_KEYS = DIGIT_KEYS | {Key.OK, Key.VOLUME_UP, Key.VOLUME_DOWN, Key.REDIAL, Key.TRANSFER, Key.HOLD, Key.MUTE}
_REPEATING = frozenset({Key.VOLUME_UP, Key.VOLUME_DOWN})


def open_menu(state: PhoneState, screen: Screen) -> None:
    """Open a menu with its first page."""
    enter(state, Mode.MENU)
    state.menu.close()
    state.menu.push(state, screen)
    stay(state)


def stay(state: PhoneState) -> None:
    """Begin the person's patience anew."""
    state.start_timer(Timer.INFO, MENU_PATIENCE_S)


def leave(state: PhoneState) -> None:
    """Close the menu."""
    state.menu.close()
    go_home(state)


def _press(state: PhoneState, event: KeyPressed | KeyRepeated) -> None:
    stay(state)
    if state.menu.top is not None:
        state.menu.top.press(state, event.key)
    _leave_where_nothing_is_left(state)


def _hold(state: PhoneState, event: KeyHeld) -> None:
    stay(state)
    if state.menu.top is not None:
        state.menu.top.hold(state, event.key)


def _cancel(state: PhoneState, _event: KeyPressed) -> None:
    stay(state)
    if state.menu.top is not None and not state.menu.top.cancel(state):
        state.menu.pop(state)
    _leave_where_nothing_is_left(state)


def _leave_where_nothing_is_left(state: PhoneState) -> None:
    """Go home from the first page; what a page has begun, such as a text message, goes on."""
    if state.menu.top is None and state.mode is Mode.MENU:
        go_home(state)


def _pause(state: PhoneState, _event: TimerExpired) -> None:
    if state.menu.top is not None:
        state.menu.top.pause(state)


def _leave(state: PhoneState, _event: KeyPressed | KeyHeld | TimerExpired) -> None:
    leave(state)


def _begin(state: PhoneState) -> None:
    if state.listening_page is not None and not state.locked:
        listen(state)
        return
    number = state.menu.top.number_to_call(state) if state.menu.top is not None else ""
    state.menu.close()
    if number and (not state.locked or state.settings.dial_plan.reaches_emergency(number)):
        send_number(state, number)
    else:
        begin_dialling(state)


def _put_redial_off(state: PhoneState, _event: TimerExpired) -> None:
    put_off(state)


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        FEATURE_KEYS,
        dict.fromkeys(_SCREEN_KEYS, _press),
        speaker_key(_begin),
        {Key.CANCEL: _cancel, Key.MENU: _leave},
    ),
    KeyRepeated: by_key(dict.fromkeys(_REPEATING, _press)),
    KeyHeld: by_key(HELD_FEATURE_KEYS, dict.fromkeys(_SCREEN_KEYS - _REPEATING, _hold), {Key.CANCEL: _leave}),
    CallsFound: taking_over(_begin),
    HandsetLifted: lifting(_begin),
    HandsetReplaced: impossible,
    TimerExpired: by_timer({Timer.INFO: _leave, Timer.INTER_DIGIT: _pause, Timer.AUTO_REDIAL: _put_redial_off}),
    IncomingCallReceived: receive_call,
    CallStateChanged: take_stray_call_state,
}
