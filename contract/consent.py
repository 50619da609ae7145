"""What the holder may say yes or no to, who decides and how, and what may be asked of the operator."""

from enum import StrEnum


class Purpose(StrEnum):
    """Every reason for which the handset keeps, takes in or sends something of its holder's.

    The answer to each is no until it was given. What each of them covers: `firmware.privacy.catalogue`.
    """

    SERVICE = "service"
    RECORDING = "recording"
    CDR_SYNC = "cdr_sync"
    CROSS_BORDER_CDR = "cross_border_cdr"
    CONTACT_IMPORT = "contact_import"
    OPERATOR_NOTICES = "operator_notices"


class Actor(StrEnum):
    """Who decided something that the ledger holds.

    POLICY: a new policy took effect or a date came, and the handset did what that says. OPERATOR: a key of the
    operator's that is in force signed it.
    """

    HOLDER = "holder"
    GUARDIAN = "guardian"
    POLICY = "policy"
    OPERATOR = "operator"


class Channel(StrEnum):
    """How a decision reached the handset.

    NETWORK: in a signed document. HANDSET: in none; the handset did by itself what a rule says.
    """

    KEYPAD = "keypad"
    STICK = "stick"
    COMMAND_LINE = "command_line"
    NETWORK = "network"
    HANDSET = "handset"


class ClockTrust(StrEnum):
    """How good the clock was when something was dated by it."""

    SYNCED = "synced"
    UNSYNCED = "unsynced"


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
