"""What menus ask for about the holder's rights; each is answered by an event of `rights_answers`."""

from dataclasses import dataclass, field

from contract.consent import Actor, RequestKind
from firmware.phone.call import Decision
from firmware.phone.my_data import DataCategory
from firmware.phone.pin import PinSlot, Right
from firmware.phone.recording import RecordingId


@dataclass(frozen=True, slots=True)
class ProveHolder:
    """Compare a PIN before a right is exercised, which counts for that right for some minutes; PinChecked follows.

    A wrong one is written into the ledger.
    """

    right: Right
    pin: str = field(repr=False)
    slot: PinSlot = PinSlot.HOLDER


@dataclass(frozen=True, slots=True)
class ReadMyData:
    """Count everything that is kept, by category; MyDataRead follows."""


@dataclass(frozen=True, slots=True)
class ReadRetention:
    """Read how long things are kept; RetentionRead follows."""


@dataclass(frozen=True, slots=True)
class DrawPassphrase:
    """Draw words by which a copy is encrypted; PassphraseDrawn follows."""


@dataclass(frozen=True, slots=True)
class CopyMyData:
    """Get a copy of everything ready for a stick; CopyProgressed and CopyFinished follow.

    Attributes:
        passphrase: what it is encrypted by; empty where the holder wants it to be readable by anybody.
    """

    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CopyContacts:
    """Get all contacts ready for a stick, as vCards; CopyProgressed and CopyFinished follow."""


@dataclass(frozen=True, slots=True)
class CopyRecording:
    """Get a recording ready for a stick, as any player takes it; CopyProgressed and CopyFinished follow."""

    recording_id: RecordingId


@dataclass(frozen=True, slots=True)
class EraseMyData:
    """Erase everything of some categories; MyDataErased follows."""

    categories: tuple[DataCategory, ...]


@dataclass(frozen=True, slots=True)
class CancelAccount:
    """Give the phone back: recipients are told to forget, every key goes, and the phone starts anew."""


@dataclass(frozen=True, slots=True)
class FileRequest:
    """Ask the operator for something; RequestFiled follows."""

    kind: RequestKind


@dataclass(frozen=True, slots=True)
class ListRequests:
    """Read the requests; RequestsListed follows."""


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """Note that a request waits for no answer any more; RequestsListed follows."""

    number: int


@dataclass(frozen=True, slots=True)
class MarkAnswerRead:
    """The holder has read an answer; RequestsListed follows, and DocumentsChanged before it."""

    answer_id: int


@dataclass(frozen=True, slots=True)
class ObjectToAnswer:
    """Object to an answer, so that its request waits again; RequestsListed follows."""

    answer_id: int


@dataclass(frozen=True, slots=True)
class NoteOverride:
    """Write who overruled what the phone had decided by itself."""

    decision: Decision
    actor: Actor


RightsErrand = (
    ProveHolder
    | ReadMyData
    | ReadRetention
    | DrawPassphrase
    | CopyMyData
    | CopyContacts
    | CopyRecording
    | EraseMyData
    | CancelAccount
    | FileRequest
    | ListRequests
    | CloseRequest
    | MarkAnswerRead
    | ObjectToAnswer
    | NoteOverride
)
