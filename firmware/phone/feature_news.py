"""News for the features: lines, voicemail, text messages, settings and the time; it never changes the mode."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from firmware.phone.activation_answers import CodeArrived
from firmware.phone.answers import AccountKnown, ErrandFailed, PinChanged
from firmware.phone.commands import KeepMessage
from firmware.phone.consent_answers import ConsentsChanged
from firmware.phone.events import (
    BlockedContactsLoaded,
    Event,
    MessagesLoaded,
    MinuteStarted,
    PreferencesLoaded,
    SetUpLoaded,
)
from firmware.phone.guard import Guard
from firmware.phone.holder_settings import keep
from firmware.phone.key_answers import StoreGuarded, StoreWaitsForPin
from firmware.phone.lock import lock_at_start, wait_for_pin
from firmware.phone.moves import show_notice
from firmware.phone.my_data import DataCategory
from firmware.phone.news import MessageReceived, MessageSent, RegistrationChanged, VoicemailCounted
from firmware.phone.pin_slot import PinSlot
from firmware.phone.policy import is_blocked
from firmware.phone.policy_answers import DocumentsChanged
from firmware.phone.preferences import Preferences
from firmware.phone.private_mode import take_failure
from firmware.phone.rights_answers import MyDataErased
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint
from firmware.phone.volumes import take_volumes


def _keep_registration(state: PhoneState, event: RegistrationChanged) -> None:
    state.features.lines[event.account] = event
    if not event.account:
        state.registration = event.state
        state.registration_failure = event.failure
        state.registration_sip_code = event.sip_code


def _count_voicemail(state: PhoneState, event: VoicemailCounted) -> None:
    state.features.voicemail[event.account] = event.new


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
        state.menu.take(state, event)
        return
    state.features.pin_is_set = event.is_set
    if not event.is_set and state.features.guards is not None:
        state.features.guards -= {Guard.PIN}
    lock_at_start(state)
    state.menu.take(state, event)


def _take_guards(state: PhoneState, event: StoreGuarded) -> None:
    state.features.guards = event.guards
    state.menu.take(state, event)


def _take_code(state: PhoneState, event: CodeArrived) -> None:
    # It may come while the page that it is typed on is not open.
    state.features.activation.code_message = event.text
    state.menu.take(state, event)


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
    state.menu.take(state, event)


def _take_documents(state: PhoneState, event: DocumentsChanged) -> None:
    state.features.documents = event
    state.menu.take(state, event)


def _forget_erased(state: PhoneState, event: MyDataErased) -> None:
    """Remember nothing of what the store has forgotten; what the holder had set is the configuration's again."""
    features = state.features
    if DataCategory.SETTINGS in event.categories:
        features.preferences = features.kept = state.settings.preferences
    if DataCategory.CALLS in event.categories:
        state.last_dialled = ""
        features.last_caller = features.missed = features.refusal = None
        features.past_calls.clear()
    if DataCategory.MESSAGES in event.categories:
        features.draft = None
    state.menu.take(state, event)


def _take_minute(state: PhoneState, event: MinuteStarted) -> None:
    state.features.minute = event


NEWS: Mapping[type[Event], Callable[[PhoneState, Any], None]] = {
    ErrandFailed: take_failure,
    RegistrationChanged: _keep_registration,
    VoicemailCounted: _count_voicemail,
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
    MyDataErased: _forget_erased,
}
"""The rows of every mode for these events."""
