"""The words for a call: its state, its direction, how it ended (oFono's names for the states)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

CallId = NewType("CallId", str)
"""Names one call inside this handset: 32 hexadecimal digits, also the id of its call detail record."""

SipUri = NewType("SipUri", str)
"""A complete SIP URI, `sip:` or `sips:` included."""


class CallDirection(StrEnum):
    """Who began the call."""

    OUTGOING = "outgoing"
    INCOMING = "incoming"


class CallState(StrEnum):
    """Where a call is between its first message and its last."""

    DIALING = "dialing"
    ALERTING = "alerting"
    INCOMING = "incoming"
    WAITING = "waiting"
    ACTIVE = "active"
    HELD = "held"
    DISCONNECTED = "disconnected"


class DisconnectReason(StrEnum):
    """Why a call is over, in words that a person can be shown."""

    LOCAL_HANGUP = "local_hangup"
    REMOTE_HANGUP = "remote_hangup"
    CANCELLED = "cancelled"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    NOT_FOUND = "not_found"
    UNREACHABLE = "unreachable"
    NOT_ALLOWED = "not_allowed"
    NO_COMMON_CODEC = "no_common_codec"
    ENCRYPTION_REQUIRED = "encryption_required"
    NETWORK_LOST = "network_lost"
    SERVER_ERROR = "server_error"
    INTERRUPTED = "interrupted"


class RejectReason(StrEnum):
    """Why this handset turns an incoming call away; sip maps each to a final response."""

    BUSY = "busy"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class CallerId:
    """Who the other end says it is.

    Attributes:
        number: E.164 number, extension or URI as received, without parameters; empty where withheld.
        display_name: the name that came with the call; empty where there was none.
    """

    number: str
    display_name: str = ""


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
