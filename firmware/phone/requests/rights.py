"""The holder's rights: to see, to get a copy, to have erased, to go, and to ask the operator."""

from dataclasses import dataclass, field

from contract.consent import Actor, RequestKind, RequestState
from firmware.phone.call import Decision
from firmware.phone.my_data import DataCategory
from firmware.phone.pin import PinSlot, Right
from firmware.phone.recording import RecordingId
from firmware.phone.request import Outcome, Request
from firmware.phone.requests.pin import PinChecked


@dataclass(frozen=True, slots=True)
class ProveHolder(Request[PinChecked]):
    """Compare a PIN before a right is exercised, which counts for that right for some minutes.

    A wrong one is written into the ledger.
    """

    right: Right
    pin: str = field(repr=False)
    slot: PinSlot = PinSlot.HOLDER


@dataclass(frozen=True, slots=True)
class MyDataRow:
    """One category: how many things there are of it, and for how many days they are kept, 0 for until deleted."""

    category: DataCategory
    count: int
    days: int
    erasable: bool


@dataclass(frozen=True, slots=True)
class ReadMyData(Request[tuple[MyDataRow, ...]]):
    """Count everything that is kept, by category."""


RetentionDays = tuple[tuple[DataCategory, int], ...]
"""For how many days each category is kept that goes by itself; 0 for until the holder deletes it."""


@dataclass(frozen=True, slots=True)
class ReadRetention(Request[RetentionDays]):
    """Read how long things are kept."""


@dataclass(frozen=True, slots=True)
class DrawPassphrase(Request[str]):
    """Draw words by which a copy is encrypted."""


@dataclass(frozen=True, slots=True)
class CopyMyData(Request[Outcome]):
    """Get a copy of everything ready for a stick; Progressed comes before the answer.

    Attributes:
        passphrase: what it is encrypted by; empty where the holder wants it to be readable by anybody.
    """

    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RestoreMyData(Request[Outcome]):
    """Bring back what is in a copy on the stick that comes next; Progressed comes before the answer.

    Attributes:
        passphrase: what it was encrypted by, or the first four letters at least of each word that was drawn; nothing
            where the copy is open to all.
    """

    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CopyContacts(Request[Outcome]):
    """Get all contacts ready for a stick, as vCards; Progressed comes before the answer."""


@dataclass(frozen=True, slots=True)
class CopyRecording(Request[Outcome]):
    """Get a recording ready for a stick, as any player takes it; Progressed comes before the answer."""

    recording_id: RecordingId


@dataclass(frozen=True, slots=True)
class MyDataErased:
    """Things are erased: how many, and by how many notices recipients are told to forget them too."""

    categories: tuple[DataCategory, ...]
    count: int
    notices: int


@dataclass(frozen=True, slots=True)
class EraseMyData(Request[MyDataErased]):
    """Erase everything of some categories."""

    categories: tuple[DataCategory, ...]


@dataclass(frozen=True, slots=True)
class CancelAccount(Request[None]):
    """Give the phone back: recipients are told to forget, every key goes, and the phone starts anew."""


@dataclass(frozen=True, slots=True)
class RequestFiled:
    """A request has its number and the day by which an answer is due; number 0: there were too many today.

    The day is empty until the clock has been right once.
    """

    number: int
    due: str


@dataclass(frozen=True, slots=True)
class FileRequest(Request[RequestFiled]):
    """Ask the operator for something."""

    kind: RequestKind


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """The operator's newest answer to a request, in the display's language.

    Attributes:
        answer_id: which one.
        decision: GRANTED, PARTLY or REFUSED.
        paragraphs: its text.
        date: when it was signed, as "2026-11-25".
        read: the holder has read it.
    """

    answer_id: int
    decision: RequestState
    paragraphs: tuple[str, ...]
    date: str
    read: bool


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request as a menu shows it.

    Attributes:
        number: which one.
        kind: what is asked for.
        filed: on which day; empty until the clock has been right once.
        due: the day by which an answer is due; empty likewise.
        state: how far it is.
        answer: what the operator answered last; None where nothing.
        objected: it waits again, because the holder objects to that.
    """

    number: int
    kind: RequestKind
    filed: str
    due: str
    state: RequestState
    answer: AnswerRow | None = None
    objected: bool = False


@dataclass(frozen=True, slots=True)
class ListRequests(Request[tuple[RequestRow, ...]]):
    """Read the requests."""


@dataclass(frozen=True, slots=True)
class CloseRequest(Request[tuple[RequestRow, ...]]):
    """Note that a request waits for no answer any more."""

    number: int


@dataclass(frozen=True, slots=True)
class MarkAnswerRead(Request[tuple[RequestRow, ...]]):
    """The holder has read an answer; DocumentsChanged comes before the answer."""

    answer_id: int


@dataclass(frozen=True, slots=True)
class ObjectToAnswer(Request[tuple[RequestRow, ...]]):
    """Object to an answer, so that its request waits again."""

    answer_id: int


@dataclass(frozen=True, slots=True)
class NoteOverride(Request[None]):
    """Write who overruled what the phone had decided by itself."""

    decision: Decision
    actor: Actor
