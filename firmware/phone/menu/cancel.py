"""Cancelling the account: a page that says what comes of it, the PIN, and two questions."""

from typing import Final

from firmware.base.words import word
from firmware.phone.menu.card import Card
from firmware.phone.menu.proof import proving
from firmware.phone.menu.question import Question, RequestNotice
from firmware.phone.menu_views import MenuRow
from firmware.phone.pin import Right
from firmware.phone.requests.rights import CancelAccount
from firmware.phone.state import PhoneState

CANCEL_ACCOUNT: Final = word("Cancel account")
_ROWS: Final = (
    MenuRow(word("Here"), word("everything goes, and the phone cannot call any more, not even for help")),
    MenuRow(word("Elsewhere"), word("whoever got something is told to delete it")),
    MenuRow(word("Then"), word("your installer has to set the phone up again")),
)


def cancel_page(_state: PhoneState) -> Card:
    """Make the page that says what cancelling does."""
    return Card(CANCEL_ACCOUNT, lambda _state: _ROWS, ok=word("Cancel it"), choose=proving(Right.CANCELLATION, _ask))


def _ask(state: PhoneState) -> None:
    text = word("The account is cancelled, and all that is here is deleted.")
    state.menu.push(state, Question(CANCEL_ACCOUNT, text, word("Cancel it"), _ask_again))


def _ask_again(state: PhoneState) -> None:
    text = word("There is no way back, and no calls until it is set up anew. Cancel it?")
    state.menu.push(state, Question(CANCEL_ACCOUNT, text, word("Cancel it"), _cancel))


def _cancel(state: PhoneState) -> None:
    state.menu.push(state, RequestNotice(CANCEL_ACCOUNT, CancelAccount()))
