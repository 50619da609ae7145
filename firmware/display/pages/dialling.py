"""Pages of somebody who dials a number or writes a text message."""

from firmware.base.words import word
from firmware.display.model import Block, Body, Entry, Flow, Importance, List, ListRow, Role
from firmware.display.pages.blocks import detail, headline, sentence
from firmware.display.pages.calls import ANSWER, DECLINE, party_words
from firmware.display.pages.faults import faults
from firmware.display.pages.idle import hint_blocks
from firmware.display.translation import Translator
from firmware.phone import phrases
from firmware.phone.call import CallState
from firmware.phone.menu.views import SoftKeys
from firmware.phone.view import Hint, PhoneView

_HINTS_THAT_MATCHES_ANSWER = frozenset({Hint.NUMBER_IMPOSSIBLE, Hint.NUMBER_INCOMPLETE})
_HINTS_BESIDE_MATCHES = _HINTS_THAT_MATCHES_ANSWER | {Hint.LIFT_HANDSET}


def shows_matches(view: PhoneView) -> bool:
    """Whether the contacts that the digits may mean are shown: nothing more important is to be said."""
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
        rows = tuple(ListRow(match.name, match.number) for match in view.matches)
        return List(rows, selected=view.match, total=len(rows))
    hint: tuple[Block, ...] = ()
    if view.hint is Hint.EMERGENCY_NUMBER:
        hint = (headline(say(phrases.HINTS[view.hint])),)
    elif view.hint is not None:
        hint = hint_blocks(view, view.hint, translator)
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
    """OK sends or takes the contact that is chosen, CANCEL takes the last digit away.

    Without digits they are about the other calls.
    """
    if shows_matches(view) and view.match is not None:
        return SoftKeys(word("Delete"), word("OK"))
    if view.digits:
        may_be_sent = (view.off_hook or view.speaker) and view.hint in {None, Hint.EMERGENCY_NUMBER}
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
