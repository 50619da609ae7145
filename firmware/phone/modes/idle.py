"""IDLE: nobody uses the phone."""

from firmware.phone.commands import MarkMissedCallsSeen
from firmware.phone.dialling import offer_dial_tone
from firmware.phone.events import (
    CallAudioChanged,
    CallerNamed,
    CallStateChanged,
    HandsetLifted,
    HandsetReplaced,
    IncomingCallReceived,
    Key,
    KeyHeld,
    KeyPressed,
    KeyRepeated,
    Timer,
    TimerExpired,
)
from firmware.phone.modes.collecting_digits import collect_on_hook, recall_on_hook
from firmware.phone.moves import receive_call
from firmware.phone.rows import (
    BACKGROUND,
    VOLUME_KEYS,
    Rows,
    by_key,
    by_timer,
    ignored,
    impossible,
    take_stray_call_state,
)
from firmware.phone.state import DIGIT_KEYS, PhoneState

_DETAILS_SHOWN_S = 30.0


def show_details(state: PhoneState, _event: KeyPressed) -> None:
    """Show what is wrong, one page after the other."""
    if state.problems or state.settings.mistakes:
        state.details_step += 1
        state.start_timer(Timer.NOTICE, _DETAILS_SHOWN_S)


def dismiss(state: PhoneState, _event: KeyPressed) -> None:
    """Leave the details, or else take note of the missed calls."""
    if state.details_step:
        state.details_step = 0
    elif state.missed_calls:
        state.missed_calls = 0
        state.missed_party = ""
        state.emit(MarkMissedCallsSeen())


def _lift(state: PhoneState, _event: HandsetLifted) -> None:
    state.off_hook = True
    offer_dial_tone(state)


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        dict.fromkeys(DIGIT_KEYS, collect_on_hook),
        {Key.OK: show_details, Key.CANCEL: dismiss, Key.REDIAL: recall_on_hook},
    ),
    KeyRepeated: by_key(VOLUME_KEYS),
    KeyHeld: ignored,
    HandsetLifted: _lift,
    HandsetReplaced: impossible,
    TimerExpired: by_timer({}),
    IncomingCallReceived: receive_call,
    CallStateChanged: take_stray_call_state,
    CallAudioChanged: ignored,
    CallerNamed: ignored,
}
