"""What leaves by a stick: a copy of everything, locked by words unless the holder wants it open, and parts of it."""

from typing import Final

from firmware.base.words import Text, word
from firmware.phone.menu.card import ONE_MOMENT, Card
from firmware.phone.menu.choices import CHOOSE, Choice, Choices, Then, opening
from firmware.phone.menu.proof import proving
from firmware.phone.menu.question import Question
from firmware.phone.menu.text_page import TextPage
from firmware.phone.menu.work import WorkPage
from firmware.phone.menu_views import MenuRow
from firmware.phone.pin import Right
from firmware.phone.request import Failed
from firmware.phone.requests.rights import CopyContacts, CopyMyData, CopyRecording, DrawPassphrase
from firmware.phone.state import PhoneState
from firmware.phone.text_entry import TextEntry

COPY: Final = word("A copy")
_SHORTEST: Final = 12


def copy_page(_state: PhoneState) -> Choices:
    """Make the page that says how a copy may be locked."""
    choices = [
        Choice(word("With words"), proving(Right.COPY, opening(lambda _state: WordsPage()))),
        Choice(word("My own words"), proving(Right.COPY, opening(_typing_page))),
        Choice(word("Open to all"), proving(Right.COPY, opening(_open_question))),
    ]
    return Choices(COPY, lambda _state: choices)


class WordsPage(Card):
    """Shows the words that were drawn, to be written down, and then makes the copy."""

    def __init__(self) -> None:
        super().__init__(word("Write down"), self._words_now, ok=CHOOSE, choose=self._go_on)
        self._drawn = ""
        self._failure: Text = ""

    def open(self, state: PhoneState) -> None:
        """Have them drawn, once."""
        if not self._drawn:
            state.ask(DrawPassphrase(), self._show, page=self)

    def _show(self, _state: PhoneState, drawn: str | Failed) -> None:
        if isinstance(drawn, Failed):
            self._failure = drawn.words
        else:
            # Whoever writes words down must not see others meanwhile.
            self._drawn = self._drawn or drawn

    def _words_now(self, _state: PhoneState) -> list[MenuRow]:
        if not self._drawn:
            return [MenuRow(self._failure or ONE_MOMENT)]
        rows = [MenuRow(each) for each in self._drawn.split()]
        return [*rows, MenuRow(word("In this order, with spaces. Without them nobody can open the copy."))]

    def _go_on(self, state: PhoneState) -> None:
        if self._drawn:
            state.menu.replace(state, CopyingPage(COPY, CopyMyData(self._drawn)))


def _typing_page(_state: PhoneState) -> TextPage:
    def accept(state: PhoneState, text: str) -> Text | None:
        if len(text) < _SHORTEST:
            return word("At least {count} characters.", count=_SHORTEST)
        state.menu.push(state, CopyingPage(COPY, CopyMyData(text)))
        return None

    return TextPage(word("My own words"), accept, TextEntry())


def _open_question(_state: PhoneState) -> Question:
    text = word("Whoever finds the copy can read it: contacts, calls, messages and recordings. Copy it so?")
    return Question(COPY, text, word("Copy"), opening(lambda _state: CopyingPage(COPY, CopyMyData(""))))


class CopyingPage(WorkPage):
    """The making of a copy, of everything or of a part."""

    patience_s = 60.0


def copying(title: Text, request: CopyContacts | CopyRecording) -> Then:
    """Make something ask for the PIN, and then get a part of what is here ready for a stick."""
    return proving(Right.COPY, opening(lambda _state: CopyingPage(title, request)))
