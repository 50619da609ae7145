"""What can be wrong with the broker, from the words of sockets, TLS and MQTT into our own."""

import errno
import socket
import ssl
from enum import StrEnum
from typing import Final, Self

from mqtt.packets import HostilePacketError


class BrokerState(StrEnum):
    """How a client stands with the broker."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


class BrokerProblem(StrEnum):
    """Why the broker cannot be used.

    Attributes:
        sentence: says it to a person, and what to do.
    """

    _value_: str
    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        problem = str.__new__(cls, value)
        problem._value_, problem.sentence = value, sentence
        return problem

    NONE = "", ""
    HOST_NOT_FOUND = "host_not_found", "The broker's name is not known. Check the setting host and the name server."
    CONNECTION_REFUSED = (
        "connection_refused",
        "Nothing listens at the broker's address. Check the setting port and the broker.",
    )
    TIMED_OUT = "timed_out", "The broker did not answer in time. Check the network and the broker."
    NO_NETWORK = "no_network", "There is no way to the broker. Check the network."
    CONNECTION_LOST = "connection_lost", "The connection to the broker was lost."
    SERVER_BUSY = "server_busy", "The broker has no room at present."
    BROKER_CERTIFICATE_UNTRUSTED = (
        "broker_certificate_untrusted",
        "The broker's certificate is not one that the setting ca vouches for, or is for another host.",
    )
    BROKER_CERTIFICATE_EXPIRED = (
        "broker_certificate_expired",
        "The broker's certificate is out of date. Renew it, or check the clock of this machine.",
    )
    TLS_FAILED = "tls_failed", "No common way to encrypt was found. Check that the setting port is one for TLS."
    DEVICE_CERTIFICATE_UNUSABLE = (
        "device_certificate_unusable",
        "Our certificate, its key or the authorities are no PEM, or do not belong together. Check the settings.",
    )
    DEVICE_CERTIFICATE_REJECTED = (
        "device_certificate_rejected",
        "The broker does not accept our certificate. Check the setting certificate, and whether it was taken back.",
    )
    DEVICE_CERTIFICATE_EXPIRED = "device_certificate_expired", "Our certificate is out of date. Install a new one."
    NOT_AUTHORIZED = "not_authorized", "The broker does not allow us there. Check its access list."
    IDENTITY_IN_USE = "identity_in_use", "Another client took our place. No two may share a name."
    MESSAGE_REFUSED = "message_refused", "The broker will not have a message."
    MESSAGE_NOT_ALLOWED = "message_not_allowed", "A message is not one that may leave. It is kept, and not sent."
    PROTOCOL_ERROR = "protocol_error", "The broker does not speak MQTT 5 as we do."


class BrokerError(Exception):
    """The broker cannot be used now.

    Attributes:
        problem: why.
        code: the reason code that the broker gave (MQTT 5 section 2.4), 0 where it gave none.
        state: REFUSED where somebody must do something about it, UNREACHABLE where waiting may be enough.
    """

    def __init__(self, problem: BrokerProblem, code: int = 0) -> None:
        super().__init__(problem.sentence)
        self.problem = problem
        self.code = code
        self.state = BrokerState.UNREACHABLE if problem in _PASSES_BY_ITSELF else BrokerState.REFUSED


class MessageRefusedError(BrokerError):
    """The broker answered, and will not have this message."""


_PASSES_BY_ITSELF: Final = frozenset(
    {
        BrokerProblem.HOST_NOT_FOUND,
        BrokerProblem.CONNECTION_REFUSED,
        BrokerProblem.TIMED_OUT,
        BrokerProblem.NO_NETWORK,
        BrokerProblem.CONNECTION_LOST,
        BrokerProblem.SERVER_BUSY,
    }
)

# OpenSSL's names for TLS alerts (RFC 8446 section 6.2), without the version that they begin with.
_CERTIFICATE_ALERTS: Final = (
    "ALERT_UNKNOWN_CA",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_ACCESS_DENIED",
    "ALERT_DECRYPT_ERROR",
)
_X509_V_ERR_CERT_HAS_EXPIRED: Final = 10

# MQTT 5 section 2.4. In a CONNACK, a DISCONNECT or a PUBACK they mean the same to us.
_REASONS: Final = {
    code: problem
    for problem, codes in {
        BrokerProblem.PROTOCOL_ERROR: (0x81, 0x82, 0x84, 0x9B),
        BrokerProblem.NOT_AUTHORIZED: (0x85, 0x86, 0x87, 0x8A, 0x8C),
        BrokerProblem.SERVER_BUSY: (0x88, 0x89, 0x97, 0x9F),
        BrokerProblem.TIMED_OUT: (0x8D,),
        BrokerProblem.IDENTITY_IN_USE: (0x8E,),
    }.items()
    for code in codes
}


def problem_of_error(error: OSError) -> BrokerProblem:
    """Name what a socket or TLS error, or a packet that may not come, says about the broker."""
    match error:
        case HostilePacketError():
            return BrokerProblem.PROTOCOL_ERROR
        case ssl.SSLCertVerificationError():
            expired = error.verify_code == _X509_V_ERR_CERT_HAS_EXPIRED
            return BrokerProblem.BROKER_CERTIFICATE_EXPIRED if expired else BrokerProblem.BROKER_CERTIFICATE_UNTRUSTED
        case ssl.SSLError():
            return _problem_of_alert(error.reason or "")
        case socket.gaierror():
            return BrokerProblem.HOST_NOT_FOUND if error.errno == socket.EAI_NONAME else BrokerProblem.NO_NETWORK
        case ConnectionRefusedError():
            return BrokerProblem.CONNECTION_REFUSED
        case TimeoutError():
            return BrokerProblem.TIMED_OUT
        case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH | errno.ENETDOWN):
            return BrokerProblem.NO_NETWORK
        case _:
            return BrokerProblem.CONNECTION_LOST


def problem_of_reason(code: int) -> BrokerProblem:
    """Name what an MQTT 5 reason code of a CONNACK or a DISCONNECT says."""
    return _REASONS.get(code, BrokerProblem.CONNECTION_LOST)


def problem_of_puback(code: int) -> BrokerProblem:
    """Name what the reason code of a PUBACK says; a broker that answers is neither lost nor unreachable."""
    not_authorized = _REASONS.get(code) is BrokerProblem.NOT_AUTHORIZED
    return BrokerProblem.NOT_AUTHORIZED if not_authorized else BrokerProblem.MESSAGE_REFUSED


def _problem_of_alert(reason: str) -> BrokerProblem:
    if reason.endswith("ALERT_CERTIFICATE_EXPIRED"):
        return BrokerProblem.DEVICE_CERTIFICATE_EXPIRED
    if reason.endswith(_CERTIFICATE_ALERTS):
        return BrokerProblem.DEVICE_CERTIFICATE_REJECTED
    return BrokerProblem.TLS_FAILED
