"""One purpose: what is done for it and who gets something, then yes or no, which is no until somebody says yes."""

from collections.abc import Callable

from contract.consent import Actor, Purpose
from firmware.base.words import Text, word
from firmware.phone.key import Key
from firmware.phone.menu.card import ONE_MOMENT
from firmware.phone.menu.choices import BACK, CHOOSE, Then
from firmware.phone.menu.reading import NEXT
from firmware.phone.menu.switches import CHOSEN
from firmware.phone.menu_stack import PageNews, Quiet
from firmware.phone.menu_views import ListView, MenuRow, MenuView, NoticeView, SoftKeys
from firmware.phone.request import Failed
from firmware.phone.requests.consents import ConsentRow, ConsentsRead, ReadConsents, SetConsent
from firmware.phone.state import PhoneState

PURPOSES: dict[Purpose, Text] = {
    Purpose.SERVICE: word("Service"),
    Purpose.RECORDING: word("Recording"),
    Purpose.CDR_SYNC: word("Call data"),
    Purpose.CROSS_BORDER_CDR: word("Abroad"),
    Purpose.CONTACT_IMPORT: word("Import"),
    Purpose.OPERATOR_NOTICES: word("Notices"),
}
"""What a purpose is called in a word or two, in the order in which they are asked."""

_ANSWERS: tuple[tuple[bool, Text], ...] = ((False, word("No")), (True, word("Yes")))
_WITHOUT_SERVICE = word("Without a yes this phone answers and calls for help, and no more.")
_DAMAGED = word("What was agreed to cannot be read, so it all counts as a no. Ask your installer.")


def _asking_nobody(then: Then) -> Then:
    return then


class PurposePage(Quiet):
    """Asks about one purpose, page by page. No digit answers: a number that is dialled here must agree to nothing."""

    def __init__(
        self,
        purpose: Purpose,
        actor: Callable[[PhoneState], Actor],
        then: Then | None = None,
        *,
        asking: Callable[[Then], Then] = _asking_nobody,
    ) -> None:
        """Make the page.

        Args:
            purpose: which.
            actor: says who answers.
            then: done once the answer is written; None goes to the page before.
            asking: makes a change ask first whether the right person makes it.
        """
        self._purpose = purpose
        self._title = PURPOSES[purpose]
        self._actor = actor
        self._then = then or self._leave
        self._asking = asking
        self._row: ConsentRow | None = None
        self._damaged = False
        self._place = 0
        self._scroll = 0
        self._yes = False
        self._writing = False
        self._failure: Text = ""

    def view(self, _state: PhoneState) -> MenuView:
        """Show what is to be known, and then the answers."""
        if self._failure:
            return NoticeView(self._title, self._failure, keys=SoftKeys(BACK), scroll=self._scroll)
        if self._row is None or self._writing:
            return NoticeView(self._title, ONE_MOMENT, keys=SoftKeys(BACK))
        if self._damaged:
            return NoticeView(self._title, _DAMAGED, keys=SoftKeys(BACK, NEXT), scroll=self._scroll)
        words = _words(self._row)
        if self._place < len(words):
            return NoticeView(self._title, words[self._place], keys=SoftKeys(BACK, NEXT), scroll=self._scroll)
        rows = (MenuRow(self._row.name), *(MenuRow(name, self._mark(yes=yes)) for yes, name in _ANSWERS))
        return ListView(self._title, rows, 1 + self._yes, total=len(rows), keys=SoftKeys(BACK, CHOOSE))

    def open(self, state: PhoneState) -> None:
        """Read what was answered so far."""
        state.ask(ReadConsents(), self._take, page=self)

    def press(self, state: PhoneState, key: Key) -> None:
        """Go on, turn over, choose an answer or give it."""
        if self._row is None or self._writing:
            return
        at_answers = not (self._failure or self._damaged) and self._place == len(_words(self._row))
        match key:
            case Key.VOLUME_UP | Key.VOLUME_DOWN if at_answers:
                self._yes = key is Key.VOLUME_DOWN
            case Key.VOLUME_UP | Key.VOLUME_DOWN:
                self._scroll += -1 if key is Key.VOLUME_UP else 1
            case Key.OK if self._damaged:
                self._then(state)
            case Key.OK if at_answers:
                self._answer(state, self._row)
            case Key.OK if not self._failure:
                self._go_to(self._place + 1)

    def cancel(self, _state: PhoneState) -> bool:
        """Go back to what is to be known; leave from the first of it."""
        self._writing = False
        if self._failure:
            self._failure = ""
            return True
        if not self._place:
            return False
        self._go_to(self._place - 1)
        return True

    def hear(self, state: PhoneState, news: PageNews) -> None:
        """Show what was answered."""
        if isinstance(news, ConsentsRead):
            self._take(state, news)

    def _take(self, state: PhoneState, answer: ConsentsRead | Failed) -> None:
        """Show what was answered so far, or go on where that is what was answered just now."""
        if isinstance(answer, Failed):
            self._writing = False
            self._failure = answer.words
            return
        is_first = self._row is None
        self._row = next(row for row in answer.rows if row.purpose is self._purpose)
        self._damaged = answer.damaged
        if is_first:
            self._yes = self._row.granted
        elif self._damaged:
            self._writing = False
        elif self._writing and self._is_answered_so(self._row):
            self._writing = False
            self._then(state)

    def _answer(self, state: PhoneState, row: ConsentRow) -> None:
        if self._is_answered_so(row):
            self._then(state)
            return
        self._asking(self._write)(state)

    def _write(self, state: PhoneState) -> None:
        self._writing = True
        state.ask(SetConsent(self._purpose, self._yes, self._actor(state)), self._tell)

    def _tell(self, state: PhoneState, answer: ConsentsRead | Failed) -> None:
        """Show what was written on every page about it, also where this one was left meanwhile."""
        if isinstance(answer, Failed):
            self._take(state, answer)
        else:
            state.menu.tell(state, answer)

    def _leave(self, state: PhoneState) -> None:
        state.menu.drop(state, self)

    def _is_answered_so(self, row: ConsentRow) -> bool:
        return row.asked and row.granted is self._yes

    def _mark(self, *, yes: bool) -> Text:
        return CHOSEN if self._row is not None and self._row.asked and self._row.granted is yes else ""

    def _go_to(self, place: int) -> None:
        self._place = place
        self._scroll = 0


def _words(row: ConsentRow) -> tuple[Text, ...]:
    needed = (_WITHOUT_SERVICE,) if row.needed else ()
    answered = (word("Answered on {date}.", date=row.since),) if row.since else ()
    return (row.covers, *needed, word("Who gets something: {recipients}", recipients=row.recipients), *answered)
