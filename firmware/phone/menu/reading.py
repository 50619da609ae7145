"""A text of several paragraphs, one at a time, so that it is known when it was read to its end."""

from collections.abc import Callable, Sequence

from firmware.base.words import Text, word
from firmware.phone.key import Key
from firmware.phone.menu.card import ONE_MOMENT
from firmware.phone.menu.choices import BACK, Then
from firmware.phone.menu_stack import Quiet
from firmware.phone.menu_views import NoticeView, SoftKeys
from firmware.phone.state import PhoneState

NEXT = word("Next")
DONE = word("Done")


class Reading(Quiet):
    """Paragraphs to read: OK goes on and CANCEL back; the volume keys turn over one that is long for its display."""

    def __init__(self, title: Text, paragraphs: Callable[[], Sequence[Text]], finish: Then) -> None:
        """Make the page.

        Args:
            title: above each paragraph, with its number.
            paragraphs: says what there is to read, each time that the page is shown; nothing while it is not known.
            finish: what OK does at the end.
        """
        self._title = title
        self._paragraphs = paragraphs
        self._finish = finish
        self._place = 0
        self._scroll = 0

    def view(self, _state: PhoneState) -> NoticeView:
        """Show one paragraph."""
        paragraphs = self._paragraphs()
        if not paragraphs:
            return NoticeView(self._title, ONE_MOMENT, keys=SoftKeys(BACK))
        place = min(self._place, len(paragraphs) - 1)
        title = word("{title} {place}/{count}", title=self._title, place=place + 1, count=len(paragraphs))
        keys = SoftKeys(BACK, DONE if place == len(paragraphs) - 1 else NEXT)
        return NoticeView(title, paragraphs[place], keys=keys, scroll=self._scroll)

    def press(self, state: PhoneState, key: Key) -> None:
        """Go on, or turn over."""
        count = len(self._paragraphs())
        match key:
            case Key.OK if self._place < count - 1:
                self._go_to(self._place + 1)
            case Key.OK if count:
                self._finish(state)
            case Key.VOLUME_UP | Key.VOLUME_DOWN:
                self._scroll += -1 if key is Key.VOLUME_UP else 1

    def cancel(self, _state: PhoneState) -> bool:
        """Go back to the paragraph before; leave from the first one."""
        if not self._place:
            return False
        self._go_to(self._place - 1)
        return True

    def _go_to(self, place: int) -> None:
        self._place = place
        self._scroll = 0
