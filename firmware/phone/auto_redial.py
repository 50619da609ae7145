"""Automatic redial: a busy number is tried again and again, until it is free or the person uses the phone.

An emergency number is never tried without a person at the handset.
"""

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.events import Timer, TimerExpired
from firmware.phone.features import AutoRedial
from firmware.phone.state import Call, PhoneState
from firmware.phone.view import Hint


def arm(state: PhoneState, dialled: str) -> bool:
    """Begin to try a number, where it is one that may be tried."""
    settings = state.settings
    reading = settings.feature_codes.read(dialled, settings.dial_plan)
    number = reading.number if reading is not None else dialled
    if not settings.dial_plan.accepts(number) or settings.dial_plan.reaches_emergency(number):
        return False
    state.features.auto_redial = AutoRedial(dialled, settings.auto_redial_tries)
    put_off(state)
    return True


def disarm(state: PhoneState, _event: object = None) -> None:
    """Stop trying."""
    state.features.auto_redial = None
    state.cancel_timer(Timer.AUTO_REDIAL)


def put_off(state: PhoneState, _event: TimerExpired | None = None) -> None:
    """Wait before the next try."""
    state.start_timer(Timer.AUTO_REDIAL, state.settings.auto_redial_every_s)


def due(state: PhoneState) -> AutoRedial | None:
    """Return what is to be called now; None where nothing is tried, or where it waits for the phone to work."""
    redial = state.features.auto_redial
    if redial is None:
        return None
    if state.helps_only:
        disarm(state)
        return None
    if not state.can_call:
        put_off(state)
        return None
    return redial


def take_call(state: PhoneState, dialled: str) -> None:
    """Hear that a call is placed: the next try waits for its end, and another number puts an end to the trying."""
    redial = state.features.auto_redial
    if redial is None:
        return
    state.cancel_timer(Timer.AUTO_REDIAL)
    if redial.digits != dialled:
        state.features.auto_redial = None


def take_end(state: PhoneState, call: Call) -> None:
    """Hear how a call ended: only a busy number is tried again."""
    redial = state.features.auto_redial
    if redial is None or call.direction is not CallDirection.OUTGOING:
        return
    redial.tries_left -= 1
    if call.reason is DisconnectReason.BUSY and redial.tries_left > 0:
        put_off(state)
    else:
        disarm(state)


def may_arm(call: Call | None) -> bool:
    """Whether a call ended in a way that makes trying again sensible."""
    return (
        call is not None
        and call.direction is CallDirection.OUTGOING
        and call.reason is DisconnectReason.BUSY
        and not call.emergency
    )


def hint_after(state: PhoneState, call: Call) -> Hint | None:
    """Say what the redial key does, or that the number is tried again, once a call has ended."""
    if not may_arm(call):
        return None
    return Hint.REDIALLING if state.features.auto_redial is not None else Hint.PRESS_REDIAL_TO_KEEP_TRYING
