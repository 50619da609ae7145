"""LISTENING: a recording is heard in the handset or by the loudspeaker. Its page is the menu's.

OK pauses and goes on, 4 and 6 go back and forward, CANCEL and the cradle end it. Whoever calls waits, and OK answers.
"""

from firmware.phone.call_news import take_stray_call_state
from firmware.phone.dialling import offer_dial_tone
from firmware.phone.events import HandsetLifted, HandsetReplaced, KeyHeld, KeyPressed, KeyRepeated, TimerExpired
from firmware.phone.holder_settings import FEATURE_KEYS, HELD_FEATURE_KEYS
from firmware.phone.hook import lifting, nothing_to_begin, replace_handset, speaker_key
from firmware.phone.key import Key
from firmware.phone.moves import enter
from firmware.phone.news import CallStateChanged, IncomingCallReceived
from firmware.phone.receiving import receive_call
from firmware.phone.recording import Playback
from firmware.phone.requests.recordings import PlaybackProgressed
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, by_timer
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.switching import answer_waiting, decline_waiting, put_down, silence_waiting_call
from firmware.phone.view import Mode


def listen(state: PhoneState) -> None:
    """Hear what the menu's page plays; somebody has just picked the phone up."""
    enter(state, Mode.LISTENING)


def keep_listening(state: PhoneState) -> None:
    """Listen no more once there is nothing to listen to: a menu may close by itself."""
    if state.mode is Mode.LISTENING and state.listening_page is None:
        offer_dial_tone(state)


def _press(state: PhoneState, event: KeyPressed) -> None:
    if state.menu.top is not None:
        state.menu.top.press(state, event.key)


def _ok(state: PhoneState, event: KeyPressed) -> None:
    if not answer_waiting(state):
        _press(state, event)


def _cancel(state: PhoneState, _event: KeyPressed) -> None:
    """Turn the caller away who waits, or go back in the menu; a lifted handset has dial tone then."""
    if decline_waiting(state):
        return
    state.menu.pop(state)
    if not state.off_hook:
        put_down(state)


def _follow(state: PhoneState, event: PlaybackProgressed) -> None:
    """Show how far it has come; the loudspeaker goes off by itself at the end."""
    state.menu.tell(state, event)
    if event.playback in {Playback.OVER, Playback.DAMAGED} and not state.off_hook:
        put_down(state)


ROWS: Rows = {
    **BACKGROUND,
    PlaybackProgressed: _follow,
    KeyPressed: by_key(
        VOLUME_KEYS,
        dict.fromkeys(DIGIT_KEYS, _press),
        FEATURE_KEYS,
        speaker_key(nothing_to_begin),
        {Key.OK: _ok, Key.CANCEL: _cancel, Key.MUTE: silence_waiting_call},
    ),
    KeyRepeated: by_key(VOLUME_KEYS),
    KeyHeld: by_key(HELD_FEATURE_KEYS),
    HandsetLifted: lifting(nothing_to_begin),
    HandsetReplaced: replace_handset,
    TimerExpired: by_timer({}),
    IncomingCallReceived: receive_call,
    CallStateChanged: take_stray_call_state,
}
