"""What the menu key shows: the lines, how calls sounded, the text messages, and what is switched on."""

from dataclasses import replace

from firmware.phone.call import CallDirection, CallQuality, RegistrationState, TextMessage
from firmware.phone.quality import bars
from firmware.phone.view import InfoPage, LineView, PhoneView
from firmware.screens.languages import Texts
from firmware.screens.lines import (
    SMALL_ROWS,
    SMALL_ROWS_BELOW_A_TITLE,
    centred,
    is_latin,
    small,
    small_paragraph,
    title,
)
from firmware.screens.page import Align, Line, Size

_GOOD_BARS = 3
_FAIR_BARS = 2


def info_lines(view: PhoneView, page: InfoPage, texts: Texts) -> tuple[Line, ...]:
    """Lay out the entry that the person has come to."""
    match page:
        case InfoPage.LINES:
            line = view.lines[view.info_step % len(view.lines)] if view.lines else None
            return _line(line, texts)
        case InfoPage.QUALITY:
            if view.call is not None and view.call.quality is not None:
                return _quality(view.call.contact_name or view.call.party.number, view.call.quality, texts)
            if not view.recent_qualities:
                return tuple(centred(texts.no_calls_yet))
            return _quality(*view.recent_qualities[view.info_step % len(view.recent_qualities)], texts)
        case InfoPage.MESSAGES:
            if not view.messages:
                return tuple(centred(texts.no_messages))
            return _message(view.messages[view.info_step % len(view.messages)], texts)
        case InfoPage.FEATURES:
            return _features(view, texts)


def entries(view: PhoneView, page: InfoPage) -> int:
    """Count the entries of a page."""
    match page:
        case InfoPage.LINES:
            return len(view.lines)
        case InfoPage.QUALITY:
            return len(view.recent_qualities) if view.call is None else 1
        case InfoPage.MESSAGES:
            return len(view.messages)
        case InfoPage.FEATURES:
            return 1 + len(view.features_on)


def _line(line: LineView | None, texts: Texts) -> tuple[Line, ...]:
    if line is None:
        return (title(texts.no_service),)
    lines = [title(line.account or texts.registrations[line.state])]
    if line.state is not RegistrationState.FAILED:
        return (*lines, Line(texts.registrations[line.state], Align.CENTRE))
    why = texts.registration_failures[line.failure] if line.failure is not None else texts.no_service
    lines += small_paragraph(why, SMALL_ROWS_BELOW_A_TITLE)
    code = f"SIP {line.sip_code} " if line.sip_code else ""
    wait = texts.retry_in.format(s=line.retry_in_s) if line.retry_in_s else ""
    if (code or wait) and len(lines) <= SMALL_ROWS_BELOW_A_TITLE:
        lines.append(small(f"{code}{wait}".strip()))
    return tuple(lines)


def _quality(party: str, quality: CallQuality, texts: Texts) -> tuple[Line, ...]:
    level = bars(quality.mos)
    words = texts.sound_good if level >= _GOOD_BARS else texts.sound_fair if level >= _FAIR_BARS else texts.sound_poor
    lines = [
        small(
            template.format(
                words=words,
                mos=quality.mos,
                loss=quality.loss_percent,
                jitter=quality.jitter_ms,
                delay="?" if quality.round_trip_ms is None else f"{quality.round_trip_ms:.0f}",
                codec=quality.codec,
                lock="SRTP" if quality.encrypted else "RTP",
            )
        )
        for template in texts.quality_lines
    ]
    head = title(party or texts.unknown_caller)
    return (replace(head, size=Size.SMALL) if len(lines) == SMALL_ROWS - 1 and is_latin(party) else head, *lines)


def _message(message: TextMessage, texts: Texts) -> tuple[Line, ...]:
    party = message.party.display_name or message.party.number or texts.unknown_caller
    incoming = message.direction is CallDirection.INCOMING
    head = title((texts.message_from if incoming else texts.message_to).format(party=party))
    if not message.delivered:
        return (head, small(texts.message_not_sent), *small_paragraph(message.text, 1))
    return (head, *small_paragraph(message.text, SMALL_ROWS_BELOW_A_TITLE))


def _features(view: PhoneView, texts: Texts) -> tuple[Line, ...]:
    if step := view.info_step % entries(view, InfoPage.FEATURES):
        name, number = view.features_on[step - 1]
        return (title(texts.features[name]), *([Line(number, Align.CENTRE)] if number else []))
    return (
        Line(texts.not_disturbed if view.do_not_disturb else texts.disturbed, Align.CENTRE),
        Line(
            texts.forwarding_to.format(number=view.forwarding) if view.forwarding else texts.no_forwarding, Align.CENTRE
        ),
    )
