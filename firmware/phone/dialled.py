"""What a string of keys says, whom it may mean, and calls to numbers that the phone knows.

A feature code comes before a number; then it is done. With the handset in its cradle digits wait for it to be lifted.
Contacts are looked up beside what the digits are. Known are the last number, the hotline, whom the digits 1 to 9 call
and the voicemail.
"""

from dataclasses import replace
from functools import partial

from firmware.phone import auto_redial, holder_settings
from firmware.phone.contact import ContactMatch
from firmware.phone.dial_plan import Match
from firmware.phone.dial_string import keys_of_letters, parse_number
from firmware.phone.dialling import offer_dial_tone, refuse_number, send_number
from firmware.phone.events import (
    BlockedContactsLoaded,
    Event,
    KeyHeld,
    KeyPressed,
    MissedCallsCounted,
    Timer,
    TimerExpired,
)
from firmware.phone.features import CodeReading, Feature
from firmware.phone.holder_settings import speed_dial
from firmware.phone.moves import enter, go_home, show_notice
from firmware.phone.news import Watched
from firmware.phone.orders import Tone
from firmware.phone.request import Failed
from firmware.phone.requests.contacts import SearchContacts
from firmware.phone.requests.people import FindPeople, PeopleFound, Person
from firmware.phone.state import PhoneState
from firmware.phone.texting import want_text
from firmware.phone.view import Hint, Mode, PersonView

CONFIRMED_S = 2.0
_SENDABLE = frozenset({Match.COMPLETE, Match.COMPLETE_AFTER_TIMEOUT})
_CALLS_SOMEBODY = frozenset({Feature.ANONYMOUS_CALL, Feature.TEXT_CALL, Feature.CALL_BACK, Feature.VOICEMAIL})


def match(state: PhoneState, digits: str) -> Match:
    """Say whether the keys are a code or a number, may become one, or cannot."""
    plan = state.settings.dial_plan
    if (reading := read_code(state, digits)) is not None:
        return reading.match
    number = plan.match(digits)
    if not _knows_codes(state) or not state.settings.feature_codes.begins_code(digits):
        return number
    return Match.COMPLETE_AFTER_TIMEOUT if number in _SENDABLE else Match.INCOMPLETE


def accepts(state: PhoneState, digits: str) -> bool:
    """Whether the person may send this now."""
    if (reading := read_code(state, digits)) is not None:
        return _is_whole(state, reading)
    return state.settings.dial_plan.accepts(digits)


def takes_hash(state: PhoneState, digits: str) -> bool:
    """Whether `#` is the next digit rather than the key that sends."""
    plan, codes = state.settings.dial_plan, state.settings.feature_codes
    if (reading := read_code(state, digits)) is not None:
        return plan.takes_hash(reading.number) and not _is_whole(state, reading)
    longer = f"{digits}#"
    return plan.takes_hash(digits) or (_knows_codes(state) and codes.begins_code(digits) and _continues(state, longer))


def _continues(state: PhoneState, digits: str) -> bool:
    return state.settings.feature_codes.begins_code(digits) or read_code(state, digits) is not None


def read_code(state: PhoneState, digits: str) -> CodeReading | None:
    """Say which feature was dialled, None where it is a number."""
    return state.settings.feature_codes.read(digits, state.settings.dial_plan) if _knows_codes(state) else None


def _knows_codes(state: PhoneState) -> bool:
    return not state.helps_only


def _is_whole(state: PhoneState, reading: CodeReading) -> bool:
    return reading.match in _SENDABLE or state.settings.dial_plan.accepts(reading.number)


def dial(state: PhoneState, digits: str) -> None:
    """Do what was dialled, or say why not. The handset is off."""
    reading = read_code(state, digits)
    if reading is None:
        send_number(state, digits)
    elif not _is_whole(state, reading):
        hopeless = reading.match is Match.IMPOSSIBLE
        refuse_number(state, digits, Hint.NUMBER_IMPOSSIBLE if hopeless else Hint.NUMBER_INCOMPLETE)
    elif reading.feature is Feature.ANONYMOUS_CALL:
        send_number(state, reading.number, anonymous_code=reading.code)
    elif reading.feature is Feature.TEXT_CALL:
        send_number(state, reading.number)
        if state.mode is Mode.OUTGOING and state.call is not None:
            want_text(state, state.call)
    elif reading.feature is Feature.CALL_BACK:
        send_or_refuse(state, number_of_last_caller(state), Hint.NOTHING_TO_REDIAL)
    elif reading.feature is Feature.VOICEMAIL:
        send_or_refuse(state, state.settings.voicemail_number, Hint.NO_VOICEMAIL)
    else:
        _confirm(state, digits, _switch(state, reading))


def switch_on_hook(state: PhoneState, digits: str) -> Hint | None:
    """Do what was dialled with the handset in its cradle; None where that takes a handset."""
    reading = read_code(state, digits)
    if reading is None or not is_switch(state, digits) or not _is_whole(state, reading):
        return None
    return _switch(state, reading)


def is_switch(state: PhoneState, digits: str) -> bool:
    """Whether this is a code that calls nobody."""
    reading = read_code(state, digits)
    return reading is not None and reading.feature not in _CALLS_SOMEBODY


def send_or_refuse(state: PhoneState, number: str, hint: Hint) -> None:
    """Call a number that the phone knows; the hint says that it knows none."""
    if number:
        send_number(state, number)
    else:
        refuse_number(state, "", hint)


def number_of_last_caller(state: PhoneState) -> str:
    """Return what to dial to call the last caller back, empty where that is not known."""
    caller = state.features.last_caller
    return caller.number if caller is not None and state.settings.dial_plan.accepts(caller.number) else ""


def _switch(state: PhoneState, reading: CodeReading) -> Hint:
    if reading.feature in holder_settings.SWITCHED:
        return holder_settings.switch(state, reading)
    state.features.feature = "auto_redial"
    if reading.feature is Feature.AUTO_REDIAL_OFF:
        auto_redial.disarm(state)
        return Hint.FEATURE_OFF
    return Hint.FEATURE_ON if auto_redial.arm(state, state.last_dialled) else Hint.FEATURE_IMPOSSIBLE


def _confirm(state: PhoneState, digits: str, hint: Hint) -> None:
    """Tell by a tone and in words what a code has done; a number may follow at once."""
    if hint is Hint.FEATURE_IMPOSSIBLE:
        refuse_number(state, digits, hint)
        return
    enter(state, Mode.COLLECTING_DIGITS)
    state.digits = digits
    state.refused = True
    state.tone = Tone.CONFIRMATION
    state.hint = hint
    state.start_timer(Timer.INTER_DIGIT, CONFIRMED_S)


PATIENCE_S = 30.0


def show_on_hook(state: PhoneState, digits: str) -> None:
    """Show digits that wait for the handset to be lifted."""
    auto_redial.disarm(state)
    if not digits:
        go_home(state)
        return
    if state.mode is not Mode.COLLECTING_DIGITS:
        enter(state, Mode.COLLECTING_DIGITS)
    state.digits = digits
    state.hint = hint_for(state, digits)
    state.start_timer(Timer.INTER_DIGIT, PATIENCE_S)


def call_from_cradle(state: PhoneState, number: str) -> None:
    """Call with the handset down: on the loudspeaker, or as soon as it is lifted where there is none."""
    if state.settings.has_loudspeaker:
        state.speaker = True
        dial(state, number)
    else:
        show_on_hook(state, number)
        show_notice(state, Hint.LIFT_HANDSET)


def hint_for(state: PhoneState, digits: str) -> Hint | None:
    """Say what to know of these digits, None where they may become a call like any other."""
    plan = state.settings.dial_plan
    if not state.can_call:
        return state.why_no_calls
    if plan.reaches_emergency(digits):
        return Hint.EMERGENCY_NUMBER
    if match(state, digits) is Match.IMPOSSIBLE and not accepts(state, digits):
        return Hint.LIFT_HANDSET if _person_behind(state, digits) else Hint.NUMBER_IMPOSSIBLE
    return state.restriction


def recall_on_hook(state: PhoneState, _event: KeyPressed) -> None:
    """Show the last number; lifting the handset calls it."""
    if state.last_dialled:
        show_on_hook(state, state.last_dialled)
    else:
        show_notice(state, Hint.NOTHING_TO_REDIAL)


def redial_off_hook(state: PhoneState, _event: KeyPressed) -> None:
    """Call the last number."""
    if state.last_dialled:
        dial(state, state.last_dialled)
    else:
        show_notice(state, Hint.NOTHING_TO_REDIAL)


def redial_or_keep_trying(state: PhoneState, event: KeyPressed) -> None:
    """Call the last number; where it has just been busy, try it until it is free. A second press calls at once."""
    may_arm = auto_redial.may_arm(state.call) and state.features.auto_redial is None
    if may_arm and auto_redial.arm(state, state.last_dialled):
        state.hint = Hint.REDIALLING
    else:
        redial_off_hook(state, event)


def try_again_off_hook(state: PhoneState, _event: TimerExpired) -> None:
    """Call the busy number so that the person, who has the handset in the hand, hears it."""
    if (redial := auto_redial.due(state)) is not None:
        dial(state, redial.digits)


def begin_dialling(state: PhoneState) -> None:
    """Offer dial tone on a phone that nobody has used, or call the hotline."""
    auto_redial.disarm(state)
    hotline = state.settings.hotline
    # Reorder tone in place of dial tone would keep a person from dialling something else.
    objection = state.settings.dial_plan.objection(hotline.number) if hotline is not None else None
    callable_now = state.can_call and not state.helps_only and objection is None
    if hotline is None or not callable_now:
        offer_dial_tone(state)
    elif hotline.delay_s:
        offer_dial_tone(state)
        state.start_timer(Timer.HOTLINE, hotline.delay_s)
    else:
        send_number(state, hotline.number)


def call_hotline(state: PhoneState, _event: TimerExpired) -> None:
    """Call the hotline, because nothing else was dialled."""
    if state.settings.hotline is not None:
        send_number(state, state.settings.hotline.number)


def dial_quickly(state: PhoneState, event: KeyHeld) -> None:
    """Call whom the digit that is held calls, where it is the only one; on the loudspeaker with the handset down.

    Where the phone of somebody who is watched rings, take that call.

    Without a loudspeaker the number waits for the handset. So does a call for help, which nobody may place by mistake.
    """
    if state.digits != event.key.value:
        return
    number = number_behind(state, event.key.value)
    if state.people.watched.get(number) is Watched.RINGING:
        number = f"{state.settings.pickup_code}{number}"
    waits = not state.settings.has_loudspeaker or state.settings.dial_plan.reaches_emergency(number)
    if not number:
        show_notice(state, Hint.NO_SPEED_DIAL)
    elif waits and not state.engaged:
        show_on_hook(state, number)
    else:
        state.speaker = state.speaker or not state.engaged
        send_number(state, number)


def number_behind(state: PhoneState, digit: str) -> str:
    """Return the number that a digit calls, empty for none."""
    return state.people.number_behind(digit, state.features.preferences, state.settings)


def people_shown(state: PhoneState) -> tuple[PersonView, ...]:
    """Return whom the digits call, on a phone that nobody uses and that may call them; else nobody."""
    may_call = state.mode is Mode.IDLE and state.can_call and not state.helps_only
    return state.people.views(state.features.preferences, state.settings) if may_call else ()


def keep_people(state: PhoneState, event: Event) -> None:
    """Ask whom the digits call whenever speed dials, contacts or calls have changed."""
    numbers = tuple(number for _, number in state.features.preferences.speed_dials)
    changed = isinstance(event, BlockedContactsLoaded | MissedCallsCounted)
    if changed or state.people.asked not in {None, numbers}:
        state.people.asked = numbers
        state.ask(FindPeople(numbers), _take_people)


def _take_people(state: PhoneState, found: PeopleFound | Failed) -> None:
    if isinstance(found, Failed):
        return
    plan, voicemail = state.settings.dial_plan, state.settings.voicemail_number
    called = tuple(replace(each, number=dialable(state, each.number)) for each in found.called)

    def is_free(digit: str) -> bool:
        return not speed_dial(state, digit) and not (digit == "1" and voicemail)

    def may_call(person: Person) -> bool:
        return person.number != voicemail and plan.objection(person.number) is None

    state.people.take(replace(found, called=called), is_free, may_call)


def call_voicemail(state: PhoneState) -> None:
    """Call the voicemail with the handset up, unless a number is being dialled."""
    if not state.digits or state.refused:
        send_or_refuse(state, state.settings.voicemail_number, Hint.NO_VOICEMAIL)


def keep_search(state: PhoneState) -> None:
    """Ask for the contacts that the digits may mean, once for each change of these."""
    wanted = state.digits if _may_search(state) else ""
    if wanted == state.searched:
        return
    state.searched = wanted
    state.matches = _person_behind(state, wanted)
    state.match = 0 if state.matches else None
    if wanted:
        state.ask(SearchContacts(wanted), partial(_take_matches, wanted))


def _may_search(state: PhoneState) -> bool:
    """Codes are no names, and a locked phone tells nobody whom its holder knows."""
    collects = state.mode is Mode.COLLECTING_DIGITS and not state.refused
    return collects and not state.locked and state.digits.removeprefix("+").isdigit()


def _take_matches(keys: str, state: PhoneState, found: tuple[ContactMatch, ...] | Failed) -> None:
    """Show what was found for the digits of now; an answer to earlier ones comes too late."""
    if keys == state.searched and not isinstance(found, Failed):
        state.matches = (*_person_behind(state, keys), *(match for match in found if match.number))


def _person_behind(state: PhoneState, digit: str) -> tuple[ContactMatch, ...]:
    """Return whom lifting the handset calls after a lone digit, where no number, code or call for help begins so."""
    if state.engaged or state.helps_only or len(digit) != 1:
        return ()
    if match(state, digit) is not Match.IMPOSSIBLE or accepts(state, digit):
        return ()
    person = state.people.view(digit, state.features.preferences, state.settings)
    if person is None:
        return ()
    return (ContactMatch(0, person.name if isinstance(person.name, str) else person.number, person.number),)


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
