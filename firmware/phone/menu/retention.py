"""How long things are kept."""

from typing import Final

from firmware.base.words import Text, counted, word
from firmware.phone.answers import Answer, ErrandFailed
from firmware.phone.menu.card import ONE_MOMENT, Card
from firmware.phone.menu.views import MenuRow
from firmware.phone.my_data import DataCategory
from firmware.phone.rights_answers import RetentionRead
from firmware.phone.rights_errands import ReadRetention
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
        state.emit(ReadRetention())

    def take(self, _state: PhoneState, answer: Answer) -> None:
        """Show what was asked for, or why it is not known."""
        match answer:
            case RetentionRead(days):
                rows = (MenuRow(CATEGORIES[category], stays(each)) for category, each in days)
                hint = word("Counted while the phone runs. What you keep, and all else, stays until you delete it.")
                self._read = (*rows, MenuRow(hint))
            case ErrandFailed(ReadRetention.__name__, words):
                self._read = (MenuRow(words),)


def retention_page(_state: PhoneState) -> RetentionPage:
    """Make the page of how long things are kept."""
    return RetentionPage()
