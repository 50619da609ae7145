"""What the holder asks of the operator: each request has a number and a day by which an answer is due."""

from typing import Final

from firmware.phone.answers import Answer, ErrandFailed
from firmware.phone.menu.card import ONE_MOMENT
from firmware.phone.menu.choices import Choice, Choices, Then, opening
from firmware.phone.menu.proof import proving
from firmware.phone.menu.question import Notice, Question
from firmware.phone.menu.stack import Screen
from firmware.phone.rights import RequestKind, RequestState, Right
from firmware.phone.rights_answers import RequestFiled, RequestRow, RequestsListed
from firmware.phone.rights_errands import CloseRequest, FileRequest, ListRequests
from firmware.phone.state import PhoneState
from firmware.phone.words import Text, word

REQUESTS: Final = word("Requests")
_NEW: Final = word("New request")
_KINDS: Final[dict[RequestKind, Text]] = {
    RequestKind.ACCESS: word("See data"),
    RequestKind.COPY: word("Get a copy"),
    RequestKind.CORRECTION: word("Correct it"),
    RequestKind.ERASURE: word("Erase it"),
    RequestKind.CANCELLATION: word("Cancel account"),
    RequestKind.EXPLANATION: word("Explain it"),
    RequestKind.COMPLAINT: word("Complain"),
    RequestKind.CONTACT: word("Call me back"),
}
_STATES: Final[dict[RequestState, Text]] = {
    RequestState.OPEN: word("open"),
    RequestState.OVERDUE: word("overdue"),
    RequestState.ANSWERED: word("closed"),
    RequestState.WITHDRAWN: word("withdrawn"),
}
_WAITING: Final = frozenset({RequestState.OPEN, RequestState.OVERDUE})


class RequestsPage(Choices):
    """A new request, and those there were, newest first."""

    def __init__(self) -> None:
        super().__init__(REQUESTS, self._choices_now)
        self._rows: tuple[RequestRow, ...] = ()

    def open(self, state: PhoneState) -> None:
        """Read them: one may have become overdue."""
        state.emit(ListRequests())

    def take(self, state: PhoneState, answer: Answer) -> None:
        """Show them, or say why they cannot be."""
        match answer:
            case RequestsListed(rows):
                self._rows = rows
            case ErrandFailed(ListRequests.__name__ | CloseRequest.__name__, words) if state.menu.top is self:
                state.menu.push(state, Notice(REQUESTS, words))

    def _choices_now(self, _state: PhoneState) -> list[Choice]:
        return [Choice(_NEW, proving(Right.REQUEST, opening(_kinds_page))), *map(_choice, self._rows)]


def requests_page(_state: PhoneState) -> RequestsPage:
    """Make the page of the requests."""
    return RequestsPage()


def _choice(row: RequestRow) -> Choice:
    title = word("{number}: {kind}", number=row.number, kind=_KINDS[row.kind])
    return Choice(title, opening(lambda _state: _request_page(row, title)), _STATES[row.state])


def _request_page(row: RequestRow, title: Text) -> Screen:
    """Say when it was asked and when an answer is due; where it waits, ask whether it does any more."""
    said = word("Asked: {filed}. Answer due: {due}, weekends not counted.", filed=row.filed, due=row.due)
    if row.state not in _WAITING:
        return Notice(title, said)
    text = word("{first} {second}", first=said, second=word("Close it, for it is answered?"))
    close = proving(Right.REQUEST, lambda state: state.emit(CloseRequest(row.number)))
    return Question(title, text, word("Close"), close)


def _kinds_page(_state: PhoneState) -> Choices:
    def filing(kind: RequestKind) -> Then:
        # In the place of the kinds: the PIN that was typed counts for one request.
        return lambda state: state.menu.replace(state, FiledPage(kind))

    choices = [Choice(_KINDS[kind], filing(kind)) for kind in RequestKind]
    return Choices(_NEW, lambda _state: choices)


class FiledPage(Notice):
    """Files a request, and says which number it has and when an answer is due."""

    def __init__(self, kind: RequestKind) -> None:
        super().__init__(REQUESTS, ONE_MOMENT)
        self._kind = kind
        self._asked = False

    def open(self, state: PhoneState) -> None:
        """File it, once."""
        if not self._asked:
            self._asked = True
            state.emit(FileRequest(self._kind))

    def take(self, _state: PhoneState, answer: Answer) -> None:
        """Say what has become of it."""
        match answer:
            case RequestFiled(0):
                self._text = word("That is enough for today. Ask again tomorrow.")
            case RequestFiled(number, due, clock_synced):
                text = word("Request {number} is filed. Due: {due}.", number=number, due=due)
                unsure = word("The clock may be wrong.")
                self._text = text if clock_synced else word("{first} {second}", first=text, second=unsure)
            case ErrandFailed(FileRequest.__name__, words):
                self._text = words
