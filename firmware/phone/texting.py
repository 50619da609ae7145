"""The page of real-time text within IN_CALL: what the other end writes above, what the person writes below.

Digits write letters as in a text message, `*` changes to capitals, digits and Chinese, `#` writes a space, and each
letter goes out once it is chosen. CANCEL takes the last one back, at the other end too, and leaves where there is none;
OK begins a line; MENU leaves. While somebody waits, or a question is asked, keys mean what they mean in any call.
"""

from collections.abc import Callable

from firmware.phone.aloud import speak
from firmware.phone.call_text import CallText, TextState
from firmware.phone.commands import KeepCallText
from firmware.phone.events import KeyHeld, KeyPressed, KeyRepeated, TextTyped, Timer, TimerExpired
from firmware.phone.kept_text import MOST_BYTES
from firmware.phone.key import Key
from firmware.phone.news import CallTextChanged, CallTextReceived
from firmware.phone.orders import OpenText, WriteText
from firmware.phone.recording_question import shown_question
from firmware.phone.state import DIGIT_KEYS, Call, PhoneState
from firmware.phone.view import Mode

_Handler = Callable[[PhoneState, KeyPressed | KeyRepeated | KeyHeld], None]
_LETTER_S = 1.2
"""So long a letter waits for its key to be pressed again."""
TEXT_IS_KEPT = {"en": "[This conversation is kept.]", "zh": "[本次对话将被保存。]"}
"""What the other end reads first where the holder has text kept, by language."""
_STEPS = {Key.VOLUME_UP: -1, Key.VOLUME_DOWN: 1}


def want_text(state: PhoneState, call: Call) -> None:
    """Write in a call: at once where the other end takes part, or else once it is answered and does."""
    text = call.text = call.text or begin_text(state)
    text.show(shown=True)
    state.sound_shown = False
    state.cancel_timer(Timer.INFO)
    if text.state is not TextState.OPEN:
        text.state = TextState.WANTED
        if call.answered:
            state.emit(OpenText(call.call_id))


def begin_text(state: PhoneState) -> CallText:
    """Begin with nothing written."""
    return CallText.begin(language=state.language, chinese=state.settings.chinese)


def shown_text(state: PhoneState) -> CallText | None:
    """Return the text that keys write in now; None where keys mean what they mean in any call."""
    call = state.call
    if state.mode is not Mode.IN_CALL or call is None or call.text is None or not call.text.is_shown:
        return None
    is_open_to_all = call.emergency or not state.locked
    is_covered = state.waiting is not None or shown_question(state) is not None
    return call.text if is_open_to_all and not is_covered else None


def while_writing(handler: _Handler) -> _Handler:
    """Make a row whose keys write while the page of text is in front."""

    def handle(state: PhoneState, event: KeyPressed | KeyRepeated | KeyHeld) -> None:
        text = shown_text(state)
        if text is None or not _take(state, text, event):
            handler(state, event)
        _send(state)

    return handle


def _take(state: PhoneState, text: CallText, event: KeyPressed | KeyRepeated | KeyHeld) -> bool:
    """Take a key where it means something for the text."""
    key, entry = event.key, text.entry
    if isinstance(event, KeyHeld):
        if key.value.isdigit():
            entry.write_digit(key)
        return key in DIGIT_KEYS
    if key in _STEPS:
        return entry.move(_STEPS[key])
    if key is Key.CANCEL:
        if not entry.delete_last() and isinstance(event, KeyPressed):
            text.show(shown=False)
        return True
    return isinstance(event, KeyPressed) and _press(state, text, key)


def _press(state: PhoneState, text: CallText, key: Key) -> bool:
    if key in DIGIT_KEYS:
        text.entry.press(key)
        state.start_timer(Timer.INTER_DIGIT, _LETTER_S)
        return True
    if key not in {Key.OK, Key.MENU}:
        return False
    text.entry.settle()
    if key is Key.MENU:
        text.show(shown=False)
    elif not text.entry.choose():
        text.entry.text += "\n"
    return True


def settle_letter(state: PhoneState, _event: TimerExpired) -> None:
    """Send the letter that no key was pressed for any more."""
    if state.call is not None and state.call.text is not None:
        state.call.text.entry.settle()
        _send(state)


def speak_instead(state: PhoneState, event: TimerExpired) -> None:
    """Say the page, and take the 0 back that was held for it."""
    text = shown_text(state)
    if text is not None and text.entry.text.endswith("0"):
        text.entry.delete_last()
        _send(state)
    speak(state, event)


def take_typed(state: PhoneState, event: TextTyped) -> None:
    """Take letters of a keyboard, and backspaces."""
    text = shown_text(state)
    if text is None:
        return
    text.entry.settle()
    text.entry.composition = None
    for letter in event.text:
        if letter == "\b":
            text.entry.text = text.entry.text[:-1]
        elif (letter.isprintable() or letter == "\n") and len(text.entry.text) < text.entry.max_characters:
            text.entry.text += letter
    _send(state)


def _send(state: PhoneState) -> None:
    call = state.call
    if call is not None and call.text is not None and (letters := call.text.unsent()):
        state.emit(WriteText(call.call_id, letters))
        _keep(state, call, letters, ours=True)


def tell_that_text_is_kept(state: PhoneState, call: Call) -> None:
    """Tell the other end so where the holder has it kept, before anything is: see ADR 0058. Calls for help are not."""
    text = call.text
    if text is None or text.told or text.state is not TextState.OPEN or not _wants_it_kept(state, call):
        return
    text.told = True
    state.emit(WriteText(call.call_id, f"{TEXT_IS_KEPT[state.language]}\n"))


def _wants_it_kept(state: PhoneState, call: Call) -> bool:
    return state.features.preferences.keeps_call_text and not call.emergency


def _keep(state: PhoneState, call: Call, letters: str, *, ours: bool) -> None:
    if call.text is not None and call.text.told and _wants_it_kept(state, call):
        state.emit(KeepCallText(call.call_id, letters, ours))


def follow_text(state: PhoneState, event: CallTextChanged) -> None:
    """Note that letters can be sent, or cannot; what was written meanwhile goes out."""
    call = state.find_call(event.call_id)
    if call is None or not call.is_live or (call.text is None and not event.is_open):
        return
    text = call.text = call.text or begin_text(state)
    text.state = TextState.OPEN if event.is_open else TextState.REFUSED
    tell_that_text_is_kept(state, call)
    if call is state.call:
        _send(state)


def take_text(state: PhoneState, event: CallTextReceived) -> None:
    """Show what the other end writes; the first of it brings the page to the front."""
    call = state.find_call(event.call_id)
    if call is None or not call.is_live:
        return
    text = call.text = call.text or begin_text(state)
    text.state = TextState.OPEN
    text.receive(event.text, event.erased)
    tell_that_text_is_kept(state, call)
    _keep(state, call, "\b" * min(event.erased, MOST_BYTES) + event.text, ours=False)
    if not text.was_shown:
        text.show(shown=True)
