"""The kinds of text that pages are made of, what is wrong with the phone in words, and the top row of every page."""

from dataclasses import dataclass

from firmware.base.words import Word
from firmware.display.model import Block, Card, Flow, Icon, Importance, ListRow, Role, StatusBar
from firmware.display.translation import Translator
from firmware.phone import phrases
from firmware.phone.call import RegistrationState
from firmware.phone.news import Problem
from firmware.phone.quality import bars
from firmware.phone.view import CallView, Mode, PhoneView

MANY_ROWS = 100
"""As many as there is room for."""

_HIGHEST_COUNT = 99
_SECONDS_A_MINUTE = 60
_SECONDS_AN_HOUR = 3600
_REGISTRATION_ICONS = {
    RegistrationState.REGISTERED: Icon.REGISTERED,
    RegistrationState.REGISTERING: Icon.REGISTERING,
    RegistrationState.UNREGISTERED: Icon.NOT_REGISTERED,
    RegistrationState.FAILED: Icon.NOT_REGISTERED,
}
_QUALITY_ICONS = (Icon.QUALITY_0, Icon.QUALITY_1, Icon.QUALITY_2, Icon.QUALITY_3, Icon.QUALITY_4)


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


def status_bar(view: PhoneView, text: str) -> StatusBar:
    """During a call the bar is about the call: how it sounds, how long it has lasted.

    Whether the microphone is open it says at any time.

    Args:
        view: the phone's state.
        text: what stands on the right where no call has lasted yet.
    """
    icons = [(_REGISTRATION_ICONS[view.registration], 0)]
    if view.microphone_open or any(problem is Problem.MICROPHONE_OPEN for problem, _ in view.problems):
        icons.append((Icon.MUTED if view.muted else Icon.MICROPHONE, 0))
    if (view.recording is not None and view.recording.is_kept) or (
        view.call is not None and view.call.recorded_by_peer
    ):
        icons.append((Icon.RECORDING, 0))
    if view.speaker:
        icons.append((Icon.SPEAKER, 0))
    icons += _call_icons(view.call) if view.call is not None else _idle_icons(view)
    duration_s = view.call.duration_s if view.call is not None else 0
    return StatusBar(tuple(icons), duration(duration_s) if duration_s else text)


def duration(duration_s: int) -> str:
    """Write a duration as clocks do."""
    hours, rest_s = divmod(duration_s, _SECONDS_AN_HOUR)
    minutes, seconds = divmod(rest_s, _SECONDS_A_MINUTE)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _call_icons(call: CallView) -> list[tuple[Icon, int]]:
    if call.quality is None:
        return []
    lock = [(Icon.LOCK, 0)] if call.quality.encrypted else []
    return [*lock, (_QUALITY_ICONS[bars(call.quality.mos)], 0)] if call.quality.mos else lock


def _idle_icons(view: PhoneView) -> list[tuple[Icon, int]]:
    """Return what waits for the person, the most important first; the last ones go where they do not all fit."""
    count = number_of_faults(view)
    icons = [(Icon.PROBLEM, min(count, _HIGHEST_COUNT) if count > 1 else 0)] if count else []
    if view.do_not_disturb:
        icons.append((Icon.DO_NOT_DISTURB, 0))
    if view.forwarding:
        icons.append((Icon.FORWARD, 0))
    waiting = (
        (Icon.MISSED, view.missed_calls),
        (Icon.VOICEMAIL, view.voicemail),
        (Icon.MESSAGE, view.unread_messages),
    )
    return icons + [(icon, min(number, _HIGHEST_COUNT)) for icon, number in waiting if number]
