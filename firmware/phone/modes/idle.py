"""IDLE and UNPROVISIONED: nobody uses the phone.

UNPROVISIONED means that there is no usable configuration. Emergency calls work where there is an account to call with.
"""

from firmware.phone.commands import SaveSetUp
from firmware.phone.dialled import begin_dialling, recall_on_hook, show_on_hook
from firmware.phone.dialling import offer_dial_tone
from firmware.phone.endings import see_missed_calls
from firmware.phone.events import HandsetLifted, HandsetReplaced, KeyHeld, KeyPressed, Timer, TimerExpired
from firmware.phone.holder_settings import FEATURE_KEYS
from firmware.phone.hook import lifting, speaker_key
from firmware.phone.key import Key
from firmware.phone.last_calls import number_to_call_back
from firmware.phone.lock import unless_locked
from firmware.phone.menu.calling import offer_call
from firmware.phone.menu.first_run import reached_step
from firmware.phone.menu.lock import unlock_page
from firmware.phone.menu.main import main_menu
from firmware.phone.menu.notices import notices_page
from firmware.phone.menu.policy import newest_policy_page
from firmware.phone.menu.privacy import privacy_page
from firmware.phone.menu.purposes import OfferPage
from firmware.phone.menu.requests import requests_page
from firmware.phone.menu_stack import Screen
from firmware.phone.modes.collecting_digits import collect_on_hook
from firmware.phone.modes.menu import open_menu, press_voicemail
from firmware.phone.modes.ringing import try_again
from firmware.phone.moves import TONE_LIMIT_S, enter
from firmware.phone.news import CallsFound
from firmware.phone.orders import Tone
from firmware.phone.preferences import SetUp
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, by_timer, ignored, impossible
from firmware.phone.state import DIGIT_KEYS, FEATURE_HINTS, PhoneState
from firmware.phone.switching import fall_quiet
from firmware.phone.takeover import taking_over
from firmware.phone.view import Hint, Mode

_DETAILS_SHOWN_S = 30.0


def show_details(state: PhoneState, _event: KeyPressed) -> None:
    """Show what is wrong, one page after the other."""
    if state.problems or state.settings.mistakes:
        state.details_step += 1
        state.start_timer(Timer.NOTICE, _DETAILS_SHOWN_S)


def dismiss(state: PhoneState, _event: KeyPressed) -> None:
    """Leave the details, or else take note of what happened: the newest refusal, then the missed calls."""
    if state.details_step:
        state.details_step = 0
    elif state.features.refusal is not None:
        state.features.refusal = None
    else:
        see_missed_calls(state)


def _press_cancel(state: PhoneState, event: KeyPressed) -> None:
    """Silence an announcement, which anybody may; the holder takes note of what happened."""
    if state.page:
        state.page = ""
    else:
        unless_locked(dismiss)(state, event)


def open_main_menu(state: PhoneState, _event: KeyPressed) -> None:
    """Open the menu; a phone that is locked asks for the PIN first."""
    open_menu(state, unlock_page(state, _go_on_to_menu) if state.locked else main_menu())


def _go_on_to_menu(state: PhoneState) -> None:
    """Open the menu of a phone that was unlocked, unless somebody has called meanwhile."""
    if state.mode in {Mode.IDLE, Mode.UNPROVISIONED}:
        open_menu(state, main_menu())


def _press_ok(state: PhoneState, event: KeyPressed) -> None:
    """Open a notice of danger, show what is wrong, or call back whose call was missed.

    Where nothing of that is, open what is to be read, or else the menu.
    """
    if state.features.documents.unread_incident and not state.locked:
        open_menu(state, notices_page(state))
    elif state.problems or state.settings.mistakes:
        show_details(state, event)
    elif not state.is_activated and not state.locked:
        open_menu(state, reached_step(state))
    elif state.notice in FEATURE_HINTS:
        # Right after a code OK is still meant for it.
        return
    elif number := number_to_call_back(state):
        _call_back(state, number)
    elif (page := _page_that_waits(state)) is not None:
        open_menu(state, page)
    elif state.features.purposes_to_offer and not state.locked:
        _offer(state)
    else:
        open_main_menu(state, event)


def _page_that_waits(state: PhoneState) -> Screen | None:
    """Return the page of what waits to be read or answered; None where nothing does, or nobody is known to be there."""
    features, documents = state.features, state.features.documents
    if state.locked:
        return None
    if documents.unread_notices:
        return notices_page(state)
    if documents.unread_answers:
        return requests_page(state)
    if documents.unread_policy:
        return newest_policy_page(state)
    return privacy_page(state) if features.lapsed_purposes else None


def _call_back(state: PhoneState, number: str) -> None:
    """Call whose call was missed last; where it was the only one, nothing is left to tell of."""
    if state.missed_calls == 1:
        see_missed_calls(state)
    offer_call(state, number)


def _offer(state: PhoneState) -> None:
    """Show, this once, what else the holder may agree to."""
    page = OfferPage(state.features.purposes_to_offer)
    state.features.set_up = SetUp.OFFERED
    state.emit(SaveSetUp(SetUp.OFFERED))
    open_menu(state, page)


def _redial(state: PhoneState, event: KeyPressed) -> None:
    """Show the number of the missed call that is shown, or else the one that was dialled last."""
    if number := number_to_call_back(state):
        show_on_hook(state, number)
    else:
        recall_on_hook(state, event)


IDLE: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        FEATURE_KEYS,
        dict.fromkeys(DIGIT_KEYS, collect_on_hook),
        speaker_key(begin_dialling),
        {
            Key.OK: _press_ok,
            Key.CANCEL: _press_cancel,
            Key.REDIAL: unless_locked(_redial),
            Key.MENU: open_main_menu,
            Key.VOICEMAIL: unless_locked(press_voicemail),
        },
    ),
    CallsFound: taking_over(begin_dialling),
    HandsetLifted: lifting(begin_dialling),
    HandsetReplaced: impossible,
    TimerExpired: by_timer({Timer.AUTO_REDIAL: try_again}),
}


def _press_digit(state: PhoneState, event: KeyPressed) -> None:
    if state.settings.line_usable:
        collect_on_hook(state, event)


def _begin(state: PhoneState) -> None:
    if state.settings.line_usable:
        offer_dial_tone(state)
        return
    enter(state, Mode.UNPROVISIONED)
    state.tone = Tone.REORDER
    state.hint = Hint.CANNOT_CALL
    state.start_timer(Timer.DIAL_TONE, TONE_LIMIT_S)


def _end_warning(state: PhoneState, _event: TimerExpired) -> None:
    fall_quiet(state)


UNPROVISIONED: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        dict.fromkeys(DIGIT_KEYS, _press_digit),
        speaker_key(_begin),
        {Key.OK: show_details, Key.CANCEL: unless_locked(dismiss), Key.MENU: open_main_menu},
    ),
    KeyHeld: ignored,
    CallsFound: taking_over(_begin),
    HandsetLifted: lifting(_begin),
    TimerExpired: by_timer({Timer.DIAL_TONE: _end_warning}),
}
