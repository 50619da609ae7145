"""Pages of one sentence: a question before something that cannot be undone, a notice, and work that takes a while."""

from collections.abc import Callable
from typing import Generic, TypeVar

from firmware.base.words import Text, word
from firmware.phone.key import Key
from firmware.phone.menu.card import ONE_MOMENT
from firmware.phone.menu.choices import BACK, CHOOSE
from firmware.phone.menu_stack import PageNews, Quiet
from firmware.phone.menu_views import NoticeView, SoftKeys
from firmware.phone.request import Failed, Request
from firmware.phone.state import PhoneState

NO = word("No")
NOT_DONE = word("Not done")
WHOSE_PHONE = word("The phone's memory cannot be read: nobody can say yes now.")

A = TypeVar("A")


def _wait(_state: PhoneState, _answer: object) -> Text:
    return ONE_MOMENT


class Sentence(Quiet):
    """A page of one sentence; the volume keys turn its parts over where a display has not room for all of it.

    How many parts there are only the display knows: after the last one comes the first again.
    """

    _asks = False

    def __init__(self, title: Text, text: Text, keys: SoftKeys) -> None:
        self._title = title
        self._text = text
        self._keys = keys
        self._scroll = 0

    def view(self, _state: PhoneState) -> NoticeView:
        """Show the sentence and what the keys do."""
        return NoticeView(self._title, self._text, keys=self._keys, scroll=self._scroll, asks=self._asks)

    def press(self, _state: PhoneState, key: Key) -> None:
        """Turn over."""
        self._scroll += {Key.VOLUME_UP: -1, Key.VOLUME_DOWN: 1}.get(key, 0)


class Question(Sentence):
    """Asks before something is done: OK does it, CANCEL does not."""

    _asks = True

    def __init__(self, title: Text, text: Text, yes: Text, answer: Callable[[PhoneState], None]) -> None:
        """`yes` names what OK does; `answer` does it, and then this page is gone."""
        super().__init__(title, text, SoftKeys(NO, yes))
        self._answer = answer

    def press(self, state: PhoneState, key: Key) -> None:
        """Take OK for yes; no other key is one."""
        if key is Key.OK:
            self._answer(state)
            state.menu.drop(state, self)
        else:
            super().press(state, key)


def discard_question(discard: Callable[[PhoneState], None]) -> Question:
    """Ask before what was written is lost."""
    return Question(word("Not saved"), word("Discard the changes?"), word("Discard"), discard)


class Notice(Sentence):
    """Says something that OK or CANCEL takes note of."""

    def __init__(self, title: Text, text: Text) -> None:
        super().__init__(title, text, SoftKeys(BACK, CHOOSE))

    def press(self, state: PhoneState, key: Key) -> None:
        """Leave by OK."""
        if key is Key.OK:
            state.menu.drop(state, self)
        else:
            super().press(state, key)


class RequestNotice(Notice, Generic[A]):
    """Has something done, once, and says what came of it."""

    def __init__(self, title: Text, request: Request[A], say: Callable[[PhoneState, A], Text] = _wait) -> None:
        """`say` returns what came of it; without it the page waits for the handset to start anew."""
        super().__init__(title, ONE_MOMENT)
        self._request: Request[A] | None = request
        self._say = say

    def open(self, state: PhoneState) -> None:
        """Begin, once."""
        if self._request is not None:
            # A request may hold a PIN: the page forgets it.
            request, self._request = self._request, None
            state.ask(request, self._take)

    def _take(self, state: PhoneState, answer: A | Failed) -> None:
        self._text = answer.words if isinstance(answer, Failed) else self._say(state, answer)


def carry_out(
    state: PhoneState,
    request: Request[A],
    news: Callable[[A], PageNews],
    then: Callable[[PhoneState, A], None] | None = None,
) -> None:
    """Have something changed that other pages show, too; where it comes to nothing, say so over whatever is open.

    `news` makes of the answer what every open page hears; `then` is done with it.
    """

    def take(state: PhoneState, answer: A | Failed) -> None:
        if not isinstance(answer, Failed):
            state.menu.tell(state, news(answer))
            if then is not None:
                then(state, answer)
        elif state.menu.top is not None:
            state.menu.push(state, Notice(NOT_DONE, answer.words))

    state.ask(request, take)


def ask_later(state: PhoneState) -> None:
    """Say that nobody's yes can be taken while nobody knows whose phone this is."""
    state.menu.push(state, Notice("", WHOSE_PHONE))
