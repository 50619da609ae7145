"""The kinds of text that pages are made of, and what is wrong with the phone, in words."""

from dataclasses import dataclass

from firmware.base.words import Word
from firmware.display.model import Block, Card, Flow, Importance, ListRow, Role
from firmware.display.translation import Translator
from firmware.phone import phrases
from firmware.phone.call import RegistrationState
from firmware.phone.news import Problem
from firmware.phone.view import Mode, PhoneView

MANY_ROWS = 100
"""As many as there is room for."""


def headline(text: str) -> Block:
    """Make what must be seen first."""
    return Block(text, Role.HEADLINE, Flow.WRAP, importance=Importance.NEEDED)


def sentence(text: str, importance: Importance = Importance.NEEDED) -> Block:
    """Make a sentence, on as many lines as it takes."""
    return Block(text, Role.TEXT, Flow.WRAP, importance=importance)


def name(text: str) -> Block:
    """Make the name of whom a page is about."""
    return Block(text, Role.NAME, Flow.CUT_END, importance=Importance.NEEDED)


def detail(text: str, importance: Importance = Importance.SPARE) -> Block:
    """Make something to know beside the rest, where there is room."""
    return Block(text, Role.DETAIL, Flow.CUT_END, importance=importance)


def paragraph(text: str, role: Role = Role.TEXT) -> Block:
    """Make a text to read, from the left, as much of it as there is room for."""
    return Block(text, role, Flow.WRAP, centred=False, importance=Importance.NEEDED, rows=MANY_ROWS)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong: in the person's words, and what an installer may want to know beside them."""

    words: Word
    detail: str = ""


def faults(view: PhoneView) -> list[Fault]:
    """Return what is wrong, the most important first."""
    found: list[Fault] = []
    if view.registration is RegistrationState.FAILED:
        failure = view.registration_failure
        words = phrases.REGISTRATION_FAILURES[failure] if failure is not None else phrases.NO_SERVICE
        found.append(Fault(words, f"SIP {view.registration_sip_code}" if view.registration_sip_code else ""))
    for problem, detail in view.problems:
        if problem is not Problem.CONFIGURATION:
            found.append(Fault(phrases.PROBLEMS[problem], detail))
        elif view.mode is not Mode.UNPROVISIONED:
            # The mistakes follow, each by itself.
            found.append(Fault(phrases.PROBLEMS[problem], "" if view.mistakes else detail))
    return found


def number_of_faults(view: PhoneView) -> int:
    """Count what is wrong; a phone that was never set up has nothing wrong but its mistakes."""
    return len(faults(view)) or len(view.mistakes)


def details(view: PhoneView, translator: Translator) -> Card | None:
    """Make all that is known of what is wrong into something to scroll, None where nothing is."""
    sentences: list[str] = []
    for fault in faults(view):
        sentences.append(translator.say(fault.words))
        if fault.detail:
            sentences.append(fault.detail)
    sentences += view.mistakes
    return Card(tuple(ListRow(each) for each in sentences), view.details_step - 1) if sentences else None
