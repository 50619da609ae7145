"""OUTGOING, IN_CALL and CALL_ENDED: a call is placed, is talked to, and has ended while somebody uses the phone."""

from firmware.phone.call import Decision
from firmware.phone.call_news import move_foreground_call
from firmware.phone.call_recording import ask_to_record, press_record
from firmware.phone.call_timers import send_digit, send_on_demand
from firmware.phone.dialled import redial_or_keep_trying, try_again_off_hook
from firmware.phone.dialling import offer_dial_tone
from firmware.phone.endings import hang_up
from firmware.phone.events import HandsetLifted, KeyHeld, KeyPressed, KeyRepeated, TextTyped, Timer, TimerExpired
from firmware.phone.holder_settings import FEATURE_KEYS, HELD_FEATURE_KEYS
from firmware.phone.hook import lifting, nothing_to_begin, speaker_key
from firmware.phone.key import Key
from firmware.phone.lock import unless_locked
from firmware.phone.modes.collecting_digits import press_digit
from firmware.phone.moves import SETTLE_S, TONE_LIMIT_S, enter
from firmware.phone.news import CallStateChanged
from firmware.phone.orders import Tone
from firmware.phone.recording_question import say_no, say_yes
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, by_timer
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.switching import (
    answer_waiting,
    decline_waiting,
    end_and_return,
    fall_quiet,
    hold,
    put_aside,
    put_down,
    resume,
    return_to_held,
    silence_waiting,
    silence_waiting_call,
    swap,
    take_other_call,
    toggle_conference,
)
from firmware.phone.texting import settle_letter, speak_instead, take_typed, want_text, while_writing
from firmware.phone.transfer import begin_transfer, hand_over_before_the_answer
from firmware.phone.view import Hint, Mode

_QUALITY_SHOWN_S = 60.0


def _change_state(state: PhoneState, event: CallStateChanged) -> None:
    move_foreground_call(state, event)
    if state.mode is Mode.OUTGOING and state.call is not None and state.call.answered:
        enter(state, Mode.IN_CALL)


def _give_up(state: PhoneState, _event: KeyPressed) -> None:
    """Turn the waiting call away, or give this one up."""
    if decline_waiting(state) or end_and_return(state):
        return
    if state.call is not None:
        hang_up(state, state.call)
    offer_dial_tone(state)


def _answer_waiting(state: PhoneState, _event: KeyPressed) -> None:
    answer_waiting(state)


OUTGOING: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        FEATURE_KEYS,
        speaker_key(nothing_to_begin),
        {
            Key.CANCEL: _give_up,
            Key.OK: _answer_waiting,
            Key.HOLD: _answer_waiting,
            Key.MUTE: silence_waiting_call,
            Key.TRANSFER: hand_over_before_the_answer,
        },
    ),
    HandsetLifted: lifting(nothing_to_begin),
    CallStateChanged: _change_state,
}


def _press_digit(state: PhoneState, event: KeyPressed) -> None:
    """Send the digit to the far end; with the call on hold it begins another number."""
    call = state.call
    if call is None or not call.answered:
        return
    if call.is_held:
        put_aside(state)
        offer_dial_tone(state)
        press_digit(state, event)
    else:
        send_digit(state, call, event.key)


def _lift(state: PhoneState, event: HandsetLifted) -> None:
    """Take the call from the loudspeaker; whoever takes one that has answered itself is heard."""
    if state.call is not None and state.call.decision is Decision.AUTO_ANSWERED and state.speaker:
        state.muted = False
    lifting(nothing_to_begin)(state, event)


def _mute(state: PhoneState, _event: KeyPressed) -> None:
    """Silence the tone of a call that waits, or else the microphone."""
    if not silence_waiting(state) and state.call is not None and state.call.answered:
        state.muted = not state.muted


def _hold(state: PhoneState, _event: KeyPressed) -> None:
    """Take the call that waits, or the one on hold in place of this one; else hold or resume this one."""
    call = state.call
    if call is None or not call.answered or call.emergency:
        return
    if answer_waiting(state) or (not call.is_held and swap(state)):
        return
    if call.is_held:
        resume(state, call)
    else:
        hold(state, call)


def _ok(state: PhoneState, event: KeyPressed) -> None:
    """Answer the call that waits or the question; else send what waits behind the number, or record this call.

    Where the menu key shows how the call sounds, write in it.
    """
    if answer_waiting(state) or say_yes(state):
        return
    if state.sound_shown and state.call is not None:
        want_text(state, state.call)
    elif not send_on_demand(state):
        ask_to_record(state, event)


def _cancel(state: PhoneState, _event: KeyPressed) -> None:
    """Turn the waiting call away, say no to a question, or end this call in favour of the one on hold.

    A single call ends with the handset, or with this key where the handset is in its cradle.
    """
    if not (decline_waiting(state) or say_no(state) or end_and_return(state) or state.off_hook):
        put_down(state)


def _show_quality(state: PhoneState, _event: KeyPressed) -> None:
    """Show how the call sounds for a while, or stop showing it."""
    state.sound_shown = not state.sound_shown
    if state.sound_shown:
        state.start_timer(Timer.INFO, _QUALITY_SHOWN_S)
    else:
        state.cancel_timer(Timer.INFO)


IN_CALL: Rows = {
    **BACKGROUND,
    KeyPressed: while_writing(
        by_key(
            VOLUME_KEYS,
            dict.fromkeys(DIGIT_KEYS, _press_digit),
            FEATURE_KEYS,
            speaker_key(nothing_to_begin),
            {
                Key.MUTE: _mute,
                Key.HOLD: _hold,
                Key.OK: _ok,
                Key.RECORD: press_record,
                Key.CANCEL: _cancel,
                Key.TRANSFER: begin_transfer,
                Key.CONFERENCE: toggle_conference,
                Key.MENU: _show_quality,
            },
        )
    ),
    KeyRepeated: while_writing(by_key(VOLUME_KEYS)),
    KeyHeld: while_writing(by_key(HELD_FEATURE_KEYS)),
    TextTyped: take_typed,
    HandsetLifted: _lift,
    CallStateChanged: move_foreground_call,
    TimerExpired: by_timer({Timer.INTER_DIGIT: settle_letter, Timer.SPEAK: speak_instead}),
}


def _go_on(state: PhoneState, _event: TimerExpired) -> None:
    """First ask to hang up, then leave the handset in peace; the loudspeaker is switched off."""
    if state.settled or not state.off_hook:
        fall_quiet(state)
        return
    state.settled = True
    state.tone = state.tone or Tone.BUSY
    state.hint = state.hint or Hint.REPLACE_HANDSET
    state.start_timer(Timer.CALL_ENDED, TONE_LIMIT_S)


def _dial_anew(state: PhoneState, event: KeyPressed) -> None:
    """Begin a number, unless the key was still meant for the call that has just ended."""
    if state.settled:
        offer_dial_tone(state)
        press_digit(state, event)
    else:
        state.start_timer(Timer.CALL_ENDED, SETTLE_S)


def _leave(state: PhoneState, _event: KeyPressed) -> None:
    if not decline_waiting(state) and not return_to_held(state):
        offer_dial_tone(state)


CALL_ENDED: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        dict.fromkeys(DIGIT_KEYS, _dial_anew),
        FEATURE_KEYS,
        speaker_key(nothing_to_begin),
        {
            Key.CANCEL: _leave,
            Key.REDIAL: unless_locked(redial_or_keep_trying),
            Key.OK: take_other_call,
            Key.HOLD: take_other_call,
            Key.MUTE: silence_waiting_call,
        },
    ),
    HandsetLifted: lifting(nothing_to_begin),
    TimerExpired: by_timer({Timer.CALL_ENDED: _go_on, Timer.AUTO_REDIAL: try_again_off_hook}),
}
