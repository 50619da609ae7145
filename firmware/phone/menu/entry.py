"""Pages on which a number or a PIN is typed: digits write, CANCEL deletes, OK is done."""

from collections.abc import Callable

from firmware.base.words import Text, word
from firmware.phone.dial_plan import MAX_DIGITS
from firmware.phone.key import Key
from firmware.phone.menu.choices import BACK, CHOOSE
from firmware.phone.menu_stack import Quiet
from firmware.phone.menu_views import EntryKind, EntryView, SoftKeys
from firmware.phone.pin import MAX_DIGITS as MAX_PIN_DIGITS
from firmware.phone.state import PhoneState

DELETE = word("Delete")

HIDDEN_DIGIT = "•"

Accept = Callable[[PhoneState, str], Text | None]
"""Takes what was typed: returns None where that is done and the page may go, or else a sentence that says why not."""


class NumberEntry(Quiet):
    """A telephone number, or part of one; holding 0 makes the `+` of an international number."""

    def __init__(self, title: Text, accept: Accept, *, text: str = "", note: Text = "") -> None:
        """Make the page.

        Args:
            title: what is typed.
            accept: called by OK.
            text: what is there at first.
            note: a sentence below, until a key is pressed.
        """
        self._title = title
        self._accept = accept
        self._text = self._before = text
        self._note = note

    @property
    def written(self) -> str:
        """The number so far."""
        return self._text

    @property
    def is_changed(self) -> bool:
        """Whether something else stands there than at first."""
        return self._text != self._before

    def view(self, _state: PhoneState) -> EntryView:
        """Show the number so far."""
        keys = SoftKeys(DELETE if self._text else BACK, CHOOSE)
        return EntryView(self._title, self._text, EntryKind.NUMBER, note=self._note, keys=keys)

    def press(self, state: PhoneState, key: Key) -> None:
        """Write a digit, or be done."""
        if key is Key.OK:
            self._note = ""
            objection = self._accept(state, self._text)
            if objection is None:
                state.menu.drop(state, self)
            else:
                self._note = objection
        elif key.value in "0123456789*#":
            self._text = (self._text + key.value)[:MAX_DIGITS]
            self._note = ""

    def hold(self, _state: PhoneState, key: Key) -> None:
        """Make the `+` that an international number begins with."""
        if key is Key.DIGIT_0 and self._text == "0":
            self._text = "+"

    def cancel(self, _state: PhoneState) -> bool:
        """Delete the last digit; where there is none, leave."""
        if not self._text:
            return False
        self._text = self._text[:-1]
        self._note = ""
        return True


class PinEntry(Quiet):
    """A PIN: only its length is ever shown, and it is forgotten as soon as it is handed on."""

    def __init__(self, title: Text, accept: Accept, *, note: Text = "") -> None:
        """`accept` is called by OK; `note` is a sentence below, while nothing is typed."""
        self._title = title
        self._accept = accept
        self._rule = note
        self._note: Text = ""
        self._digits = ""

    @property
    def written(self) -> str:
        """The digits so far, which the phone alone knows."""
        return self._digits

    def view(self, _state: PhoneState) -> EntryView:
        """Show how many digits there are."""
        keys = SoftKeys(DELETE if self._digits else BACK, CHOOSE)
        hidden = HIDDEN_DIGIT * len(self._digits)
        note = self._note or ("" if self._digits else self._rule)
        return EntryView(self._title, hidden, EntryKind.PIN, note=note, keys=keys)

    def open(self, _state: PhoneState) -> None:
        """Begin anew: nobody else is to finish what somebody has begun."""
        self._digits = ""

    def say(self, note: Text) -> None:
        """Say something below, until a key is pressed."""
        self._note = note

    def press(self, state: PhoneState, key: Key) -> None:
        """Write a digit, or be done."""
        if key is Key.OK and self._digits:
            pin, self._digits, self._note = self._digits, "", ""
            objection = self._accept(state, pin)
            if objection is None:
                state.menu.drop(state, self)
            else:
                self._note = objection
        elif key.value.isdigit():
            self._digits = (self._digits + key.value)[:MAX_PIN_DIGITS]
            self._note = ""

    def cancel(self, _state: PhoneState) -> bool:
        """Delete the last digit; where there is none, leave."""
        if not self._digits:
            return False
        self._digits = self._digits[:-1]
        return True
