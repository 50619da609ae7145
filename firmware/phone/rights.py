"""The holder's rights as the phone knows them: what may be asked of the operator, and how far that is."""

from enum import StrEnum


class RequestKind(StrEnum):
    """What is asked for."""

    ACCESS = "access"
    CORRECTION = "correction"
    COPY = "copy"
    ERASURE = "erasure"
    CANCELLATION = "cancellation"
    EXPLANATION = "explanation"
    COMPLAINT = "complaint"
    CONTACT = "contact"


class RequestState(StrEnum):
    """How far it is; OVERDUE: the day on which it was due has passed.

    GRANTED, PARTLY, REFUSED: the operator's signed answer says so. ANSWERED: the holder closed it, for it was answered
    in another way. WITHDRAWN: the holder asks no more.
    """

    OPEN = "open"
    OVERDUE = "overdue"
    GRANTED = "granted"
    PARTLY = "partly"
    REFUSED = "refused"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


class Right(StrEnum):
    """A right that is exercised on the phone itself, after its holder's PIN."""

    ACCESS = "access"
    COPY = "copy"
    ERASURE = "erasure"
    CANCELLATION = "cancellation"
    REQUEST = "request"
    RESET = "reset"
