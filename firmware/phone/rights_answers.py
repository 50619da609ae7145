"""What becomes of the errands of `rights_errands`."""

from dataclasses import dataclass, field

from contract.consent import RequestKind, RequestState
from firmware.base.words import Text
from firmware.phone.my_data import DataCategory


@dataclass(frozen=True, slots=True)
class MyDataRow:
    """One category: how many things there are of it, and for how many days they are kept, 0 for until deleted."""

    category: DataCategory
    count: int
    days: int
    erasable: bool


@dataclass(frozen=True, slots=True)
class MyDataRead:
    """Everything that is kept, by category."""

    rows: tuple[MyDataRow, ...]


@dataclass(frozen=True, slots=True)
class RetentionRead:
    """For how many days each category is kept that goes by itself; 0 for until the holder deletes it."""

    days: tuple[tuple[DataCategory, int], ...]


@dataclass(frozen=True, slots=True)
class PassphraseDrawn:
    """Words by which a copy is encrypted."""

    words: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CopyProgressed:
    """A copy has come so far, in per cent."""

    percent: int


@dataclass(frozen=True, slots=True)
class CopyFinished:
    """A copy is made, or not; `words` say which."""

    done: bool
    words: Text


@dataclass(frozen=True, slots=True)
class MyDataErased:
    """Things are erased: how many, and by how many notices recipients are told to forget them too."""

    categories: tuple[DataCategory, ...]
    count: int
    notices: int


@dataclass(frozen=True, slots=True)
class RequestFiled:
    """A request has its number and the day by which an answer is due; number 0: there were too many today.

    The day is empty until the clock has been right once.
    """

    number: int
    due: str


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
class RequestsListed:
    """The requests, newest first."""

    rows: tuple[RequestRow, ...]


RightsAnswer = (
    MyDataRead
    | RetentionRead
    | PassphraseDrawn
    | CopyProgressed
    | CopyFinished
    | MyDataErased
    | RequestFiled
    | RequestsListed
)
