"""Pages of one sentence: a question before something that cannot be undone, a notice, and work that takes a while."""

from collections.abc import Callable

from firmware.phone.events import Key
from firmware.phone.menu.choices import BACK, CHOOSE
from firmware.phone.menu.stack import Quiet
from firmware.phone.menu.views import NoticeView, SoftKeys
from firmware.phone.state import PhoneState
from firmware.phone.words import Text, word

NO = word("No")


class Question(Quiet):
    """Asks before something is done: OK does it, CANCEL does not."""

    def __init__(self, title: Text, text: Text, yes: Text, answer: Callable[[PhoneState], None]) -> None:
        """`yes` names what OK does; `answer` does it, and then this page is gone."""
        self._title = title
        self._text = text
        self._yes = yes
        self._answer = answer

    def view(self, _state: PhoneState) -> NoticeView:
        """Show the question and what each key answers."""
        return NoticeView(self._title, self._text, keys=SoftKeys(NO, self._yes))

    def press(self, state: PhoneState, key: Key) -> None:
        """Take OK for yes; no other key is one."""
        if key is Key.OK:
            self._answer(state)
            state.menu.drop(state, self)


class Notice(Quiet):
    """Says something that OK or CANCEL takes note of."""

    def __init__(self, title: Text, text: Text) -> None:
        self._title = title
        self._text = text

    def view(self, _state: PhoneState) -> NoticeView:
        """Show the sentence."""
        return NoticeView(self._title, self._text, keys=SoftKeys(BACK, CHOOSE))

    def press(self, state: PhoneState, key: Key) -> None:
        """Leave by OK."""
        if key is Key.OK:
            state.menu.drop(state, self)
