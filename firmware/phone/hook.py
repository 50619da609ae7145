"""Lifting and replacing the handset, and the key that does both with the loudspeaker in its place."""

from collections.abc import Callable, Mapping

from firmware.phone.call_news import report_impossible
from firmware.phone.events import HandsetLifted, HandsetReplaced, KeyPressed
from firmware.phone.key import Key
from firmware.phone.moves import show_notice
from firmware.phone.state import PhoneState
from firmware.phone.switching import put_down
from firmware.phone.view import Hint

Begin = Callable[[PhoneState], None]
"""What picking the phone up means in a mode: dial tone, sending a number, answering."""


def nothing_to_begin(_state: PhoneState) -> None:
    """Pick the phone up in a mode in which somebody uses it anyway."""


def lifting(begin: Begin) -> Callable[[PhoneState, HandsetLifted], None]:
    """Make the row for a lifted handset; a conversation on the loudspeaker moves to it."""

    def handle(state: PhoneState, event: HandsetLifted) -> None:
        if state.off_hook:
            report_impossible(state, event)
            return
        was_engaged = state.engaged
        state.off_hook = True
        state.speaker = False
        if not was_engaged:
            begin(state)

    return handle


def replace_handset(state: PhoneState, event: HandsetReplaced) -> None:
    """End what was going on, unless the loudspeaker was switched on while the handset was off."""
    if not state.off_hook:
        report_impossible(state, event)
        return
    state.off_hook = False
    if not state.speaker:
        put_down(state)


def speaker_key(begin: Begin) -> Mapping[Key, Callable[[PhoneState, KeyPressed], None]]:
    """Make the row for the loudspeaker's key: it picks up and puts down, or moves the sound of a lifted handset."""

    def handle(state: PhoneState, _event: KeyPressed) -> None:
        if state.speaker:
            state.speaker = False
            if not state.off_hook:
                put_down(state)
        elif not state.settings.has_loudspeaker:
            show_notice(state, Hint.NO_LOUDSPEAKER)
        else:
            was_engaged = state.engaged
            state.speaker = True
            if not was_engaged:
                begin(state)

    return {Key.SPEAKER: handle}
