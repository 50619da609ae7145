"""Pages of calls that come, go, run and have ended."""

from firmware.base.words import Text, Word, word
from firmware.display.model import Block, Entry, Flow, Importance, Role
from firmware.display.pages.blocks import detail, duration, headline, name, sentence
from firmware.display.translation import Translator
from firmware.phone import phrases
from firmware.phone.call import CallState, Decision, TransferState
from firmware.phone.call_text import TextState, TextView
from firmware.phone.menu_views import SoftKeys
from firmware.phone.quality import bars
from firmware.phone.view import CallView, Hint, Mode, PhoneView, RecordingView

ANSWER = word("Answer")
DECLINE = word("Decline")
_GO_BACK = word("Go back")
_END = word("End")
_TEXT_STATES = {
    TextState.WANTED: word("Asking for text…"),
    TextState.REFUSED: word("They cannot get text"),
}
_LOST = "\ufffd"
_GOOD_BARS = 3
_FAIR_BARS = 2


def call_title(view: PhoneView, call: CallView) -> Text:
    """Say what kind of call it is, where that is not said by how it is going."""
    match view.mode:
        case Mode.RINGING:
            return word("On hold") if call.state is CallState.HELD else word("Incoming call")
        case Mode.TAKING_MESSAGE:
            return word("Message")
        case Mode.OUTGOING | Mode.REDIALLING:
            return word("Emergency call") if call.emergency else _progress(call)
        case Mode.IN_CALL if call.in_conference:
            return word("Conference")
        case _:
            return ""


def call_told_as(view: PhoneView, call: CallView) -> Text:
    """Say aloud of a call that runs what its page shows by its looks."""
    if view.mode is not Mode.IN_CALL or call.state is not CallState.ACTIVE or call.in_conference:
        return ""
    return word("In a call") if view.locked else word("Talking to {party}", party=party_words(call))


def call_blocks(view: PhoneView, call: CallView, translator: Translator) -> tuple[Block, ...]:
    """Show the call in the foreground, and what the person should know of the others."""
    match view.mode:
        case Mode.RINGING:
            return _ringing(view, call, translator)
        case Mode.OUTGOING | Mode.REDIALLING:
            return _outgoing(view, call, translator)
        case Mode.CALL_ENDED:
            return _ended(view, call, translator)
        case Mode.TAKING_MESSAGE:
            return _taking_message(view, call, translator)
        case _:
            return _talking(view, call, translator)


def text_of(view: PhoneView) -> TextView | None:
    """Return the text that is written in the call in the foreground, where its page is in front."""
    if view.mode is not Mode.IN_CALL or view.call is None or view.call.text is None or not view.call.text.is_shown:
        return None
    is_disturbed = any(other.state is CallState.WAITING for other in view.other_calls)
    return None if is_disturbed else view.call.text


def text_body(view: PhoneView, call: CallView, text: TextView, translator: Translator) -> Entry:
    """Show what the other end writes above what is written here, and why that does not arrive."""
    note: Text = ""
    if text.state is not TextState.OPEN:
        note = _TEXT_STATES[text.state]
    elif call.state is CallState.HELD or call.held_by_peer:
        note = word("On hold")
    elif view.hint is not None:
        note = phrases.HINTS[view.hint]
    return Entry(
        _in_one_line(text.ours),
        text.mode,
        text.candidates,
        text.candidate,
        translator.say(note),
        above=_in_one_line(text.theirs),
    )


def text_keys(text: TextView) -> SoftKeys:
    """OK takes what is chosen, or else begins a line; CANCEL takes the last letter back and then leaves."""
    return SoftKeys(word("Delete") if text.ours else word("Back"), word("OK") if text.candidates else word("New line"))


def _in_one_line(text: str) -> str:
    """Return a text with a stroke for each line end, and points for what was lost on the way."""
    return text.replace("\n", " / ").replace(_LOST, "…")


def call_keys(view: PhoneView, call: CallView) -> SoftKeys:
    """Say what OK and CANCEL do about the call that waits, else about the one in the foreground."""
    if view.mode is Mode.RINGING:
        return SoftKeys(_END if call.state is CallState.HELD else DECLINE)
    if view.mode is Mode.REDIALLING:
        return SoftKeys(word("Stop"))
    if any(other.state is CallState.WAITING for other in view.other_calls):
        return SoftKeys(DECLINE, ANSWER)
    is_one_held = any(other.state is CallState.HELD for other in view.other_calls)
    if view.mode is Mode.CALL_ENDED:
        return SoftKeys(_GO_BACK if is_one_held else word("Dial"), _GO_BACK if is_one_held else "")
    if view.mode is Mode.TAKING_MESSAGE:
        return SoftKeys(_END)
    end = _END if view.mode is Mode.OUTGOING or is_one_held or not view.off_hook else ""
    if view.sound_shown:
        return SoftKeys(end, word("Text"))
    if view.recording is not None:
        return SoftKeys(end, word("Stop"))
    return SoftKeys(end, word("Record") if view.may_record else "")


def waiting_blocks(view: PhoneView, translator: Translator) -> tuple[Block, ...]:
    """Show who waits, beside something that is no call."""
    hint = () if view.hint is None else (sentence(translator.say(phrases.HINTS[view.hint])),)
    return (*_others(view, translator), *hint)


def waiting_keys() -> SoftKeys:
    """Say what CANCEL and OK do about the one who waits."""
    return SoftKeys(DECLINE, ANSWER)


def is_urgent(view: PhoneView) -> bool:
    """Whether somebody calls, or help is being called."""
    if view.mode is Mode.COLLECTING_DIGITS:
        return view.hint is Hint.EMERGENCY_NUMBER
    if view.call is None or view.mode is Mode.CALL_ENDED:
        return False
    return view.call.emergency or (view.mode is Mode.RINGING and view.call.state is not CallState.HELD)


def party_words(call: CallView) -> Text:
    """Name the other end in one line: by name, else by number."""
    return call.contact_name or call.party.display_name or call.party.number or phrases.UNKNOWN_CALLER


def sound_words(mos: float) -> Word:
    """Say how a call sounds."""
    level = bars(mos)
    if level >= _GOOD_BARS:
        return word("Sound good")
    return word("Sound fair") if level >= _FAIR_BARS else word("Sound poor")


def _progress(call: CallView) -> Word:
    return word("Ringing…") if call.state is CallState.ALERTING else word("Calling…")


def _ringing(view: PhoneView, call: CallView, translator: Translator) -> tuple[Block, ...]:
    say = translator.say
    blocks = list(_party(view, call, translator))
    if view.hint is not None:
        blocks.insert(1, sentence(say(phrases.HINTS[view.hint])))
    elif call.diverted_by:
        blocks.insert(1, detail(say(word("by way of {party}", party=call.diverted_by)), Importance.NEEDED))
    elif call.account:
        blocks.insert(1, detail(say(word("To {account}", account=call.account)), Importance.NEEDED))
    if (said := call.party.verification) is not None:
        blocks.insert(1, detail(say(phrases.VERIFICATIONS[said]), Importance.NEEDED))
    return (*blocks, *(() if view.hint is not None else (detail(say(word("Lift the handset"))),)))


def _taking_message(view: PhoneView, call: CallView, translator: Translator) -> tuple[Block, ...]:
    say = translator.say
    so_far_s = view.recording.duration_s if view.recording is not None else 0
    state = word("Message {time}", time=duration(so_far_s)) if so_far_s else word("Greeting…")
    lift = sentence(say(phrases.HINTS[view.hint or Hint.LIFT_HANDSET]))
    return (*_party(view, call, translator), lift, detail(say(state)))


def _outgoing(view: PhoneView, call: CallView, translator: Translator) -> tuple[Block, ...]:
    say = translator.say
    blocks = _party(view, call, translator)
    if view.mode is Mode.REDIALLING and view.hint is not None:
        return (*blocks, sentence(say(phrases.HINTS[view.hint])))
    if call.emergency:
        return (*blocks, sentence(say(_progress(call))))
    return (*blocks, *_others(view, translator))


def _talking(view: PhoneView, call: CallView, translator: Translator) -> tuple[Block, ...]:
    if call.in_conference:
        joined = (call, *(other for other in view.other_calls if other.in_conference))
        names = tuple(name(translator.say(party_words(each))) for each in joined)
        # For a moment a word to the person stands where the last name does.
        hint = _hint(view, translator)
        return (*names[:-1], *hint) if hint else (*names, *_recording(view, call, translator, Importance.SPARE))
    others = _others(view, translator)
    if any(other.state is CallState.WAITING for other in view.other_calls):
        # Who waits and which keys deal with it come before the number and the state of the call in hand.
        party = () if view.locked else (name(translator.say(party_words(call))),)
        hint = _hint(view, translator)
        return (*party, *others, *hint, *_recording(view, call, translator), *_sound(call, translator))
    state = _state(view, call, translator)
    recording = _recording(view, call, translator, Importance.USEFUL if state else Importance.NEEDED)
    return (*_party(view, call, translator), *state, *recording, *others, *_sound(call, translator))


def _state(view: PhoneView, call: CallView, translator: Translator) -> tuple[Block, ...]:
    """Say what is special about the call, the most important thing alone."""
    say = translator.say
    if call.transfer is not None and call.transfer is not TransferState.FAILED:
        return (headline(say(phrases.TRANSFERS[call.transfer])),)
    if hint := _hint(view, translator):
        return hint
    if view.muted and view.speaker and call.decision is Decision.AUTO_ANSWERED:
        return (headline(say(word("Mic off: press MUTE"))),)
    if (silence := _silence(view, call)) is not None:
        return (headline(say(silence)),)
    if call.state is CallState.INCOMING:
        return (sentence(say(word("Connecting…"))),)
    if call.awaits_word:
        return (sentence(say(word("OK sends the rest of the number"))),)
    if call.text is not None and call.text.theirs:
        theirs = _in_one_line(call.text.theirs)
        return (Block(theirs, Role.TEXT, Flow.CUT_START, importance=Importance.NEEDED),)
    if call.dtmf:
        return (Block(call.dtmf, Role.TEXT, Flow.CUT_START, importance=Importance.NEEDED),)
    return ()


def _silence(view: PhoneView, call: CallView) -> Word | None:
    """Say why somebody hears nothing, where that is known."""
    if call.state is CallState.HELD:
        return word("On hold")
    if call.held_by_peer:
        return word("You are on hold")
    if view.muted:
        return word("You are muted")
    if call.quality is None or call.quality.trouble is None:
        return None
    return phrases.TROUBLES[call.quality.trouble]


def _hint(view: PhoneView, translator: Translator) -> tuple[Block, ...]:
    """Say what is to be said to the person, unless the page says it anyway."""
    if view.hint is None or view.hint is Hint.CALL_WAITING:
        return ()
    return (sentence(translator.say(phrases.HINTS[view.hint])),)


def _recording(
    view: PhoneView, call: CallView, translator: Translator, importance: Importance = Importance.USEFUL
) -> tuple[Block, ...]:
    """Say that the call is recorded: here and for how long, or at the other end; the first of it is so important."""
    say = translator.say
    lines = [_own_recording(view.recording)] if view.recording is not None else []
    if call.recorded_by_peer:
        lines.append(word("They record this"))
    return tuple(sentence(say(line), Importance.USEFUL if place else importance) for place, line in enumerate(lines))


def _own_recording(recording: RecordingView) -> Word:
    time = duration(recording.duration_s)
    if recording.is_kept:
        return word("Recording {time}", time=time)
    return word("Recording waits {time}", time=time) if recording.duration_s else word("About to record…")


def _sound(call: CallView, translator: Translator) -> tuple[Block, ...]:
    """Say how the call sounds and whether it can be overheard, where there is room for it."""
    if call.quality is None:
        return ()
    encrypted = word("encrypted") if call.quality.encrypted else word("not encrypted")
    is_heard = call.quality.mos and call.quality.trouble is None
    sound = (detail(translator.say(sound_words(call.quality.mos))),) if is_heard else ()
    codec = f"{call.quality.codec}, " if call.quality.codec else ""
    return (*sound, detail(f"{codec}{translator.say(encrypted)}"))


def _others(view: PhoneView, translator: Translator) -> tuple[Block, ...]:
    """Name a call that waits, or else one that is on hold."""
    for other in view.other_calls:
        if other.state is CallState.WAITING:
            if view.locked:
                return (headline(translator.say(word("Incoming call"))),)
            return (headline(translator.say(word("Waiting: {party}", party=party_words(other)))),)
    for other in view.other_calls:
        if other.state is CallState.HELD:
            if view.locked:
                return (detail(translator.say(word("On hold")), Importance.NEEDED),)
            return (detail(translator.say(word("Held: {party}", party=party_words(other))), Importance.NEEDED),)
    return ()


def _ended(view: PhoneView, call: CallView, translator: Translator) -> tuple[Block, ...]:
    say = translator.say
    why = say(phrases.REASONS[call.reason] if call.reason is not None else word("Call ended"))
    if call.emergency and not call.duration_s:
        return (sentence(say(phrases.HINTS[Hint.CANNOT_CALL])), sentence(why, Importance.USEFUL))
    tail = (sentence(say(phrases.HINTS[view.hint])),) if view.hint is not None else _others(view, translator)
    return (headline(why), *_party(view, call, translator), *tail)


def _party(view: PhoneView, call: CallView, translator: Translator) -> tuple[Block, ...]:
    """Name the other end: its contact and number, or its number and where that belongs, or what it calls itself."""
    number = call.party.number
    called = call.contact_name or call.party.display_name
    if not called and not number:
        return () if view.locked else (name(translator.say(phrases.UNKNOWN_CALLER)),)
    region = (detail(call.attribution, Importance.USEFUL),) if call.attribution and not call.contact_name else ()
    if not called:
        return (Block(number, Role.NAME, Flow.CUT_START, importance=Importance.NEEDED), *region)
    numbers = (Block(number, Role.TEXT, Flow.CUT_START),) if number else ()
    return (name(called), *numbers, *region)
