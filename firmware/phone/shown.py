"""What there is to see of the phone, all of it, worked out from its state."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from firmware.phone.call_recording import may_record
from firmware.phone.dialled import people_shown
from firmware.phone.emergency_digits import number_for_help
from firmware.phone.last_calls import number_to_call_back, why_last_failed
from firmware.phone.modes.menu import asks_by_itself
from firmware.phone.news import Problem
from firmware.phone.recording_question import shown_question
from firmware.phone.state import FEATURE_HINTS, Call, PhoneState
from firmware.phone.view import CallView, Hint, Look, Mode, PhoneView

_SPOKEN_MODES = frozenset({Mode.MENU, Mode.WRITING, Mode.COLLECTING_DIGITS})
# What stops calls comes first, then what listens, then what a person misses, then what only the operator sees.
_MOST_IMPORTANT_FIRST = (
    Problem.SIP_LIBRARY_MISSING,
    Problem.SIP_UNAVAILABLE,
    Problem.VOICE_AWAY,
    Problem.MICROPHONE_OPEN,
    Problem.SOUND_MISSING,
    Problem.SOUND_CONFINED,
    Problem.DEVICE_BROKEN,
    Problem.CONFIGURATION,
    Problem.STORE_UNREADABLE,
    Problem.STORE_FULL,
    Problem.LEDGER_DAMAGED,
    Problem.FILES_LEFT,
    Problem.CLOCK_NOT_SET,
    Problem.BROKER_REFUSED,
    Problem.BROKER_UNREACHABLE,
    Problem.RECIPIENTS_UNTOLD,
)


def view_of(state: PhoneState) -> PhoneView:
    """Return it all; what may be shown to whom is the display's own care (`display.pages`)."""
    preferences = state.features.preferences
    view = PhoneView(
        mode=state.mode,
        off_hook=state.off_hook,
        digits=state.digits,
        call=_call_of(state, state.call) if state.call is not None else None,
        registration=state.registration,
        registration_failure=state.registration_failure,
        registration_sip_code=state.registration_sip_code,
        problems=tuple((kind, state.problems[kind]) for kind in _MOST_IMPORTANT_FIRST if kind in state.problems),
        mistakes=state.settings.mistakes,
        details_step=state.details_step,
        missed_calls=state.missed_calls,
        missed_party=state.missed_party,
        may_call_back=bool(number_to_call_back(state)),
        muted=state.muted,
        microphone_open=state.microphone_open,
        volume_percent=state.volumes[state.volume_shown] if state.volume_shown is not None else None,
        hint=state.notice or _shown_hint(state),
        speaker=state.speaker,
        has_loudspeaker=state.settings.has_loudspeaker,
        other_calls=tuple(_call_of(state, call) for call in _waiting_first(state.others)),
    )
    return replace(
        view,
        do_not_disturb=preferences.do_not_disturb,
        forwarding=preferences.forward_always,
        voicemail=state.features.voicemail_count,
        unread_messages=state.features.unread_messages,
        policy_to_read=bool(state.features.documents.unread_policy),
        notices_to_read=state.features.documents.unread_notices,
        answers_to_read=state.features.documents.unread_answers,
        incident_to_read=state.features.documents.unread_incident,
        purposes_to_answer=len(state.features.lapsed_purposes),
        works_only="" if state.is_activated else state.numbers_for_help,
        has_offer=bool(state.features.purposes_to_offer) and not state.locked,
        refusal=state.features.refusal,
        sound_shown=state.sound_shown,
        recording=state.recording.view() if state.recording is not None else None,
        lines=state.features.line_views(state.settings.accounts),
        matches=state.matches,
        match=state.match,
        **_writing_view(state),
        redial_in_s=round(state.settings.auto_redial_every_s) if state.features.auto_redial is not None else 0,
        saved=state.features.saved if view.hint is Hint.CONTACT_SAVED else "",
        feature=state.features.feature if view.hint in FEATURE_HINTS else "",
        menu=state.menu.view(state) if state.mode in {Mode.MENU, Mode.LISTENING} else None,
        locked=state.locked,
        look=Look(preferences.language, preferences.large_text, preferences.high_contrast, preferences.background),
        spoken=(preferences.spoken_menus or state.aloud.is_on) and _is_about_menus(state, view),
        asked_aloud=state.aloud.is_asked,
        flash=state.flash,
        help_number=number_for_help(state),
        why_failed=why_last_failed(state),
        serial=state.settings.serial,
        last_bundle=state.bundle.last,
        update=state.update,
        asks_by_itself=asks_by_itself(state),
        menu_is_public=state.menu.top is not None and state.menu.top.is_public,
        may_record=may_record(state),
        question=shown_question(state),
        page=state.page,
        people=people_shown(state),
    )


def _is_about_menus(state: PhoneState, view: PhoneView) -> bool:
    """Whether the person does something with the display: never in a call, nor of what comes by itself."""
    if view.call is not None or view.other_calls or state.previewed_ring:
        return False
    asked = view.details_step or view.volume_percent is not None
    told = view.hint not in {None, Hint.MESSAGE_RECEIVED}
    return state.mode in _SPOKEN_MODES or bool(asked) or told


def _writing_view(state: PhoneState) -> dict[str, Any]:
    draft = state.features.draft
    if draft is None or state.mode is not Mode.WRITING:
        return {}
    composition = draft.entry.composition
    shown = (
        {
            "candidates": composition.shown,
            "candidate": composition.chosen - composition.first_shown,
        }
        if composition is not None
        else {}
    )
    return {"message_text": draft.entry.shown, "writing_mode": draft.entry.mode.value, **shown}


def _call_of(state: PhoneState, call: Call) -> CallView:
    return replace(call.view(), account=state.settings.account_label(call.account))


def _shown_hint(state: PhoneState) -> Hint | None:
    """Why something failed comes first, then whoever waits."""
    if state.refused or not (state.engaged and state.waiting is not None):
        return state.hint
    return Hint.CALL_WAITING


def _waiting_first(calls: Iterable[Call]) -> list[Call]:
    return sorted(calls, key=lambda call: not call.is_offered)
