"""The address book: what is asked of it, and what pages hear when somebody has changed it."""

from dataclasses import dataclass

from firmware.phone.contact import Contact, ContactMatch
from firmware.phone.request import Request, Stretch


@dataclass(frozen=True, slots=True)
class SearchContacts(Request[tuple[ContactMatch, ...]]):
    """Find contacts by the keys that spell them, or by their numbers.

    Attributes:
        keys: digits as dialled: 2 stands for a, b or c and their accented kin, or for a pinyin syllable's letters.
        limit: how many at most.
    """

    keys: str
    limit: int = 8


@dataclass(frozen=True, slots=True)
class ListContacts(Request[Stretch[ContactMatch]]):
    """Read a stretch of the address book in its order."""

    first: int
    limit: int


@dataclass(frozen=True, slots=True)
class ReadContact(Request[Contact | None]):
    """Read one contact; None where it is gone."""

    contact_id: int


@dataclass(frozen=True, slots=True)
class SaveContact(Request[Contact]):
    """Keep a contact, new where its id is 0; it is answered as it was kept."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class DeleteContact(Request[None]):
    """Forget a contact."""

    contact_id: int


@dataclass(frozen=True, slots=True)
class ContactSaved:
    """A contact is kept."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class ContactDeleted:
    """A contact is forgotten."""

    contact_id: int
