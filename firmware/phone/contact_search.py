"""Looking contacts up while a number is dialled: what the digits so far may mean, beside what they are."""

from functools import partial

from firmware.phone.contact import ContactMatch
from firmware.phone.dial_string import keys_of_letters, parse_number
from firmware.phone.request import Failed
from firmware.phone.requests.contacts import SearchContacts
from firmware.phone.state import PhoneState
from firmware.phone.view import Mode


def keep_search(state: PhoneState) -> None:
    """Ask for the contacts that the digits may mean, once for each change of these."""
    wanted = state.digits if _may_search(state) else ""
    if wanted == state.searched:
        return
    state.searched = wanted
    state.matches = ()
    state.match = None
    if wanted:
        state.ask(SearchContacts(wanted), partial(_take_matches, wanted))


def _may_search(state: PhoneState) -> bool:
    """Codes are no names, and a locked phone tells nobody whom its holder knows."""
    collects = state.mode is Mode.COLLECTING_DIGITS and not state.refused
    return collects and not state.locked and state.digits.removeprefix("+").isdigit()


def _take_matches(keys: str, state: PhoneState, found: tuple[ContactMatch, ...] | Failed) -> None:
    """Show what was found for the digits of now; an answer to earlier ones comes too late."""
    if keys == state.searched and not isinstance(found, Failed):
        state.matches = tuple(match for match in found if match.number)


def move_match(state: PhoneState, step: int) -> None:
    """Choose the match before or after the chosen one; before the first, none is chosen."""
    before = -1 if state.match is None else state.match
    place = min(before + step, len(state.matches) - 1)
    state.match = place if place >= 0 else None


def chosen_number(state: PhoneState) -> str:
    """Return what to dial for the match that is chosen, empty where none is."""
    return dialable(state, state.matches[state.match].number) if state.match is not None else ""


def dialable(state: PhoneState, number: str) -> str:
    """Return a contact's number as it is dialled: without what people write between digits, in a form that can be sent.

    What is to be sent after the answer stands behind it; see firmware.phone.dial_string.
    """
    plan = state.settings.dial_plan
    dialled = parse_number(number)
    if "@" in dialled.number:
        return dialled.number
    written = keys_of_letters(dialled.number)
    # "+44 (0)20 ..." is how many write it; the trunk prefix in brackets is no part of the number.
    plain = plan.forms.plain(written.replace("(0)", "") if written.startswith("+") else written)
    first = plan.forms.toll_free(plain)
    others = sorted(plan.forms.forms(plain) - {first}, key=lambda form: (form.startswith("+"), form))
    return next((form for form in (first, *others) if plan.accepts(form)), plain) + dialled.post_dial
