"""Calls to numbers that the phone knows: the last one, the busy one, the hotline, speed dials and the voicemail."""

from firmware.phone import auto_redial
from firmware.phone.dialled import dial, send_or_refuse
from firmware.phone.dialling import offer_dial_tone, send_number
from firmware.phone.events import KeyHeld, KeyPressed, Timer, TimerExpired
from firmware.phone.holder_settings import speed_dial
from firmware.phone.key import Key
from firmware.phone.moves import show_notice
from firmware.phone.on_hook import show_on_hook
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint


def recall_on_hook(state: PhoneState, _event: KeyPressed) -> None:
    """Show the last number; lifting the handset calls it."""
    if state.last_dialled:
        show_on_hook(state, state.last_dialled)
    else:
        show_notice(state, Hint.NOTHING_TO_REDIAL)


def redial_off_hook(state: PhoneState, _event: KeyPressed) -> None:
    """Call the last number."""
    if state.last_dialled:
        dial(state, state.last_dialled)
    else:
        show_notice(state, Hint.NOTHING_TO_REDIAL)


def redial_or_keep_trying(state: PhoneState, event: KeyPressed) -> None:
    """Call the last number; where it has just been busy, try it until it is free. A second press calls at once."""
    may_arm = auto_redial.may_arm(state.call) and state.features.auto_redial is None
    if may_arm and auto_redial.arm(state, state.last_dialled):
        state.hint = Hint.REDIALLING
    else:
        redial_off_hook(state, event)


def try_again_off_hook(state: PhoneState, _event: TimerExpired) -> None:
    """Call the busy number so that the person, who has the handset in the hand, hears it."""
    if (redial := auto_redial.due(state)) is not None:
        dial(state, redial.digits)


def begin_dialling(state: PhoneState) -> None:
    """Offer dial tone on a phone that nobody has used, or call the hotline."""
    auto_redial.disarm(state)
    hotline = state.settings.hotline
    # Reorder tone in place of dial tone would keep a person from dialling something else.
    objection = state.settings.dial_plan.objection(hotline.number) if hotline is not None else None
    callable_now = state.can_call and not state.helps_only and objection is None
    if hotline is None or not callable_now:
        offer_dial_tone(state)
    elif hotline.delay_s:
        offer_dial_tone(state)
        state.start_timer(Timer.HOTLINE, hotline.delay_s)
    else:
        send_number(state, hotline.number)


def call_hotline(state: PhoneState, _event: TimerExpired) -> None:
    """Call the hotline, because nothing else was dialled."""
    if state.settings.hotline is not None:
        send_number(state, state.settings.hotline.number)


def dial_quickly(state: PhoneState, event: KeyHeld) -> None:
    """Dial the number of the digit that is held, where it is the only one; 1 is the voicemail's if it has none."""
    if state.digits != event.key.value:
        return
    number = speed_dial(state, event.key.value)
    if not number and event.key is Key.DIGIT_1:
        number = state.settings.voicemail_number
    if not number:
        show_notice(state, Hint.NO_SPEED_DIAL)
    elif state.engaged:
        send_number(state, number)
    else:
        show_on_hook(state, number)


def show_voicemail_number(state: PhoneState, _event: KeyPressed) -> None:
    """Show the number of the voicemail; lifting the handset calls it."""
    if state.settings.voicemail_number:
        show_on_hook(state, state.settings.voicemail_number)
    else:
        show_notice(state, Hint.NO_VOICEMAIL)


def call_voicemail(state: PhoneState, event: KeyPressed) -> None:
    """Call the voicemail, unless a number is being dialled."""
    if not state.engaged:
        show_voicemail_number(state, event)
    elif not state.digits or state.refused:
        send_or_refuse(state, state.settings.voicemail_number, Hint.NO_VOICEMAIL)
