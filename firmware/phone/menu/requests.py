"""What the holder asks of the operator: each request has a number and a day by which an answer is due.

The operator's answer is read here, and objected to by a key.
"""

from collections.abc import Callable
from typing import Final

from contract.consent import RequestKind, RequestState
from firmware.base.words import Text, word
from firmware.phone.key import Key
from firmware.phone.menu.choices import Choice, Choices, Then, opening
from firmware.phone.menu.proof import proving
from firmware.phone.menu.question import Notice, Question, RequestNotice
from firmware.phone.menu.reading import Reading
from firmware.phone.menu_stack import Screen
from firmware.phone.pin import Right
from firmware.phone.request import Failed, Request
from firmware.phone.requests.rights import (
    AnswerRow,
    CloseRequest,
    FileRequest,
    ListRequests,
    MarkAnswerRead,
    ObjectToAnswer,
    RequestFiled,
    RequestRow,
)
from firmware.phone.state import PhoneState

REQUESTS: Final = word("Requests")
_NEW: Final = word("New request")
_NO_DATE: Final = word("Answer due in 5 working days. The date is not known yet: the clock is not set.")
_KINDS: Final[dict[RequestKind, Text]] = {
    RequestKind.ACCESS: word("See data"),
    RequestKind.COPY: word("Get a copy"),
    RequestKind.CORRECTION: word("Correct it"),
    RequestKind.ERASURE: word("Delete it"),
    RequestKind.CANCELLATION: word("Cancel account"),
    RequestKind.EXPLANATION: word("Explain it"),
    RequestKind.COMPLAINT: word("Complain"),
    RequestKind.CONTACT: word("Call me back"),
}
_STATES: Final[dict[RequestState, Text]] = {
    RequestState.OPEN: word("open"),
    RequestState.OVERDUE: word("overdue"),
    RequestState.GRANTED: word("granted"),
    RequestState.PARTLY: word("partly"),
    RequestState.REFUSED: word("refused"),
    RequestState.ANSWERED: word("closed"),
    RequestState.WITHDRAWN: word("withdrawn"),
}
_DECISIONS: Final[dict[RequestState, Text]] = {
    RequestState.GRANTED: word("Granted"),
    RequestState.PARTLY: word("Partly granted"),
    RequestState.REFUSED: word("Refused"),
}
_Ask = Callable[[PhoneState, Request[tuple[RequestRow, ...]]], None]
"""Changes requests, and shows them on the page that lists them."""
_WAITING: Final = frozenset({RequestState.OPEN, RequestState.OVERDUE})


class RequestsPage(Choices):
    """A new request, and those there were, newest first."""

    def __init__(self) -> None:
        super().__init__(REQUESTS, self._choices_now)
        self._rows: tuple[RequestRow, ...] = ()

    def open(self, state: PhoneState) -> None:
        """Read them: one may have become overdue."""
        self.ask(state, ListRequests())

    def ask(self, state: PhoneState, request: Request[tuple[RequestRow, ...]]) -> None:
        """Read or change them, then show how they are."""
        state.ask(request, self._show, page=self)

    def _show(self, state: PhoneState, rows: tuple[RequestRow, ...] | Failed) -> None:
        if not isinstance(rows, Failed):
            self._rows = rows
        elif state.menu.top is self:
            state.menu.push(state, Notice(REQUESTS, rows.words))

    def _choices_now(self, _state: PhoneState) -> list[Choice]:
        return [Choice(_NEW, proving(Right.REQUEST, opening(_kinds_page))), *map(self._choice, self._rows)]

    def _choice(self, row: RequestRow) -> Choice:
        title = word("{number}: {kind}", number=row.number, kind=_KINDS[row.kind])
        return Choice(title, opening(lambda _state: _request_page(row, title, self.ask)), _mark(row))


def requests_page(_state: PhoneState) -> RequestsPage:
    """Make the page of the requests."""
    return RequestsPage()


def _mark(row: RequestRow) -> Text:
    """Say how far a request is, and first what the holder has yet to read."""
    if row.answer is not None and not row.answer.read:
        return word("new")
    return word("objected") if row.objected and row.state is RequestState.OPEN else _STATES[row.state]


def _request_page(row: RequestRow, title: Text, ask: _Ask) -> Screen:
    """Show what was answered; where nothing was, say when an answer is due, and ask whether it still is."""
    if row.answer is not None:
        return AnswerPage(row, row.answer, title, ask)
    said = _dates(row)
    return _closing(row, title, said, ask) if row.state in _WAITING else Notice(title, said)


def _dates(row: RequestRow) -> Text:
    if not row.due:
        return _NO_DATE
    return word("Asked: {filed}. Answer due: {due}, days off not counted.", filed=row.filed, due=row.due)


def _closing(row: RequestRow, title: Text, said: Text, ask: _Ask) -> Question:
    text = word("{first} {second}", first=said, second=word("Close it, for it is answered?"))
    close = proving(Right.REQUEST, lambda state: ask(state, CloseRequest(row.number)))
    return Question(title, text, word("Close"), close)


class AnswerPage(Reading):
    """The operator's answer to a request; OK at its end takes note of it, # objects to it."""

    def __init__(self, row: RequestRow, answer: AnswerRow, title: Text, ask: _Ask) -> None:
        super().__init__(title, lambda: self._text, self._take_note)
        self._ask = ask
        self._row = row
        self._answer = answer
        self._own_title = title
        head = word("{title}, {date}", title=_DECISIONS[answer.decision], date=answer.date)
        if row.state not in _WAITING:
            end = word("Press # if you object: it waits for another answer then.")
        elif row.due:
            end = word("You object to this. Another answer is due: {due}.", due=row.due)
        else:
            end = word("You object to this. Another answer is due in 5 working days.")
        self._text: tuple[Text, ...] = (head, *answer.paragraphs, end)

    def press(self, state: PhoneState, key: Key) -> None:
        """Object by #, else read on."""
        if key is Key.HASH and self._row.state not in _WAITING:
            proving(Right.REQUEST, self._object)(state)
        else:
            super().press(state, key)

    def _object(self, state: PhoneState) -> None:
        self._ask(state, ObjectToAnswer(self._answer.answer_id))
        state.menu.drop(state, self)

    def _take_note(self, state: PhoneState) -> None:
        if not self._answer.read:
            self._ask(state, MarkAnswerRead(self._answer.answer_id))
        if self._row.state in _WAITING:
            state.menu.replace(state, _closing(self._row, self._own_title, _dates(self._row), self._ask))
        else:
            state.menu.drop(state, self)


def _kinds_page(_state: PhoneState) -> Choices:
    def filing(kind: RequestKind) -> Then:
        # In the place of the kinds: the PIN that was typed counts for one request.
        return lambda state: state.menu.replace(state, RequestNotice(REQUESTS, FileRequest(kind), _filed))

    choices = [Choice(_KINDS[kind], filing(kind)) for kind in RequestKind]
    return Choices(_NEW, lambda _state: choices)


def _filed(_state: PhoneState, filed: RequestFiled) -> Text:
    """Say which number a request has and when an answer is due."""
    if not filed.number:
        return word("That is enough for today. Ask again tomorrow.")
    if not filed.due:
        number = word("Request {number} is filed.", number=filed.number)
        return word("{first} {second}", first=number, second=_NO_DATE)
    return word("Request {number} is filed. Due: {due}.", number=filed.number, due=filed.due)
