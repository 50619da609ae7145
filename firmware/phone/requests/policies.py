"""The operator's documents: policies and notices, read and noted as read."""

from dataclasses import dataclass
from enum import StrEnum

from firmware.phone.request import Request


class PolicyState(StrEnum):
    """How far a policy has come.

    UNREAD: the holder has not read it yet. WAITING: read, it takes effect after some days. IN_FORCE: it counts.
    REPLACED: another one counts, or was read in its place.
    """

    UNREAD = "unread"
    WAITING = "waiting"
    IN_FORCE = "in_force"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One policy that is kept.

    Attributes:
        version: what it is called.
        date: when it was written, as "2026-11-25".
        state: how far it has come.
        days_left: so many days until it takes effect, begun ones included; 0 where it is not waiting.
    """

    version: str
    date: str
    state: PolicyState
    days_left: int = 0


@dataclass(frozen=True, slots=True)
class PolicyRead:
    """A policy in the display's language.

    Attributes:
        policy: which one.
        paragraphs: its text.
        asked_again: names of the purposes that it adds or changes: they are asked again when it takes effect.
    """

    policy: PolicyRow
    paragraphs: tuple[str, ...]
    asked_again: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListPolicies(Request[tuple[PolicyRow, ...]]):
    """Read which policies are kept."""


@dataclass(frozen=True, slots=True)
class ReadPolicy(Request[PolicyRead]):
    """Read a policy.

    Attributes:
        version: which one; the newest where empty.
    """

    version: str = ""


@dataclass(frozen=True, slots=True)
class PolicyShown(Request[PolicyRead]):
    """The holder has read a policy to its end on the display; DocumentsChanged comes before the answer.

    From then on the days are counted after which it takes effect. Said again of the same policy, it changes nothing.
    """

    version: str


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One of the operator's notices, in the display's language.

    Attributes:
        notice_id: which one.
        title: in a few words.
        paragraphs: its text.
        date: when it was signed, as "2026-11-25".
        incident: it tells of a danger to the holder's data.
        acknowledged: the holder has read it.
    """

    notice_id: int
    title: str
    paragraphs: tuple[str, ...]
    date: str
    incident: bool
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class ReadNotices(Request[tuple[NoticeRow, ...]]):
    """Read the operator's notices."""


@dataclass(frozen=True, slots=True)
class AcknowledgeNotice(Request[tuple[NoticeRow, ...]]):
    """The holder has read a notice; DocumentsChanged comes before the answer."""

    notice_id: int


@dataclass(frozen=True, slots=True)
class DocumentsChanged:
    """What the holder has yet to read, as the store says at the start and after each change.

    Attributes:
        unread_policy: the version of a policy that waits to be read, empty for none.
        unread_notices: so many notices are not acknowledged.
        unread_incident: one of them tells of a danger to the holder's data.
        unread_answers: so many answers to the holder's requests are not read.
    """

    unread_policy: str = ""
    unread_notices: int = 0
    unread_incident: bool = False
    unread_answers: int = 0
