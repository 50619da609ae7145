"""Pages on which a contact is made or changed: its name, its numbers and what each of them is."""

from collections.abc import Callable
from dataclasses import replace

from firmware.base.words import Text, word
from firmware.phone.contact import MAX_NAME, MAX_NUMBERS, Contact, ContactNumber, NumberKind
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.entry import NumberEntry
from firmware.phone.menu.question import carry_out, discard_question
from firmware.phone.menu.text_page import TextPage
from firmware.phone.moves import show_notice
from firmware.phone.requests.contacts import ContactSaved, SaveContact
from firmware.phone.state import PhoneState
from firmware.phone.text_entry import TextEntry, Writing
from firmware.phone.view import Hint, Mode

KINDS: dict[NumberKind, Text] = {
    NumberKind.MOBILE: word("mobile"),
    NumberKind.HOME: word("home"),
    NumberKind.WORK: word("work"),
    NumberKind.OTHER: word("other"),
}


def edit_contact_page(number: str = "", name: str = "") -> "ContactEditor":
    """Make the page for a new contact, with what is known of it."""
    numbers = (ContactNumber(number, NumberKind.MOBILE),) if number else ()
    return ContactEditor(Contact(0, name, numbers), changed=bool(number or name))


def contact_editor(contact: Contact) -> "ContactEditor":
    """Make the page that changes a contact."""
    return ContactEditor(contact, changed=False)


class ContactEditor(Choices):
    """A contact that is being written; nothing is kept before "Save" is chosen."""

    def __init__(self, contact: Contact, *, changed: bool) -> None:
        """`changed` is whether there is something that would be lost by leaving."""
        super().__init__(word("Edit contact") if contact.contact_id else word("New contact"), self._rows)
        self._contact = contact
        self._changed = changed

    def cancel(self, state: PhoneState) -> bool:
        """Ask before what was written is lost."""
        if not self._changed:
            return False

        def discard(_state: PhoneState) -> None:
            state.menu.drop(state, self)

        state.menu.push(state, discard_question(discard))
        return True

    def unsaved(self, state: PhoneState) -> bool:
        """Whether anything was written, be it on a page that is still open."""
        pages = state.menu.screens
        return self._changed or any(isinstance(page, TextPage | NumberEntry) and page.is_changed for page in pages)

    def _rows(self, _state: PhoneState) -> list[Choice]:
        contact = self._contact
        more = [Choice(word("Add number"), opening(lambda _: self._number_page(None)))]
        return [
            Choice(word("Name"), opening(self._name_page), contact.name),
            *(
                Choice(number.number, opening(self._pages_of(place)), KINDS[number.kind])
                for place, number in enumerate(contact.numbers)
            ),
            *(more if len(contact.numbers) < MAX_NUMBERS else []),
            Choice(word("Save"), self._save if contact.name or contact.numbers else None),
        ]

    def _change(self, contact: Contact) -> None:
        self._changed = self._changed or contact != self._contact
        self._contact = contact

    def _save(self, state: PhoneState) -> None:
        carry_out(state, SaveContact(self._contact), ContactSaved, _say_saved)
        state.menu.drop(state, self)

    def _name_page(self, state: PhoneState) -> TextPage:
        def accept(state: PhoneState, name: str) -> None:
            self._change(replace(self._contact, name=name))
            if name and not self._contact.contact_id and not self._contact.numbers:
                # A new contact is a name and a number.
                state.menu.push(state, self._number_page(None))

        entry = TextEntry.of_kind(
            Writing.NAME, self._contact.name, language=state.language, chinese=state.settings.chinese,
            preferences=state.features.preferences, max_characters=MAX_NAME, max_bytes=4 * MAX_NAME,
        )  # fmt: skip
        return TextPage(word("Name"), accept, entry)

    def _pages_of(self, place: int) -> Callable[[PhoneState], Choices]:
        """Make the page of one number: what it is, and its digits."""

        def rows(_state: PhoneState) -> list[Choice]:
            if place >= len(self._contact.numbers):
                return []
            number = self._contact.numbers[place]
            return [
                Choice(word("Number"), opening(lambda _: self._number_page(place)), number.number),
                *(Choice(name, self._set_kind(place, kind)) for kind, name in KINDS.items()),
                Choice(word("Delete"), self._delete(place)),
            ]

        return lambda _state: Choices(word("Number"), rows)

    def _number_page(self, place: int | None) -> NumberEntry:
        def accept(_state: PhoneState, text: str) -> Text | None:
            if not text:
                return word("Type a number.")
            numbers = list(self._contact.numbers)
            if place is None:
                numbers.append(ContactNumber(text, NumberKind.MOBILE))
            else:
                numbers[place] = replace(numbers[place], number=text)
            self._change(replace(self._contact, numbers=tuple(numbers)))
            return None

        return NumberEntry(word("Number"), accept, text="" if place is None else self._contact.numbers[place].number)

    def _set_kind(self, place: int, kind: NumberKind) -> Callable[[PhoneState], None]:
        def choose(state: PhoneState) -> None:
            numbers = list(self._contact.numbers)
            numbers[place] = replace(numbers[place], kind=kind)
            self._change(replace(self._contact, numbers=tuple(numbers)))
            state.menu.pop(state)

        return choose

    def _delete(self, place: int) -> Callable[[PhoneState], None]:
        def choose(state: PhoneState) -> None:
            numbers = self._contact.numbers[:place] + self._contact.numbers[place + 1 :]
            self._change(replace(self._contact, numbers=numbers))
            state.menu.pop(state)

        return choose


def _say_saved(state: PhoneState, contact: Contact) -> None:
    """Say for a moment who was saved, to somebody who is still in the menu."""
    if state.mode is Mode.MENU:
        state.features.saved = contact.name or contact.numbers[0].number
        show_notice(state, Hint.CONTACT_SAVED)
