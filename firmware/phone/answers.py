"""What becomes of the errands of `errands`: events for the menu that is open."""

from dataclasses import dataclass

from contract.calls import CallDirection, DisconnectReason
from firmware.base.words import Text
from firmware.phone.activation_answers import ActivationAnswer
from firmware.phone.call import CallId, CallQuality, Decision
from firmware.phone.call_statistics import CallStatistics
from firmware.phone.consent_answers import ConsentAnswer
from firmware.phone.contact import Contact, ContactMatch
from firmware.phone.errands import CallKind, FactsKind, FolderJob
from firmware.phone.key_answers import KeyAnswer
from firmware.phone.pin import PinSlot
from firmware.phone.policy_answers import PolicyAnswer
from firmware.phone.recording_answers import RecordingAnswer
from firmware.phone.rights_answers import RightsAnswer
from firmware.phone.sharing_answers import SharingAnswer


@dataclass(frozen=True, slots=True)
class ContactsFound:
    """A search has an answer; `keys` are those that were asked for."""

    keys: str
    matches: tuple[ContactMatch, ...]


@dataclass(frozen=True, slots=True)
class ContactsListed:
    """A stretch of the address book, which has `total` contacts."""

    first: int
    total: int
    contacts: tuple[ContactMatch, ...]


@dataclass(frozen=True, slots=True)
class ContactRead:
    """One contact, None where it is gone."""

    contact: Contact | None


@dataclass(frozen=True, slots=True)
class ContactSaved:
    """A contact is kept."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class ContactDeleted:
    """A contact is forgotten."""

    contact_id: int


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One line of the call log as a menu shows it.

    Attributes:
        name: the contact's, or what the caller called itself.
        at: when it began, as "25 Nov 14:03" in local time and in the display's language.
        duration_s: whole seconds that were talked.
        answered: somebody answered.
        contact_id: whose number it is, 0 where the address book has nobody.
    """

    call_id: CallId
    direction: CallDirection
    number: str
    name: str
    at: str
    duration_s: int
    answered: bool
    reason: DisconnectReason | None
    decision: Decision | None = None
    quality: CallQuality | None = None
    attribution: str = ""
    contact_id: int = 0


@dataclass(frozen=True, slots=True)
class CallsListed:
    """A stretch of the call log, which has `total` calls of the kind."""

    kind: CallKind
    first: int
    total: int
    calls: tuple[LoggedCall, ...]


@dataclass(frozen=True, slots=True)
class CallsDeleted:
    """Calls of the log are forgotten."""


@dataclass(frozen=True, slots=True)
class CallsCounted:
    """The call log is counted."""

    statistics: CallStatistics


@dataclass(frozen=True, slots=True)
class JobProgressed:
    """Work on files has come so far, in per cent."""

    job: FolderJob
    percent: int


@dataclass(frozen=True, slots=True)
class JobFinished:
    """Work on files is over; `words` say what was done, what was not and what to do about it."""

    job: FolderJob
    done: bool
    words: Text


@dataclass(frozen=True, slots=True)
class PicturesListed:
    """The pictures that are kept: pairs of what names one and what the person calls it."""

    pictures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PinChecked:
    """A PIN was compared; after wrong ones the next is looked at no sooner than in `wait_s` seconds."""

    accepted: bool
    wait_s: int = 0


@dataclass(frozen=True, slots=True)
class PinChanged:
    """A PIN is set, or none is, as the store says at the start and after each change."""

    is_set: bool
    slot: PinSlot = PinSlot.HOLDER


@dataclass(frozen=True, slots=True)
class FactsRead:
    """Facts about the handset: pairs of label and value; a value alone where the label is empty."""

    kind: FactsKind
    facts: tuple[tuple[Text, Text], ...]


@dataclass(frozen=True, slots=True)
class ErrandFailed:
    """An errand came to nothing; `errand` is its type's name, `words` say why and what to do."""

    errand: str
    words: Text


@dataclass(frozen=True, slots=True)
class AccountKnown:
    """The store has opened: `account` is the default account's opaque id, the one in its call records."""

    account: str


Answer = (
    ContactsFound
    | ContactsListed
    | ContactRead
    | ContactSaved
    | ContactDeleted
    | CallsListed
    | CallsDeleted
    | CallsCounted
    | JobProgressed
    | JobFinished
    | PicturesListed
    | PinChecked
    | PinChanged
    | AccountKnown
    | FactsRead
    | ErrandFailed
    | ConsentAnswer
    | ActivationAnswer
    | RecordingAnswer
    | PolicyAnswer
    | RightsAnswer
    | KeyAnswer
    | SharingAnswer
)
