"""The address book: its list, which digits search, and what can be done with all of it."""

from contract.consent import Purpose
from firmware.base.words import word
from firmware.phone.contact import Contact, ContactMatch
from firmware.phone.dialled import dialable
from firmware.phone.key import Key
from firmware.phone.menu.choices import BACK, CHOOSE, Choice, Choices, opening
from firmware.phone.menu.contact_card import contact_page
from firmware.phone.menu.contact_editor import contact_editor, edit_contact_page
from firmware.phone.menu.copying import copying
from firmware.phone.menu.long_list import LongList
from firmware.phone.menu.purposes import agreeing
from firmware.phone.menu.work import WorkPage
from firmware.phone.menu_stack import PageNews
from firmware.phone.menu_views import ListView, MenuRow, SoftKeys
from firmware.phone.request import Failed
from firmware.phone.requests.contacts import ContactDeleted, ContactSaved, ListContacts, ReadContact, SearchContacts
from firmware.phone.requests.pictures import FolderJob, RunFolderJob
from firmware.phone.requests.rights import CopyContacts
from firmware.phone.state import PhoneState

_FOUND_AT_MOST = 30
_MOST_KEYS = 20


def contacts_page(_state: PhoneState) -> "ContactList":
    """Make the page of the address book."""
    return ContactList()


class ContactList(LongList[ContactMatch]):
    """All contacts in their order.

    Digits search by name and number, `*` changes the one that is selected, `#` opens what can be done with all of them.
    """

    digits_choose = False

    def __init__(self) -> None:
        super().__init__(word("Contacts (# more)"), word("No contacts. Press # to add one."))
        self._keys = ""
        self._found: tuple[ContactMatch, ...] = ()
        self._chosen = 0

    def request(self, first: int, limit: int) -> ListContacts:
        """Read contacts."""
        return ListContacts(first, limit)

    def row(self, item: ContactMatch) -> MenuRow:
        """Show a name, and the number where there is no name."""
        return MenuRow(item.name or item.number)

    def choose(self, state: PhoneState, item: ContactMatch) -> None:
        """Open the contact."""
        state.menu.push(state, contact_page(item.contact_id))

    def open(self, state: PhoneState) -> None:
        """Read the list, or search once more: what is kept may have changed."""
        super().open(state)
        if self._keys:
            self._search(state)

    def view(self, state: PhoneState) -> ListView:
        """Show all, or what was found."""
        if not self._keys:
            return super().view(state)
        rows = tuple(MenuRow(each.name or each.number, detail=each.number if each.name else "") for each in self._found)
        keys = SoftKeys(BACK, CHOOSE if rows else "")
        title = word("Search: {keys}", keys=self._keys)
        return ListView(title, rows, self._chosen, 0, len(rows), word("Nobody found"), keys)

    def press(self, state: PhoneState, key: Key) -> None:
        """Search, move among what was found, open one, or see what else can be done."""
        if key is Key.HASH:
            state.menu.push(state, Choices(word("Contacts"), _more))
        elif key is Key.STAR:
            self._edit(state)
        elif key.value.isdigit():
            self._keys = (self._keys + key.value)[:_MOST_KEYS]
            self._search(state)
        elif not self._keys:
            super().press(state, key)
        elif self._found:
            match key:
                case Key.VOLUME_UP:
                    self._chosen = (self._chosen - 1) % len(self._found)
                case Key.VOLUME_DOWN:
                    self._chosen = (self._chosen + 1) % len(self._found)
                case Key.OK:
                    self.choose(state, self._found[self._chosen])

    def cancel(self, state: PhoneState) -> bool:
        """Take the last key of the search back."""
        if not self._keys:
            return False
        self._keys = self._keys[:-1]
        if self._keys:
            self._search(state)
        return True

    def hear(self, state: PhoneState, news: PageNews) -> None:
        """Read again what has changed since it was opened."""
        if isinstance(news, ContactSaved | ContactDeleted) and state.menu.top is self:
            self.open(state)

    def number_to_call(self, state: PhoneState) -> str:
        """Call whoever is selected."""
        match = self._selected_match
        return dialable(state, match.number) if match is not None else ""

    @property
    def _selected_match(self) -> ContactMatch | None:
        found = self._found[self._chosen] if self._found else None
        return found if self._keys else self.selected_item

    def _edit(self, state: PhoneState) -> None:
        """Change whoever is selected, without the page in between."""
        if (match := self._selected_match) is not None:
            state.ask(ReadContact(match.contact_id), self._open_editor, page=self)

    def _open_editor(self, state: PhoneState, contact: Contact | Failed | None) -> None:
        if isinstance(contact, Contact) and state.menu.top is self:
            state.menu.push(state, contact_editor(contact))

    def _search(self, state: PhoneState) -> None:
        keys, self._chosen = self._keys, 0

        def show(_state: PhoneState, found: tuple[ContactMatch, ...] | Failed) -> None:
            if keys == self._keys and not isinstance(found, Failed):
                self._found = found
                self._chosen = min(self._chosen, max(0, len(found) - 1))

        state.ask(SearchContacts(keys, _FOUND_AT_MOST), show, page=self)


def _import_page(_state: PhoneState) -> WorkPage:
    return WorkPage(word("Import"), RunFolderJob(FolderJob.IMPORT_CONTACTS))


def _more(_state: PhoneState) -> list[Choice]:
    return [
        Choice(word("New contact"), opening(lambda _: edit_contact_page())),
        Choice(word("Import"), agreeing(Purpose.CONTACT_IMPORT, opening(_import_page))),
        Choice(word("Export"), copying(word("Export"), CopyContacts())),
    ]
