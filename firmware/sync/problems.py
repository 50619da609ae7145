"""What can be wrong with the broker, from the words of sockets, TLS and MQTT into the handset's own."""

import errno
import socket
import ssl
from typing import Final

from firmware.base.errors import SyncError
from firmware.ports.broker import BrokerProblem, BrokerState
from firmware.sync.guard import HostilePacketError


class BrokerError(SyncError):
    """The broker cannot be used now.

    Attributes:
        state: REFUSED where somebody must do something about it, UNREACHABLE where waiting may be enough.
    """

    def __init__(self, problem: BrokerProblem) -> None:
        super().__init__(_SENTENCES[problem])
        self.problem = problem
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

_SENTENCES: Final[dict[BrokerProblem, str]] = {
    BrokerProblem.HOST_NOT_FOUND: "The broker's name is not known. Check [sync] host and the network's name server.",
    BrokerProblem.CONNECTION_REFUSED: "Nothing listens at the broker's address. Check [sync] port and the broker.",
    BrokerProblem.TIMED_OUT: "The broker did not answer in time. Check the network and the broker.",
    BrokerProblem.NO_NETWORK: "There is no way to the broker. Check the network.",
    BrokerProblem.CONNECTION_LOST: "The connection to the broker was lost. It is tried again.",
    BrokerProblem.SERVER_BUSY: "The broker has no room at present. It is tried again.",
    BrokerProblem.BROKER_CERTIFICATE_UNTRUSTED: (
        "The broker's certificate is not one that [sync] ca vouches for, or is for another host."
    ),
    BrokerProblem.BROKER_CERTIFICATE_EXPIRED: (
        "The broker's certificate is out of date. Renew it, or check the handset's clock."
    ),
    BrokerProblem.TLS_FAILED: "No common way to encrypt was found. Check that [sync] port is one for TLS.",
    BrokerProblem.DEVICE_CERTIFICATE_UNUSABLE: (
        "The handset's certificate, its key or the authorities cannot be read. Check [sync] certificate, key and ca."
    ),
    BrokerProblem.DEVICE_CERTIFICATE_REJECTED: (
        "The broker does not accept the handset's certificate. Check [sync] certificate."
    ),
    BrokerProblem.DEVICE_CERTIFICATE_EXPIRED: "The handset's certificate is out of date. Install a new one.",
    BrokerProblem.NOT_AUTHORIZED: "The broker does not allow this handset there. Check its access list for the device.",
    BrokerProblem.IDENTITY_IN_USE: "Another client took this handset's place. No two may share a device id.",
    BrokerProblem.MESSAGE_REFUSED: "The broker will not have a message. It is kept and tried again.",
    BrokerProblem.MESSAGE_NOT_ALLOWED: "A message is not one that may leave the handset. It is kept, and not sent.",
    BrokerProblem.PROTOCOL_ERROR: "The broker does not speak MQTT 5 as the handset does.",
}

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
_REASONS: Final[dict[int, BrokerProblem]] = {
    0x81: BrokerProblem.PROTOCOL_ERROR,
    0x82: BrokerProblem.PROTOCOL_ERROR,
    0x84: BrokerProblem.PROTOCOL_ERROR,
    0x85: BrokerProblem.NOT_AUTHORIZED,
    0x86: BrokerProblem.NOT_AUTHORIZED,
    0x87: BrokerProblem.NOT_AUTHORIZED,
    0x88: BrokerProblem.SERVER_BUSY,
    0x89: BrokerProblem.SERVER_BUSY,
    0x8A: BrokerProblem.NOT_AUTHORIZED,
    0x8B: BrokerProblem.CONNECTION_LOST,
    0x8C: BrokerProblem.NOT_AUTHORIZED,
    0x8D: BrokerProblem.TIMED_OUT,
    0x8E: BrokerProblem.IDENTITY_IN_USE,
    0x97: BrokerProblem.SERVER_BUSY,
    0x9B: BrokerProblem.PROTOCOL_ERROR,
    0x9F: BrokerProblem.SERVER_BUSY,
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
