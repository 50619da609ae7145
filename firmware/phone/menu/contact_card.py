"""One contact: whom to call, and what can be done with it."""

from collections.abc import Callable
from dataclasses import replace

from firmware.base.words import Text, word
from firmware.phone.contact import Contact, ContactNumber, vcard_text
from firmware.phone.dialled import dialable
from firmware.phone.holder_settings import set_speed_dial, speed_dial_objection
from firmware.phone.key import Key
from firmware.phone.menu.calling import offer_call
from firmware.phone.menu.card import ONE_MOMENT
from firmware.phone.menu.choices import BACK, Choice, Choices, opening
from firmware.phone.menu.contact_editor import KINDS, contact_editor
from firmware.phone.menu.question import NOT_DONE, Notice, Question, carry_out
from firmware.phone.menu.sound import RINGS
from firmware.phone.menu.speed_dials import name_behind
from firmware.phone.menu_stack import PageNews, Quiet
from firmware.phone.menu_views import CodeView, SoftKeys
from firmware.phone.people import DIGITS
from firmware.phone.phrases import OBJECTIONS
from firmware.phone.request import Failed
from firmware.phone.requests.contacts import ContactDeleted, ContactSaved, DeleteContact, ReadContact, SaveContact
from firmware.phone.state import PhoneState

_AS_USUAL = word("as usual")


def contact_page(contact_id: int) -> "ContactCard":
    """Make the page of one contact, which is read from the store."""
    return ContactCard(contact_id)


class ContactCard(Choices):
    """A contact's numbers, each of which can be called, and below them what else can be done."""

    def __init__(self, contact_id: int) -> None:
        super().__init__("", self._rows, empty=ONE_MOMENT)
        self._contact_id = contact_id
        self._contact: Contact | None = None

    def open(self, state: PhoneState) -> None:
        """Read the contact: it may have changed."""
        state.ask(ReadContact(self._contact_id), self._take, page=self)

    def hear(self, state: PhoneState, news: PageNews) -> None:
        """Show the contact as it was kept; leave where it is gone."""
        match news:
            case ContactSaved(Contact(contact_id=self._contact_id) as contact):
                self._show(contact)
            case ContactDeleted(self._contact_id):
                state.menu.drop(state, self)

    def _take(self, _state: PhoneState, answer: Contact | Failed | None) -> None:
        match answer:
            case Contact():
                self._show(answer)
            case Failed(words):
                self._empty = words
            case None if self._contact is None:
                self._empty = word("This contact is gone.")

    def _show(self, contact: Contact) -> None:
        self._contact = contact
        self._title = contact.name or (contact.numbers[0].number if contact.numbers else word("No name"))

    def _rows(self, state: PhoneState) -> list[Choice]:
        contact = self._contact
        if contact is None:
            return []
        first = dialable(state, contact.numbers[0].number) if contact.numbers else ""
        ring = dict(RINGS).get(contact.ring, _AS_USUAL)
        return [
            *(_number_row(number, dialable(state, number.number)) for number in contact.numbers),
            Choice(word("Edit"), opening(lambda _: contact_editor(contact)), number=first),
            Choice(word("Ring tone"), opening(lambda _: _rings_page(contact)), ring, first),
            Choice(word("Unblock") if contact.blocked else word("Block"), _toggle_blocked(contact), number=first),
            *([Choice(word("Speed dial"), opening(lambda _: _places_page(first)), number=first)] if first else []),
            Choice(word("Share"), opening(lambda _: SharePage(contact)), number=first),
            *(
                [Choice(word("Remove picture"), opening(lambda _: _ask_to_remove_picture(contact)), number=first)]
                if contact.picture
                else []
            ),
            Choice(word("Delete"), opening(lambda _: _ask_to_delete(contact)), number=first),
        ]


def _number_row(number: ContactNumber, dialled: str) -> Choice:
    return Choice(number.number, lambda state: offer_call(state, dialled), KINDS[number.kind], dialled)


def _toggle_blocked(contact: Contact) -> Callable[[PhoneState], None]:
    return lambda state: carry_out(state, SaveContact(replace(contact, blocked=not contact.blocked)), ContactSaved)


def _rings_page(contact: Contact) -> Choices:
    def set_ring(ring: str) -> Callable[[PhoneState], None]:
        def choose(state: PhoneState) -> None:
            carry_out(state, SaveContact(replace(contact, ring=ring)), ContactSaved)
            state.menu.pop(state)

        return choose

    choices = [Choice(_AS_USUAL, set_ring("")), *(Choice(name, set_ring(ring)) for ring, name in RINGS)]
    return Choices(word("Ring tone"), lambda _: choices)


def _places_page(number: str) -> Choices:
    def set_to(digit: str) -> Callable[[PhoneState], None]:
        def choose(state: PhoneState) -> None:
            objection = speed_dial_objection(state, number)
            if objection is not None:
                state.menu.push(state, Notice(NOT_DONE, OBJECTIONS[objection]))
            else:
                set_speed_dial(state, digit, number)
                state.menu.pop(state)

        return choose

    def rows(state: PhoneState) -> list[Choice]:
        return [Choice(name_behind(state, digit), set_to(digit)) for digit in DIGITS]

    return Choices(word("Speed dial"), rows)


def _ask_to_delete(contact: Contact) -> Question:
    text: Text = word("{name} is deleted with all numbers. Sure?", name=contact.name)

    def delete(state: PhoneState) -> None:
        carry_out(state, DeleteContact(contact.contact_id), lambda _answer: ContactDeleted(contact.contact_id))

    return Question(word("Delete"), text, word("Delete"), delete)


def _ask_to_remove_picture(contact: Contact) -> Question:
    def remove(state: PhoneState) -> None:
        carry_out(state, SaveContact(replace(contact, picture="")), ContactSaved)

    text: Text = word("Remove the picture of {name}?", name=contact.name)
    return Question(word("Remove picture"), text, word("Remove"), remove)


class SharePage(Quiet):
    """A contact as a QR code that other phones take as a contact."""

    def __init__(self, contact: Contact) -> None:
        self._contact = contact

    def view(self, _state: PhoneState) -> CodeView:
        """Show the code."""
        return CodeView(word("Share"), vcard_text(self._contact), self._contact.name, SoftKeys(BACK))

    def press(self, state: PhoneState, key: Key) -> None:
        """Leave by OK too: there is nothing to do here but to look."""
        if key is Key.OK:
            state.menu.pop(state)
