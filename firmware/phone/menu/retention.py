"""How long things are kept."""

from typing import Final

from firmware.base.words import Text, counted, word
from firmware.phone.menu.card import ONE_MOMENT, Card
from firmware.phone.menu_views import MenuRow
from firmware.phone.my_data import DataCategory
from firmware.phone.request import Failed
from firmware.phone.requests.rights import ReadRetention, RetentionDays
from firmware.phone.state import PhoneState

HOW_LONG: Final = word("Kept for")
CATEGORIES: Final[dict[DataCategory, Text]] = {
    DataCategory.ACCOUNT: word("Account"),
    DataCategory.CONTACTS: word("Contacts"),
    DataCategory.CALLS: word("Calls"),
    DataCategory.MESSAGES: word("Messages"),
    DataCategory.RECORDINGS: word("Recordings"),
    DataCategory.PICTURES: word("Pictures"),
    DataCategory.SETTINGS: word("Settings"),
    DataCategory.CONSENTS: word("Consents"),
    DataCategory.REQUESTS: word("Requests"),
    DataCategory.SHARES: word("Who got what"),
    DataCategory.POLICIES: word("Policies"),
    DataCategory.NOTICES: word("Notices"),
    DataCategory.PIN: word("PIN"),
}
"""What each kind of data is called in a word or two."""


def stays(days: int) -> Text:
    """Say how long something is kept."""
    return counted("{count} day", "{count} days", days) if days else word("until deleted")


class RetentionPage(Card):
    """A row for each category that goes by itself."""

    def __init__(self) -> None:
        super().__init__(HOW_LONG, lambda _state: self._read)
        self._read: tuple[MenuRow, ...] = (MenuRow(ONE_MOMENT),)

    def open(self, state: PhoneState) -> None:
        """Ask."""
        state.ask(ReadRetention(), self._show, page=self)

    def _show(self, _state: PhoneState, answer: RetentionDays | Failed) -> None:
        if isinstance(answer, Failed):
            self._read = (MenuRow(answer.words),)
            return
        rows = (MenuRow(CATEGORIES[category], stays(days)) for category, days in answer)
        hint = word("Counted while the phone runs. What you keep, and all else, stays until you delete it.")
        self._read = (*rows, MenuRow(hint))


def retention_page(_state: PhoneState) -> RetentionPage:
    """Make the page of how long things are kept."""
    return RetentionPage()
