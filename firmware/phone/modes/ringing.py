"""RINGING and REDIALLING: a call rings, or a busy number is tried again. The handset is in its cradle.

Somebody calls, or a call was left on hold. While a busy number is tried again nothing is heard until the far end rings;
then this phone rings too, so that the person lifts the handset and is put through. Who answers before that hears
silence: after a few seconds more the call is given up, and so is the trying.
"""

from firmware.phone import auto_redial, policy
from firmware.phone.answering_machine import answer_by_machine
from firmware.phone.auto_redial import put_off
from firmware.phone.call import CallState
from firmware.phone.call_news import end_unheard_call, note_running, take_stray_call_state
from firmware.phone.dialled import read_code, show_on_hook
from firmware.phone.dialling import place_call
from firmware.phone.endings import close_call, end_reason, hang_up
from firmware.phone.events import (
    Event,
    HandsetLifted,
    HandsetReplaced,
    KeyHeld,
    KeyPressed,
    Timer,
    TimerExpired,
)
from firmware.phone.holder_settings import FEATURE_KEYS
from firmware.phone.hook import lifting, speaker_key
from firmware.phone.key import Key
from firmware.phone.moves import enter, go_home, show_notice
from firmware.phone.news import CallStateChanged, IncomingCallReceived
from firmware.phone.receiving import answer_by_itself, receive_call, stop_ringing_for
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, by_timer, ignored, impossible
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.switching import answer, resume, settle
from firmware.phone.view import Hint, Mode

_ANSWERED_S = 10.0


def _pick_up(state: PhoneState) -> None:
    call = state.call
    if call is None:
        return
    if call.is_offered:
        answer(state, call)
    else:
        enter(state, Mode.IN_CALL)
        resume(state, call)


def _lift(state: PhoneState, _event: HandsetLifted) -> None:
    """Answer, or go on with the call that was on hold."""
    state.off_hook = True
    state.speaker = False
    _pick_up(state)


def _press_speaker(state: PhoneState, event: KeyPressed) -> None:
    """Answer on the loudspeaker; where the call was about to be answered there, that is called off."""
    if state.auto_answering:
        _decline(state, event)
    elif state.settings.has_loudspeaker:
        state.speaker = True
        _pick_up(state)
    else:
        show_notice(state, Hint.NO_LOUDSPEAKER)


def _ask_to_lift(state: PhoneState, _event: KeyPressed) -> None:
    show_notice(state, Hint.LIFT_HANDSET)


def _decline(state: PhoneState, _event: KeyPressed) -> None:
    if state.call is not None:
        stop_ringing_for(state, state.call)


def _silence(state: PhoneState, _event: KeyPressed) -> None:
    """Stop the noise without telling the caller."""
    if state.call is not None:
        state.call.silenced = True
        state.hint = Hint.RINGER_SILENCED


def _change_state(state: PhoneState, event: CallStateChanged) -> None:
    call = state.call
    if call is None or call.call_id != event.call_id:
        take_stray_call_state(state, event)
        return
    match event.state:
        case CallState.DISCONNECTED:
            close_call(state, call, end_reason(call, event), event.sip_code)
            state.speaker = False
            settle(state)
        case CallState.INCOMING | CallState.WAITING if call.is_offered:
            pass
        case CallState.ACTIVE | CallState.HELD if not call.is_offered:
            note_running(state, call, event.state)
        case CallState.ACTIVE | CallState.HELD:
            end_unheard_call(state, call, event)
        case _:
            impossible(state, event)


RINGING: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        FEATURE_KEYS,
        {Key.OK: _ask_to_lift, Key.CANCEL: _decline, Key.MUTE: _silence, Key.SPEAKER: _press_speaker},
    ),
    HandsetLifted: _lift,
    HandsetReplaced: impossible,
    TimerExpired: by_timer(
        {
            Timer.AUTO_ANSWER: answer_by_itself,
            Timer.ANSWERING_MACHINE: answer_by_machine,
            Timer.AUTO_REDIAL: put_off,
        }
    ),
    CallStateChanged: _change_state,
}


def try_again(state: PhoneState, _event: TimerExpired) -> None:
    """Call the busy number, on a phone that nobody uses."""
    redial = auto_redial.due(state)
    if redial is None:
        return
    reading = read_code(state, redial.digits)
    number, code = (reading.number, reading.code) if reading is not None else (redial.digits, "")
    place_call(state, number, anonymous_code=code, mode=Mode.REDIALLING)
    state.hint = Hint.REDIALLING


def _follow_redial(state: PhoneState, event: CallStateChanged) -> None:
    call = state.call
    if call is None or call.call_id != event.call_id:
        take_stray_call_state(state, event)
        return
    match event.state:
        case CallState.DIALING | CallState.ALERTING if not call.answered:
            call.state = event.state
            if event.state is CallState.ALERTING:
                state.hint = Hint.LIFT_HANDSET
        case CallState.ACTIVE | CallState.HELD:
            was_answered = call.answered
            note_running(state, call, event.state)
            state.hint = Hint.LIFT_HANDSET
            if not was_answered:
                state.start_timer(Timer.AUTO_REDIAL, _ANSWERED_S)
        case CallState.DISCONNECTED:
            close_call(state, call, end_reason(call, event), event.sip_code)
            go_home(state)
        case _:
            impossible(state, event)


def _put_through(state: PhoneState) -> None:
    """Let the person who came to the phone talk, or hear how the far end rings."""
    answered = state.call is not None and state.call.answered
    auto_redial.disarm(state)
    enter(state, Mode.IN_CALL if answered else Mode.OUTGOING)


def _give_up(state: PhoneState, _event: Event) -> None:
    """Stop this call and all further ones."""
    if state.call is not None:
        hang_up(state, state.call)
    auto_redial.disarm(state)
    go_home(state)


def _dial_instead(state: PhoneState, event: KeyPressed) -> None:
    """Give up; the digit is the first of another number, unless a menu is there again that takes it."""
    _give_up(state, event)
    if state.mode is Mode.IDLE:
        show_on_hook(state, event.key.value)


def _silence_redial(state: PhoneState, _event: KeyPressed) -> None:
    if state.call is not None:
        state.call.silenced = True


def _receive_call(state: PhoneState, event: IncomingCallReceived) -> None:
    """Somebody whose call will ring comes first; the busy number is tried again later."""
    if isinstance(policy.judge(state, event), policy.Reject | policy.Forward):
        receive_call(state, event)
        return
    redial = state.features.auto_redial
    if state.call is not None:
        hang_up(state, state.call)
    state.features.auto_redial = redial
    auto_redial.put_off(state)
    go_home(state)
    receive_call(state, event)


REDIALLING: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        dict.fromkeys(DIGIT_KEYS, _dial_instead),
        speaker_key(_put_through),
        {Key.CANCEL: _give_up, Key.MUTE: _silence_redial},
    ),
    KeyHeld: ignored,
    HandsetLifted: lifting(_put_through),
    HandsetReplaced: impossible,
    TimerExpired: by_timer({Timer.AUTO_REDIAL: _give_up}),
    IncomingCallReceived: _receive_call,
    CallStateChanged: _follow_redial,
}
