"""Overruling what the phone decided by itself about a call; each time stands in the ledger."""

from collections.abc import Callable
from functools import partial
from typing import Final

from contract.consent import Purpose
from firmware.base.words import Text, word
from firmware.phone.call import Decision
from firmware.phone.holder_settings import allow, toggle_do_not_disturb
from firmware.phone.menu.calling import offer_call
from firmware.phone.menu.choices import Choice, Choices, Then, opening
from firmware.phone.menu.consent import PURPOSES
from firmware.phone.menu.guardian import asking_guardian, asking_who_answers, who_answers
from firmware.phone.menu.incoming import incoming_page
from firmware.phone.menu.purposes import purpose_page
from firmware.phone.menu.question import Notice
from firmware.phone.menu.switches import change
from firmware.phone.phrases import DECISIONS
from firmware.phone.requests.calls import LoggedCall
from firmware.phone.requests.rights import NoteOverride
from firmware.phone.state import PhoneState

LET_THROUGH: Final = word("Let through")
_INCOMING: Final = frozenset(
    {Decision.BLOCKED, Decision.DO_NOT_DISTURB, Decision.NOT_ON_ALLOW_LIST, Decision.OUT_OF_HOURS}
)
_FORWARDED: Final = frozenset({Decision.FORWARDED_ALWAYS, Decision.FORWARDED_BUSY, Decision.FORWARDED_NO_ANSWER})


def ways_to_overrule(call: LoggedCall) -> Choice | None:
    """Return the row that leads to them, None where the phone decided nothing that it could do otherwise."""
    decision = call.decision
    if decision is Decision.RECORDING_NOT_ALLOWED:
        return Choice(PURPOSES[Purpose.RECORDING], opening(lambda _state: purpose_page(Purpose.RECORDING)))
    if decision in _FORWARDED | {Decision.AUTO_ANSWERED, Decision.MESSAGE_TAKEN}:
        return Choice(word("Change this"), opening(incoming_page))
    if decision is None or not _choices(call, decision):
        return None
    return Choice(LET_THROUGH, opening(lambda _state: _page(call, decision)))


def _page(call: LoggedCall, decision: Decision) -> Choices:
    choices = [*_choices(call, decision), Choice(DECISIONS[decision])]
    return Choices(LET_THROUGH, lambda _state: choices)


def _choices(call: LoggedCall, decision: Decision) -> list[Choice]:
    if decision is Decision.ANONYMOUS:
        return [Choice(word("All withheld"), asking_guardian(_overruling(decision, _take_withheld)))]
    if decision is Decision.BARRED:
        unbar = partial(_unbar, number=call.number)
        return [Choice(word("Call once"), asking_who_answers(_overruling(decision, unbar)))]
    if decision not in _INCOMING or not call.number:
        return []
    choices: list[tuple[Text, Callable[[PhoneState], Text]]] = [
        (word("Next call"), partial(_let_through_once, number=call.number)),
        (word("Always"), partial(_let_through, number=call.number)),
    ]
    if decision is Decision.DO_NOT_DISTURB:
        choices.append((word("Everybody"), _disturb))
    return [Choice(label, asking_guardian(_overruling(decision, how))) for label, how in choices]


def _overruling(decision: Decision, how: Callable[[PhoneState], Text | None]) -> Then:
    """Make something overrule a decision, say what comes of it, and have it written down."""

    def overrule(state: PhoneState) -> None:
        words = how(state)
        state.emit(NoteOverride(decision, who_answers(state)))
        if words is not None:
            state.menu.push(state, Notice(LET_THROUGH, words))

    return overrule


def _let_through_once(state: PhoneState, number: str) -> Text:
    features = state.features
    features.let_through_once = frozenset({*features.let_through_once, number})
    return word("The next call from {number} rings.", number=number)


def _let_through(state: PhoneState, number: str) -> Text:
    if not allow(state, number):
        return word("This number cannot be added, or the list is full.")
    return word("{number} always rings from now on.", number=number)


def _take_withheld(state: PhoneState) -> Text:
    change(state, "reject_anonymous", value=False)
    return word("Withheld numbers ring from now on.")


def _disturb(state: PhoneState) -> Text:
    if state.features.preferences.do_not_disturb:
        toggle_do_not_disturb(state)
    return word("Do not disturb is off.")


def _unbar(state: PhoneState, number: str) -> None:
    state.features.unbarred = number
    offer_call(state, number)
