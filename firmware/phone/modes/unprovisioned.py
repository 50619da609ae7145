"""UNPROVISIONED: there is no usable configuration. Emergency calls work where there is an account to call with."""

from firmware.phone.call_news import take_stray_call_state
from firmware.phone.dialling import offer_dial_tone
from firmware.phone.events import HandsetLifted, HandsetReplaced, KeyHeld, KeyPressed, KeyRepeated, Timer, TimerExpired
from firmware.phone.hook import lifting, replace_handset, speaker_key
from firmware.phone.key import Key
from firmware.phone.leaving import fall_quiet
from firmware.phone.lock import unless_locked
from firmware.phone.modes.collecting_digits import collect_on_hook
from firmware.phone.modes.idle import dismiss, open_main_menu, show_details
from firmware.phone.moves import TONE_LIMIT_S, enter
from firmware.phone.news import CallsFound, CallStateChanged, IncomingCallReceived
from firmware.phone.orders import Tone
from firmware.phone.receiving import receive_call
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, by_timer, ignored
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.takeover import taking_over
from firmware.phone.view import Hint, Mode


def _press_digit(state: PhoneState, event: KeyPressed) -> None:
    if state.settings.line_usable:
        collect_on_hook(state, event)


def _begin(state: PhoneState) -> None:
    if state.settings.line_usable:
        offer_dial_tone(state)
        return
    enter(state, Mode.UNPROVISIONED)
    state.tone = Tone.REORDER
    state.hint = Hint.CANNOT_CALL
    state.start_timer(Timer.DIAL_TONE, TONE_LIMIT_S)


def _end_warning(state: PhoneState, _event: TimerExpired) -> None:
    fall_quiet(state)


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        dict.fromkeys(DIGIT_KEYS, _press_digit),
        speaker_key(_begin),
        {Key.OK: show_details, Key.CANCEL: unless_locked(dismiss), Key.MENU: open_main_menu},
    ),
    KeyRepeated: by_key(VOLUME_KEYS),
    KeyHeld: ignored,
    CallsFound: taking_over(_begin),
    HandsetLifted: lifting(_begin),
    HandsetReplaced: replace_handset,
    TimerExpired: by_timer({Timer.DIAL_TONE: _end_warning}),
    IncomingCallReceived: receive_call,
    CallStateChanged: take_stray_call_state,
}
