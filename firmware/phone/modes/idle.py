"""IDLE: nobody uses the phone."""

from collections.abc import Mapping

from firmware.phone import auto_redial, info
from firmware.phone.call_news import take_stray_call_state
from firmware.phone.commands import MarkMissedCallsSeen
from firmware.phone.events import (
    CallStateChanged,
    Event,
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
from firmware.phone.feature_keys import FEATURE_KEYS
from firmware.phone.hook import lifting, speaker_key
from firmware.phone.menu.main import main_menu
from firmware.phone.modes.collecting_digits import collect_on_hook
from firmware.phone.modes.menu import open_menu
from firmware.phone.modes.redialling import try_again
from firmware.phone.modes.writing import write_to
from firmware.phone.moves import show_notice
from firmware.phone.on_hook import show_on_hook
from firmware.phone.receiving import receive_call
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Handler, Rows, by_key, by_timer, impossible
from firmware.phone.shortcuts import begin_dialling, recall_on_hook, show_voicemail_number
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.view import Hint, InfoPage

_DETAILS_SHOWN_S = 30.0


def _during_info(on_page: Handler, otherwise: Handler) -> Handler:
    """Make a row for a key that means something else while the menu key's pages are shown."""

    def handle(state: PhoneState, event: Event) -> None:
        (otherwise if state.features.info is None else on_page)(state, event)

    return handle


def show_details(state: PhoneState, _event: KeyPressed) -> None:
    """Show what is wrong, one page after the other."""
    if state.problems or state.settings.mistakes:
        state.details_step += 1
        state.start_timer(Timer.NOTICE, _DETAILS_SHOWN_S)


def dismiss(state: PhoneState, _event: KeyPressed) -> None:
    """Leave the details, or else take note of what happened: the newest refusal, then the missed calls."""
    if state.details_step:
        state.details_step = 0
    elif state.features.refusal is not None:
        state.features.refusal = None
    elif state.missed_calls:
        state.missed_calls = 0
        state.missed_party = ""
        state.features.missed = None
        state.emit(MarkMissedCallsSeen())


def _leave_info(state: PhoneState, _event: KeyPressed) -> None:
    info.leave(state)


def _press_digit(state: PhoneState, event: KeyPressed) -> None:
    """Begin a number; `#` held down deletes the message that is shown, so that pressing it does nothing yet."""
    if event.key is not Key.HASH or state.features.info is not InfoPage.MESSAGES:
        collect_on_hook(state, event)


def _open_menu(state: PhoneState, _event: KeyHeld) -> None:
    open_menu(state, main_menu())


def _hold_hash(state: PhoneState, _event: KeyHeld) -> None:
    info.delete_message(state)


def _press_ok(state: PhoneState, event: KeyPressed) -> None:
    """Answer the message that is shown, or show the next entry."""
    if (message := info.shown_message(state)) is not None:
        write_to(state, message.party)
    else:
        info.step(state, event)


def _call_sender(state: PhoneState, event: KeyPressed) -> None:
    """Show the number of whoever wrote the message; lifting the handset calls it."""
    message = info.shown_message(state)
    if message is None:
        recall_on_hook(state, event)
    elif state.settings.dial_plan.accepts(message.party.number):
        show_on_hook(state, message.party.number)
    else:
        show_notice(state, Hint.NUMBER_IMPOSSIBLE)


def _redial(state: PhoneState, event: KeyPressed) -> None:
    """Show the number of the missed call that is shown, or else the one that was dialled last."""
    missed = state.features.missed
    if state.missed_calls and missed is not None and state.settings.dial_plan.accepts(missed.number):
        show_on_hook(state, missed.number)
    else:
        recall_on_hook(state, event)


def _try_again(state: PhoneState, event: TimerExpired) -> None:
    """Leave a person who reads in peace."""
    if state.features.info is None:
        try_again(state, event)
    else:
        auto_redial.put_off(state)


_STEP_KEYS: Mapping[Key, Handler] = {key: _during_info(info.step, turn) for key, turn in VOLUME_KEYS.items()}

ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        _STEP_KEYS,
        FEATURE_KEYS,
        dict.fromkeys(DIGIT_KEYS, _press_digit),
        speaker_key(begin_dialling),
        {
            Key.OK: _during_info(_press_ok, show_details),
            Key.CANCEL: _during_info(_leave_info, dismiss),
            Key.REDIAL: _during_info(_call_sender, _redial),
            Key.MENU: info.show_next_page,
            Key.VOICEMAIL: show_voicemail_number,
        },
    ),
    KeyRepeated: by_key(_STEP_KEYS),
    KeyHeld: by_key({Key.HASH: _hold_hash, Key.MENU: _open_menu}),
    HandsetLifted: lifting(begin_dialling),
    HandsetReplaced: impossible,
    TimerExpired: by_timer({Timer.AUTO_REDIAL: _try_again}),
    IncomingCallReceived: receive_call,
    CallStateChanged: take_stray_call_state,
}
