"""The pieces that the modes' tables are made of, and the rows that mean the same in every mode."""

from collections.abc import Callable, Mapping
from typing import Any

from firmware.phone.call import CallState
from firmware.phone.commands import (
    AudioRoute,
    HangUpCall,
    ReportImpossibleEvent,
    SetVolume,
)
from firmware.phone.events import (
    CallerNamed,
    CallPartyChanged,
    CallQualityMeasured,
    CallReplaced,
    CallStateChanged,
    Event,
    Key,
    KeyHeld,
    KeyPressed,
    KeyRepeated,
    LastDialledLoaded,
    MessageReceived,
    MessageSent,
    MessagesLoaded,
    MinuteStarted,
    MissedCallsCounted,
    NumberAttributed,
    PreferencesLoaded,
    ProblemCleared,
    ProblemRaised,
    RegistrationChanged,
    Timer,
    TimerExpired,
    TransferChanged,
    VoicemailCounted,
)
from firmware.phone.moves import NOTICE_S
from firmware.phone.state import PhoneState

Handler = Callable[[PhoneState, Any], None]
"""Changes the state for one event, which is of the type that its row names."""

Rows = Mapping[type[Event], Handler]

_VOLUME_STEP_PERCENT = 10
_VOLUME_SHOWN_S = 2.0
# Silence in the earpiece reads as a broken phone, so its volume stops above it; a ringer may be silent.
_QUIETEST_PERCENT = {AudioRoute.EARPIECE: 10, AudioRoute.RINGER: 0}


def ignored(_state: PhoneState, _event: Event) -> None:
    """A row for what means nothing in this mode."""


def impossible(state: PhoneState, event: Event) -> None:
    """A row for what cannot happen in this mode: it is reported and changes nothing."""
    state.emit(ReportImpossibleEvent(state.mode.value, type(event).__name__))


def by_key(*groups: Mapping[Key, Handler]) -> Handler:
    """Make a row out of one row a key; a key that none of the groups names means nothing in this mode."""
    table = dict.fromkeys(Key, ignored) | {key: handler for group in groups for key, handler in group.items()}

    def handle(state: PhoneState, event: KeyPressed | KeyRepeated | KeyHeld) -> None:
        table[event.key](state, event)

    return handle


def by_timer(handlers: Mapping[Timer, Handler]) -> Handler:
    """Make a row out of one row a timer; one that was cancelled while its event was on the way means nothing."""
    table = dict.fromkeys(Timer, ignored) | {Timer.NOTICE: _forget_notice} | dict(handlers)

    def handle(state: PhoneState, event: TimerExpired) -> None:
        if event.timer in state.timers:
            state.timers.discard(event.timer)
            table[event.timer](state, event)

    return handle


def _forget_notice(state: PhoneState, _event: TimerExpired) -> None:
    state.notice = None
    state.volume_shown = None
    state.details_step = 0


def _turn_volume(state: PhoneState, event: KeyPressed | KeyRepeated) -> None:
    route = AudioRoute.EARPIECE if state.off_hook else AudioRoute.RINGER
    step = _VOLUME_STEP_PERCENT if event.key is Key.VOLUME_UP else -_VOLUME_STEP_PERCENT
    percent = max(_QUIETEST_PERCENT[route], min(100, state.volumes[route] + step))
    if percent != state.volumes[route]:
        state.volumes[route] = percent
        state.emit(SetVolume(route, percent))
    state.volume_shown = route
    state.start_timer(Timer.NOTICE, max(_VOLUME_SHOWN_S, NOTICE_S if state.notice else 0))


VOLUME_KEYS: Mapping[Key, Handler] = {Key.VOLUME_UP: _turn_volume, Key.VOLUME_DOWN: _turn_volume}


def _remember_registration(state: PhoneState, event: RegistrationChanged) -> None:
    state.registration = event.state
    state.registration_failure = event.failure
    state.registration_sip_code = event.sip_code


def _raise_problem(state: PhoneState, event: ProblemRaised) -> None:
    state.problems[event.problem] = event.detail


def _clear_problem(state: PhoneState, event: ProblemCleared) -> None:
    state.problems.pop(event.problem, None)


def _remember_last_dialled(state: PhoneState, event: LastDialledLoaded) -> None:
    # The store may answer late: what was dialled since is newer.
    state.last_dialled = state.last_dialled or event.digits


def _count_missed_calls(state: PhoneState, event: MissedCallsCounted) -> None:
    state.missed_calls = event.count
    if not event.count:
        state.missed_party = ""


def name_caller(state: PhoneState, event: CallerNamed) -> None:
    """Show the address book's name, if the call is still the one in hand."""
    if state.call is not None and state.call.call_id == event.call_id:
        state.call.contact_name = event.name


def take_stray_call_state(state: PhoneState, event: CallStateChanged) -> None:
    """Take news of a call that is not the one in hand: SIP's truth is that it runs, so it is ended.

    The last events of calls that were hung up are on the way when the phone has already moved on.
    """
    if event.state is not CallState.DISCONNECTED and event.call_id not in state.departed:
        state.emit(HangUpCall(event.call_id))
        impossible(state, event)


BACKGROUND: Rows = {
    RegistrationChanged: _remember_registration,
    ProblemRaised: _raise_problem,
    ProblemCleared: _clear_problem,
    LastDialledLoaded: _remember_last_dialled,
    MissedCallsCounted: _count_missed_calls,
    NumberAttributed: ignored,
    CallPartyChanged: ignored,
    TransferChanged: ignored,
    CallReplaced: ignored,
    CallQualityMeasured: ignored,
    VoicemailCounted: ignored,
    MessageReceived: ignored,
    MessageSent: ignored,
    MessagesLoaded: ignored,
    PreferencesLoaded: ignored,
    MinuteStarted: ignored,
}
"""What goes on beside the phone's modes: kept, shown, and never a reason to leave a mode."""
