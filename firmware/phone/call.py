"""The words for a call: its state and what was decided about it (oFono's names for the states)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from contract.calls import CallDirection, DisconnectReason

CallId = NewType("CallId", str)
"""Names one call inside this handset: 32 hexadecimal digits, also the id of its call detail record."""

SipUri = NewType("SipUri", str)
"""A complete SIP URI, `sip:` or `sips:` included."""


class CallState(StrEnum):
    """Where a call is between its first message and its last."""

    DIALING = "dialing"
    ALERTING = "alerting"
    INCOMING = "incoming"
    WAITING = "waiting"
    ACTIVE = "active"
    HELD = "held"
    DISCONNECTED = "disconnected"


class RejectReason(StrEnum):
    """Why this handset turns an incoming call away; sip maps each to a final response."""

    BUSY = "busy"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    DO_NOT_DISTURB = "do_not_disturb"
    BLOCKED = "blocked"
    ANONYMOUS = "anonymous"
    OUT_OF_HOURS = "out_of_hours"


class Decision(StrEnum):
    """What the handset decided about a call by itself, from its settings; the screen and the call log say so (W20)."""

    DO_NOT_DISTURB = "do_not_disturb"
    BLOCKED = "blocked"
    NOT_ON_ALLOW_LIST = "not_on_allow_list"
    ANONYMOUS = "anonymous"
    OUT_OF_HOURS = "out_of_hours"
    FORWARDED_ALWAYS = "forwarded_always"
    FORWARDED_BUSY = "forwarded_busy"
    FORWARDED_NO_ANSWER = "forwarded_no_answer"
    PHONE_BUSY = "phone_busy"
    BARRED = "barred"
    AUTO_ANSWERED = "auto_answered"
    MESSAGE_TAKEN = "message_taken"
    RECORDING_NOT_ALLOWED = "recording_not_allowed"
    RECORDING_UNWANTED = "recording_unwanted"


NOT_MISSED: Final = (
    DisconnectReason.REJECTED,
    DisconnectReason.FORWARDED,
    DisconnectReason.TRANSFERRED,
    DisconnectReason.ANSWERED_ELSEWHERE,
)
"""How an unanswered incoming call ends when the person here ended it, or somebody else took it."""

MISSED_DECISIONS: Final = (
    Decision.DO_NOT_DISTURB,
    Decision.OUT_OF_HOURS,
    Decision.NOT_ON_ALLOW_LIST,
    Decision.PHONE_BUSY,
    Decision.MESSAGE_TAKEN,
)
"""Why a caller whom the person would have wanted at another time was turned away, or got the answering machine."""


class TransferState(StrEnum):
    """How far a transfer that this handset asked for has come."""

    REQUESTED = "requested"
    RINGING = "ringing"
    DONE = "done"
    FAILED = "failed"


class Verification(StrEnum):
    """What the own server says of a caller's number: it is the caller's, nobody knows, or the call is likely spam."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    SPAM = "spam"


@dataclass(frozen=True, slots=True)
class CallerId:
    """Who the other end says it is.

    Attributes:
        number: E.164 number, extension or URI as received, without parameters; empty where withheld.
        display_name: the name that came with the call; empty where there was none.
        asserted: a trusted server vouches for the identity (RFC 3325); False where only the caller says so.
        verification: what a trusted server says of the number; None where it says nothing.
    """

    number: str
    display_name: str = ""
    asserted: bool = False
    verification: Verification | None = None


class AudioTrouble(StrEnum):
    """Why somebody hears nothing in a call that both ends should hear, as far as counters show it.

    BLOCKED: this phone's own firewall keeps the sound in or out. NOT_HEARD: the other end reports that nothing comes
    there. NOTHING_HEARD: nothing comes from the other end.
    """

    BLOCKED = "blocked"
    NOT_HEARD = "not_heard"
    NOTHING_HEARD = "nothing_heard"


@dataclass(frozen=True, slots=True)
class CallQuality:
    """How a call sounds at this end.

    Attributes:
        loss_percent: packets of the far end's that never came or came too late, of all since the call began.
        jitter_ms: interarrival jitter (RFC 3550 section 6.4.1).
        round_trip_ms: by RTCP, None where no report has come.
        codec: its name, such as "G722"; empty where none was agreed on.
        encrypted: the audio is SRTP.
        mos: estimate on the scale from 1 to 5 (ITU-T G.107), 0 where nothing was received yet.
        repaired_percent: those of `loss_percent` whose audio was heard all the same, by redundancy.
        far_loss_percent: packets of ours that were missing at the far end, None where it told nothing.
        far_mos: how the far end says that we sound, on the same scale, None where it said nothing.
        trouble: why somebody heard nothing last; None where nothing is known to be wrong.
    """

    loss_percent: float
    jitter_ms: float
    round_trip_ms: float | None
    codec: str
    encrypted: bool
    mos: float
    repaired_percent: float = 0.0
    far_loss_percent: float | None = None
    far_mos: float | None = None
    trouble: AudioTrouble | None = None


@dataclass(frozen=True, slots=True)
class TextMessage:
    """One SIP MESSAGE (RFC 3428) as it is shown and kept.

    Attributes:
        message_id: 32 hexadecimal digits.
        direction: who sent it.
        party: the other end.
        text: what it says, plain text.
        at: seconds since the epoch when it was kept, 0 where the clock was not set.
        read: the holder has seen it; always True for those sent.
        delivered: False for one that was sent and not accepted (yet).
    """

    message_id: str
    direction: CallDirection
    party: CallerId
    text: str
    at: float = 0.0
    read: bool = False
    delivered: bool = True


class RegistrationState(StrEnum):
    """Whether the registrar knows where this handset is."""

    UNREGISTERED = "unregistered"
    REGISTERING = "registering"
    REGISTERED = "registered"
    FAILED = "failed"


class RegistrationFailure(StrEnum):
    """Why a registration failed, in words that a person can be shown."""

    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a reason, not a password
    ACCOUNT_UNKNOWN = "account_unknown"
    SERVER_NOT_FOUND = "server_not_found"
    SERVER_UNREACHABLE = "server_unreachable"
    CERTIFICATE_REJECTED = "certificate_rejected"
    NO_NETWORK = "no_network"
    REFUSED = "refused"
