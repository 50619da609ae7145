"""The answering machine: which calls it answers, and when it has heard enough.

It is off until the holder switches it on, and works only while the holder agrees to recordings: a message is one, of a
caller whom the greeting has told (firmware.phone.call_recording). The microphone stays shut, and nothing is heard in
the room.
"""

from typing import Final

from firmware.phone.call import Decision
from firmware.phone.call_recording import keep_recording
from firmware.phone.endings import hang_up
from firmware.phone.events import CallerFellSilent, Event, RecordingEnded, TimerExpired
from firmware.phone.moves import enter
from firmware.phone.orders import AnswerCall
from firmware.phone.request import Failed, Stretch
from firmware.phone.requests.recordings import ListRecordings, RecordingRow, RecordingsListed
from firmware.phone.running_call import RunningRecording
from firmware.phone.state import PhoneState
from firmware.phone.switching import settle
from firmware.phone.view import Mode

GREETING_LIMIT_S: Final = 60
"""A caller who keeps the greeting from being heard to its end, as by putting this phone on hold, is not waited for."""


def answer_by_machine(state: PhoneState, _event: TimerExpired) -> None:
    """Answer a call that nobody came to, greet the caller and record what is said after that."""
    call = state.call
    if call is None:
        return
    call.accepted = True
    enter(state, Mode.TAKING_MESSAGE)
    call.decision = Decision.MESSAGE_TAKEN
    state.recording = RunningRecording(call.call_id, is_message=True)
    state.emit(AnswerCall(call.call_id))


def end_message(state: PhoneState, event: CallerFellSilent) -> None:
    """Hang up on a caller who says nothing more."""
    if state.mode is Mode.TAKING_MESSAGE and state.call is not None and state.call.call_id == event.call_id:
        _hang_up(state)


def keep_machine(state: PhoneState, event: Event) -> None:
    """Hang up where a message is long enough, or cannot be recorded; and know how many there are."""
    call, recording = state.call, state.recording
    if state.mode is Mode.TAKING_MESSAGE and call is not None:
        longest_s = state.features.preferences.longest_message_s
        is_long = recording is not None and recording.duration_s >= longest_s
        is_waiting = recording is not None and not recording.begun and call.duration_s >= GREETING_LIMIT_S
        if recording is None or recording.end is not None or is_long or is_waiting:
            _hang_up(state)
            keep_recording(state, event)
    if isinstance(event, RecordingEnded) and state.features.preferences.answering_machine:
        count_messages(state)


def _hang_up(state: PhoneState) -> None:
    if state.call is not None:
        hang_up(state, state.call)
    settle(state)


def count_messages(state: PhoneState) -> None:
    """Ask how many messages nobody has heard."""
    state.ask(ListRecordings(0, 0, messages=True), take_count)


def take_count(state: PhoneState, answer: Stretch[RecordingRow] | Failed) -> None:
    """Know how many messages nobody has heard."""
    if isinstance(answer, RecordingsListed):
        state.features.messages_here = answer.unheard
