"""Pages of facts to read."""

from collections.abc import Callable, Sequence

from firmware.base.words import Text, word
from firmware.phone.key import Key
from firmware.phone.menu.choices import BACK
from firmware.phone.menu_stack import Quiet
from firmware.phone.menu_views import CardView, MenuRow, SoftKeys
from firmware.phone.request import Failed
from firmware.phone.requests.handset import Facts, FactsKind, ReadFacts
from firmware.phone.state import PhoneState

ONE_MOMENT = word("One moment…")


class Card(Quiet):
    """Facts, a row each; the volume keys scroll."""

    def __init__(
        self,
        title: Text,
        rows: Callable[[PhoneState], Sequence[MenuRow]],
        *,
        ok: Text = "",
        choose: Callable[[PhoneState], None] | None = None,
        number: str = "",
        picture: str = "",
    ) -> None:
        """Make the page.

        Args:
            title: above the rows.
            rows: says what there is to read, each time that the page is shown.
            ok: names what OK does, empty where it does nothing.
            choose: what OK does.
            number: whom lifting the handset calls, as dialled; empty for nobody.
            picture: names the picture beside the rows, empty for none.
        """
        self._title = title
        self._rows = rows
        self._ok = ok
        self._choose = choose
        self._number = number
        self._picture = picture
        self._scroll = 0

    def view(self, state: PhoneState) -> CardView:
        """Show the rows from where the person has come to."""
        rows = tuple(self._rows(state))
        return CardView(self._title, rows, self._scroll_in(rows), self._picture, SoftKeys(BACK, self._ok))

    def press(self, state: PhoneState, key: Key) -> None:
        """Scroll, or do what OK does."""
        scroll = self._scroll_in(self._rows(state))
        match key:
            case Key.VOLUME_UP:
                self._scroll = max(0, scroll - 1)
            case Key.VOLUME_DOWN:
                self._scroll = scroll + 1
            case Key.OK if self._choose is not None:
                self._choose(state)

    def number_to_call(self, _state: PhoneState) -> str:
        """Call whom the page is about."""
        return self._number

    def _scroll_in(self, rows: Sequence[MenuRow]) -> int:
        return max(0, min(self._scroll, len(rows) - 1))


class FactsCard(Card):
    """Facts about the handset, which have to be asked for."""

    def __init__(
        self, title: Text, kind: FactsKind, *, ok: Text = "", choose: Callable[[PhoneState], None] | None = None
    ) -> None:
        """`ok` and `choose` are as those of `Card`."""
        super().__init__(title, lambda _state: self._facts, ok=ok, choose=choose)
        self._kind = kind
        self._facts: tuple[MenuRow, ...] = (MenuRow(ONE_MOMENT),)

    def open(self, state: PhoneState) -> None:
        """Ask."""
        state.ask(ReadFacts(self._kind), self._show, page=self)

    def _show(self, _state: PhoneState, answer: Facts | Failed) -> None:
        if isinstance(answer, Failed):
            self._facts = (MenuRow(answer.words),)
        else:
            self._facts = tuple(MenuRow(label or value, value if label else "") for label, value in answer)
