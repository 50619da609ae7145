"""What the display shows while there are calls."""

from firmware.phone.call import CallState, Decision, TransferState
from firmware.phone.view import CallView, Hint, Mode, PhoneView
from firmware.screens.languages import Texts
from firmware.screens.lines import ROWS, centred, fill, headline, small, title
from firmware.screens.page import Align, Line


def call_lines(view: PhoneView, call: CallView, texts: Texts) -> tuple[Line, ...]:
    """Lay out the call in the foreground, and what the person should know of the others."""
    match view.mode:
        case Mode.RINGING:
            return _ringing(view, call, texts)
        case Mode.OUTGOING | Mode.REDIALLING:
            return _outgoing(view, call, texts)
        case Mode.CALL_ENDED:
            return _ended(view, call, texts)
        case _:
            return _talking(view, call, texts)


def party_words(call: CallView, texts: Texts) -> str:
    """Name the other end in one line: by name, else by number."""
    return call.contact_name or call.party.display_name or call.party.number or texts.unknown_caller


def _ringing(view: PhoneView, call: CallView, texts: Texts) -> tuple[Line, ...]:
    what = texts.on_hold if call.state is CallState.HELD else texts.incoming_call
    first = title(what)
    if view.hint is not None:
        return (first, *fill(_party(call, texts), list(centred(texts.hints[view.hint])), ROWS - 1))
    if call.diverted_by:
        return (first, *_party(call, texts)[:1], small(texts.forwarded_by.format(party=call.diverted_by)))
    if call.account:
        return (first, *_party(call, texts)[:1], small(texts.message_to.format(party=call.account)))
    return (first, *_party(call, texts)[: ROWS - 1])


def _outgoing(view: PhoneView, call: CallView, texts: Texts) -> tuple[Line, ...]:
    state = texts.far_end_rings if call.state is CallState.ALERTING else texts.calling
    tail = [Line(state, Align.CENTRE)] if call.emergency else _others(view, texts)
    if view.mode is Mode.REDIALLING and view.hint is not None:
        tail = list(centred(texts.hints[view.hint]))
    first = title(texts.emergency_call if call.emergency else state)
    return (first, *fill(_party(call, texts), tail, ROWS - 1))


def _talking(view: PhoneView, call: CallView, texts: Texts) -> tuple[Line, ...]:
    others = _others(view, texts)
    if call.in_conference:
        parties = [call, *(other for other in view.other_calls if other.in_conference)]
        return (title(texts.conference), *(Line(party_words(each, texts), Align.CENTRE) for each in parties))[:ROWS]
    if others and view.other_calls[0].state is CallState.WAITING:
        return (Line(party_words(call, texts), Align.CENTRE), *others)
    return tuple(fill(_party(call, texts), _state(view, call, texts) + others, ROWS))


def _state(view: PhoneView, call: CallView, texts: Texts) -> list[Line]:
    """Say what is special about the call, the most important thing alone."""
    if call.transfer is not None and call.transfer is not TransferState.FAILED:
        return [title(texts.transfers[call.transfer])]
    if view.hint is not None:
        return list(centred(texts.hints[view.hint]))
    if call.state is CallState.HELD:
        return [title(texts.on_hold)]
    if call.held_by_peer:
        return [title(texts.held_by_peer)]
    if view.muted:
        return [title(texts.muted)]
    if call.state is CallState.INCOMING:
        automatic = call.decision is Decision.AUTO_ANSWERED
        return [Line(texts.answered_by_itself if automatic else texts.connecting, Align.CENTRE)]
    if call.dtmf:
        return [Line(call.dtmf, Align.RIGHT, keeps_end=True)]
    return []


def _others(view: PhoneView, texts: Texts) -> list[Line]:
    """Name a call that waits, with the keys that deal with it, or else one that is on hold."""
    for other in view.other_calls:
        if other.state is CallState.WAITING:
            return [title(texts.waiting.format(party=party_words(other, texts))), small(texts.answer_or_decline)]
        if other.state is CallState.HELD:
            return [small(texts.on_hold_too.format(party=party_words(other, texts)))]
    return []


def _ended(view: PhoneView, call: CallView, texts: Texts) -> tuple[Line, ...]:
    why = texts.reasons[call.reason] if call.reason is not None else texts.call_ended
    if call.emergency and not call.duration_s:
        return (*centred(texts.hints[Hint.CANNOT_CALL]), *centred(why))[:ROWS]
    first = headline(why)
    tail = list(centred(texts.hints[view.hint])) if view.hint is not None else _others(view, texts)
    return (*first, *fill(_party(call, texts), tail, ROWS - len(first)))


def _party(call: CallView, texts: Texts) -> list[Line]:
    """Name the other end: its contact and number, or its number and where that belongs, or what it calls itself."""
    number = call.party.number
    name = call.contact_name or call.party.display_name
    if not name and not number:
        return [Line(texts.unknown_caller, Align.CENTRE)]
    number_lines = [Line(number, Align.CENTRE, keeps_end=True)] if number else []
    if call.attribution and not call.contact_name:
        return [*number_lines, small(call.attribution)]
    return [Line(name, Align.CENTRE), *number_lines] if name else number_lines
