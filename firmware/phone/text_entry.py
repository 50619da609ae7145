"""Writing with twelve keys: pressing a digit again and again walks through its letters, as on mobile phones.

The letters are those of ITU-T E.161 with the accented ones of western European languages behind them.
"""

from dataclasses import dataclass

from firmware.phone.events import Key

MAX_CHARACTERS = 500
# RFC 3428 section 8: a request of more than 1300 bytes must not go over UDP. The rest is for the headers, of which
# those that carry credentials alone take some 300 bytes.
MAX_BYTES = 800

_LETTERS = {
    Key.DIGIT_0: "0+&%$€*#",
    Key.DIGIT_1: ".,?!'\"1-()@/:;_",
    Key.DIGIT_2: "abc2äàáâãåæç",
    Key.DIGIT_3: "def3éèêë",
    Key.DIGIT_4: "ghi4íìîï",
    Key.DIGIT_5: "jkl5",
    Key.DIGIT_6: "mno6öóòôõøñœ",
    Key.DIGIT_7: "pqrs7ß",
    Key.DIGIT_8: "tuv8üúùû",
    Key.DIGIT_9: "wxyz9ýÿ",
}


@dataclass(slots=True)
class TextEntry:
    """A text and where its writer is in it.

    Attributes:
        text: what has been written.
        key: the key whose letters the last character is being chosen from, None where it is settled.
        capitals: the next letters are capitals.
    """

    text: str = ""
    key: Key | None = None
    capitals: bool = False

    def press(self, key: Key) -> None:
        """Take a key: digits write, `*` changes between small letters and capitals, `#` writes a space."""
        if key is Key.STAR:
            self.capitals = not self.capitals
            self.settle()
        elif key is Key.HASH:
            self.settle()
            self._append(" ")
        elif key is self.key:
            self._walk_on(_LETTERS[key])
        else:
            self.key = key if self._append(_LETTERS[key][0]) else None

    def write_digit(self, key: Key) -> None:
        """Put the digit itself in the place of the letter that pressing its key has just written."""
        if key is self.key:
            self.text = self.text[:-1] + key.value
            self.settle()

    def settle(self) -> None:
        """Keep the letter that was chosen: the next press of the same key writes another one."""
        self.key = None

    def delete_last(self) -> None:
        """Take the last character away."""
        self.text = self.text[:-1]
        self.settle()

    def _append(self, letter: str) -> bool:
        longer = self.text + self._cased(letter)
        if len(longer) > MAX_CHARACTERS or len(longer.encode()) > MAX_BYTES:
            return False
        self.text = longer
        return True

    def _walk_on(self, letters: str) -> None:
        """Put the next letter that the text has room for in the place of the last one."""
        rest, last = self.text[:-1], self.text[-1]
        place = letters.index(last if last in letters else last.lower())
        following = letters[place + 1 :] + letters[: place + 1]
        fitting = (rest + self._cased(letter) for letter in following)
        self.text = next(text for text in fitting if len(text.encode()) <= MAX_BYTES)

    def _cased(self, letter: str) -> str:
        # "ß" and "ÿ" have no capital of one letter in the fonts that displays carry.
        return letter.upper() if self.capitals and len(letter.upper()) == 1 and letter != "ÿ" else letter
