"""The proof that the line's number is its holder's: a code that the operator sends there is typed here."""

import re
from collections.abc import Callable

from firmware.base.words import Text, word
from firmware.phone.key import Key
from firmware.phone.menu.card import ONE_MOMENT
from firmware.phone.menu.choices import BACK, CHOOSE, Then
from firmware.phone.menu.entry import NumberEntry
from firmware.phone.menu.reading import NEXT
from firmware.phone.menu_stack import PageNews, Quiet
from firmware.phone.menu_views import ListView, MenuRow, NoticeView, SoftKeys
from firmware.phone.request import Failed
from firmware.phone.requests.activation import (
    CheckCode,
    CodeArrived,
    NumberProof,
    NumberProofRead,
    ReadNumberProof,
    RequestCode,
)
from firmware.phone.state import PhoneState

_NUMBER_WORDS: dict[NumberProof, Text] = {
    NumberProof.EXPIRED: word("That code no longer works. OK sends a new one."),
    NumberProof.NO_ANSWER: word("Your operator does not answer. Try again later."),
    NumberProof.PROVED: word("Your number is confirmed."),
}


# No digit chooses: it may be the first one of an emergency number.
_AWAITED = (MenuRow(word("A code is on its way.")), MenuRow(word("Type the code")), MenuRow(word("Send another")))


def is_number_proof_offered(state: PhoneState) -> bool:
    """Whether the operator sends codes."""
    return state.settings.proves_number


class NumberStep(Quiet):
    """Has a code sent to the line's number, which whoever has got it types here, or confirms where it came here."""

    def __init__(self, _state: PhoneState, then: Then) -> None:
        self._then = then
        self._proof: NumberProofRead | None = None
        self._failure: Text = ""
        self._scroll = 0
        self._requesting = False
        self._wants_another = False

    def view(self, _state: PhoneState) -> NoticeView | ListView:
        """Show how far it has come."""
        if self._failure:
            return NoticeView("", self._failure, keys=SoftKeys(BACK, word("Again")), scroll=self._scroll)
        if self._is_code_awaited:
            return ListView("", _AWAITED, 1 + self._wants_another, total=len(_AWAITED), keys=SoftKeys(BACK, CHOOSE))
        if self._proof is None or self._requesting:
            return NoticeView("", ONE_MOMENT, keys=SoftKeys(BACK))
        return NoticeView(
            "", _number_words(self._proof), keys=SoftKeys(BACK, _number_key(self._proof)), scroll=self._scroll
        )

    def open(self, state: PhoneState) -> None:
        """Ask how far it has come; what came of a request while somebody called is told by that."""
        self._requesting = False
        state.ask(ReadNumberProof(), self._show, page=self)

    def press(self, state: PhoneState, key: Key) -> None:
        """Do what comes next, or turn over."""
        if key in {Key.VOLUME_UP, Key.VOLUME_DOWN} and self._is_code_awaited:
            self._wants_another = key is Key.VOLUME_DOWN
        elif key in {Key.VOLUME_UP, Key.VOLUME_DOWN}:
            self._scroll += -1 if key is Key.VOLUME_UP else 1
        elif key is not Key.OK:
            return
        elif self._failure:
            self._failure = ""
            state.ask(ReadNumberProof(), self._show, page=self)
        elif self._proof is None or self._requesting:
            return
        elif self._proof.proof is NumberProof.PROVED:
            self._then(state)
        elif self._is_code_awaited and not self._wants_another:
            state.menu.push(state, CodeEntry(state, self._take))
        else:
            self._request(state)

    def _request(self, state: PhoneState) -> None:
        self._requesting, self._wants_another = True, False
        state.features.activation.code_message = ""
        state.ask(RequestCode(), self._show, page=self)

    def _show(self, state: PhoneState, answer: NumberProofRead | Failed) -> None:
        """Show how far it has come; a code is sent by itself, once, and let be typed as soon as it is on its way."""
        match answer:
            case NumberProofRead(NumberProof.OPEN):
                # Where a code has been requested, what was asked when the page was opened has come late.
                if not self._requesting:
                    self._request(state)
            case NumberProofRead():
                was_requesting, self._requesting, self._proof = self._requesting, False, answer
                if was_requesting and answer.proof is NumberProof.SENT:
                    state.menu.push(state, CodeEntry(state, self._take))
            case Failed(words):
                self._requesting, self._failure = False, words

    def _take(self, state: PhoneState, answer: NumberProofRead) -> None:
        """Go on where a code was right, unless somebody has gone elsewhere meanwhile."""
        self._show(state, answer)
        if answer.proof is NumberProof.PROVED and state.menu.top is not None and state.menu.top.holds(self):
            self._then(state)

    @property
    def _is_code_awaited(self) -> bool:
        awaited = self._proof is not None and self._proof.proof in {NumberProof.SENT, NumberProof.WRONG}
        return awaited and not self._requesting and not self._failure


class CodeEntry(NumberEntry):
    """The code, as it is typed; one that a text message has brought to this very phone is only to be confirmed."""

    def __init__(self, state: PhoneState, then: Callable[[PhoneState, NumberProofRead], None]) -> None:
        """`then` hears how far the proof has come by the code."""
        arrived = state.features.activation.code_message
        note = arrived or word("It comes to your number.")
        super().__init__(word("Code"), self._check, text=_code_in(arrived), note=note)
        self._then = then
        self._checking = False

    def press(self, state: PhoneState, key: Key) -> None:
        """Write, but not while a code is compared."""
        if not self._checking:
            super().press(state, key)

    def hear(self, _state: PhoneState, news: PageNews) -> None:
        """Show the message with the code, and the code where nothing was typed yet."""
        if isinstance(news, CodeArrived):
            self._note = news.text
            self._text = self._text or _code_in(news.text)

    def _take(self, state: PhoneState, answer: NumberProofRead | Failed) -> None:
        """Go back once the code is right or counts no more."""
        if isinstance(answer, Failed):
            self._say(answer.words)
            return
        match answer:
            case NumberProofRead(NumberProof.WRONG, tries_left=left):
                self._say(word("Wrong. Tries left: {count}", count=left))
            case NumberProofRead(NumberProof.NO_ANSWER):
                self._say(_NUMBER_WORDS[NumberProof.NO_ANSWER])
            case _:
                state.menu.drop(state, self)
        self._then(state, answer)

    def _say(self, words: Text) -> None:
        self._checking = False
        self._text, self._note = "", words

    def _check(self, state: PhoneState, code: str) -> Text:
        if not code.isdigit():
            return word("Digits only, please.")
        self._checking = True
        # Also where this page is left meanwhile: how far the proof has come is shown on the one before.
        state.ask(CheckCode(code), self._take)
        return ONE_MOMENT


def _code_in(message: str) -> str:
    """Return the code that a message brings: its only number of four digits or more; empty where that is not clear."""
    numbers = re.findall(r"[0-9]{4,}", message)
    return numbers[0] if len(numbers) == 1 else ""


def _number_words(read: NumberProofRead) -> Text:
    if read.proof is NumberProof.WAIT:
        minutes = -(-read.wait_s // 60)
        return word("Too many wrong codes. A new one can be sent in {min} min.", min=minutes)
    return _NUMBER_WORDS[read.proof]


def _number_key(read: NumberProofRead) -> Text:
    match read.proof:
        case NumberProof.PROVED:
            return NEXT
        case NumberProof.WAIT | NumberProof.NO_ANSWER:
            return word("Again")
        case _:
            return word("New code")
