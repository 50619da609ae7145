"""What leaves by a stick, and comes back by one: a copy of everything, locked by words, and parts of it."""

from typing import Final

from firmware.base.words import Text, word
from firmware.phone.menu.card import ONE_MOMENT, Card
from firmware.phone.menu.choices import Choice, Choices, Then, opening
from firmware.phone.menu.proof import proving
from firmware.phone.menu.question import Question
from firmware.phone.menu.reading import NEXT
from firmware.phone.menu.text_page import TextPage
from firmware.phone.menu.work import WorkPage
from firmware.phone.menu_stack import PageNews
from firmware.phone.menu_views import MenuRow
from firmware.phone.pin import Right
from firmware.phone.request import Failed, Progressed
from firmware.phone.requests.rights import CopyContacts, CopyMyData, CopyRecording, DrawPassphrase, RestoreMyData
from firmware.phone.state import PhoneState
from firmware.phone.text_entry import TextEntry

COPY: Final = word("A copy")
_BRING_BACK: Final = word("Bring one back")
_SHORTEST: Final = 12


def copy_page(_state: PhoneState) -> Choices:
    """Make the page that says how a copy may be locked."""
    choices = [
        Choice(word("With words"), proving(Right.COPY, opening(lambda _state: WordsPage()))),
        Choice(word("My own words"), proving(Right.COPY, opening(_typing_page))),
        Choice(word("Open to all"), proving(Right.COPY, opening(_open_question))),
        Choice(_BRING_BACK, proving(Right.COPY, opening(_words_of_copy_page))),
    ]
    return Choices(COPY, lambda _state: choices)


class WordsPage(Card):
    """Shows the words that were drawn one by one, to be written down, asks one of them back, and makes the copy."""

    def __init__(self) -> None:
        super().__init__(word("Write down"), self._shown_now, ok=NEXT, choose=self._go_on)
        self._words: list[str] = []
        self._place = 0
        self._failure: Text = ""

    def open(self, state: PhoneState) -> None:
        """Have them drawn, once."""
        if not self._words:
            state.ask(DrawPassphrase(), self._show, page=self)

    def cancel(self, _state: PhoneState) -> bool:
        """Show the word before; leave from the first one."""
        if not self._place:
            return False
        self._place -= 1
        return True

    def _show(self, _state: PhoneState, drawn: str | Failed) -> None:
        if isinstance(drawn, Failed):
            self._failure = drawn.words
        else:
            # Whoever writes words down must not see others meanwhile.
            self._words = self._words or drawn.split()

    def _shown_now(self, _state: PhoneState) -> list[MenuRow]:
        if not self._words:
            return [MenuRow(self._failure or ONE_MOMENT)]
        if self._place == len(self._words):
            return [MenuRow(word("In this order, with spaces. Without them nobody can open the copy."))]
        return [MenuRow(self._numbered(self._place), self._words[self._place])]

    def _go_on(self, state: PhoneState) -> None:
        if self._place < len(self._words):
            self._place += 1
        elif self._words:
            state.menu.push(state, self._question())

    def _question(self) -> TextPage:
        """Ask for one of the words: whoever knows it has written them down. Which one it is depends on all."""
        place = len("".join(self._words)) % len(self._words)

        def accept(state: PhoneState, text: str) -> Text | None:
            if text.lower() != self._words[place]:
                return word("That is not it. CANCEL shows the words.")
            state.menu.drop(state, self)
            state.menu.push(state, CopyingPage(COPY, CopyMyData(" ".join(self._words))))
            return None

        return TextPage(self._numbered(place), accept, TextEntry())

    def _numbered(self, place: int) -> Text:
        return word("Word {number} of {words}", number=place + 1, words=len(self._words))


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


class RestoringPage(WorkPage):
    """Waits for the stick with the copy, and follows what comes back."""

    patience_s = 600.0

    def __init__(self, passphrase: str) -> None:
        super().__init__(_BRING_BACK, RestoreMyData(passphrase))
        self._text = word("Now plug in the stick with the copy.")

    def hear(self, state: PhoneState, news: PageNews) -> None:
        """Say that the stick is read, once it is."""
        if isinstance(news, Progressed):
            self._text = word("Working…")
        super().hear(state, news)


def _words_of_copy_page(_state: PhoneState) -> TextPage:
    """Make the page on which the words are typed; a copy that is open to all has none."""

    def accept(state: PhoneState, text: str) -> None:
        state.menu.push(state, RestoringPage(text))

    return TextPage(word("Words, 4 letters"), accept, TextEntry())


def copying(title: Text, request: CopyContacts | CopyRecording) -> Then:
    """Make something ask for the PIN, and then get a part of what is here ready for a stick."""
    return proving(Right.COPY, opening(lambda _state: CopyingPage(title, request)))
