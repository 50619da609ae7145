"""What the phone did, line by line, for the person who tries the simulator: told by what has changed on the display.

The lines may hold numbers and names. They go to the simulator's own page (drivers/simulator/messages.py) and nowhere
else; where the phone has no such page none is made.
"""

from collections.abc import Iterator
from typing import Final

from firmware.display.translation import Language, translator
from firmware.phone.call import CallDirection, CallState
from firmware.phone.view import CallView, PhoneView

_WAITING_HERE: Final = frozenset({CallState.INCOMING, CallState.WAITING})


def changes(before: PhoneView | None, now: PhoneView) -> tuple[str, ...]:
    """Say what has happened between two states of the phone, in order; `before` is None at the beginning."""
    return tuple(_changes(before, now))


def _changes(before: PhoneView | None, now: PhoneView) -> Iterator[str]:
    if before is None or before.off_hook != now.off_hook:
        yield "The handset was lifted." if now.off_hook else "The handset lies in its cradle."
    if before is None or before.registration != now.registration:
        yield f"Line: {_plain(now.registration)}."
    yield from _call_changes(before.call if before else None, now.call)
    known = {call.party for call in (*before.other_calls, before.call) if call is not None} if before else set()
    for call in now.other_calls:
        if call.state in _WAITING_HERE and call.party not in known:
            yield f"{_who(call)} calls, and waits."
    if before is not None and before.microphone_open != now.microphone_open:
        yield "The microphone is open." if now.microphone_open else "The microphone is shut."
    if before is not None and before.muted != now.muted:
        yield "The microphone is muted." if now.muted else "The microphone is no longer muted."
    if before is not None and before.mode != now.mode:
        yield f"Mode: {_plain(now.mode)}."
    title = _title(now)
    if title and title != (_title(before) if before else ""):
        yield f"Page: {title}."
    if before is not None and before.unread_messages < now.unread_messages:
        yield "A text message came."


def _call_changes(before: CallView | None, now: CallView | None) -> Iterator[str]:
    if now is None:
        if before is not None and before.state is not CallState.DISCONNECTED:
            yield f"The call with {_who(before)} is over."
        return
    if before is None or (before.party, before.direction) != (now.party, now.direction):
        yield f"Calling {_who(now)}." if now.direction is CallDirection.OUTGOING else f"{_who(now)} calls."
        state = CallState.DIALING if now.direction is CallDirection.OUTGOING else CallState.INCOMING
    else:
        state = before.state
    if state == now.state:
        return
    if now.state is CallState.ACTIVE:
        if state is CallState.HELD:
            yield f"The call with {_who(now)} goes on."
        else:
            yield f"{_who(now)} answered." if now.direction is CallDirection.OUTGOING else f"Answered {_who(now)}."
    elif now.state is CallState.HELD:
        yield f"{_who(now)} is on hold."
    elif now.state is CallState.ALERTING:
        yield f"It rings at {_who(now)}."
    elif now.state is CallState.DISCONNECTED:
        why = f": {_plain(now.reason)}" if now.reason is not None else ""
        yield f"The call with {_who(now)} ended after {now.duration_s} s{why}."


def _who(call: CallView) -> str:
    return call.contact_name or call.party.display_name or call.party.number or "Somebody"


def _plain(state: str) -> str:
    return state.replace("_", " ")


def _title(view: PhoneView) -> str:
    return translator(Language.ENGLISH).say(view.menu.title) if view.menu is not None else ""
