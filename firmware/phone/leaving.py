"""What happens when the person puts the phone down: who is left rings."""

from firmware.phone.call import CallState
from firmware.phone.endings import hang_up
from firmware.phone.moves import enter, go_home
from firmware.phone.state import Call, PhoneState
from firmware.phone.switching import hold
from firmware.phone.view import Hint, Mode


def put_down(state: PhoneState) -> None:
    """End what was talked to; calls on hold, and those that wait, ring. The handset is in its cradle."""
    state.speaker = False
    call = state.call
    if call is not None and call.is_live:
        if call.is_held or call in state.handing_over:
            # A call that is handed over ends by itself, as does the one that takes its place.
            state.others.append(call)
            hold(state, call)
        elif call.joined:
            for member in state.conference:
                hang_up(state, member)
        else:
            hang_up(state, call)
    state.call = None
    state.muted = False
    settle(state)


def settle(state: PhoneState) -> None:
    """Ring for whoever waits or is on hold, or be a phone that nobody uses. The handset is in its cradle."""
    if (waiting := state.waiting) is not None:
        waiting.state = CallState.INCOMING
        waiting.silenced = False
        _ring_for(state, waiting)
    elif (held := state.held) is not None:
        held.silenced = False
        _ring_for(state, held)
    else:
        go_home(state)


def look_after_those_left(state: PhoneState) -> None:
    """End calls that have lost their purpose, and ring for those that came back while nobody is at the phone."""
    for call in state.abandoned:
        hang_up(state, call)
    rings_already = state.mode in {Mode.RINGING, Mode.REDIALLING}
    if not state.engaged and not rings_already and (state.waiting or state.held):
        settle(state)


def _ring_for(state: PhoneState, call: Call) -> None:
    state.others.remove(call)
    enter(state, Mode.RINGING)
    state.call = call


def fall_quiet(state: PhoneState) -> None:
    """Leave a handset that stays off in peace, with a word on the display; a loudspeaker is simply switched off."""
    if not state.off_hook:
        put_down(state)
        return
    state.tone = None
    state.listening = False
    state.hint = Hint.HANDSET_IS_OFF
