"""Pages of a phone that nobody uses, and of somebody who dials a number or writes a text message."""

from firmware.base.words import Text, counted, word
from firmware.display.model import Block, Body, Entry, Flow, Importance, List, ListRow, Role
from firmware.display.pages.blocks import detail, faults, headline, name, sentence
from firmware.display.pages.calls import ANSWER, DECLINE, party_words
from firmware.display.translation import Translator
from firmware.phone import phrases
from firmware.phone.call import CallState
from firmware.phone.menu_views import SoftKeys
from firmware.phone.news import Watched
from firmware.phone.update_phrases import ANY_KEY, idle_words, restart_words
from firmware.phone.updates import UpdateStage
from firmware.phone.view import Hint, Mode, PhoneView

_HINTS_THAT_MATCHES_ANSWER = frozenset({Hint.NUMBER_IMPOSSIBLE, Hint.NUMBER_INCOMPLETE})
_HINTS_BESIDE_MATCHES = _HINTS_THAT_MATCHES_ANSWER | {Hint.LIFT_HANDSET}

_FEATURE_HINTS = frozenset({Hint.FEATURE_ON, Hint.FEATURE_OFF, Hint.FEATURE_IMPOSSIBLE})


def shows_matches(view: PhoneView) -> bool:
    """Whether the contacts that the digits may mean are shown: nothing more important is to be said."""
    if view.why_failed is not None and view.match is None:
        return False
    return bool(view.matches) and (view.hint is None or view.hint in _HINTS_BESIDE_MATCHES)


def dialling_title(view: PhoneView, translator: Translator) -> str:
    """Say above the contacts what the digits are, or for a moment what to do now."""
    if not shows_matches(view):
        return ""
    return translator.say(word("Lift to call")) if view.hint is Hint.LIFT_HANDSET else view.digits


def dialling_body(view: PhoneView, translator: Translator) -> Body:
    """Show the digits so far, with whom they may mean or what is to be known about them."""
    say = translator.say
    if shows_matches(view):
        rows = tuple(ListRow(match.name, detail=match.number) for match in view.matches)
        return List(rows, selected=view.match, total=len(rows))
    hint: tuple[Block, ...] = ()
    if view.hint is Hint.EMERGENCY_NUMBER:
        hint = (headline(say(phrases.HINTS[view.hint])),)
    elif view.hint is not None:
        hint = hint_blocks(view, view.hint, translator)
    if view.why_failed is not None and view.hint is None:
        hint = (sentence(say(phrases.REASONS[view.why_failed])),)
    if view.digits:
        return (Block(view.digits, Role.DIGITS, Flow.CUT_START, importance=Importance.NEEDED), *hint)
    held = tuple(
        detail(say(word("Held: {party}", party=party_words(other))), Importance.USEFUL) for other in view.other_calls
    )
    if hint:
        return (*hint, *held)
    if wrong := faults(view):
        return (sentence(say(wrong[0].words)),)
    return (sentence(say(word("Dial a number"))), *held)


def dialling_keys(view: PhoneView) -> SoftKeys:
    """OK calls, or shows the number of the contact that is chosen where that takes the handset.

    CANCEL takes the last digit away.

    Without digits they are about the other calls.
    """
    can_call = view.off_hook or view.speaker or view.has_loudspeaker
    if shows_matches(view) and view.match is not None:
        return SoftKeys(word("Delete"), word("Call") if can_call else word("OK"))
    if view.digits:
        may_be_sent = can_call and view.hint in {None, Hint.EMERGENCY_NUMBER, Hint.LIFT_HANDSET}
        return SoftKeys(word("Delete"), word("Call") if may_be_sent else "")
    if any(other.state is CallState.WAITING for other in view.other_calls):
        return SoftKeys(DECLINE, ANSWER)
    return SoftKeys(word("Back") if view.other_calls else "")


def writing_title(view: PhoneView, translator: Translator) -> str:
    """Say to whom the message goes."""
    words = word("To {party}", party=view.digits) if view.digits and not view.locked else word("New message")
    return translator.say(words)


def writing_body(view: PhoneView) -> Entry:
    """Show the message so far."""
    return Entry(view.message_text or "", view.writing_mode, view.candidates, view.candidate)


def writing_keys(view: PhoneView) -> SoftKeys:
    """OK takes what is chosen, or else sends; CANCEL takes the last letter away and then leaves."""
    if view.candidates:
        return SoftKeys(word("Delete"), word("OK"))
    return SoftKeys(word("Delete"), word("Send")) if view.message_text else SoftKeys(word("Back"))


def idle_blocks(view: PhoneView, translator: Translator, clock: str) -> tuple[Block, ...]:
    """Show the most important thing that the person should know, else the time."""
    say = translator.say
    if view.update.stage is UpdateStage.RESTARTING:
        return _restart_blocks(view, translator)
    if view.hint is not None:
        return hint_blocks(view, view.hint, translator)
    if view.incident_to_read:
        faulty = tuple(detail(say(fault.words)) for fault in faults(view)[:1])
        missed = (detail(_missed(view, translator)),) if view.missed_calls else ()
        return (
            headline(say(word("Important notice"))),
            sentence(say(word("About your data"))),
            *faulty,
            *missed,
        )
    if wrong := faults(view):
        missed = (detail(_missed(view, translator)),) if view.missed_calls else ()
        return (sentence(say(wrong[0].words)), *missed, *_to_read(view, translator), *_whatever_waits(view, translator))
    if view.works_only and not view.locked:
        until_then = say(word("Until then: {numbers}", numbers=view.works_only))
        return (headline(say(word("OK: set up"))), sentence(until_then))
    if view.redial_in_s:
        return (sentence(say(word("Trying again in {s} s", s=view.redial_in_s))),)
    if view.refusal is not None:
        return (
            headline(view.refusal.party or say(phrases.UNKNOWN_CALLER)),
            sentence(say(phrases.DECISIONS[view.refusal.decision])),
        )
    if view.missed_calls:
        party = (name(view.missed_party),) if view.missed_party else ()
        to_read = _to_read(view, translator)
        return (headline(_missed(view, translator)), *party, *to_read, *_whatever_waits(view, translator))
    if not clock:
        to_read = _to_read(view, translator)
        return (sentence(say(word("Dial a number"))), *to_read, *_whatever_waits(view, translator))
    return (
        Block(clock, Role.CLOCK, importance=Importance.NEEDED),
        *_to_pick_up(view, translator),
        *_to_read(view, translator),
        *_line(view, translator),
        *_whatever_waits(view, translator),
    )


def announcement_blocks(view: PhoneView, translator: Translator) -> tuple[Block, ...]:
    """Say who speaks out of the loudspeaker."""
    return (headline(translator.say(word("Announcement"))), name(view.page))


def idle_keys(view: PhoneView) -> SoftKeys:
    """OK explains what is wrong, or else opens the menu; CANCEL takes note of what happened."""
    if view.details_step:
        return SoftKeys(word("Back"), word("More"))
    has_news = view.refusal is not None or view.missed_calls
    clear: Text = word("Clear") if has_news and not view.locked else ""
    if view.incident_to_read and not view.locked:
        return SoftKeys(clear, word("Read"))
    if view.problems or view.mistakes:
        return SoftKeys(clear, word("Details"))
    if view.mode is Mode.UNPROVISIONED:
        return SoftKeys(clear)
    if view.locked:
        return SoftKeys(clear, word("Unlock"))
    if view.works_only:
        return SoftKeys(clear, word("OK"))
    if view.may_call_back:
        return SoftKeys(clear, word("Call back"))
    if view.notices_to_read or view.answers_to_read or view.policy_to_read:
        return SoftKeys(clear, word("Read"))
    if view.purposes_to_answer:
        return SoftKeys(clear, word("Privacy"))
    return SoftKeys(clear, word("Open") if view.has_offer else word("Menu"))


def unprovisioned_blocks(view: PhoneView, translator: Translator) -> tuple[Block, ...]:
    """Say what to do about it, by which number an installer knows the phone, and why it is not set up."""
    if view.update.stage is UpdateStage.RESTARTING:
        return _restart_blocks(view, translator)
    if view.hint is not None:
        return hint_blocks(view, view.hint, translator)
    return (
        sentence(translator.say(word("Plug in the stick."))),
        *([detail(view.serial, Importance.USEFUL)] if view.serial else []),
        *(Block(mistake, Role.DETAIL, Flow.WRAP, importance=Importance.SPARE) for mistake in view.mistakes[:1]),
    )


def hint_blocks(view: PhoneView, hint: Hint, translator: Translator) -> tuple[Block, ...]:
    """Say a hint, with the feature or the contact that it is about."""
    if view.saved:
        return (sentence(translator.say(word("Saved: {name}", name=view.saved))),)
    said = sentence(translator.say(phrases.HINTS[hint]))
    if view.feature in phrases.FEATURES and hint in _FEATURE_HINTS:
        return (headline(translator.say(phrases.FEATURES[view.feature])), said)
    return (said,)


def _restart_blocks(view: PhoneView, translator: Translator) -> tuple[Block, ...]:
    later = (detail(translator.say(ANY_KEY)),) if view.update.restarts_in_s else ()
    return (headline(translator.say(restart_words(view.update))), *later)


def _missed(view: PhoneView, translator: Translator) -> str:
    return translator.say(counted("{count} missed call", "{count} missed calls", view.missed_calls))


def _to_pick_up(view: PhoneView, translator: Translator) -> tuple[Block, ...]:
    """Say how to take the call that rings at a phone that is watched, of the first of them."""
    digits = [person.digit for person in view.people if person.state is Watched.RINGING]
    return tuple(detail(translator.say(word("Hold {digit}: pick up", digit=digit))) for digit in digits[:1])


def _line(view: PhoneView, translator: Translator) -> tuple[Block, ...]:
    """Name the line that calls go out over, and say what it is doing where it does not work yet."""
    if not view.lines:
        return ()
    line = view.lines[0]
    state = translator.say(phrases.REGISTRATIONS[view.registration])
    return (detail(f"{line.account}: {state}" if line.account else state),)


def _to_read(view: PhoneView, translator: Translator) -> tuple[Block, ...]:
    """Say what the operator has sent that comes by itself or that nobody has read: it has no sign in the status bar."""
    said: list[Text] = [words] if (words := idle_words(view.update)) else []
    if view.notices_to_read:
        said.append(counted("{count} notice", "{count} notices", view.notices_to_read))
    if view.answers_to_read:
        said.append(counted("{count} answer", "{count} answers", view.answers_to_read))
    if view.policy_to_read:
        said.append(word("New privacy policy"))
    elif view.purposes_to_answer:
        said.append(word("Please answer again"))
    elif view.has_offer:
        said.append(word("A few questions"))
    return tuple(detail(translator.say(each)) for each in said)


def _whatever_waits(view: PhoneView, translator: Translator) -> tuple[Block, ...]:
    """Put the signs of the status bar into words, where there is room for them."""
    say = translator.say
    said = []
    if view.voicemail:
        said.append(counted("{count} voice message", "{count} voice messages", view.voicemail))
    if view.unread_messages:
        said.append(counted("{count} new message", "{count} new messages", view.unread_messages))
    if view.do_not_disturb:
        said.append(word("Do not disturb"))
    if view.forwarding and not view.locked:
        said.append(word("Calls go to {number}", number=view.forwarding))
    return tuple(detail(say(each)) for each in said)
