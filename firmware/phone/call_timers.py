"""The timers that follow from the calls there are, so that no transition can forget one.

What a number has behind it, an extension or a code, is sent as DTMF once somebody has answered, at its pauses.
"""

from typing import Final

from firmware.phone.dial_string import PAUSE, WAIT
from firmware.phone.events import Timer, TimerExpired
from firmware.phone.key import Key
from firmware.phone.orders import SendDtmf
from firmware.phone.policy import machine_answers
from firmware.phone.state import Call, PhoneState

PAUSE_S: Final = 2.0
"""What a comma in a dialled number is with mobile phones, and with modems before them (ITU-T V.250, register S8)."""

_KEPT_DTMF_DIGITS: Final = 64

CALL_CLOCK_S = 1.0
_REMINDER_BEEP_S = 1.0
_CALL_TIMERS = (Timer.CALL_CLOCK, Timer.NO_ANSWER, Timer.ANSWERING_MACHINE, Timer.HOLD_REMINDER, Timer.POST_DIAL)


def send_digit(state: PhoneState, call: Call, key: Key) -> None:
    """Send a digit to the far end, and show it."""
    call.dtmf = (call.dtmf + key.value)[-_KEPT_DTMF_DIGITS:]
    state.emit(SendDtmf(call.call_id, key))


def pauses(state: PhoneState) -> bool:
    """Whether the call in hand has something to send after a pause; on hold nobody would hear it."""
    return _can_hear(state.call) and state.call is not None and state.call.post_dial.startswith(PAUSE)


def send_after_pause(state: PhoneState, _event: TimerExpired) -> None:
    """Send what stands behind a pause, up to the next."""
    if pauses(state) and state.call is not None:
        _send_up_to_next(state, state.call)


def send_on_demand(state: PhoneState) -> bool:
    """Send what has waited for the person to say so; False where nothing does."""
    call = state.call
    if call is None or not _can_hear(call) or not call.awaits_word:
        return False
    _send_up_to_next(state, call)
    return True


def _can_hear(call: Call | None) -> bool:
    return call is not None and call.is_live and call.answered and not call.is_held


def _send_up_to_next(state: PhoneState, call: Call) -> None:
    rest = call.post_dial[1:]
    while rest and rest[0] not in {PAUSE, WAIT}:
        send_digit(state, call, Key(rest[0]))
        rest = rest[1:]
    call.post_dial = rest


def wanted_timers(state: PhoneState) -> dict[Timer, float]:
    """Return the timers that have to run now, each with the delay that it is started with.

    There is one NO_ANSWER for all calls that wait: it runs for the one that came first, and starts again for the next.
    """
    wanted: dict[Timer, float] = {}
    if any(call.answered for call in state.calls):
        wanted[Timer.CALL_CLOCK] = CALL_CLOCK_S
    if state.first_to_answer is not None:
        wanted[Timer.NO_ANSWER] = state.settings.no_answer_s
    if machine_answers(state):
        # Before the call is given up.
        after_s = min(state.features.preferences.answer_after_s, state.settings.no_answer_s - 1)
        wanted[Timer.ANSWERING_MACHINE] = after_s
    if state.settings.hold_reminder_s and state.engaged and any(call.is_held for call in state.calls):
        wanted[Timer.HOLD_REMINDER] = _REMINDER_BEEP_S if state.reminding else state.settings.hold_reminder_s
    if pauses(state):
        wanted[Timer.POST_DIAL] = PAUSE_S
    return wanted


def keep_call_timers(state: PhoneState) -> None:
    """Stop the timers that no call needs any more and start those that one needs now."""
    wanted = wanted_timers(state)
    first = state.first_to_answer
    if state.patience_for is not first:
        state.patience_for = first
        state.cancel_timer(Timer.NO_ANSWER)
        state.cancel_timer(Timer.ANSWERING_MACHINE)
    for timer in _CALL_TIMERS:
        if timer not in wanted:
            state.cancel_timer(timer)
        elif timer not in state.timers:
            state.start_timer(timer, wanted[timer])
    if Timer.HOLD_REMINDER not in wanted:
        state.reminding = False


def tick(state: PhoneState, _event: TimerExpired) -> None:
    """Count a second of every call that was answered, and of what is recorded."""
    for call in state.calls:
        if call.answered:
            call.duration_s += 1
    if state.recording is not None and state.recording.is_kept:
        state.recording.duration_s += 1


def remind_of_held_calls(state: PhoneState, _event: TimerExpired) -> None:
    """Begin or end the beep that tells of a call on hold."""
    state.reminding = not state.reminding
