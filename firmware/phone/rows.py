"""The pieces that the modes' tables are made of, and the rows that mean the same in every mode."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from firmware.phone import auto_redial
from firmware.phone.answers import Answer
from firmware.phone.bundle_news_rows import BUNDLE_NEWS, lose_patience
from firmware.phone.call_news import (
    attribute_number,
    change_audio,
    change_party,
    name_caller,
    note_quality,
    replace_call,
    report_impossible,
)
from firmware.phone.call_recording import (
    remind,
    take_announced,
    take_ended,
    take_signs,
    take_started,
    take_trimmed,
)
from firmware.phone.call_timers import remind_of_held_calls, tick
from firmware.phone.events import (
    CallerNamed,
    Event,
    KeyHeld,
    KeyPressed,
    KeyRepeated,
    LastDialledLoaded,
    MissedCallsCounted,
    NumberAttributed,
    RecordingAnnounced,
    RecordingEnded,
    RecordingStarted,
    RecordingsTrimmed,
    Timer,
    TimerExpired,
)
from firmware.phone.feature_news import NEWS
from firmware.phone.holder_settings import keep
from firmware.phone.key import Key
from firmware.phone.light import darken, flash
from firmware.phone.lock import lock
from firmware.phone.moves import NOTICE_S
from firmware.phone.news import (
    CallAudioChanged,
    CallPartyChanged,
    CallQualityMeasured,
    CallReplaced,
    CallsFound,
    ProblemCleared,
    ProblemRaised,
    RecordingSignalled,
    TransferChanged,
)
from firmware.phone.orders import AudioRoute
from firmware.phone.post_dial import send_after_pause
from firmware.phone.receiving import give_up_longest
from firmware.phone.ring_preview import stop_preview
from firmware.phone.state import PhoneState
from firmware.phone.takeover import end_found_calls
from firmware.phone.transfer import follow_transfer
from firmware.phone.volumes import STEP_PERCENT, turn

Handler = Callable[[PhoneState, Any], None]
"""Changes the state for one event, which is of the type that its row names."""

Rows = Mapping[type[Event], Handler]

_VOLUME_SHOWN_S = 2.0


def ignored(_state: PhoneState, _event: Event) -> None:
    """A row for what means nothing in this mode."""


impossible = report_impossible
"""A row for what cannot happen in this mode: it is reported and changes nothing."""


def by_key(*groups: Mapping[Key, Handler]) -> Handler:
    """Make a row out of one row a key; a key that none of the groups names means nothing in this mode."""
    table = dict.fromkeys(Key, ignored) | {key: handler for group in groups for key, handler in group.items()}

    def handle(state: PhoneState, event: KeyPressed | KeyRepeated | KeyHeld) -> None:
        table[event.key](state, event)

    return handle


def by_timer(handlers: Mapping[Timer, Handler]) -> Handler:
    """Make a row out of one row a timer; one that was cancelled while its event was on the way means nothing."""
    table = dict.fromkeys(Timer, ignored) | _TIMERS_OF_EVERY_MODE | dict(handlers)

    def handle(state: PhoneState, event: TimerExpired) -> None:
        if event.timer in state.timers:
            state.timers.discard(event.timer)
            table[event.timer](state, event)

    return handle


def _forget_notice(state: PhoneState, _event: TimerExpired) -> None:
    state.notice = None
    state.volume_shown = None
    state.details_step = 0


def _leave_sound(state: PhoneState, _event: TimerExpired) -> None:
    state.sound_shown = False


# Where a mode does not try a busy number again, the person uses the phone: then it is not tried any more.
_TIMERS_OF_EVERY_MODE: dict[Timer, Handler] = {
    Timer.NOTICE: _forget_notice,
    Timer.CALL_CLOCK: tick,
    Timer.NO_ANSWER: give_up_longest,
    Timer.HOLD_REMINDER: remind_of_held_calls,
    Timer.POST_DIAL: send_after_pause,
    Timer.INFO: _leave_sound,
    Timer.LET_GO: keep,
    Timer.RING_PREVIEW: stop_preview,
    Timer.LOCK: lock,
    Timer.LIGHT: darken,
    Timer.FLASH: flash,
    Timer.AUTO_REDIAL: auto_redial.disarm,
    Timer.RECORDING: remind,
    Timer.BUNDLE_PATIENCE: lose_patience,
}


def _turn_volume(state: PhoneState, event: KeyPressed | KeyRepeated) -> None:
    in_use = AudioRoute.SPEAKER if state.loudspeaker_in_use else AudioRoute.EARPIECE
    route = in_use if state.engaged else AudioRoute.RINGER
    turn(state, route, STEP_PERCENT if event.key is Key.VOLUME_UP else -STEP_PERCENT)
    state.volume_shown = route
    state.start_timer(Timer.NOTICE, max(_VOLUME_SHOWN_S, NOTICE_S if state.notice else 0))


VOLUME_KEYS: Mapping[Key, Handler] = {Key.VOLUME_UP: _turn_volume, Key.VOLUME_DOWN: _turn_volume}


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


def _tell_menu(state: PhoneState, event: Answer) -> None:
    state.menu.take(state, event)


BACKGROUND: Rows = {
    **dict.fromkeys(get_args(Answer), _tell_menu),
    **NEWS,
    **BUNDLE_NEWS,
    ProblemRaised: _raise_problem,
    ProblemCleared: _clear_problem,
    LastDialledLoaded: _remember_last_dialled,
    MissedCallsCounted: _count_missed_calls,
    CallAudioChanged: change_audio,
    CallerNamed: name_caller,
    NumberAttributed: attribute_number,
    CallPartyChanged: change_party,
    TransferChanged: follow_transfer,
    CallReplaced: replace_call,
    CallsFound: end_found_calls,
    CallQualityMeasured: note_quality,
    RecordingSignalled: take_signs,
    RecordingAnnounced: take_announced,
    RecordingStarted: take_started,
    RecordingEnded: take_ended,
    RecordingsTrimmed: take_trimmed,
}
"""What goes on beside the phone's modes: kept, shown, and never a reason to leave a mode."""
