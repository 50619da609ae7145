"""The timers that follow from the calls there are, so that no transition can forget one."""

from firmware.phone import post_dial
from firmware.phone.events import Timer, TimerExpired
from firmware.phone.state import PhoneState

CALL_CLOCK_S = 1.0
_REMINDER_BEEP_S = 1.0
_CALL_TIMERS = (Timer.CALL_CLOCK, Timer.NO_ANSWER, Timer.HOLD_REMINDER, Timer.POST_DIAL)


def wanted_timers(state: PhoneState) -> dict[Timer, float]:
    """Return the timers that have to run now, each with the delay that it is started with.

    There is one NO_ANSWER for all calls that wait: it runs for the one that came first, and starts again for the next.
    """
    wanted: dict[Timer, float] = {}
    if any(call.answered for call in state.calls):
        wanted[Timer.CALL_CLOCK] = CALL_CLOCK_S
    if state.first_to_answer is not None:
        wanted[Timer.NO_ANSWER] = state.settings.no_answer_s
    if state.settings.hold_reminder_s and state.engaged and any(call.is_held for call in state.calls):
        wanted[Timer.HOLD_REMINDER] = _REMINDER_BEEP_S if state.reminding else state.settings.hold_reminder_s
    if post_dial.pauses(state):
        wanted[Timer.POST_DIAL] = post_dial.PAUSE_S
    return wanted


def keep_call_timers(state: PhoneState) -> None:
    """Stop the timers that no call needs any more and start those that one needs now."""
    wanted = wanted_timers(state)
    first = state.first_to_answer
    if state.patience_for is not first:
        state.patience_for = first
        state.cancel_timer(Timer.NO_ANSWER)
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
