"""Which page shows which state of the phone."""

from typing import NamedTuple

from firmware.phone.call import CallState, RegistrationState
from firmware.phone.events import Problem
from firmware.phone.view import CallView, Hint, Mode, PhoneView
from firmware.screens.languages import TEXTS, Language, Texts
from firmware.screens.page import Align, Icon, Line, Page, Size, StatusBar
from firmware.screens.text import columns, wrap

COLUMNS = 16
SMALL_COLUMNS = 21
_ROWS = 3
_SMALL_ROWS = 4
_SMALL_ROWS_BELOW_A_TITLE = 3
_HIGHEST_COUNT = 99
_SECONDS_A_MINUTE = 60
_SECONDS_AN_HOUR = 3600
_REGISTRATION_ICONS = {
    RegistrationState.REGISTERED: Icon.REGISTERED,
    RegistrationState.REGISTERING: Icon.REGISTERING,
    RegistrationState.UNREGISTERED: Icon.NOT_REGISTERED,
    RegistrationState.FAILED: Icon.NOT_REGISTERED,
}


class _Fault(NamedTuple):
    """Something that is wrong: in the person's words, and what an installer may want to know beside them."""

    words: str
    detail: str


def page_for(view: PhoneView, language: str, clock_text: str = "") -> Page:
    """Lay out the page for a state of the phone.

    Args:
        view: the phone's state.
        language: `en` or `zh`.
        clock_text: the time of day, which the phone itself does not know; empty where the clock is not set.
    """
    texts = TEXTS[Language(language)]
    faults = _faults(view, texts)
    if view.details_step and (details := _details(view, faults)):
        step = (view.details_step - 1) % len(details)
        return Page(_status_bar(view, faults, f"{step + 1}/{len(details)}"), details[step])
    lines = _lines(view, faults, texts, clock_text)
    if view.volume_percent is not None:
        first = lines[0] if lines and lines[0].size is Size.NORMAL else Line("")
        volume = Line(_in_two_columns(texts.volume, f"{view.volume_percent}%"))
        return Page(_status_bar(view, faults, clock_text), (first, volume), bar_percent=view.volume_percent)
    clock_is_large = view.call is None and any(line.text == clock_text for line in lines)
    return Page(_status_bar(view, faults, "" if clock_is_large else clock_text), lines)


def _lines(view: PhoneView, faults: list[_Fault], texts: Texts, clock_text: str) -> tuple[Line, ...]:
    if view.call is not None:
        return _call(view, view.call, texts)
    if view.mode is Mode.COLLECTING_DIGITS:
        return _dialling(view, faults, texts)
    if view.mode is Mode.UNPROVISIONED:
        return _unprovisioned(view, texts)
    return _idle(view, faults, texts, clock_text)


def _status_bar(view: PhoneView, faults: list[_Fault], text: str) -> StatusBar:
    """During a call the bar is about the call: whether the microphone is open, and how long it has lasted."""
    icons = [(_REGISTRATION_ICONS[view.registration], 0)]
    if view.microphone_open:
        icons.append((Icon.MUTED if view.muted else Icon.MICROPHONE, 0))
    if view.missed_calls and view.call is None:
        icons.append((Icon.MISSED, min(view.missed_calls, _HIGHEST_COUNT)))
    if (count := len(faults) or len(view.mistakes)) and view.call is None:
        icons.append((Icon.PROBLEM, min(count, _HIGHEST_COUNT) if count > 1 else 0))
    duration_s = view.call.duration_s if view.call is not None and not view.details_step else 0
    return StatusBar(tuple(icons), _duration(duration_s) if duration_s else text)


def _duration(duration_s: int) -> str:
    hours, rest_s = divmod(duration_s, _SECONDS_AN_HOUR)
    minutes, seconds = divmod(rest_s, _SECONDS_A_MINUTE)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


# --- what is wrong ----------------------------------------------------------------------------------------------------


def _faults(view: PhoneView, texts: Texts) -> list[_Fault]:
    """Return what is wrong, the most important first."""
    faults: list[_Fault] = []
    if view.registration is RegistrationState.FAILED:
        failure = view.registration_failure
        words = texts.registration_failures[failure] if failure is not None else texts.no_service
        faults.append(_Fault(words, f"SIP {view.registration_sip_code}" if view.registration_sip_code else ""))
    for problem, detail in view.problems:
        if problem is not Problem.CONFIGURATION:
            faults.append(_Fault(texts.problems[problem], detail))
        elif view.mode is not Mode.UNPROVISIONED:
            # The mistakes follow, each by itself.
            faults.append(_Fault(texts.problems[problem], "" if view.mistakes else detail))
    return faults


def _details(view: PhoneView, faults: list[_Fault]) -> list[tuple[Line, ...]]:
    """Return page after page about what is wrong."""
    pages: list[tuple[Line, ...]] = []
    for fault in faults:
        words = tuple(_left(fault.words))
        if fault.detail and len(words) < _ROWS and columns(fault.detail) <= SMALL_COLUMNS:
            pages.append((*words, Line(fault.detail, size=Size.SMALL)))
        else:
            pages.extend((words, *_small_pages(fault.detail)))
    for mistake in view.mistakes:
        pages.extend(_small_pages(mistake))
    return pages


def _small_pages(sentence: str) -> list[tuple[Line, ...]]:
    lines = [Line(text, size=Size.SMALL) for text in wrap(sentence, SMALL_COLUMNS)]
    return [tuple(lines[start : start + _SMALL_ROWS]) for start in range(0, len(lines), _SMALL_ROWS)]


# --- one function a mode ----------------------------------------------------------------------------------------------


def _idle(view: PhoneView, faults: list[_Fault], texts: Texts, clock_text: str) -> tuple[Line, ...]:
    if view.hint is not None:
        return tuple(_centred(texts.hints[view.hint]))
    if faults:
        return tuple(_left(faults[0].words))
    if view.missed_calls:
        count = texts.missed_one if view.missed_calls == 1 else texts.missed_many.format(count=view.missed_calls)
        return (Line(count, Align.CENTRE, inverted=True), Line(view.missed_party, Align.CENTRE))
    if clock_text:
        return (Line(clock_text, Align.CENTRE, Size.LARGE),)
    return (Line(texts.dial_a_number, Align.CENTRE),)


def _unprovisioned(view: PhoneView, texts: Texts) -> tuple[Line, ...]:
    title = Line(texts.not_set_up, Align.CENTRE, inverted=True)
    if view.hint is not None:
        return (title, *_centred(texts.hints[view.hint]))[:_ROWS]
    if not view.mistakes:
        return (title, *_left(texts.ask_installer))[:_ROWS]
    why = wrap(view.mistakes[0], SMALL_COLUMNS)[:_SMALL_ROWS_BELOW_A_TITLE]
    return (title, *(Line(text, size=Size.SMALL) for text in why))


def _dialling(view: PhoneView, faults: list[_Fault], texts: Texts) -> tuple[Line, ...]:
    hint = list(_centred(texts.hints[view.hint])) if view.hint is not None else []
    if view.hint is Hint.EMERGENCY_NUMBER:
        hint = [Line(texts.emergency_call, Align.CENTRE, inverted=True)]
    if view.digits:
        size = Size.LARGE if len(hint) <= 1 else Size.NORMAL
        return (Line(view.digits, Align.RIGHT, size, keeps_end=True), *hint)[:_ROWS]
    if hint:
        return tuple(hint)
    if faults:
        return tuple(_left(faults[0].words))
    return (Line(texts.dial_a_number, Align.CENTRE),)


def _call(view: PhoneView, call: CallView, texts: Texts) -> tuple[Line, ...]:
    match view.mode:
        case Mode.RINGING:
            headline, tail = texts.incoming_call, _hint(view, texts)
        case Mode.OUTGOING:
            rings = call.state is CallState.ALERTING
            state = texts.far_end_rings if rings else texts.calling
            headline = texts.emergency_call if call.emergency else state
            tail = [Line(state, Align.CENTRE)] if call.emergency else []
        case Mode.CALL_ENDED:
            return _ended(view, call, texts)
        case _:
            return _talking(view, call, texts)
    return (Line(headline, Align.CENTRE, inverted=True), *_fill(_party(call, texts), tail, _ROWS - 1))


def _talking(view: PhoneView, call: CallView, texts: Texts) -> tuple[Line, ...]:
    if call.state is CallState.HELD:
        tail = [Line(texts.on_hold, Align.CENTRE, inverted=True)]
    elif call.held_by_peer:
        tail = [Line(texts.held_by_peer, Align.CENTRE, inverted=True)]
    elif view.muted:
        tail = [Line(texts.muted, Align.CENTRE, inverted=True)]
    elif call.state is CallState.INCOMING:
        tail = [Line(texts.connecting, Align.CENTRE)]
    elif call.dtmf:
        tail = [Line(call.dtmf, Align.RIGHT, keeps_end=True)]
    else:
        tail = []
    return tuple(_fill(_party(call, texts), tail, _ROWS))


def _ended(view: PhoneView, call: CallView, texts: Texts) -> tuple[Line, ...]:
    why = texts.reasons[call.reason] if call.reason is not None else texts.call_ended
    if call.emergency and not call.duration_s:
        return (*_centred(texts.hints[Hint.CANNOT_CALL]), *_centred(why))[:_ROWS]
    headline, *rest = (Line(text, Align.CENTRE, inverted=True) for text in wrap(why, COLUMNS))
    tail = _hint(view, texts)
    return (headline, *rest, *_fill(_party(call, texts), tail, _ROWS - 1 - len(rest)))


def _party(call: CallView, texts: Texts) -> list[Line]:
    """Name and number of the other end, what is known of them."""
    name = call.contact_name or call.party.display_name
    number = call.party.number
    if not name and not number:
        return [Line(texts.unknown_caller, Align.CENTRE)]
    lines = [Line(name, Align.CENTRE)] if name else []
    return lines + ([Line(number, Align.CENTRE, keeps_end=True)] if number else [])


# --- lines ------------------------------------------------------------------------------------------------------------


def _fill(body: list[Line], tail: list[Line], rows: int) -> list[Line]:
    """Put as much of the body over the tail as there are rows for; at least the body's first line stays."""
    tail = tail[: rows - 1] if body else tail[:rows]
    return body[: rows - len(tail)] + tail


def _hint(view: PhoneView, texts: Texts) -> list[Line]:
    return list(_centred(texts.hints[view.hint])) if view.hint is not None else []


def _left(sentence: str) -> list[Line]:
    return [Line(text) for text in wrap(sentence, COLUMNS)[:_ROWS]]


def _centred(sentence: str) -> list[Line]:
    return [Line(text, Align.CENTRE) for text in wrap(sentence, COLUMNS)[:_ROWS]]


def _in_two_columns(left: str, right: str) -> str:
    return left + " " * max(1, COLUMNS - columns(left) - columns(right)) + right
