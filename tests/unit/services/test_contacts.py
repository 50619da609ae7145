from firmware.phone.contact import Contact, ContactMatch, ContactNumber
from firmware.phone.events import BlockedContactsLoaded, Event
from firmware.phone.request import Request, Stretch
from firmware.phone.requests.contacts import (
    DeleteContact,
    ListContacts,
    ReadContact,
    SaveContact,
    SearchContacts,
)
from firmware.services.contacts import ContactErrands
from tests.lab.store import StoreLab

ANN = Contact(0, "Ann", (ContactNumber("1001"),))


class Book:
    def __init__(self, lab: StoreLab) -> None:
        self.posted: list[Event] = []
        self._handlers = ContactErrands(lab.contacts, self.posted.append).handlers

    async def do(self, request: Request[object]) -> object:
        return await self._handlers[type(request)](request)


async def test_a_contact_is_kept_found_listed_read_and_forgotten(lab: StoreLab) -> None:
    book = Book(lab)
    saved = await book.do(SaveContact(ANN))
    assert isinstance(saved, Contact)
    match = ContactMatch(saved.contact_id, "Ann", "1001")
    assert await book.do(SearchContacts("26")) == (match,)
    assert await book.do(SearchContacts("*")) == ()
    assert await book.do(ListContacts(0, 10)) == Stretch(0, 1, (match,))
    assert await book.do(ListContacts(5, 10)) == Stretch(5, 1, ())
    assert await book.do(ReadContact(saved.contact_id)) == saved
    assert await book.do(DeleteContact(saved.contact_id)) is None
    assert await book.do(ReadContact(saved.contact_id)) is None


async def test_the_phone_hears_whom_it_must_not_let_ring(lab: StoreLab) -> None:
    book = Book(lab)
    saved = await book.do(SaveContact(Contact(0, "Pest", (ContactNumber("1002"),), blocked=True)))
    assert isinstance(saved, Contact)
    assert book.posted == [BlockedContactsLoaded(("1002",))]
    await book.do(DeleteContact(saved.contact_id))
    assert book.posted[-1] == BlockedContactsLoaded(())
