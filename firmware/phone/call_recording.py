"""Recording a call: who may be recorded, who has to know of it, and when it ends.

Nothing is recorded before everybody who can be heard in it has been told, and whoever joins is told first. What is told
by SIP, what is heard and what the recorder does follow from the state after every event, so that no transition can
forget a part of it.
"""

from collections.abc import Mapping
from typing import Final

from contract.consent import Purpose
from firmware.phone.call import CallState, Decision
from firmware.phone.commands import AnnounceRecording, PauseRecording, ResumeRecording, StartRecording, StopRecording
from firmware.phone.events import (
    Event,
    KeyPressed,
    RecordingAnnounced,
    RecordingEnded,
    RecordingStarted,
    RecordingsTrimmed,
    Timer,
    TimerExpired,
)
from firmware.phone.moves import show_notice
from firmware.phone.news import RecordingSignalled
from firmware.phone.orders import SignalRecording
from firmware.phone.recording import RecordingEnd, RecordingNotice, RecordingPreference, RecordingSign
from firmware.phone.recording_question import ask, keep_question, may_be_asked
from firmware.phone.requests.recordings import RecordingsChanged
from firmware.phone.running_call import RunningRecording
from firmware.phone.state import Call, PhoneState
from firmware.phone.view import Hint, Mode

REMINDER_S: Final = 14.0
"""With the half second of the tone itself, and on a busy machine, no 15 s go by without one."""

_HINTS: Final[Mapping[RecordingEnd, Hint]] = {
    RecordingEnd.STOPPED: Hint.RECORDING_ENDED,
    RecordingEnd.CONSENT_WITHDRAWN: Hint.RECORDING_WITHDRAWN,
    RecordingEnd.REFUSED_BY_PEER: Hint.RECORDING_UNWANTED,
    RecordingEnd.DISK_FULL: Hint.RECORDING_DISK_FULL,
    RecordingEnd.FAILED: Hint.RECORDING_FAILED,
}
_DECISIONS: Final[Mapping[Hint, Decision]] = {
    Hint.RECORDING_NOT_ALLOWED: Decision.RECORDING_NOT_ALLOWED,
    Hint.RECORDING_UNWANTED: Decision.RECORDING_UNWANTED,
}
_NEWS_AT_ANY_TIME: Final = frozenset({RecordingEnd.DISK_FULL, RecordingEnd.FAILED})


# --- what the person wants --------------------------------------------------------------------------------------------


def press_record(state: PhoneState, _event: KeyPressed) -> None:
    """Record the call in the foreground, or no more of the one that is recorded."""
    if state.recording is not None:
        _end(state, state.recording, RecordingEnd.STOPPED)
    else:
        _begin(state)


def _begin(state: PhoneState) -> None:
    """Record, or ask first whether calls may be recorded."""
    call = _answered(state)
    if call is None or _is_refused(state, call):
        return
    state.notice = None
    if state.allows(Purpose.RECORDING):
        state.recording = RunningRecording(call.call_id)
    else:
        ask(state, call, _begin)


def ask_to_record(state: PhoneState, event: KeyPressed) -> None:
    """Record when OK is pressed a second time: the first may have been meant for a caller who has just given up."""
    if state.recording is not None or state.notice is Hint.RECORD_AGAIN:
        press_record(state, event)
    elif (call := _answered(state)) is not None and not _is_refused(state, call):
        show_notice(state, Hint.RECORD_AGAIN)


def is_unattended(state: PhoneState) -> bool:
    """Whether the answering machine and a caller hear each other."""
    return state.mode is Mode.TAKING_MESSAGE and state.call is not None and state.call.may_talk


def may_record(state: PhoneState) -> bool:
    """Whether the call in the foreground can be recorded now."""
    call = _answered(state)
    return call is not None and state.recording is None and _hindrance(state, call) is None


def _answered(state: PhoneState) -> Call | None:
    call = state.call
    return call if state.mode is Mode.IN_CALL and call is not None and call.answered and call.is_live else None


def _is_refused(state: PhoneState, call: Call) -> bool:
    """Say on the display and in the call log why a call cannot be recorded, where that is so (W20)."""
    hint = _hindrance(state, call)
    if hint is None:
        return False
    show_notice(state, hint)
    call.decision = call.decision or _DECISIONS.get(hint)
    return True


def _hindrance(state: PhoneState, call: Call) -> Hint | None:
    """Return why a call cannot be recorded, None where it can, be it after a question."""
    hint = _objection(state, call)
    return None if hint is Hint.RECORDING_NOT_ALLOWED and may_be_asked(state, call) else hint


def _objection(state: PhoneState, call: Call) -> Hint | None:
    if state.locked:
        return Hint.RECORDING_LOCKED
    if call.emergency:
        # Whoever helps records it; a tone in their ear and an offer in the middle of it could only harm.
        return Hint.RECORDING_EMERGENCY
    members = _together_with(state, call)
    unwilling = {RecordingPreference.UNWANTED, RecordingPreference.PAUSED}
    if any(member.record_preference in unwilling for member in members):
        return Hint.RECORDING_UNWANTED
    if not _is_heard(state, members):
        return Hint.RECORDING_ON_HOLD
    # Last: whoever is asked can be recorded.
    return None if state.allows(Purpose.RECORDING) else Hint.RECORDING_NOT_ALLOWED


# --- what has happened ------------------------------------------------------------------------------------------------


def take_announced(state: PhoneState, event: RecordingAnnounced) -> None:
    """Know that everybody knows, or give the recording up."""
    recording = state.recording
    if recording is None or not recording.announcing:
        return
    told, was_interrupted = recording.announcing, recording.interrupted
    recording.announcing, recording.interrupted = frozenset(), False
    if event.made:
        recording.announced |= told
    elif not was_interrupted:
        _end(state, recording, RecordingEnd.FAILED)


def take_started(state: PhoneState, event: RecordingStarted) -> None:
    """Count from now on how long it is."""
    if state.recording is not None and state.recording.call_id == event.call_id:
        state.recording.running = True


def take_ended(state: PhoneState, event: RecordingEnded) -> None:
    """Forget the recording; where nobody here ended it, say why it did."""
    # Whoever is quick has a list open in which it still runs.
    state.menu.tell(state, RecordingsChanged())
    recording = state.recording
    if recording is None or recording.call_id != event.call_id or not recording.begun:
        return
    if recording.end is None:
        recording.begun = False
        _end(state, recording, event.reason)
    elif event.reason in _NEWS_AT_ANY_TIME:
        show_notice(state, _HINTS[event.reason])
    state.recording = None


def take_trimmed(state: PhoneState, _event: RecordingsTrimmed) -> None:
    """Say that older recordings were deleted."""
    show_notice(state, Hint.RECORDINGS_TRIMMED)


def take_signs(state: PhoneState, event: RecordingSignalled) -> None:
    """Show that the other end records, and heed what it thinks of being recorded."""
    if (call := state.find_call(event.call_id)) is not None:
        call.recorded_by_peer = event.records
        call.record_preference = event.preference


def remind(state: PhoneState, _event: TimerExpired) -> None:
    """Let everybody hear that the call is still recorded."""
    state.emit_with_sound(AnnounceRecording(RecordingNotice.REMINDER))


# --- what follows from it ---------------------------------------------------------------------------------------------


def keep_recording(state: PhoneState, event: Event) -> None:
    """Have the recorder, the other ends and the ears agree with how things are now."""
    recording, asked = state.recording, _answered(state)
    keep_question(state, stands=asked is not None and _objection(state, asked) is Hint.RECORDING_NOT_ALLOWED)
    if recording is None:
        state.cancel_timer(Timer.RECORDING)
        return
    call = state.find_call(recording.call_id)
    if recording.end is None and (reason := _reason_to_end(state, call)) is not None:
        if call is not None and reason is RecordingEnd.REFUSED_BY_PEER:
            call.decision = call.decision or Decision.RECORDING_UNWANTED
        _end(state, recording, reason)
    if recording.end is None and call is not None and call.answered:
        members = _together_with(state, call)
        _tell_whoever_is_new(state, recording, members)
        _run(state, recording, members, was_just_announced=isinstance(event, RecordingAnnounced))
        sign = RecordingSign.PAUSED if _is_pause_wanted(members) else RecordingSign.ON
        _sign(state, recording, dict.fromkeys((member.call_id for member in members), sign))


def _reason_to_end(state: PhoneState, call: Call | None) -> RecordingEnd | None:
    if call is None or call.state is CallState.DISCONNECTED:
        return RecordingEnd.CALL_OVER
    if not state.allows(Purpose.RECORDING):
        return RecordingEnd.CONSENT_WITHDRAWN
    members = _together_with(state, call)
    if any(member.record_preference is RecordingPreference.UNWANTED for member in members):
        return RecordingEnd.REFUSED_BY_PEER
    # Somebody has come to the phone: what was said until then is kept.
    is_message = state.recording is not None and state.recording.is_message
    return RecordingEnd.STOPPED if is_message and state.mode is not Mode.TAKING_MESSAGE else None


def _tell_whoever_is_new(state: PhoneState, recording: RunningRecording, members: list[Call]) -> None:
    is_heard = _is_heard(state, members)
    if recording.announcing:
        recording.interrupted = recording.interrupted or not is_heard
        return
    present = frozenset((member.call_id, member.party) for member in members)
    if is_heard and not present <= recording.announced:
        recording.announcing = present
        notice = RecordingNotice.GREETING if recording.is_message else RecordingNotice.BEGINNING
        state.emit_with_sound(AnnounceRecording(notice))


def _run(state: PhoneState, recording: RunningRecording, members: list[Call], *, was_just_announced: bool) -> None:
    present = frozenset((member.call_id, member.party) for member in members)
    is_wanted = _is_heard(state, members) and present <= recording.announced and not _is_pause_wanted(members)
    if is_wanted and not recording.begun:
        recording.begun = True
        call = members[0]
        name = call.contact_name or call.party.display_name
        state.emit(StartRecording(recording.call_id, call.party.number, name, recording.is_message))
    elif recording.begun and recording.paused is is_wanted:
        recording.paused = not is_wanted
        if not is_wanted:
            state.emit(PauseRecording())
        else:
            if not was_just_announced:
                state.emit_with_sound(AnnounceRecording(RecordingNotice.REMINDER))
            state.emit_with_sound(ResumeRecording())
    if not is_wanted:
        state.cancel_timer(Timer.RECORDING)
    elif Timer.RECORDING not in state.timers and not recording.is_message:
        state.start_timer(Timer.RECORDING, REMINDER_S)


def _sign(state: PhoneState, recording: RunningRecording, wanted: Mapping[str, RecordingSign]) -> None:
    """Tell by SIP what has changed; whoever is not recorded any more hears so."""
    for call in state.calls:
        sign = wanted.get(call.call_id, RecordingSign.OFF)
        if sign is not recording.signs.get(call.call_id, RecordingSign.OFF):
            recording.signs[call.call_id] = sign
            state.emit(SignalRecording(call.call_id, sign))


def _end(state: PhoneState, recording: RunningRecording, reason: RecordingEnd) -> None:
    """Record no more from this moment on, and let everybody know."""
    if recording.end is not None:
        return
    recording.end = reason
    _sign(state, recording, {})
    state.cancel_timer(Timer.RECORDING)
    if (recording.announcing or recording.announced) and state.microphone_open:
        state.emit_with_sound(AnnounceRecording(RecordingNotice.END))
    if recording.begun:
        # RecordingEnded follows.
        state.emit(StopRecording(reason))
    else:
        state.recording = None
    if (hint := _HINTS.get(reason)) is not None:
        show_notice(state, hint)


def _together_with(state: PhoneState, call: Call) -> list[Call]:
    """Return all who are heard in a call's recording, the call itself first."""
    return [call, *(member for member in state.conference if call.joined and member is not call)]


def _is_heard(state: PhoneState, members: list[Call]) -> bool:
    return (state.microphone_open or is_unattended(state)) and state.call in members


def _is_pause_wanted(members: list[Call]) -> bool:
    return any(member.record_preference is RecordingPreference.PAUSED for member in members)
