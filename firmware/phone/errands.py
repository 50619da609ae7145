"""What menus ask of the store, of a folder and of the handset itself; each is answered by an event of `answers`."""

from dataclasses import dataclass, field
from enum import StrEnum

from firmware.phone.activation_errands import ActivationErrand
from firmware.phone.bundle_errands import BundleErrand
from firmware.phone.call import CallId
from firmware.phone.consent_errands import ConsentErrand
from firmware.phone.contact import Contact
from firmware.phone.key_errands import KeyErrand
from firmware.phone.pin import PinSlot
from firmware.phone.policy_errands import PolicyErrand
from firmware.phone.recording_errands import RecordingErrand
from firmware.phone.rights_errands import RightsErrand
from firmware.phone.sharing_errands import SharingErrand


@dataclass(frozen=True, slots=True)
class SearchContacts:
    """Find contacts by the keys that spell them, or by their numbers; ContactsFound follows.

    Attributes:
        keys: digits as dialled: 2 stands for a, b or c and their accented kin, or for a pinyin syllable's letters.
        limit: how many at most.
    """

    keys: str
    limit: int = 8


@dataclass(frozen=True, slots=True)
class ListContacts:
    """Read a stretch of the address book in its order; ContactsListed follows."""

    first: int
    limit: int


@dataclass(frozen=True, slots=True)
class ReadContact:
    """Read one contact; ContactRead follows."""

    contact_id: int


@dataclass(frozen=True, slots=True)
class SaveContact:
    """Keep a contact, new where its id is 0; ContactSaved follows."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class DeleteContact:
    """Forget a contact; ContactDeleted follows."""

    contact_id: int


class CallKind(StrEnum):
    """Which calls of the log."""

    ALL = "all"
    MISSED = "missed"
    RECEIVED = "received"
    DIALLED = "dialled"


@dataclass(frozen=True, slots=True)
class ListCalls:
    """Read a stretch of the call log, newest first; CallsListed follows."""

    kind: CallKind
    first: int
    limit: int


@dataclass(frozen=True, slots=True)
class DeleteCall:
    """Forget one call; CallsDeleted follows."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class ClearCalls:
    """Forget all calls of a kind; CallsDeleted follows."""

    kind: CallKind


@dataclass(frozen=True, slots=True)
class CountCalls:
    """Count the calls of today, of this month and of the whole log; CallsCounted follows."""


class FolderJob(StrEnum):
    """Work on files of the folder that the menu imports from."""

    IMPORT_CONTACTS = "import_contacts"
    IMPORT_PICTURES = "import_pictures"


@dataclass(frozen=True, slots=True)
class RunFolderJob:
    """Work on files; JobProgressed and then JobFinished follow."""

    job: FolderJob


@dataclass(frozen=True, slots=True)
class ListPictures:
    """Read which pictures are kept; PicturesListed follows."""


@dataclass(frozen=True, slots=True)
class DeletePicture:
    """Forget a picture; PicturesListed follows."""

    picture: str


@dataclass(frozen=True, slots=True)
class CheckPin:
    """Compare a PIN with the one that is set; PinChecked follows, later after each wrong one."""

    pin: str = field(repr=False)
    slot: PinSlot = PinSlot.HOLDER


@dataclass(frozen=True, slots=True)
class SetPin:
    """Set a PIN, or take it away where it is empty; PinChanged follows."""

    pin: str = field(repr=False)
    slot: PinSlot = PinSlot.HOLDER


@dataclass(frozen=True, slots=True)
class FactoryReset:
    """Forget all that the holder and the calls have left here, then start anew."""


class FactsKind(StrEnum):
    """Facts about the handset that a page shows."""

    NETWORK = "network"
    ABOUT = "about"
    LICENCES = "licences"
    DIAGNOSTICS = "diagnostics"
    EGRESS = "egress"
    SET_UP = "set_up"


@dataclass(frozen=True, slots=True)
class ReadFacts:
    """Read facts about the handset; FactsRead follows."""

    kind: FactsKind


@dataclass(frozen=True, slots=True)
class ChooseCountry:
    """Keep where the phone stands, by the country's ISO 3166 code; then the phone starts anew."""

    code: str


Errand = (
    SearchContacts
    | ListContacts
    | ReadContact
    | SaveContact
    | DeleteContact
    | ListCalls
    | DeleteCall
    | ClearCalls
    | CountCalls
    | RunFolderJob
    | ListPictures
    | DeletePicture
    | CheckPin
    | SetPin
    | FactoryReset
    | ChooseCountry
    | ReadFacts
    | ConsentErrand
    | ActivationErrand
    | RecordingErrand
    | PolicyErrand
    | RightsErrand
    | KeyErrand
    | SharingErrand
    | BundleErrand
)
