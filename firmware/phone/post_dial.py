"""What a number has behind it: an extension, a code. It is sent as DTMF once somebody has answered, at its pauses."""

from typing import Final

from firmware.phone.dial_string import PAUSE, WAIT
from firmware.phone.events import TimerExpired
from firmware.phone.key import Key
from firmware.phone.orders import SendDtmf
from firmware.phone.state import Call, PhoneState

PAUSE_S: Final = 2.0
"""What a comma in a dialled number is with mobile phones, and with modems before them (ITU-T V.250, register S8)."""

_KEPT_DTMF_DIGITS: Final = 64


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
