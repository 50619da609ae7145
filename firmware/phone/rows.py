"""The pieces that the modes' tables are made of, what means the same in every mode, and news for the features."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from firmware.phone import auto_redial
from firmware.phone.aloud import fall_silent, speak
from firmware.phone.answering_machine import count_messages, end_message
from firmware.phone.bundle_news_rows import BUNDLE_NEWS, lose_patience
from firmware.phone.call_news import (
    attribute_number,
    change_audio,
    change_party,
    name_caller,
    note_quality,
    replace_call,
    report_impossible,
    take_stray_call_state,
)
from firmware.phone.call_recording import (
    remind,
    take_announced,
    take_ended,
    take_signs,
    take_started,
    take_trimmed,
)
from firmware.phone.call_timers import remind_of_held_calls, send_after_pause, tick
from firmware.phone.commands import KeepMessage
from firmware.phone.events import (
    AccountKnown,
    BlockedContactsLoaded,
    CallerFellSilent,
    CallerNamed,
    Event,
    HandsetReplaced,
    KeyHeld,
    KeyPressed,
    KeyReleased,
    KeyRepeated,
    LastDialledLoaded,
    MessagesLoaded,
    MinuteStarted,
    MissedCallsCounted,
    NumberAttributed,
    PreferencesLoaded,
    RecordingAnnounced,
    RecordingEnded,
    RecordingStarted,
    RecordingsTrimmed,
    SetUpLoaded,
    TextTyped,
    Timer,
    TimerExpired,
)
from firmware.phone.holder_settings import HELD_FEATURE_KEYS, STEP_PERCENT, keep, stop_preview, take_volumes, turn
from firmware.phone.hook import replace_handset
from firmware.phone.key import Key
from firmware.phone.light import darken, flash
from firmware.phone.lock import lock, lock_at_start, wait_for_pin
from firmware.phone.moves import NOTICE_S, show_notice
from firmware.phone.news import (
    CallAudioChanged,
    CallPartyChanged,
    CallQualityMeasured,
    CallReplaced,
    CallsFound,
    CallStateChanged,
    CallTextChanged,
    CallTextReceived,
    IncomingCallReceived,
    MessageReceived,
    MessageSent,
    PagingChanged,
    ProblemCleared,
    ProblemRaised,
    RecordingSignalled,
    RegistrationChanged,
    TransferChanged,
    VoicemailCounted,
    WatchedPhoneChanged,
)
from firmware.phone.orders import AudioRoute
from firmware.phone.paging import take_paging
from firmware.phone.pin import Guard, PinSlot
from firmware.phone.policy import is_blocked
from firmware.phone.preferences import Preferences
from firmware.phone.receiving import give_up_longest, receive_call
from firmware.phone.recording_question import turn_over
from firmware.phone.request import Answered, Progressed
from firmware.phone.requests.activation import CodeArrived
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.requests.pin import PinChanged, StoreGuarded, StoreWaitsForPin
from firmware.phone.requests.policies import DocumentsChanged
from firmware.phone.requests.recordings import PlaybackProgressed
from firmware.phone.state import PhoneState
from firmware.phone.takeover import end_found_calls
from firmware.phone.texting import follow_text, take_text
from firmware.phone.transfer import follow_transfer
from firmware.phone.updates import UpdateTold, take_update
from firmware.phone.view import Hint


def _keep_registration(state: PhoneState, event: RegistrationChanged) -> None:
    state.features.lines[event.account] = event
    if not event.account:
        state.registration = event.state
        state.registration_failure = event.failure
        state.registration_sip_code = event.sip_code


def _count_voicemail(state: PhoneState, event: VoicemailCounted) -> None:
    state.features.voicemail[event.account] = event.new


def _keep_watched(state: PhoneState, event: WatchedPhoneChanged) -> None:
    state.people.watched[event.number] = event.state


def _keep_message(state: PhoneState, event: MessageReceived) -> None:
    if any(kept.message_id == event.message.message_id for kept in state.features.messages):
        # It would take the place of what the person has read.
        return
    # What a blocked sender writes is kept, but neither counted nor blinked for.
    message = replace(event.message, read=True) if is_blocked(state, event.message.party) else event.message
    state.features.add_message(message)
    state.emit(KeepMessage(message))
    if not message.read and state.mode is state.home and not state.engaged:
        show_notice(state, Hint.MESSAGE_RECEIVED)


def _tell_what_became_of_message(state: PhoneState, event: MessageSent) -> None:
    show_notice(state, Hint.MESSAGE_SENT if event.accepted else Hint.MESSAGE_FAILED)
    message = state.features.sending.pop(event.message_id, None)
    if message is not None and event.accepted:
        delivered = replace(message, delivered=True)
        state.features.add_message(delivered)
        state.emit(KeepMessage(delivered))


def _take_messages(state: PhoneState, event: MessagesLoaded) -> None:
    state.features.messages = event.messages


def _take_preferences(state: PhoneState, event: PreferencesLoaded) -> None:
    # The store may answer late: what was set since is newer.
    features = state.features
    changed = {
        field.name: now
        for field in fields(Preferences)
        if (now := getattr(features.preferences, field.name)) != getattr(features.kept, field.name)
    }
    features.kept = event.preferences
    features.preferences = replace(event.preferences, **changed)
    features.preferences_loaded = True
    if features.preferences_saved:
        keep(state)
    take_volumes(state)
    lock_at_start(state)


def _take_pin(state: PhoneState, event: PinChanged) -> None:
    if event.slot is PinSlot.GUARDIAN:
        state.features.guardian_pin_is_set = event.is_set
        return
    state.features.pin_is_set = event.is_set
    if not event.is_set and state.features.guards is not None:
        state.features.guards -= {Guard.PIN}
    lock_at_start(state)


def _take_guards(state: PhoneState, event: StoreGuarded) -> None:
    state.features.guards = event.guards


def _take_code(state: PhoneState, event: CodeArrived) -> None:
    # It may come while the page that it is typed on is not open.
    state.features.activation.code_message = event.text
    state.menu.tell(state, event)


def _take_set_up(state: PhoneState, event: SetUpLoaded) -> None:
    state.features.set_up = event.set_up


def _take_blocked_contacts(state: PhoneState, event: BlockedContactsLoaded) -> None:
    # A caller is judged at once, when there is no time to ask the store.
    forms = state.settings.dial_plan.forms
    state.features.blocked_contacts = frozenset().union(*(forms.forms(number) for number in event.numbers))


def _keep_account(state: PhoneState, event: AccountKnown) -> None:
    state.features.account_id = event.account


def _take_consents(state: PhoneState, event: ConsentsChanged) -> None:
    state.features.consents = event


def _take_documents(state: PhoneState, event: DocumentsChanged) -> None:
    state.features.documents = event


def _take_minute(state: PhoneState, event: MinuteStarted) -> None:
    state.features.minute = event


NEWS: Mapping[type[Event], Callable[[PhoneState, Any], None]] = {
    RegistrationChanged: _keep_registration,
    VoicemailCounted: _count_voicemail,
    WatchedPhoneChanged: _keep_watched,
    PagingChanged: take_paging,
    MessageReceived: _keep_message,
    MessageSent: _tell_what_became_of_message,
    MessagesLoaded: _take_messages,
    PreferencesLoaded: _take_preferences,
    PinChanged: _take_pin,
    StoreGuarded: _take_guards,
    StoreWaitsForPin: wait_for_pin,
    SetUpLoaded: _take_set_up,
    CodeArrived: _take_code,
    BlockedContactsLoaded: _take_blocked_contacts,
    MinuteStarted: _take_minute,
    AccountKnown: _keep_account,
    ConsentsChanged: _take_consents,
    DocumentsChanged: _take_documents,
}
"""The rows of every mode for these events."""


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
    Timer.SPEAK: speak,
    Timer.SPEECH: fall_silent,
    Timer.AUTO_REDIAL: auto_redial.disarm,
    Timer.RECORDING: remind,
    Timer.RECORDING_QUESTION: turn_over,
    Timer.BUNDLE_PATIENCE: lose_patience,
}


def _turn_volume(state: PhoneState, event: KeyPressed | KeyRepeated) -> None:
    in_use = AudioRoute.SPEAKER if state.loudspeaker_in_use else AudioRoute.EARPIECE
    route = in_use if state.engaged or state.page else AudioRoute.RINGER
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
    if state.features.preferences.answering_machine:
        # The store has opened, or a call is over that may have left one.
        count_messages(state)
    if not event.count:
        state.missed_party = ""


def _hand_on(state: PhoneState, event: Answered) -> None:
    state.hand_on(event)


def _tell_menu(state: PhoneState, event: Progressed | PlaybackProgressed) -> None:
    state.menu.tell(state, event)


BACKGROUND: Rows = {
    KeyRepeated: by_key(VOLUME_KEYS),
    KeyHeld: by_key(HELD_FEATURE_KEYS),
    KeyReleased: ignored,
    HandsetReplaced: replace_handset,
    TimerExpired: by_timer({}),
    IncomingCallReceived: receive_call,
    CallStateChanged: take_stray_call_state,
    Answered: _hand_on,
    Progressed: _tell_menu,
    PlaybackProgressed: _tell_menu,
    **NEWS,
    **BUNDLE_NEWS,
    UpdateTold: take_update,
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
    CallTextChanged: follow_text,
    CallTextReceived: take_text,
    TextTyped: ignored,
    RecordingSignalled: take_signs,
    RecordingAnnounced: take_announced,
    RecordingStarted: take_started,
    RecordingEnded: take_ended,
    CallerFellSilent: end_message,
    RecordingsTrimmed: take_trimmed,
}
"""What means the same in every mode that says nothing else of it; most goes on beside the modes, kept and shown."""
