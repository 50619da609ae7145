"""MENU and LISTENING: a menu is open and nobody is calling, or the recording that its page plays is heard.

In MENU the handset is in its cradle. Volume keys move, OK chooses, CANCEL goes back and, held, leaves; so does MENU.
Both ask before something that was written is lost. Lifting the handset calls an emergency number that was typed, or
else whoever the page is about, or lets the person hear what it plays. A call that comes in is shown at once, and the
menu is there again after it.

A page that tests the keys gets all of them, and lifting the handset goes on with a test that asks for it.

In LISTENING OK pauses and goes on, 4 and 6 go back and forward, CANCEL and the cradle end it. Whoever calls waits, and
OK answers. An emergency number goes out with its last digit.

A phone opens pages by itself while nobody uses it, and keeps nobody from a call: how far a bundle on a stick has come;
where the phone stands, where nobody has said it; of a new phone all that its holder is to choose.
"""

from contract.consent import Purpose
from contract.results import HardwarePart
from firmware.phone.auto_redial import put_off
from firmware.phone.dialled import begin_dialling, call_voicemail
from firmware.phone.dialling import offer_dial_tone, send_number
from firmware.phone.emergency_digits import dialled_number, number_for_help
from firmware.phone.events import (
    Event,
    HandsetLifted,
    HandsetReplaced,
    KeyHeld,
    KeyPressed,
    KeyRepeated,
    Timer,
    TimerExpired,
)
from firmware.phone.holder_settings import FEATURE_KEYS, HELD_FEATURE_KEYS
from firmware.phone.hook import lifting, nothing_to_begin, speaker_key
from firmware.phone.key import Key
from firmware.phone.menu.answering_machine import VoiceMessages, has_messages_here
from firmware.phone.menu.bundle import BundlePage
from firmware.phone.menu.country import CountryPage
from firmware.phone.menu.first_run import reached_step
from firmware.phone.menu.purposes import purpose_page
from firmware.phone.menu.question import Question, discard_question
from firmware.phone.menu.voicemail import voicemail_page
from firmware.phone.menu_stack import Screen
from firmware.phone.menu_views import EntryView
from firmware.phone.moves import MENU_PATIENCE_S, enter, go_home
from firmware.phone.news import CallsFound
from firmware.phone.preferences import SetUp
from firmware.phone.recording import Playback
from firmware.phone.requests.recordings import PlaybackProgressed
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, by_timer, impossible
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.switching import answer_waiting, decline_waiting, put_down, silence_waiting_call
from firmware.phone.takeover import taking_over
from firmware.phone.updates import UpdateStage
from firmware.phone.view import Mode

_SCREEN_KEYS = DIGIT_KEYS | {Key.OK, Key.VOLUME_UP, Key.VOLUME_DOWN, Key.REDIAL, Key.TRANSFER, Key.HOLD, Key.MUTE}
_REPEATING = frozenset({Key.VOLUME_UP, Key.VOLUME_DOWN})


def listen(state: PhoneState) -> None:
    """Hear what the menu's page plays; somebody has just picked the phone up."""
    enter(state, Mode.LISTENING)


def keep_listening(state: PhoneState) -> None:
    """Listen no more once there is nothing to listen to: a menu may close by itself."""
    if state.mode is Mode.LISTENING and state.listening_page is None:
        offer_dial_tone(state)


def _press_listening(state: PhoneState, event: KeyPressed) -> None:
    if state.menu.top is not None:
        state.menu.top.press(state, event.key)


def _press_digit_listening(state: PhoneState, event: KeyPressed) -> None:
    """Call for help by the last digit of its number; no longer number can be typed here."""
    if number := dialled_number(state):
        state.menu.close()
        send_number(state, number)
    else:
        _press_listening(state, event)


def _ok(state: PhoneState, event: KeyPressed) -> None:
    if not answer_waiting(state):
        _press_listening(state, event)


def _cancel_listening(state: PhoneState, _event: KeyPressed) -> None:
    """Turn the caller away who waits, or go back in the menu; a lifted handset has dial tone then."""
    if decline_waiting(state) or (state.menu.top is not None and state.menu.top.cancel(state)):
        return
    state.menu.pop(state)
    if not state.off_hook:
        put_down(state)


def _follow(state: PhoneState, event: PlaybackProgressed) -> None:
    """Show how far it has come; the loudspeaker goes off by itself at the end."""
    state.menu.tell(state, event)
    if event.playback in {Playback.OVER, Playback.DAMAGED} and not state.off_hook:
        put_down(state)


def _pause(state: PhoneState, _event: TimerExpired) -> None:
    for screen in tuple(state.menu.screens):
        screen.pause(state)


LISTENING: Rows = {
    **BACKGROUND,
    PlaybackProgressed: _follow,
    KeyPressed: by_key(
        VOLUME_KEYS,
        dict.fromkeys(DIGIT_KEYS, _press_digit_listening),
        FEATURE_KEYS,
        speaker_key(nothing_to_begin),
        {Key.OK: _ok, Key.CANCEL: _cancel_listening, Key.MUTE: silence_waiting_call},
    ),
    HandsetLifted: lifting(nothing_to_begin),
    TimerExpired: by_timer({Timer.INTER_DIGIT: _pause}),
}


def open_menu(state: PhoneState, screen: Screen) -> None:
    """Open a menu with its first page."""
    enter(state, Mode.MENU)
    state.menu.close()
    state.menu.push(state, screen)
    stay(state)


def stay(state: PhoneState) -> None:
    """Begin the person's patience anew."""
    state.start_timer(Timer.INFO, MENU_PATIENCE_S)


def press_voicemail(state: PhoneState, _event: KeyPressed) -> None:
    """Show what messages there are; whoever has lifted the handset calls the voicemail where none is new here.

    What is being dialled goes on.
    """
    is_new_elsewhere = bool(state.settings.voicemail_number) and not state.features.messages_here
    if not state.engaged:
        open_menu(state, voicemail_page(state))
    elif not has_messages_here(state) or is_new_elsewhere:
        call_voicemail(state)
    elif not state.digits or state.refused:
        state.menu.close()
        state.menu.push(state, VoiceMessages(state))
        listen(state)


def leave(state: PhoneState) -> None:
    """Close the menu."""
    state.menu.close()
    go_home(state)


def _press_any(state: PhoneState, event: KeyPressed) -> None:
    """Give every key to a page that tests them; SPEAKER calls for help there, too."""
    is_for_help = event.key is Key.SPEAKER and number_for_help(state)
    if state.tested is HardwarePart.KEYS and not is_for_help:
        _press(state, event)
    else:
        _PRESSED(state, event)


def _hold_any(state: PhoneState, event: KeyHeld) -> None:
    """Do nothing about a key that is tested and held, but for the one that leaves."""
    if state.tested is not HardwarePart.KEYS or event.key is Key.CANCEL:
        _HELD(state, event)


def _repeat(state: PhoneState, event: KeyRepeated) -> None:
    stay(state)
    if state.menu.top is not None:
        state.menu.top.repeat(state, event.key)
    _leave_where_nothing_is_left(state)


def _press(state: PhoneState, event: KeyPressed) -> None:
    stay(state)
    if state.menu.top is not None and not _takes_help_away(state, event.key):
        state.menu.top.press(state, event.key)
    _leave_where_nothing_is_left(state)


def _hold(state: PhoneState, event: KeyHeld) -> None:
    stay(state)
    if state.menu.top is not None:
        state.menu.top.hold(state, event.key)


def _cancel(state: PhoneState, event: KeyPressed) -> None:
    stay(state)
    if _takes_help_away(state, event.key):
        return
    if state.menu.top is not None and not state.menu.top.cancel(state):
        state.menu.pop(state)
    _leave_where_nothing_is_left(state)


def _takes_help_away(state: PhoneState, key: Key) -> bool:
    """Whether a key only uncovers the page: an emergency number stands in its place, but for where something is typed.

    The row of digits ends with any such key, see `end_row`.
    """
    is_covered = bool(number_for_help(state)) and not isinstance(state.menu.view(state), EntryView)
    return is_covered and not key.value.isdigit()


def _leave_where_nothing_is_left(state: PhoneState) -> None:
    """Go home from the first page; what a page has begun, such as a text message, goes on."""
    if state.menu.top is None and state.mode is Mode.MENU:
        go_home(state)


def _leave(state: PhoneState, _event: KeyPressed | KeyHeld | TimerExpired) -> None:
    leave(state)


def _leave_asking(state: PhoneState, event: KeyPressed | KeyHeld) -> None:
    """Leave, but ask first where something that was written would be lost."""
    if not any(screen.unsaved(state) for screen in state.menu.screens):
        _leave(state, event)
        return
    stay(state)
    if isinstance(state.menu.top, Question):
        # CANCEL has asked already, before it was held.
        state.menu.pop(state)
    state.menu.push(state, discard_question(leave))


def _begin(state: PhoneState) -> None:
    number = number_for_help(state)
    if not number and state.listening_page is not None and not state.locked:
        listen(state)
        return
    if not number and state.menu.top is not None:
        number = state.menu.top.number_to_call(state)
    state.menu.close()
    if number and (not state.locked or state.settings.dial_plan.reaches_emergency(number)):
        send_number(state, number)
    else:
        begin_dialling(state)


def _put_redial_off(state: PhoneState, _event: TimerExpired) -> None:
    put_off(state)


_PRESSED = by_key(
    FEATURE_KEYS,
    dict.fromkeys(_SCREEN_KEYS, _press),
    speaker_key(_begin),
    {Key.CANCEL: _cancel, Key.MENU: _leave_asking},
)
_HELD = by_key(HELD_FEATURE_KEYS, dict.fromkeys(_SCREEN_KEYS - _REPEATING, _hold), {Key.CANCEL: _leave_asking})

MENU: Rows = {
    **BACKGROUND,
    KeyPressed: _press_any,
    KeyRepeated: by_key(dict.fromkeys(_REPEATING, _repeat)),
    KeyHeld: _hold_any,
    CallsFound: taking_over(_begin),
    HandsetLifted: lifting(_begin),
    HandsetReplaced: impossible,
    TimerExpired: by_timer({Timer.INFO: _leave, Timer.INTER_DIGIT: _pause, Timer.AUTO_REDIAL: _put_redial_off}),
}


BUNDLE_UNTOUCHED_S = 5.0
"""Whoever presses keys is not interrupted until no key was pressed for so long."""

_KEYS = (KeyPressed, KeyRepeated, KeyHeld)
_FREE = frozenset({Mode.IDLE, Mode.UNPROVISIONED, Mode.MENU})


def keep_bundle(state: PhoneState, event: Event, news_before: int) -> None:
    """Show what there is to show of a bundle as soon as the phone is left to itself, and show it no longer than that.

    `news_before` is how much had been heard of it before the event.
    """
    page = next((screen for screen in state.menu.screens if isinstance(screen, BundlePage)), None)
    if not state.bundle.is_shown:
        state.cancel_timer(Timer.BUNDLE)
        if page is not None:
            _take_away(state, page)
    elif page is not None:
        state.cancel_timer(Timer.BUNDLE)
        if state.bundle.count != news_before:
            # What was being typed answers something else.
            state.menu.back_to(page)
            page.turn_back()
    elif state.mode not in _FREE or state.engaged or state.calls:
        state.cancel_timer(Timer.BUNDLE)
    elif isinstance(event, _KEYS):
        state.start_timer(Timer.BUNDLE, BUNDLE_UNTOUCHED_S)
    elif Timer.BUNDLE not in state.timers:
        _bring_up(state)


def _bring_up(state: PhoneState) -> None:
    if state.mode is Mode.MENU:
        state.menu.push(state, BundlePage())
        stay(state)
    else:
        open_menu(state, BundlePage())


def _take_away(state: PhoneState, page: BundlePage) -> None:
    """Take the page off, and with it what it has opened; a menu from before is there again."""
    state.menu.back_to(page)
    if state.mode is not Mode.MENU:
        state.menu.screens.remove(page)
        return
    state.menu.pop(state)
    if state.menu.top is None:
        go_home(state)


def keep_guardians_question(state: PhoneState) -> None:
    """Ask a guardian after the call in which a child wanted to record, once nobody uses the phone."""
    question = state.recording_question
    in_use = state.engaged or state.calls or state.locked
    if question is not None and question.for_guardian and state.mode is Mode.IDLE and not in_use:
        state.recording_question = None
        page = purpose_page(Purpose.RECORDING, lambda state: _be_done_with(state, page))
        open_menu(state, page)


def _be_done_with(state: PhoneState, page: Screen) -> None:
    """Take a page away that no key has ended, but the store's answer."""
    state.menu.drop(state, page)
    _leave_where_nothing_is_left(state)


_FIRST_RUN_UNTOUCHED_S = 30.0
"""Whoever has left the first run by a key has the idle page until no key was pressed for so long."""


def keep_first_run(state: PhoneState, event: Event) -> None:
    """Ask for the country or open the first run, at the step that was reached, once the phone is left to itself.

    A restart that is announced is on the idle page; afterwards it is asked on.
    """
    if state.update.stage is UpdateStage.RESTARTING:
        state.cancel_timer(Timer.FIRST_RUN)
        if asks_by_itself(state):
            leave(state)
    elif not _is_due(state):
        state.cancel_timer(Timer.FIRST_RUN)
    elif isinstance(event, _KEYS):
        state.start_timer(Timer.FIRST_RUN, _FIRST_RUN_UNTOUCHED_S)
    elif Timer.FIRST_RUN not in state.timers:
        open_menu(state, CountryPage(state) if _lacks_country(state) else reached_step(state))


def asks_by_itself(state: PhoneState) -> bool:
    """Whether the menu is one that a new phone has opened by itself, and that waits for somebody for ever."""
    first = state.menu.screens[0] if state.menu.screens else None
    is_one = isinstance(first, CountryPage) or (first is not None and first is state.first_run)
    return state.mode is Mode.MENU and is_one and _is_to_be_asked(state)


def _is_due(state: PhoneState) -> bool:
    # A menu would put off a busy number that is being tried again.
    in_use = state.engaged or state.calls or state.locked or state.features.auto_redial is not None
    return _is_to_be_asked(state) and state.mode is Mode.IDLE and not in_use


def _lacks_country(state: PhoneState) -> bool:
    return state.settings.chosen_country == ""


def _is_to_be_asked(state: PhoneState) -> bool:
    """Whether the phone is new, or of a firmware that did not ask all of it, or does not know where it stands.

    Whoever has declined the service is not asked again by itself: the menu does, when they want it.
    """
    features = state.features
    if features.set_up is None:
        return False
    never_activated = not state.is_activated and features.consents is not None and not features.consents.age_band
    return features.set_up is SetUp.NEW or never_activated or _lacks_country(state)
