"""Which page shows which state of the phone."""

from typing import NamedTuple

from firmware.phone.call import RegistrationState
from firmware.phone.events import Problem
from firmware.phone.quality import bars
from firmware.phone.view import CallView, Hint, Mode, PhoneView
from firmware.screens.call_pages import call_lines, party_words
from firmware.screens.info_pages import entries, info_lines
from firmware.screens.languages import TEXTS, Language, Texts
from firmware.screens.lines import (
    ROWS,
    SMALL_COLUMNS,
    SMALL_ROWS,
    SMALL_ROWS_BELOW_A_TITLE,
    centred,
    in_two_columns,
    left,
    small,
    small_paragraph,
    title,
)
from firmware.screens.page import Align, Icon, Line, Page, Size, StatusBar
from firmware.screens.text import columns, wrap

_MISTAKE_ROWS = 3
_LONGEST_MESSAGE_ROWS = 100
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
    if view.info is not None and (count := entries(view, view.info)) > 1:
        return Page(_status_bar(view, faults, f"{view.info_step % count + 1}/{count}"), lines)
    if view.volume_percent is not None:
        first = lines[0] if lines and lines[0].size is Size.NORMAL else Line("")
        volume = Line(in_two_columns(texts.volume, f"{view.volume_percent}%"))
        return Page(_status_bar(view, faults, clock_text), (first, volume), bar_percent=view.volume_percent)
    clock_is_large = view.call is None and any(line.text == clock_text for line in lines)
    return Page(_status_bar(view, faults, "" if clock_is_large else clock_text), lines)


def _lines(view: PhoneView, faults: list[_Fault], texts: Texts, clock_text: str) -> tuple[Line, ...]:
    if view.info is not None:
        return info_lines(view, view.info, texts)
    if view.mode is Mode.WRITING:
        return _writing(view, texts)
    if view.call is not None:
        return call_lines(view, view.call, texts)
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
    if view.speaker:
        icons.append((Icon.SPEAKER, 0))
    icons += _call_icons(view.call) if view.call is not None else _idle_icons(view, len(faults) or len(view.mistakes))
    duration_s = view.call.duration_s if view.call is not None and not view.details_step else 0
    return StatusBar(tuple(icons), _duration(duration_s) if duration_s else text)


def _call_icons(call: CallView) -> list[tuple[Icon, int]]:
    if call.quality is None:
        return []
    lock = [(Icon.LOCK, 0)] if call.quality.encrypted else []
    return [*lock, (_QUALITY_ICONS[bars(call.quality.mos)], 0)] if call.quality.mos else lock


def _idle_icons(view: PhoneView, faults: int) -> list[tuple[Icon, int]]:
    """Return what waits for the person, the most important first; the last ones go where they do not all fit."""
    counts = (
        (Icon.MISSED, view.missed_calls),
        (Icon.VOICEMAIL, view.voicemail),
        (Icon.MESSAGE, view.unread_messages),
    )
    icons = [(Icon.PROBLEM, min(faults, _HIGHEST_COUNT) if faults > 1 else 0)] if faults else []
    if view.do_not_disturb:
        icons.append((Icon.DO_NOT_DISTURB, 0))
    if view.forwarding:
        icons.append((Icon.FORWARD, 0))
    return icons + [(icon, min(count, _HIGHEST_COUNT)) for icon, count in counts if count]


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
        words = tuple(left(fault.words))
        if fault.detail and len(words) < ROWS and columns(fault.detail) <= SMALL_COLUMNS:
            pages.append((*words, Line(fault.detail, size=Size.SMALL)))
        else:
            pages.extend((words, *_small_pages(fault.detail)))
    for mistake in view.mistakes:
        pages.extend(_small_pages(mistake))
    return pages


def _small_pages(sentence: str) -> list[tuple[Line, ...]]:
    lines = [Line(text, size=Size.SMALL) for text in wrap(sentence, SMALL_COLUMNS)]
    return [tuple(lines[start : start + SMALL_ROWS]) for start in range(0, len(lines), SMALL_ROWS)]


# --- one function a mode ----------------------------------------------------------------------------------------------


def _idle(view: PhoneView, faults: list[_Fault], texts: Texts, clock_text: str) -> tuple[Line, ...]:
    if view.hint is not None:
        return tuple(_hint(view, view.hint, texts))
    if faults:
        return tuple(left(faults[0].words))
    if view.redial_in_s:
        return tuple(centred(texts.trying_again_in.format(s=view.redial_in_s)))
    if view.refusal is not None:
        return (title(view.refusal.party or texts.unknown_caller), *centred(texts.decisions[view.refusal.decision]))[
            :ROWS
        ]
    if view.missed_calls:
        count = texts.missed_one if view.missed_calls == 1 else texts.missed_many.format(count=view.missed_calls)
        return (Line(count, Align.CENTRE, inverted=True), Line(view.missed_party, Align.CENTRE))
    if clock_text:
        return (Line(clock_text, Align.CENTRE, Size.LARGE),)
    return (Line(texts.dial_a_number, Align.CENTRE),)


def _unprovisioned(view: PhoneView, texts: Texts) -> tuple[Line, ...]:
    head = title(texts.not_set_up)
    if view.hint is not None:
        return (head, *centred(texts.hints[view.hint]))[:ROWS]
    if not view.mistakes:
        return (head, *left(texts.ask_installer))[:ROWS]
    why = wrap(view.mistakes[0], SMALL_COLUMNS)[:_MISTAKE_ROWS]
    return (head, *(Line(text, size=Size.SMALL) for text in why))


def _dialling(view: PhoneView, faults: list[_Fault], texts: Texts) -> tuple[Line, ...]:
    hint = list(_hint(view, view.hint, texts)) if view.hint is not None else []
    if view.hint is Hint.EMERGENCY_NUMBER:
        hint = [Line(texts.emergency_call, Align.CENTRE, inverted=True)]
    if view.digits:
        size = Size.LARGE if len(hint) <= 1 else Size.NORMAL
        return (Line(view.digits, Align.RIGHT, size, keeps_end=True), *hint)[:ROWS]
    held = [small(texts.on_hold_too.format(party=party_words(other, texts))) for other in view.other_calls]
    if hint:
        return (*hint, *held)[:ROWS]
    if faults:
        return tuple(left(faults[0].words))
    return (Line(texts.dial_a_number, Align.CENTRE), *held)[:ROWS]


def _writing(view: PhoneView, texts: Texts) -> tuple[Line, ...]:
    """Show the end of the message, where the next letter goes."""
    head = title(texts.message_to.format(party=view.digits) if view.digits else texts.new_message)
    written = small_paragraph(f"{view.message_text or ''}_", _LONGEST_MESSAGE_ROWS)
    return (head, *written[-SMALL_ROWS_BELOW_A_TITLE:])


def _hint(view: PhoneView, hint: Hint, texts: Texts) -> list[Line]:
    """Say a hint, with the name of the feature that it is about."""
    lines = centred(texts.hints[hint])
    if view.feature in texts.features and hint in {Hint.FEATURE_ON, Hint.FEATURE_OFF, Hint.FEATURE_IMPOSSIBLE}:
        return [title(texts.features[view.feature]), *lines][:ROWS]
    return lines
