"""My data: everything that the phone holds about its holder, a copy of it, and having it erased."""

from collections.abc import Callable
from typing import Final

from firmware.base.words import Text, counted, word
from firmware.phone.holder_settings import forget_erased
from firmware.phone.menu.calls import calls_page
from firmware.phone.menu.card import ONE_MOMENT, Card
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.contacts import contacts_page
from firmware.phone.menu.copying import COPY, copy_page
from firmware.phone.menu.lock import lock_page
from firmware.phone.menu.messages import messages_page
from firmware.phone.menu.notices import notices_page
from firmware.phone.menu.pictures import pictures_page
from firmware.phone.menu.policy import policies_page
from firmware.phone.menu.proof import proving
from firmware.phone.menu.purposes import purposes_page
from firmware.phone.menu.question import Question, RequestNotice
from firmware.phone.menu.recordings import recordings_page
from firmware.phone.menu.requests import REQUESTS, requests_page
from firmware.phone.menu.retention import CATEGORIES, HOW_LONG, retention_page, stays
from firmware.phone.menu.settings import settings_page
from firmware.phone.menu.sharing import sharing_page
from firmware.phone.menu.status import status_page
from firmware.phone.menu_stack import Screen
from firmware.phone.menu_views import MenuRow
from firmware.phone.my_data import DataCategory
from firmware.phone.pin import Right
from firmware.phone.request import Failed
from firmware.phone.requests.rights import EraseMyData, MyDataErased, MyDataRow, ReadMyData
from firmware.phone.state import PhoneState

MY_DATA: Final = word("My data")
_WHAT_IS_HERE: Final = word("What is here")
_ERASE: Final = word("Delete")
_EVERYTHING: Final = word("Everything")

_HOLDS: Final[dict[DataCategory, Text]] = {
    DataCategory.ACCOUNT: word("The line, whether its number is confirmed, and how long this phone has run."),
    DataCategory.CONTACTS: word("Names, numbers, rings and pictures of people."),
    DataCategory.CALLS: word("Who called, when, for how long, how it sounded and what the phone decided."),
    DataCategory.MESSAGES: word("Texts, from whom or to whom, and when."),
    DataCategory.RECORDINGS: word("The sound of calls, with whom and when."),
    DataCategory.PICTURES: word("Pictures and what you call them."),
    DataCategory.SETTINGS: word("What you have set: blocked numbers, speed dials, Chinese characters that you chose."),
    DataCategory.CONSENTS: word("Each answer of yours, and what was asked, shown and done, in order."),
    DataCategory.REQUESTS: word("What you asked of the operator, and when you took copies."),
    DataCategory.SHARES: word("What left this phone, and what is about to."),
    DataCategory.POLICIES: word("The operator's policies, new and old."),
    DataCategory.NOTICES: word("What the operator has told you."),
    DataCategory.PIN: word("Not the PIN itself, but what it is compared with."),
}
_PAGES: Final[dict[DataCategory, Callable[[PhoneState], Screen]]] = {
    DataCategory.ACCOUNT: status_page,
    DataCategory.CONTACTS: contacts_page,
    DataCategory.CALLS: calls_page,
    DataCategory.MESSAGES: messages_page,
    DataCategory.RECORDINGS: recordings_page,
    DataCategory.PICTURES: pictures_page,
    DataCategory.SETTINGS: settings_page,
    DataCategory.CONSENTS: purposes_page,
    DataCategory.REQUESTS: requests_page,
    DataCategory.SHARES: sharing_page,
    DataCategory.POLICIES: policies_page,
    DataCategory.NOTICES: notices_page,
    DataCategory.PIN: lock_page,
}


def my_data_page(_state: PhoneState) -> Choices:
    """Make the page of what the holder can do about all that is kept."""
    choices = [
        Choice(_WHAT_IS_HERE, proving(Right.ACCESS, opening(lambda _state: DataList(_WHAT_IS_HERE, _category_choice)))),
        Choice(COPY, opening(copy_page)),
        Choice(_ERASE, proving(Right.ERASURE, opening(lambda _state: ErasureList()))),
        Choice(REQUESTS, opening(requests_page)),
        Choice(HOW_LONG, opening(retention_page)),
    ]
    return Choices(MY_DATA, lambda _state: choices)


class DataList(Choices):
    """A row for each category, with how much there is of it."""

    def __init__(self, title: Text, make: Callable[[MyDataRow], Choice]) -> None:
        """`make` makes a row."""
        super().__init__(title, self._choices_now, empty=ONE_MOMENT)
        self._make = make
        self._read: tuple[MyDataRow, ...] = ()

    def open(self, state: PhoneState) -> None:
        """Count: something may have been deleted meanwhile."""
        state.ask(ReadMyData(), self._show, page=self)

    def _show(self, _state: PhoneState, answer: tuple[MyDataRow, ...] | Failed) -> None:
        if isinstance(answer, Failed):
            self._read, self._empty = (), answer.words
        else:
            self._read = answer

    def _choices_now(self, _state: PhoneState) -> list[Choice]:
        return [self._make(row) for row in self._read]


def _category_choice(row: MyDataRow) -> Choice:
    value: Text = str(row.count)
    if row.category is DataCategory.PIN:
        value = word("Yes") if row.count else word("No")
    return Choice(CATEGORIES[row.category], opening(lambda _state: _category_page(row)), value)


def _category_page(row: MyDataRow) -> Card:
    rows = [MenuRow(_HOLDS[row.category]), MenuRow(word("Kept"), stays(row.days))]
    return Card(CATEGORIES[row.category], lambda _state: rows, ok=word("Open"), choose=opening(_PAGES[row.category]))


class ErasureList(DataList):
    """What can be erased, and all of it at once; the PIN that was typed counts for one erasure."""

    def __init__(self) -> None:
        super().__init__(_ERASE, lambda row: self._erasing(CATEGORIES[row.category], (row,)))

    def _choices_now(self, state: PhoneState) -> list[Choice]:
        self._read = tuple(row for row in self._read if row.erasable)
        rows = super()._choices_now(state)
        return [self._erasing(_EVERYTHING, self._read), *rows] if rows else []

    def _erasing(self, title: Text, rows: tuple[MyDataRow, ...]) -> Choice:
        def erase(state: PhoneState) -> None:
            state.menu.drop(state, self)
            request = EraseMyData(tuple(row.category for row in rows))
            state.menu.push(state, RequestNotice(_ERASE, request, _erased))

        count = sum(row.count for row in rows)
        text = word("{what}: {count}. There is no way back. Whoever got some of it is told to delete it too.",
                    what=title, count=count)  # fmt: skip
        return Choice(title, opening(lambda _state: Question(_ERASE, text, _ERASE, erase)), str(count))


def _erased(state: PhoneState, erased: MyDataErased) -> Text:
    """Forget it here too, and say how much it was."""
    forget_erased(state, erased.categories)
    text = counted("{count} deleted.", "{count} deleted.", erased.count)
    told = word("Whoever got some is told: see Who got what.")
    return word("{first} {second}", first=text, second=told) if erased.notices else text
