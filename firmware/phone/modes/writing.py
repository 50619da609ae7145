"""WRITING: a text message is being written. The handset is in its cradle.

Digits write letters, `*` changes to capitals, digits and Chinese, `#` writes a space; holding a digit writes the digit
itself. While a Chinese syllable is spelled the volume keys choose a character, and held turn over the groups of them;
OK writes it. Cancel deletes, and leaves where nothing is left; held, it throws the text away. OK sends. What is left in
any other way waits for the next message to the same number.
"""

from contract.calls import CallDirection
from firmware.phone.auto_redial import put_off
from firmware.phone.call import SipUri, TextMessage
from firmware.phone.commands import KeepMessage
from firmware.phone.dialling import offer_dial_tone, send_number
from firmware.phone.emergency_digits import number_for_help
from firmware.phone.events import HandsetLifted, HandsetReplaced, KeyHeld, KeyPressed, KeyRepeated, Timer, TimerExpired
from firmware.phone.holder_settings import remember_written
from firmware.phone.hook import lifting, speaker_key
from firmware.phone.key import Key
from firmware.phone.menu.messages import PATIENCE_S, address_of
from firmware.phone.moves import go_home, show_notice
from firmware.phone.orders import SendMessage
from firmware.phone.rows import BACKGROUND, Rows, by_key, by_timer, impossible
from firmware.phone.state import DIGIT_KEYS, PhoneState

_LETTER_S = 1.2
"""So long a letter waits for its key to be pressed again."""


def _write(state: PhoneState, event: KeyPressed) -> None:
    if (draft := state.features.draft) is not None:
        draft.entry.press(event.key)
        state.start_timer(Timer.INTER_DIGIT, _LETTER_S)
        state.start_timer(Timer.INFO, PATIENCE_S)


def _write_digit(state: PhoneState, event: KeyHeld) -> None:
    if (draft := state.features.draft) is not None:
        draft.entry.write_digit(event.key)


def _settle_letter(state: PhoneState, _event: TimerExpired) -> None:
    if (draft := state.features.draft) is not None:
        draft.entry.settle()


def _delete(state: PhoneState, _event: KeyRepeated) -> None:
    if (draft := state.features.draft) is not None:
        draft.entry.delete_last()


def _delete_or_leave(state: PhoneState, _event: KeyPressed) -> None:
    draft = state.features.draft
    if draft is None or not draft.entry.delete_last():
        state.features.draft = None
        go_home(state)


def _throw_away(state: PhoneState, _event: KeyHeld) -> None:
    state.features.draft = None
    go_home(state)


def _leave(state: PhoneState, _event: TimerExpired) -> None:
    go_home(state)


def _choose(state: PhoneState, event: KeyPressed) -> None:
    """Choose another character for the syllable that is being spelled."""
    if (draft := state.features.draft) is not None:
        draft.entry.move(-1 if event.key is Key.VOLUME_UP else 1)
        state.start_timer(Timer.INFO, PATIENCE_S)


def _turn(state: PhoneState, event: KeyRepeated) -> None:
    """Turn over to another group of them."""
    if (draft := state.features.draft) is not None:
        draft.entry.turn(-1 if event.key is Key.VOLUME_UP else 1)
        state.start_timer(Timer.INFO, PATIENCE_S)


def _write_or_send(state: PhoneState, event: KeyPressed) -> None:
    if (draft := state.features.draft) is None or not draft.entry.choose():
        _send(state, event)


def _send(state: PhoneState, _event: KeyPressed) -> None:
    draft, plan = state.features.draft, state.settings.dial_plan
    if draft is None or not (text := draft.entry.text.strip()):
        return
    if not state.can_call:
        show_notice(state, state.why_no_calls)
        return
    address = address_of(draft.party.number)
    uri = SipUri(f"sip:{address}") if address else plan.normalize(draft.party.number)
    account = "" if address else plan.account(draft.party.number)
    message = TextMessage(
        message_id=state.new_call_id(),
        direction=CallDirection.OUTGOING,
        party=draft.party,
        text=text,
        read=True,
        delivered=False,
    )
    remember_written(state, draft.entry)
    state.features.draft = None
    state.features.sending[message.message_id] = message
    state.features.add_message(message)
    state.emit(KeepMessage(message), SendMessage(message.message_id, uri, text, account))
    go_home(state)


def _begin(state: PhoneState) -> None:
    """Call for help where an emergency number was typed; what was written waits."""
    if number := number_for_help(state):
        send_number(state, number)
    else:
        offer_dial_tone(state)


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        dict.fromkeys(DIGIT_KEYS, _write),
        speaker_key(_begin),
        dict.fromkeys((Key.VOLUME_UP, Key.VOLUME_DOWN), _choose),
        {Key.OK: _write_or_send, Key.CANCEL: _delete_or_leave},
    ),
    KeyRepeated: by_key({Key.CANCEL: _delete}, dict.fromkeys((Key.VOLUME_UP, Key.VOLUME_DOWN), _turn)),
    KeyHeld: by_key(
        dict.fromkeys(DIGIT_KEYS - {Key.STAR, Key.HASH}, _write_digit),
        {Key.CANCEL: _throw_away},
    ),
    HandsetLifted: lifting(_begin),
    HandsetReplaced: impossible,
    TimerExpired: by_timer({Timer.INTER_DIGIT: _settle_letter, Timer.INFO: _leave, Timer.AUTO_REDIAL: put_off}),
}
