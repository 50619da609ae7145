"""A page on which a text is typed; see firmware.phone.text_entry for what the keys write."""

from firmware.base.words import Text
from firmware.phone.events import Timer
from firmware.phone.holder_settings import remember_written
from firmware.phone.key import Key
from firmware.phone.menu.choices import BACK, CHOOSE
from firmware.phone.menu.entry import DELETE, Accept
from firmware.phone.menu_stack import Quiet
from firmware.phone.menu_views import EntryKind, EntryView, SoftKeys
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.text_entry import TextEntry

LETTER_S = 1.2
"""So long a letter waits for its key to be pressed again."""


class TextPage(Quiet):
    """A text of one line."""

    def __init__(self, title: Text, accept: Accept, entry: TextEntry) -> None:
        """`accept` is called by OK; `entry` is what is there at first, and how it may be written."""
        self._title = title
        self._accept = accept
        self._entry = entry
        self._before = entry.shown
        self._note: Text = ""

    @property
    def is_changed(self) -> bool:
        """Whether something else stands there than at first."""
        return self._entry.shown != self._before

    def view(self, _state: PhoneState) -> EntryView:
        """Show the text so far, and the characters that a syllable may mean."""
        entry, composition = self._entry, self._entry.composition
        keys = SoftKeys(DELETE if entry.shown else BACK, CHOOSE)
        if composition is None:
            return EntryView(self._title, entry.shown, EntryKind.TEXT, entry.mode.value, note=self._note, keys=keys)
        chosen = composition.chosen - composition.first_shown
        return EntryView(
            self._title, entry.shown, EntryKind.TEXT, entry.mode.value, composition.shown, chosen, self._note, keys
        )

    def press(self, state: PhoneState, key: Key) -> None:
        """Write, choose a character, or be done."""
        self._note = ""
        match key:
            case Key.OK:
                if not self._entry.choose():
                    self._be_done(state)
            case Key.VOLUME_UP | Key.VOLUME_DOWN:
                self._entry.settle()
                self._entry.move(-1 if key is Key.VOLUME_UP else 1)
            case _ if key in DIGIT_KEYS:
                self._entry.press(key)
                state.start_timer(Timer.INTER_DIGIT, LETTER_S)

    def repeat(self, state: PhoneState, key: Key) -> None:
        """Turn over to the next group of characters; a letter does not repeat."""
        if not self._entry.turn(-1 if key is Key.VOLUME_UP else 1):
            self.press(state, key)

    def hold(self, _state: PhoneState, key: Key) -> None:
        """Write the digit itself, or choose the candidate at its place."""
        if key in DIGIT_KEYS - {Key.STAR, Key.HASH}:
            self._entry.write_digit(key)

    def pause(self, _state: PhoneState) -> None:
        """Keep the letter: the next press of its key writes another one."""
        self._entry.settle()

    def cancel(self, _state: PhoneState) -> bool:
        """Delete the last letter; where there is none, leave."""
        self._note = ""
        return self._entry.delete_last()

    def _be_done(self, state: PhoneState) -> None:
        objection = self._accept(state, self._entry.text.strip())
        if objection is None:
            remember_written(state, self._entry)
            state.menu.drop(state, self)
        else:
            self._note = objection
