"""Real-time text of a call: what both ends have written so far. It goes with the call; `kept_text` is what stays."""

from dataclasses import dataclass, field
from enum import StrEnum

from firmware.phone.text_entry import Chinese, TextEntry, Writing

_BACKSPACE = "\b"
_MOST_THEIRS = 1000
_MOST_OURS = 160
"""Characters of each half that are remembered; a display shows fewer."""


class TextState(StrEnum):
    """Whether letters can be sent.

    WANTED: not yet: the other end is asked, or is to be asked once the call is answered. REFUSED: it has no text, or
    has ended it.
    """

    WANTED = "wanted"
    OPEN = "open"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TextView:
    """The text of a call as the display shows it.

    Attributes:
        state: whether letters can be sent.
        theirs, ours: what the other end wrote, and what is written here.
        is_shown: the page of text is in front.
        mode: how letters are typed now.
        candidates: the characters that the last keys may mean, the likeliest first.
        candidate: which of them is chosen, from 0.
    """

    state: TextState
    theirs: str
    ours: str = ""
    is_shown: bool = False
    mode: str = ""
    candidates: tuple[str, ...] = ()
    candidate: int = 0


@dataclass(slots=True)
class CallText:
    """The text of one call.

    Attributes:
        entry: what is written here.
        state: whether letters can be sent.
        theirs: what the other end wrote.
        sent: what of `entry` the other end has.
        is_shown: the page of text is in front.
        was_shown: it has been: from then on the person says when it is.
        told: the other end was told that the text is kept.
    """

    entry: TextEntry
    state: TextState = TextState.WANTED
    theirs: str = ""
    sent: str = field(default="", repr=False)
    is_shown: bool = False
    was_shown: bool = False
    told: bool = False

    @classmethod
    def begin(cls, *, language: str, chinese: Chinese) -> "CallText":
        """Begin with nothing written."""
        return cls(TextEntry.of_kind(Writing.SENTENCES, language=language, chinese=chinese))

    def show(self, *, shown: bool) -> None:
        """Bring the page of text to the front, or take it away."""
        self.is_shown = shown
        self.was_shown = self.was_shown or shown

    def receive(self, text: str, erased: int) -> None:
        """Take what the other end wrote, after so many letters that it took back."""
        kept = self.theirs[: max(0, len(self.theirs) - erased)]
        self.theirs = (kept + text)[-_MOST_THEIRS:]

    def unsent(self) -> str:
        """Return what the other end has yet to get, with backspaces for what has changed; it has it then.

        The letter that a key is still choosing waits until it is chosen.
        """
        if self.state is not TextState.OPEN:
            return ""
        settled = self.entry.text if self.entry.key is None else self.entry.text[:-1]
        same = next(
            (place for place, (old, new) in enumerate(zip(self.sent, settled, strict=False)) if old != new),
            min(len(self.sent), len(settled)),
        )
        letters = _BACKSPACE * (len(self.sent) - same) + settled[same:]
        self.sent = settled
        self._forget_beginning()
        return letters

    def _forget_beginning(self) -> None:
        over = len(self.sent) - _MOST_OURS
        if over > 0:
            self.sent, self.entry.text = self.sent[over:], self.entry.text[over:]

    def view(self) -> TextView:
        """Return what the display shows."""
        composition = self.entry.composition
        return TextView(
            self.state,
            self.theirs,
            self.entry.shown,
            self.is_shown,
            self.entry.mode.value,
            composition.shown if composition is not None else (),
            composition.chosen - composition.first_shown if composition is not None else 0,
        )
