"""Pages of one sentence: a question before something that cannot be undone, a notice, and work that takes a while."""

from collections.abc import Callable

from firmware.base.words import Text, word
from firmware.phone.key import Key
from firmware.phone.menu.choices import BACK, CHOOSE
from firmware.phone.menu.stack import Quiet
from firmware.phone.menu.views import NoticeView, SoftKeys
from firmware.phone.state import PhoneState

NO = word("No")
WHOSE_PHONE = word("The phone's memory cannot be read: nobody can say yes now.")


class Sentence(Quiet):
    """A page of one sentence; the volume keys turn its parts over where a display has not room for all of it.

    How many parts there are only the display knows: after the last one comes the first again.
    """

    def __init__(self, title: Text, text: Text, keys: SoftKeys) -> None:
        self._title = title
        self._text = text
        self._keys = keys
        self._scroll = 0

    def view(self, _state: PhoneState) -> NoticeView:
        """Show the sentence and what the keys do."""
        return NoticeView(self._title, self._text, keys=self._keys, scroll=self._scroll)

    def press(self, _state: PhoneState, key: Key) -> None:
        """Turn over."""
        self._scroll += {Key.VOLUME_UP: -1, Key.VOLUME_DOWN: 1}.get(key, 0)


class Question(Sentence):
    """Asks before something is done: OK does it, CANCEL does not."""

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


def ask_later(state: PhoneState) -> None:
    """Say that nobody's yes can be taken while nobody knows whose phone this is."""
    state.menu.push(state, Notice("", WHOSE_PHONE))
