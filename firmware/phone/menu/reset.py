"""Forgetting everything: a page that says what goes and what stays, the PIN, and two questions."""

from firmware.base.words import word
from firmware.phone.menu.card import Card
from firmware.phone.menu.proof import proving
from firmware.phone.menu.question import Question, RequestNotice
from firmware.phone.menu_views import MenuRow
from firmware.phone.pin import Right
from firmware.phone.requests.handset import FactoryReset
from firmware.phone.state import PhoneState

_TITLE = word("Reset")
_ROWS = (
    MenuRow(word("Deleted"), word("contacts, calls, messages, recordings, pictures, settings, the PIN")),
    MenuRow(word("Kept"), word("what the installer has set up: lines and network")),
)


def reset_page(_state: PhoneState) -> Card:
    """Make the page that says what a reset does."""
    return Card(_TITLE, lambda _state: _ROWS, ok=word("Reset"), choose=proving(Right.RESET, _ask, without_pin=_ask))


def _ask(state: PhoneState) -> None:
    text = word("Everything that you and your calls have left here is deleted.")
    state.menu.push(state, Question(_TITLE, text, word("Delete"), _ask_again))


def _ask_again(state: PhoneState) -> None:
    text = word("There is no way back. Delete everything?")
    state.menu.push(state, Question(_TITLE, text, word("Delete"), _reset))


def _reset(state: PhoneState) -> None:
    state.menu.push(state, RequestNotice(_TITLE, FactoryReset()))
