"""What becomes of the errands of `rights_errands`."""

from dataclasses import dataclass, field

from firmware.phone.my_data import DataCategory
from firmware.phone.rights import RequestKind, RequestState
from firmware.phone.words import Text


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
    """A request has its number and the day by which an answer is due; number 0: there were too many today."""

    number: int
    due: str
    clock_synced: bool


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request as a menu shows it."""

    number: int
    kind: RequestKind
    filed: str
    due: str
    state: RequestState


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
