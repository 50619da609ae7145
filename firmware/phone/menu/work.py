"""Work that takes a while: how far it has come, then what became of it."""

from dataclasses import replace

from firmware.base.words import Text, word
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.menu.choices import BACK, CHOOSE
from firmware.phone.menu.question import Sentence
from firmware.phone.menu_stack import PageNews
from firmware.phone.menu_views import NoticeView, SoftKeys
from firmware.phone.moves import MENU_PATIENCE_S
from firmware.phone.request import Failed, Outcome, Progressed, Request
from firmware.phone.state import PhoneState
from firmware.phone.view import Mode


class WorkPage(Sentence):
    """Begins work, once, and follows it. It goes on when the page is left.

    Attributes:
        patience_s: so long the page stays after the work has come on, and after its end.
    """

    patience_s = MENU_PATIENCE_S

    def __init__(self, title: Text, request: Request[Outcome]) -> None:
        super().__init__(title, word("Working…"), SoftKeys(BACK))
        self._request = request
        self._percent: int | None = 0
        self._asked = False

    def open(self, state: PhoneState) -> None:
        """Begin, once."""
        if not self._asked:
            self._asked = True
            state.ask(self._request, self._end, page=self)

    def view(self, state: PhoneState) -> NoticeView:
        """Show how far it has come, or what became of it."""
        return replace(super().view(state), percent=self._percent)

    def press(self, state: PhoneState, key: Key) -> None:
        """Leave by OK once it is over."""
        if key is Key.OK and self._percent is None:
            state.menu.drop(state, self)
        else:
            super().press(state, key)

    def hear(self, state: PhoneState, news: PageNews) -> None:
        """Follow the work."""
        if isinstance(news, Progressed) and news.request == self._request and self._percent is not None:
            self._percent = news.percent
            self._stay(state)

    def _end(self, state: PhoneState, answer: Outcome | Failed) -> None:
        self._text = answer.words
        self._keys = SoftKeys(BACK, CHOOSE)
        self._percent = None
        self._stay(state)

    def _stay(self, state: PhoneState) -> None:
        """Stay as long as the work comes on, and until its end may have been read."""
        if state.mode is Mode.MENU:
            state.start_timer(Timer.INFO, self.patience_s)
