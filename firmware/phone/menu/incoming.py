"""What becomes of calls that come in: do not disturb, forwarding, and who does not ring."""

from collections.abc import Callable

from firmware.base.words import Text, Word, word
from firmware.phone.holder_settings import allow, allow_no_more, block, toggle_do_not_disturb, unblock
from firmware.phone.menu.answering_machine import TAKE_MESSAGES, machine_is_on, machine_page
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.entry import NumberEntry
from firmware.phone.menu.question import Question
from firmware.phone.menu.switches import OFF, change, on_or_off, switch
from firmware.phone.phrases import OBJECTIONS
from firmware.phone.state import PhoneState

_FORWARDS = (
    ("forward_always", word("Forward all")),
    ("forward_busy", word("Forward busy")),
    ("forward_no_answer", word("Fwd no answer")),
)
_ALWAYS_RING = word("Always ring")
_EMPTY_IS_OFF = word("Number to forward to. None: off.")


def incoming_page(_state: PhoneState) -> Choices:
    """Make the page about calls that come in."""
    return Choices(word("Incoming calls"), _rows)


def _rows(state: PhoneState) -> list[Choice]:
    preferences = state.features.preferences
    forwards = [
        Choice(title, opening(_forward_to(field, title)), getattr(preferences, field) or OFF)
        for field, title in _FORWARDS
    ]
    return [
        Choice(word("Do not disturb"), _toggle_do_not_disturb, on_or_off(preferences.do_not_disturb)),
        *forwards,
        switch(state, word("Block withheld"), "reject_anonymous"),
        switch(state, word("Auto-answer"), "auto_answer"),
        Choice(word("Blocked numbers"), opening(_blocked_page), str(len(preferences.blocked) or "")),
        Choice(_ALWAYS_RING, opening(_allowed_page), str(len(preferences.allowed) or "")),
        Choice(TAKE_MESSAGES, opening(machine_page), on_or_off(machine_is_on(state))),
    ]


def _toggle_do_not_disturb(state: PhoneState) -> None:
    toggle_do_not_disturb(state)


def _forward_to(field: str, title: Word) -> Callable[[PhoneState], NumberEntry]:
    def accept(state: PhoneState, number: str) -> Text | None:
        objection = state.settings.dial_plan.objection(number) if number else None
        if objection is not None:
            return OBJECTIONS[objection]
        change(state, field, number)
        return None

    return lambda state: NumberEntry(title, accept, text=getattr(state.features.preferences, field), note=_EMPTY_IS_OFF)


def _blocked_page(_state: PhoneState) -> Choices:
    return Choices(word("Blocked numbers"), _blocked_rows)


def _blocked_rows(state: PhoneState) -> list[Choice]:
    numbers = state.features.preferences.blocked
    return [
        Choice(word("Block a number"), opening(_block_entry)),
        *(Choice(number, opening(_ask_to_unblock(number))) for number in numbers),
    ]


def _block_entry(_state: PhoneState) -> NumberEntry:
    def accept(state: PhoneState, number: str) -> Text | None:
        return None if block(state, number) else word("This number cannot be blocked, or the list is full.")

    return NumberEntry(word("Block a number"), accept)


def _ask_to_unblock(number: str) -> Callable[[PhoneState], Question]:
    def answer(state: PhoneState) -> None:
        unblock(state, number)

    return lambda _state: Question(number, word("Unblock this number?"), word("Yes"), answer)


def _allowed_page(_state: PhoneState) -> Choices:
    return Choices(_ALWAYS_RING, _allowed_rows)


def _allowed_rows(state: PhoneState) -> list[Choice]:
    numbers = state.features.preferences.allowed
    return [
        Choice(word("Add a number"), opening(_allow_entry)),
        *(Choice(number, opening(_ask_to_allow_no_more(number))) for number in numbers),
    ]


def _allow_entry(_state: PhoneState) -> NumberEntry:
    def accept(state: PhoneState, number: str) -> Text | None:
        return None if allow(state, number) else word("This number cannot be added, or the list is full.")

    return NumberEntry(_ALWAYS_RING, accept)


def _ask_to_allow_no_more(number: str) -> Callable[[PhoneState], Question]:
    def answer(state: PhoneState) -> None:
        allow_no_more(state, number)

    return lambda _state: Question(number, word("Take this number off the list?"), word("Yes"), answer)
