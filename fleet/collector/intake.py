"""The collector's connection to the broker: the only place of the collector that knows paho."""

import logging
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

from cryptography import x509
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from contract.downlink import DownTopic
from contract.messages import Topic, topic_name
from fleet.collector.acknowledgements import Acknowledgement
from fleet.collector.quarantine import Reason
from fleet.collector.reading import MAX_BYTES
from fleet.collector.received import Received
from fleet.collector.settings import BrokerAddress, CollectorSettings
from fleet.errors import FleetError
from fleet.metrics import Counts
from provisioning.authority import common_name

_log = logging.getLogger(__name__)

RECEIVE_MAXIMUM: Final = 5000
"""How many messages the broker lets wait here; while the database is down it keeps the others."""

SHARED: Final = (Topic.CDR, Topic.ERASURE, Topic.OUTCOME)
"""What one collector does for all: they share these topics."""

EVERYBODYS: Final = (Topic.STATUS, Topic.CONSENT)
"""What is retained: a shared subscription would not bring what the broker has kept."""

_FIRST_RETRY_S: Final = 1
_LAST_RETRY_S: Final = 30
_CLOSE_TIMEOUT_S: Final = 5.0
_CLOSE_LOOK_S: Final = 0.1
_NO_LIMIT: Final = 65535
"""Of unanswered messages, where the broker names none (MQTT 5 section 3.2.2.3.3)."""

_MOST_UNANSWERED: Final = 1000

MOST_WAITING: Final = 2 * RECEIVE_MAXIMUM
"""Messages that wait here at most before what its sender does not wait for either (QoS 0) is let drop."""

MOST_BYTES_WAITING: Final = 64 * 1024 * 1024
"""From so many on nothing more is read until some are taken; a window of messages with one record has five million."""

MOST_BYTES_AT_ONCE: Final = 8 * 1024 * 1024
"""What is taken at once ends with the message that makes it so many: read, they take ten times as much memory."""

_TOO_LONG: Final = bytes(MAX_BYTES + 1)
"""What is kept of whatever is longer than any message: no byte of it, so that a thousand of them take no room."""


class Intake:
    """Brings messages from `start` to `stop`, and comes back by itself to a broker that was away.

    A message stays with the broker until `release` or `answer` lets go of it, over restarts of this process too. What
    was let go of on a connection that is lost comes again.
    """

    def __init__(self, settings: CollectorSettings, counts: Counts) -> None:
        """Set up without connecting.

        Raises:
            FleetError: a certificate or the key cannot be used, or the certificate is not this collector's.
        """
        self._broker = settings.broker
        self._fleets = settings.fleets or ("+",)
        self._counts = counts
        self._queue: deque[Received] = deque()
        self._bytes = 0
        self._arrived = threading.Event()
        self._connection = 0
        self._is_open = False
        self._is_absent = False
        self._is_leaving = False
        self._is_mute = False
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._unanswered: dict[int, tuple[Received, ...]] = {}
        self._answered_early: set[int] = set()
        self._unsent: deque[Acknowledgement] = deque()
        self._window = _MOST_UNANSWERED
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        client.tls_set_context(_tls(settings.broker, settings.client_id))
        client.reconnect_delay_set(_FIRST_RETRY_S, _LAST_RETRY_S)
        # The window is kept here, by what the broker says of itself.
        client.max_inflight_messages_set(0)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        self._client = client

    def start(self) -> None:
        """Begin to connect, and go on until it succeeds."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._broker.session_expiry_s
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(
            self._broker.host.strip("[]"),
            self._broker.port,
            self._broker.keep_alive_s,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Wait a little until handsets' answers are with the broker, and leave; the session stays."""
        with self._room:
            self._is_leaving = True
            self._room.notify()
        ends_at = time.monotonic() + _CLOSE_TIMEOUT_S
        while self._is_open and (self._unsent or self._unanswered) and time.monotonic() < ends_at:
            self._arrived.wait(_CLOSE_LOOK_S)
            self._arrived.clear()
            self.answer(())
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, limit: int, timeout_s: float) -> list[Received]:
        """Wait for messages and take some, in the order of their arrival; none where none came in that time."""
        if not self._queue and not self._arrived.wait(timeout_s):
            return []
        self._arrived.clear()
        taken: list[Received] = []
        taken_bytes = 0
        with self._room:
            while self._queue and len(taken) < limit and taken_bytes < MOST_BYTES_AT_ONCE:
                message = self._queue.popleft()
                taken.append(message)
                taken_bytes += len(message.payload)
            self._bytes -= taken_bytes
            self._room.notify()
        return taken

    def wake(self) -> None:
        """Let `take` return at once."""
        self._arrived.set()

    def release(self, messages: Iterable[Received]) -> None:
        """Let the broker forget these: there is nothing that their sender is to hear."""
        for message in messages:
            if message.qos and message.connection == self._connection:
                self._client.ack(message.number, message.qos)

    def answer(self, acknowledgements: Iterable[Acknowledgement]) -> None:
        """Tell handsets what is done; the broker forgets what they sent once it has these.

        To be called again now and then, with nothing new: what the window has no room for is sent then.
        """
        self._unsent.extend(acknowledgements)
        while self._unsent and self._is_open and len(self._unanswered) < self._window:
            acknowledgement = self._unsent.popleft()
            topic = topic_name(acknowledgement.sender.fleet, acknowledgement.sender.device, DownTopic.ACK)
            # Never with the lock: the library calls `_on_publish` with one of its own that this takes too.
            number = self._client.publish(topic, acknowledgement.payload, qos=1).mid
            self._counts.acks.inc()
            with self._lock:
                is_answered = number in self._answered_early
                if is_answered:
                    self._answered_early.discard(number)
                else:
                    self._unanswered[number] = acknowledgement.answers
            if is_answered:
                self.release(acknowledgement.answers)

    @property
    def waiting(self) -> int:
        """How many messages nobody has taken yet."""
        return len(self._queue)

    @property
    def oldest_s(self) -> float | None:
        """When the oldest of them came."""
        try:
            return self._queue[0].at_s
        except IndexError:
            return None

    # --- paho's callbacks, on its thread ------------------------------------------------------------------------------

    def _on_connect(
        self, client: Client, _userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            _log.error("The broker does not let this collector in: %s.", reason)
            return
        with self._lock:
            self._connection += 1
            self._is_open = True
            self._is_absent = self._is_mute = False
            if flags.session_present:
                # They come again: while the database is away, each new connection would bring as many more.
                self._queue = deque(message for message in self._queue if not message.qos)
                self._bytes = sum(len(message.payload) for message in self._queue)
            self._window = min(_MOST_UNANSWERED, getattr(properties, "ReceiveMaximum", _NO_LIMIT))
        options = SubscribeOptions(qos=1)
        group = self._broker.group
        topics = [f"$share/{group}/wecall/v1/{fleet}/+/{topic}" for fleet in self._fleets for topic in SHARED]
        topics += [f"wecall/v1/{fleet}/+/{topic}" for fleet in self._fleets for topic in EVERYBODYS]
        topics += [f"wecall-fleet/v1/{fleet}/publication/+" for fleet in self._fleets]
        client.subscribe([(topic, options) for topic in topics])

    def _on_connect_fail(self, _client: Client, _userdata: Any) -> None:
        if not self._is_absent:
            self._is_absent = True
            _log.warning(
                "The broker, %s, port %d, is not there, or its certificate is of nobody in %s. It is tried again.",
                self._broker.host,
                self._broker.port,
                self._broker.ca,
            )

    def _on_disconnect(
        self, _client: Client, _userdata: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        with self._lock:
            if self._is_open:
                _log.warning("The connection to the broker has ended: %s.", reason)
            elif not self._is_absent:
                self._is_absent = True
                _log.warning(
                    "The broker, %s, port %d, hung up before it let this collector in. Check that the certificate, %s, "
                    "is of the authority that it trusts, and was not taken back. It is tried again.",
                    self._broker.host,
                    self._broker.port,
                    self._broker.certificate,
                )
            self._is_open = False
            # What these answer comes again, and is answered again. The library sends on what it had begun to send.
            self._unsent.clear()
            self._unanswered = dict.fromkeys(self._unanswered, ())
        self._counts.connected.set(0)

    def _on_subscribe(
        self, _client: Client, _userdata: Any, _mid: int, reasons: Sequence[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            _log.error("The broker does not let this collector read all topics. Check its access list.")
            return
        self._counts.connected.set(1)
        _log.info("Connected to the broker.")

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        payload = bytes(message.payload) if len(message.payload) <= MAX_BYTES else _TOO_LONG
        with self._room:
            if not message.qos and (len(self._queue) >= MOST_WAITING or self._bytes >= MOST_BYTES_WAITING):
                self._counts.quarantined.labels(Reason.FLOOD.value).inc()
                return
            # While nothing is read the broker keeps what comes; it may hang up meanwhile, and sends these again then.
            while self._bytes >= MOST_BYTES_WAITING and not self._is_leaving:
                self._room.wait()
            if self._is_leaving:
                return
            self._bytes += len(payload)
            self._queue.append(Received(topic, payload, message.mid, message.qos, self._connection, time.monotonic()))
        if not self._arrived.is_set():
            self._arrived.set()

    def _on_publish(
        self, _client: Client, _userdata: Any, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure and not self._is_mute:
            # It is the same with every handset.
            self._is_mute = True
            _log.error("The broker does not let this collector answer a handset: %s. Check its access list.", reason)
        with self._lock:
            answered = self._unanswered.pop(mid, None)
            if answered is None:
                self._answered_early.add(mid)
        self.release(answered or ())
        if self._unsent:
            self._arrived.set()


def _tls(broker: BrokerAddress, name: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(broker.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # An empty password, or else OpenSSL would ask for that of an encrypted key at the terminal.
        context.load_cert_chain(str(broker.certificate), str(broker.key), password="")
        shown = common_name(x509.load_pem_x509_certificate(broker.certificate.read_bytes()))
    except (OSError, ValueError) as error:
        raise FleetError(
            f"The broker cannot be spoken to: {broker.ca}, {broker.certificate} or {broker.key} cannot be used. "
            "Check that they are there, in PEM, and that the key belongs to the certificate."
        ) from error
    if shown != name:
        # The broker goes by the certificate: two of one name throw each other out without end.
        raise FleetError(
            f"{broker.certificate} is the certificate of {shown or 'nobody'}, and this collector is called {name}. "
            f"Make one with: wecall fleet ca service AUTHORITY {name}"
        )
    return context
