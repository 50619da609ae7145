"""Mosquitto on loopback, as an operator should run it: mutual TLS, and to each client its own topics and no others."""

import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.lab.arrivals import Arrivals
from tests.lab.certificates import LOOPBACK, CertificateAuthority, IssuedCertificate
from tests.lab.network import Namespace
from tests.lab.patience import PATIENCE_S
from tests.lab.ports import free_port
from tests.lab.server import Server

START_TIMEOUT_S: Final = 20.0
_RELOADS: Final = "Reloading config."

OBSERVER: Final = "lab-observer"
"""The one client that may read everything; it may write nothing."""

DEVICE_TOPICS: Final = ("status", "cdr", "consent", "erasure", "outcome")
"""What a device may publish below its own prefix."""

DOWN_TOPICS: Final = ("ack", "policy", "notice", "answer", "update", "bundle")
"""What it may read there."""

OPERATOR: Final = "lab-operator"
"""The one client that may write those."""

PUBLISHER: Final = "operator.main"
"""Whoever runs `wecall fleet publish`: may write those, too, and read what became of them."""


class Mosquitto(Server):
    """A broker that believes certificates only: the common name is the user, and has a prefix of its own.

    The port is a free one, chosen when it is built and kept through restarts. Retained messages survive a restart and
    a kill as far as Mosquitto itself keeps them.
    """

    def __init__(
        self,
        folder: Path,
        authority: CertificateAuthority,
        *,
        device_topics: tuple[str, ...] = DEVICE_TOPICS,
        discovery: bool = True,
        receive_maximum: int | None = None,
        max_packet_bytes: int | None = None,
        fleet: Path | None = None,
        address: str = "127.0.0.1",
        namespace: Namespace | None = None,
    ) -> None:
        """Set up without starting.

        Args:
            folder: where its configuration, log and retained messages go.
            authority: signs the broker's certificate, and those of the devices that it believes.
            device_topics: the topics that devices may publish to.
            discovery: they may also tell Home Assistant of themselves.
            receive_maximum: how many messages a client may have in flight.
            max_packet_bytes: the longest packet that it takes.
            fleet: the folder of a fleet's authority (`wecall fleet ca`), which then decides who is let in.
            address: where it listens.
            namespace: whose network that address is in.
        """
        super().__init__(folder / "mosquitto.log")
        self.port = free_port(socket.SOCK_STREAM)
        self.authority = authority
        self._folder = folder
        self._device_topics = device_topics
        self._discovery = discovery
        self._receive_maximum = receive_maximum
        self._max_packet_bytes = max_packet_bytes
        self._fleet = fleet
        self.address = address
        self.namespace = namespace
        self._certificate: IssuedCertificate | None = None

    def start(self, *, certificate: IssuedCertificate | None = None) -> None:
        """Start it and wait until it listens.

        Args:
            certificate: what it shows instead of a certificate of its own.

        Raises:
            RuntimeError: it ended or does not listen; the message holds its log.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if certificate is not None:
            self._certificate = certificate
        if self._certificate is None:
            self._certificate = self.authority.issue("broker", hosts=(*LOOPBACK, self.address))
        configuration = self._folder / "mosquitto.conf"
        configuration.write_text(self._configuration(self._certificate))
        self._write_access_list()
        command = ["mosquitto", "-c", str(configuration)]
        self._launch(command if self.namespace is None else self.namespace.command(*command))
        self._wait_until(self._listens, f"Mosquitto does not listen on port {self.port}", START_TIMEOUT_S)

    def forget(self) -> None:
        """End it at once, and lose what it had kept."""
        self.kill()
        (self._folder / "mosquitto.db").unlink(missing_ok=True)

    def reload(self) -> None:
        """Have it read its lists again, as an operator does, and wait until it begins; nobody comes in meanwhile.

        Raises:
            RuntimeError: it does not; the message holds its log.
        """
        assert self._process is not None
        before = self.log.count(_RELOADS)
        self._process.send_signal(signal.SIGHUP)
        self._wait_until(
            lambda: self.log.count(_RELOADS) > before, "Mosquitto does not read its lists again", START_TIMEOUT_S
        )

    def allow(self, *topics: str) -> None:
        """Let devices publish to these topics from now on, and to no others."""
        self._device_topics = topics
        self._write_access_list()
        if self._process is not None:
            self.reload()

    def _configuration(self, certificate: IssuedCertificate) -> str:
        lines = [
            f"listener {self.port} {self.address}",
            f"cafile {self.authority.ca_path}",
            f"certfile {certificate.certificate}",
            f"keyfile {certificate.key}",
            "require_certificate true",
            "use_identity_as_username true",
            "allow_anonymous false",
            f"acl_file {self._folder / 'access'}",
            f"persistence_location {self._folder}/",
            "persistence true",
            "autosave_interval 1",
            "autosave_on_changes true",
            # Not 0 for no limit: Mosquitto 2.0.21 then hangs up on whoever publishes where it may not.
            "max_queued_messages 100000",
            "log_type all",
            "log_timestamp_format %H:%M:%S",
        ]
        if os.geteuid() == 0:
            # Or else it becomes a user who may not read the folder.
            lines.append("user root")
        if self._receive_maximum is not None:
            lines.append(f"max_inflight_messages {self._receive_maximum}")
        if self._fleet is not None:
            lines[1] = f"cafile {self._fleet / 'ca.pem'}"
            lines.append(f"crlfile {self._fleet / 'revoked.pem'}")
        if self._max_packet_bytes is not None:
            lines.append(f"max_packet_size {self._max_packet_bytes}")
        return "\n".join(lines) + "\n"

    def _write_access_list(self) -> None:
        path = self._folder / "access"
        patterns = [f"pattern write wecall/v1/+/%u/{topic}" for topic in self._device_topics]
        patterns += [f"pattern read wecall/v1/+/%u/{topic}" for topic in DOWN_TOPICS]
        if self._discovery:
            patterns.append("pattern write homeassistant/device/%u/config")
        users = [f"user {OBSERVER}", "topic read #", f"user {OPERATOR}", "topic write wecall/v1/#"]
        users += [f"user {PUBLISHER}", "topic readwrite wecall/v1/#", "topic readwrite wecall-fleet/v1/#"]
        path.write_text("\n".join([*users, "", *patterns]) + "\n")
        # Mosquitto warns about files that others may read.
        path.chmod(0o600)

    def _listens(self) -> bool:
        with self.reached(), socket.socket() as probe:
            return probe.connect_ex((self.address, self.port)) == 0

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Be where it can be connected to."""
        with nullcontext() if self.namespace is None else self.namespace.entered():
            yield


@dataclass(frozen=True, slots=True)
class Received:
    """One message as the observer got it."""

    topic: str
    payload: bytes
    retain: bool

    @property
    def document(self) -> dict[str, Any]:
        """The payload as JSON."""
        document: dict[str, Any] = json.loads(self.payload)
        return document


class Observer:
    """An independent subscriber to everything, which keeps what it got."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker
        self._received = Arrivals[Received]("the observer")
        self._subscribed = Arrivals[None]("the observer")
        self._client: Client | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Connect, subscribe, and be sure of it; afterwards it reconnects by itself."""
        authority = self._broker.authority
        issued = authority.issue(OBSERVER)
        client = Client(CallbackAPIVersion.VERSION2, client_id=OBSERVER, protocol=MQTTProtocolVersion.MQTTv5)
        client.tls_set(str(authority.ca_path), str(issued.certificate), str(issued.key))
        client.reconnect_delay_set(1, 1)
        client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        client.on_subscribe = lambda *_: self._subscribed.add(None)
        client.on_message = lambda _client, _userdata, message: self._received.add(
            Received(message.topic, bytes(message.payload), message.retain)
        )
        self._client = client
        with self._broker.reached():
            client.connect(self._broker.address, self._broker.port, clean_start=True)
            client.loop_start()
        self.wait_for_subscription(1)

    def stop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()

    @property
    def received(self) -> list[Received]:
        """Everything so far, in the order of arrival."""
        return self._received.since()

    @property
    def subscriptions(self) -> int:
        """How often it has subscribed: once, and again after each reconnect."""
        return self._subscribed.mark()

    def wait_for_subscription(self, count: int, timeout_s: float = PATIENCE_S) -> None:
        """Wait until it has subscribed that often."""
        self._subscribed.first(count, timeout_s=timeout_s)

    def wait_for(self, found: Callable[[list[Received]], bool], timeout_s: float = PATIENCE_S) -> list[Received]:
        """Wait until the condition holds of everything received; fail with what there is."""
        return self._received.wait_for(lambda seen: [seen] if found(seen) else [], timeout_s=timeout_s)[0]


class Operator:
    """Publishes to devices, as whoever runs the fleet does."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=OPERATOR, protocol=MQTTProtocolVersion.MQTTv5)

    def __enter__(self) -> Self:
        authority = self._broker.authority
        issued = authority.issue(OPERATOR)
        self._client.tls_set(str(authority.ca_path), str(issued.certificate), str(issued.key))
        connected = threading.Event()
        self._client.on_connect = lambda *_: connected.set()
        with self._broker.reached():
            self._client.connect(self._broker.address, self._broker.port, clean_start=True)
            self._client.loop_start()
        # What is published at QoS 0 before the broker has answered is lost where the connection ends at once.
        assert connected.wait(20), "the broker does not let the operator in"
        return self

    def __exit__(self, *_exc: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        """Publish, and wait until the broker has it."""
        self._client.publish(topic, payload, qos=qos, retain=retain).wait_for_publish(20)


@contextmanager
def rival(broker: Mosquitto, device: str) -> Iterator[Client]:
    """Connect with a device's own name and certificate, as its clone would."""
    issued = broker.authority.issue(device)
    client = Client(CallbackAPIVersion.VERSION2, client_id=device, protocol=MQTTProtocolVersion.MQTTv5)
    client.tls_set(str(broker.authority.ca_path), str(issued.certificate), str(issued.key))
    client.connect("127.0.0.1", broker.port, clean_start=True)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()
