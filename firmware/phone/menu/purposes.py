"""What the holder agrees to: every purpose with its answer, private mode, and receipts."""

from collections.abc import Callable, Collection

from contract.consent import Actor, Purpose
from firmware.base.words import Text, word
from firmware.phone.holder_settings import begin_private_mode, is_private, withdraw_optional
from firmware.phone.key import Key
from firmware.phone.menu.card import ONE_MOMENT
from firmware.phone.menu.choices import BACK, Choice, Choices, Then, Unnumbered, opening
from firmware.phone.menu.consent import PURPOSES, PurposePage
from firmware.phone.menu.guardian import asking_who_answers, who_answers
from firmware.phone.menu.question import Notice, Question
from firmware.phone.menu_stack import PageNews, Quiet, Screen
from firmware.phone.menu_views import CodeView, NoticeView, SoftKeys
from firmware.phone.request import Failed
from firmware.phone.requests.consents import ConsentRow, ConsentsRead, ReadConsents, ReadReceipt
from firmware.phone.state import PhoneState

WHAT_I_AGREE_TO = word("What I agree to")
PRIVATE_MODE = word("Private mode")
RECEIPTS = word("Receipts")


class PurposeList(Choices):
    """Every purpose, each with what stands for it in a word."""

    def __init__(
        self,
        title: Text,
        make: Callable[[Purpose], Screen],
        word_for: Callable[[ConsentRow], Text],
        only: Collection[Purpose] = tuple(Purpose),
    ) -> None:
        """Make the page.

        Args:
            title: above the rows.
            make: makes the page that a row leads to.
            word_for: says in a word what stands for a purpose.
            only: those that are shown.
        """
        self._rows: tuple[ConsentRow, ...] = ()
        self._make = make
        self._word_for = word_for
        self._only = only
        super().__init__(title, lambda _state: [self._choice(row) for row in self._rows], empty=ONE_MOMENT)

    def open(self, state: PhoneState) -> None:
        """Read what stands."""
        state.ask(ReadConsents(), self._show, page=self)

    def hear(self, state: PhoneState, news: PageNews) -> None:
        """Show what was answered."""
        if isinstance(news, ConsentsRead):
            self._show(state, news)

    def _show(self, state: PhoneState, answer: ConsentsRead | Failed) -> None:
        if not isinstance(answer, Failed):
            self._rows = tuple(row for row in answer.rows if row.purpose in self._only)
        elif state.menu.top is self:
            state.menu.replace(state, Notice(WHAT_I_AGREE_TO, answer.words))

    def _choice(self, row: ConsentRow) -> Choice:
        return Choice(PURPOSES[row.purpose], opening(lambda _state: self._make(row.purpose)), self._word_for(row))


def purposes_page(_state: PhoneState) -> PurposeList:
    """Make the page on which every answer is seen and changed."""
    return PurposeList(WHAT_I_AGREE_TO, purpose_page, _answer_in_a_word)


def purpose_page(purpose: Purpose, then: Then | None = None) -> PurposePage:
    """Make the page of one purpose on a phone that is set up."""
    return PurposePage(purpose, who_answers, then, asking=asking_who_answers)


def agreeing(purpose: Purpose, then: Then) -> Then:
    """Make something ask for a purpose at its first use; after a yes it goes on by itself."""

    def ask(state: PhoneState) -> None:
        page = purpose_page(purpose, lambda state: go_on(state, page))
        if state.allows(purpose):
            then(state)
        else:
            state.menu.push(state, page)

    def go_on(state: PhoneState, page: PurposePage) -> None:
        state.menu.drop(state, page)
        if state.allows(purpose):
            then(state)

    return ask


class OfferPage(Unnumbered, PurposeList):
    """What else may be agreed to, on one page that is shown once; what is not answered there stays a no."""

    def __init__(self, purposes: Collection[Purpose]) -> None:
        super().__init__(word("Do you agree?"), purpose_page, _yes_or_no, purposes)
        self._selected = None


def _yes_or_no(row: ConsentRow) -> Text:
    return word("Yes") if row.granted else word("No")


def _answer_in_a_word(row: ConsentRow) -> Text:
    if row.granted:
        return word("Yes")
    return word("No") if row.asked else word("new")


# --- private mode -----------------------------------------------------------------------------------------------------


def private_mode_page(state: PhoneState) -> Screen:
    """Make the page that takes back every yes but the one for the service, or says that there is none to take back."""
    if is_private(state):
        return Notice(PRIVATE_MODE, word("It is on: you agree to nothing but the service. Your next yes ends it."))
    words = word("Take back every yes but the one for the service? A recording that runs stops at once.")
    return Question(PRIVATE_MODE, words, word("Yes"), _begin)


def _begin(state: PhoneState) -> None:
    if not begin_private_mode(state):
        asking_who_answers(_begin_for_guardian)(state)


def _begin_for_guardian(state: PhoneState) -> None:
    withdraw_optional(state, Actor.GUARDIAN)


# --- receipts ---------------------------------------------------------------------------------------------------------


class ReceiptPage(Quiet):
    """The receipt for one answer, to be photographed."""

    def __init__(self, purpose: Purpose) -> None:
        self._purpose = purpose
        self._receipt: str | Failed | None = None

    def view(self, _state: PhoneState) -> CodeView | NoticeView:
        """Show the code, or why there is none."""
        title, keys = PURPOSES[self._purpose], SoftKeys(BACK)
        match self._receipt:
            case None:
                return NoticeView(title, ONE_MOMENT, keys=keys)
            case Failed(words):
                return NoticeView(title, words, keys=keys)
            case "":
                return NoticeView(title, word("This was never answered."), keys=keys)
            case payload:
                return CodeView(title, payload, word("Receipt"), keys)

    def open(self, state: PhoneState) -> None:
        """Have it made."""
        state.ask(ReadReceipt(self._purpose), self._show, page=self)

    def press(self, state: PhoneState, key: Key) -> None:
        """Leave by OK too: there is nothing to do here but to look."""
        if key is Key.OK:
            state.menu.drop(state, self)

    def _show(self, _state: PhoneState, receipt: str | Failed) -> None:
        self._receipt = receipt


def receipts_page(_state: PhoneState) -> PurposeList:
    """Make the page that leads to the receipt for each answer."""
    return PurposeList(RECEIPTS, ReceiptPage, _answer_in_a_word)
