"""The broker: how to reach it, how things stand with it, and what it costs."""

from dataclasses import dataclass, field
from enum import StrEnum


class BrokerState(StrEnum):
    """How the sync process stands with the broker."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


class BrokerProblem(StrEnum):
    """Why the broker cannot be used, in words that a person can be shown."""

    NONE = ""
    HOST_NOT_FOUND = "host_not_found"
    CONNECTION_REFUSED = "connection_refused"
    TIMED_OUT = "timed_out"
    NO_NETWORK = "no_network"
    CONNECTION_LOST = "connection_lost"
    SERVER_BUSY = "server_busy"
    BROKER_CERTIFICATE_UNTRUSTED = "broker_certificate_untrusted"
    BROKER_CERTIFICATE_EXPIRED = "broker_certificate_expired"
    TLS_FAILED = "tls_failed"
    DEVICE_CERTIFICATE_UNUSABLE = "device_certificate_unusable"
    DEVICE_CERTIFICATE_REJECTED = "device_certificate_rejected"
    DEVICE_CERTIFICATE_EXPIRED = "device_certificate_expired"
    NOT_AUTHORIZED = "not_authorized"
    IDENTITY_IN_USE = "identity_in_use"
    MESSAGE_REFUSED = "message_refused"
    MESSAGE_NOT_ALLOWED = "message_not_allowed"
    PROTOCOL_ERROR = "protocol_error"


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """All that the sync process must know to reach the broker.

    Attributes:
        ca_pem: the authorities that sign the broker's certificate; the system's where None.
        certificate_pem, key_pem: the device's own; both or neither.
        discovery: dashboards are told of the handset; what they were told is taken back where False.
        departing: the holder has gone: the broker is to forget whether the handset is there, and dashboards the
            handset.
    """

    device: str
    fleet: str
    host: str
    port: int
    ca_pem: str | None = None
    certificate_pem: str | None = None
    key_pem: str | None = field(default=None, repr=False)
    batch_records: int = 50
    retry_base_s: float = 1.0
    retry_cap_s: float = 120.0
    keep_alive_s: int = 120
    discovery: bool = True
    departing: bool = False


@dataclass(frozen=True, slots=True)
class Traffic:
    """How many bytes a connection, or all of them on a day, moved over the network."""

    sent_bytes: int = 0
    received_bytes: int = 0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.sent_bytes + other.sent_bytes, self.received_bytes + other.received_bytes)

    def __sub__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.sent_bytes - other.sent_bytes, self.received_bytes - other.received_bytes)


@dataclass(frozen=True, slots=True)
class DailyTraffic:
    """How much the connection to the broker moves a day.

    Attributes:
        today: so far.
        average: of the whole days that are known.
        days: how many these are.
    """

    today: Traffic
    yesterday: Traffic
    average: Traffic
    days: int
