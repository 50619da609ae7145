"""One purpose: what is done for it and who gets something, then yes or no, which is no until somebody says yes.

Nothing is selected before the volume keys do it. A yes is taken back at once; whoever gives one has seen the words.
"""

from collections.abc import Callable
from functools import partial

from contract.consent import Actor, Purpose
from firmware.base.words import Text, word
from firmware.phone.key import Key
from firmware.phone.menu.card import ONE_MOMENT
from firmware.phone.menu.choices import BACK, Choice, Then, Unnumbered
from firmware.phone.menu.reading import NEXT
from firmware.phone.menu.switches import CHOSEN
from firmware.phone.menu_stack import PageNews, Quiet
from firmware.phone.menu_views import MenuView, NoticeView, SoftKeys
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
WORDS = word("What it is for")
_WITHOUT_SERVICE = word("Without a yes this phone only answers, and calls for help.")
_DAMAGED = word("Your privacy answers cannot be read. All count as no. Ask your installer.")


def _asking_nobody(then: Then) -> Then:
    return then


class PurposePage(Quiet):
    """Asks about one purpose, page by page. No digit answers: a number that is dialled here must agree to nothing.

    Where the answer is yes, the answers come first: taking it back is as easy as giving it was (GDPR article 7(3)).
    """

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
            asking: makes a change ask first whether the right person makes it; see `_needs_no_pin`.
        """
        self._purpose = purpose
        self._title = PURPOSES[purpose]
        self._actor = actor
        self._then = then or self._leave
        self._asking = asking
        self._row: ConsentRow | None = None
        self._damaged = False
        # Which of the words is shown; None for the answers.
        self._place: int | None = None
        self._scroll = 0
        self._answers = self._new_answers()
        self._yes = False
        self._writing = False
        self._failure: Text = ""

    def view(self, state: PhoneState) -> MenuView:
        """Show what is to be known, and then the answers."""
        if self._failure:
            return NoticeView(self._title, self._failure, keys=SoftKeys(BACK), scroll=self._scroll)
        if self._row is None or self._writing:
            return NoticeView(self._title, ONE_MOMENT, keys=SoftKeys(BACK))
        if self._damaged:
            return NoticeView(self._title, _DAMAGED, keys=SoftKeys(BACK, NEXT), scroll=self._scroll)
        if self._place is None:
            return self._answers.view(state)
        return NoticeView(self._title, _words(self._row)[self._place], keys=SoftKeys(BACK, NEXT), scroll=self._scroll)

    def open(self, state: PhoneState) -> None:
        """Read what was answered so far."""
        state.ask(ReadConsents(), self._take, page=self)

    def press(self, state: PhoneState, key: Key) -> None:
        """Go on, turn over, choose an answer or give it."""
        if self._row is None or self._writing:
            return
        if self._place is None and not (self._failure or self._damaged):
            self._answers.press(state, key)
            return
        match key:
            case Key.VOLUME_UP | Key.VOLUME_DOWN:
                self._scroll += -1 if key is Key.VOLUME_UP else 1
            case Key.OK if self._damaged:
                self._then(state)
            case Key.OK if not self._failure:
                self._go_on(self._row)

    def cancel(self, _state: PhoneState) -> bool:
        """Go back to what is to be known, or from there to the answers where these came first; then leave."""
        self._writing = False
        if self._failure:
            self._failure = ""
            return True
        if self._row is None or self._damaged:
            return False
        if self._place == self._first_place(self._row):
            return False
        before = len(_words(self._row)) if self._place is None else self._place
        self._go_to(before - 1 if before else None)
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
            self._go_to(self._first_place(self._row))
        elif self._damaged:
            self._writing = False
        elif self._writing and self._is_answered_so(self._row):
            self._writing = False
            self._then(state)

    @staticmethod
    def _first_place(row: ConsentRow) -> int | None:
        return None if row.granted else 0

    def _answer(self, state: PhoneState, *, yes: bool) -> None:
        self._yes = yes
        if self._row is not None and self._is_answered_so(self._row):
            self._then(state)
        elif self._needs_no_pin(state):
            self._write(state)
        else:
            self._asking(self._write)(state)

    def _needs_no_pin(self, state: PhoneState) -> bool:
        """Whether whoever stands here may say so: as with private mode, a no harms no holder who is known."""
        is_for_holder = state.knows_its_holder and not state.has_guardian
        return is_for_holder and not self._yes and self._purpose is not Purpose.SERVICE

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

    def _new_answers(self) -> Unnumbered:
        return Unnumbered(self._title, self._choices, selected=None)

    def _choices(self, _state: PhoneState) -> list[Choice]:
        return [*(self._choice(name, yes=yes) for yes, name in _ANSWERS), Choice(WORDS, lambda _state: self._go_to(0))]

    def _choice(self, name: Text, *, yes: bool) -> Choice:
        return Choice(name, partial(self._answer, yes=yes), self._mark(yes=yes))

    def _mark(self, *, yes: bool) -> Text:
        return CHOSEN if self._row is not None and self._row.asked and self._row.granted is yes else ""

    def _go_on(self, row: ConsentRow) -> None:
        place = (self._place or 0) + 1
        self._go_to(place if place < len(_words(row)) else None)

    def _go_to(self, place: int | None) -> None:
        self._place = place
        self._scroll = 0
        # Whoever comes to the answers again has none of them selected.
        self._answers = self._new_answers()


def _words(row: ConsentRow) -> tuple[Text, ...]:
    needed = (_WITHOUT_SERVICE,) if row.needed else ()
    answered = (word("Answered on {date}.", date=row.since),) if row.since else ()
    return (row.covers, *needed, word("Shared with: {recipients}", recipients=row.recipients), *answered)
