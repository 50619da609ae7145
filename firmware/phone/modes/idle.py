"""IDLE: nobody uses the phone."""

from firmware.phone.call_news import take_stray_call_state
from firmware.phone.commands import MarkMissedCallsSeen
from firmware.phone.dialling import offer_dial_tone
from firmware.phone.events import (
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
from firmware.phone.hook import lifting, speaker_key
from firmware.phone.modes.collecting_digits import collect_on_hook, recall_on_hook
from firmware.phone.receiving import receive_call
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, by_timer, ignored, impossible
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


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        dict.fromkeys(DIGIT_KEYS, collect_on_hook),
        speaker_key(offer_dial_tone),
        {Key.OK: show_details, Key.CANCEL: dismiss, Key.REDIAL: recall_on_hook},
    ),
    KeyRepeated: by_key(VOLUME_KEYS),
    KeyHeld: ignored,
    HandsetLifted: lifting(offer_dial_tone),
    HandsetReplaced: impossible,
    TimerExpired: by_timer({}),
    IncomingCallReceived: receive_call,
    CallStateChanged: take_stray_call_state,
}
