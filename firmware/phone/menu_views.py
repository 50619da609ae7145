"""What a display shows of a menu: a few kinds of page, whatever they are about."""

from dataclasses import dataclass
from enum import StrEnum

from firmware.base.words import Text


@dataclass(frozen=True, slots=True)
class SoftKeys:
    """What CANCEL and OK do now, in a word each; empty where the key does nothing."""

    cancel: Text = ""
    ok: Text = ""


CALLED, CAME, MISSED = "→", "←", "×"  # noqa: RUF001 - signs, not letters
"""Which way a call or a message went, before whom it is about."""


@dataclass(frozen=True, slots=True)
class MenuRow:
    """One row of a list or of a card.

    Attributes:
        label: what it is.
        value: what it is set to, empty where it is nothing of that kind.
        number: the digit that chooses it, 0 where none does.
        detail: what is known beside it, such as a time; shown while the row is selected.
        sign: a letter before the label, empty for none.
        said: the label as it is said aloud, with what the sign means; empty for the label.
    """

    label: Text
    value: Text = ""
    number: int = 0
    detail: Text = ""
    sign: str = ""
    said: Text = ""


@dataclass(frozen=True, slots=True)
class ListView:
    """Rows to choose from.

    Attributes:
        rows: a stretch of the list around the selected row; all of it where it is short.
        first: which row of the whole list `rows` begins with, from 0.
        selected: which row of the whole list is selected, from 0; None where the person is to choose unprompted.
        total: how many rows the whole list has.
        empty: said in place of the rows where there are none.
        asks: they are answers to a question, so that what the keys do is always shown.
    """

    title: Text
    rows: tuple[MenuRow, ...]
    selected: int | None = 0
    first: int = 0
    total: int = 0
    empty: Text = ""
    keys: SoftKeys = SoftKeys()
    asks: bool = False


@dataclass(frozen=True, slots=True)
class CardView:
    """Facts to read, and to scroll where they are many.

    Attributes:
        rows: label above or beside value; a row without a value is a sentence.
        scroll: how many steps the person has gone down, from 0.
        picture: names a picture in the store to show beside them, empty for none.
    """

    title: Text
    rows: tuple[MenuRow, ...]
    scroll: int = 0
    picture: str = ""
    keys: SoftKeys = SoftKeys()


class EntryKind(StrEnum):
    """What is being typed; a CODE is shown to whoever stands before the phone, and neither said nor told from afar."""

    TEXT = "text"
    NUMBER = "number"
    PIN = "pin"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class EntryView:
    """Something that is being typed.

    Attributes:
        text: so far; of a PIN only its length may be shown.
        kind: what it is.
        mode: how letters are typed now, such as "abc", "T9" or "拼"; empty for numbers and PINs.
        candidates: what the last keys may mean, best first.
        candidate: which of them is chosen, from 0.
        note: a sentence below, such as why it is refused.
    """

    title: Text
    text: str
    kind: EntryKind = EntryKind.TEXT
    mode: str = ""
    candidates: tuple[str, ...] = ()
    candidate: int = 0
    note: Text = ""
    keys: SoftKeys = SoftKeys()


@dataclass(frozen=True, slots=True)
class CodeView:
    """A QR code to be photographed; `payload` is what it says, `caption` stands beside it."""

    title: Text
    payload: str
    caption: Text = ""
    keys: SoftKeys = SoftKeys()


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A sentence, to be read or answered.

    Attributes:
        percent: how far long work has come, None where nothing is under way.
        scroll: how often the person has turned it over, down minus up; on a display that has not room for all of it the
            parts follow each other in a circle.
        asks: OK and CANCEL answer it, so that what they do is always shown.
    """

    title: Text
    text: Text
    percent: int | None = None
    keys: SoftKeys = SoftKeys()
    scroll: int = 0
    asks: bool = False


MenuView = ListView | CardView | EntryView | CodeView | NoticeView
