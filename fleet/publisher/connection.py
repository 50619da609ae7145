"""The operator's connection to the broker: what happens there comes as events, in one queue."""

import queue
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from contract.downlink import MAX_NETWORK_BUNDLE_BYTES
from contract.messages import OutcomeMessage, StatusMessage, Topic, topic_name
from contract.results import OutcomeCode
from fleet.errors import FleetError
from fleet.publisher.settings import OperatorSettings

SESSION_S: Final = 7 * 24 * 3600
"""For so long the broker keeps what handsets say to an operator who is away."""

_CONNECT_TIMEOUT_S: Final = 20.0
_FIRST_FAILURE: Final = 0x80
_TAKEN_OVER: Final = 0x8E
_NOT_AUTHORIZED: Final = 0x87
_TOPIC_LEVELS: Final = 5
# What a client may have on its way to the broker.
_MOST_ON_THE_WAY: Final = 100
_BYTES_ON_THE_WAY: Final = 4 * MAX_NETWORK_BUNDLE_BYTES


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker has answered what was published; `code` is its reason code."""

    number: int
    code: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A handset says what became of a message; `receipt` is for `BrokerLine.acknowledge`."""

    fleet: str
    device: str
    message: str
    code: OutcomeCode
    receipt: int


@dataclass(frozen=True, slots=True)
class Status:
    """A handset is online, or is not; None where nothing is known of it any more."""

    device: str
    online: bool | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker has answered a subscription."""

    number: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection has ended; `code` is the broker's reason, or 0x80."""

    code: int


Event = Accepted | Outcome | Status | Subscribed | Lost


class LineLostError(FleetError):
    """The connection to the broker is lost; another may do."""


class BrokerLine:
    """One connection, from `open` to `close`; it does not come back.

    Attributes:
        name: what the operator is called.
    """

    def __init__(self, settings: OperatorSettings, fleet: str) -> None:
        """Set up without connecting.

        Args:
            settings: where to, and as whom.
            fleet: the one whose handsets are listened to.

        Raises:
            FleetError: a certificate or the key cannot be used.
        """
        self.name = settings.client_id()
        self._settings = settings
        self._fleet = fleet
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._accepted: queue.SimpleQueue[int] = queue.SimpleQueue()
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.name,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        try:
            client.tls_set(str(settings.ca), str(settings.certificate), str(settings.key), keyfile_password="")
        except (OSError, ssl.SSLError, ValueError) as error:
            raise FleetError(
                f"One of {settings.ca}, {settings.certificate} and {settings.key} cannot be used: they are to be PEM "
                "files, and the key the certificate's own."
            ) from error
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(_MOST_ON_THE_WAY)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        self._client = client

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def open(self) -> None:
        """Connect.

        Raises:
            LineLostError: the broker is not there, or does not answer.
            FleetError: it does not let this operator in.
        """
        settings = self._settings
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_S
        where = f"{settings.host}, port {settings.port}"
        try:
            self._client.connect(
                settings.host,
                settings.port,
                settings.keep_alive_s,
                clean_start=False,
                properties=properties,
            )
        except ssl.SSLError as error:
            raise FleetError(
                f"The broker at {where} and this operator do not trust each other ({error.reason}). Check ca, "
                "certificate and key in the settings, and whether the certificate was taken back."
            ) from error
        except OSError as error:
            raise LineLostError(f"The broker at {where} cannot be reached: {error.strerror or error}.") from error
        self._client.loop_start()
        try:
            code = self._accepted.get(timeout=_CONNECT_TIMEOUT_S)
        except queue.Empty:
            self.close()
            raise LineLostError(f"The broker at {where} does not answer.") from None
        if code >= _FIRST_FAILURE:
            self.close()
            if code == _NOT_AUTHORIZED:
                raise FleetError(f"The broker at {where} does not let {self.name} in. Check its access list.")
            raise LineLostError(f"The broker at {where} ended the connection at once (MQTT reason {code:#04x}).")

    def close(self, *, forget: bool = False) -> None:
        """Say goodbye.

        Args:
            forget: let the broker forget the session, because nothing is waited for any more.
        """
        properties = None
        if forget:
            properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0
        self._client.disconnect(properties=properties)
        self._client.loop_stop()

    def listen(self) -> int:
        """Have statuses and outcomes of the fleet come in, those that the broker keeps first.

        Returns:
            the number of the last subscription: once it is answered (`Subscribed`), all that was kept has come.
        """
        # What is kept comes at once at QoS 0, and so before the answer to what is asked for after it.
        self._client.subscribe(f"wecall/v1/{self._fleet}/+/{Topic.STATUS.value}", 0)
        _, number = self._client.subscribe(f"wecall/v1/{self._fleet}/+/{Topic.OUTCOME.value}", 1)
        return number if number is not None else 0

    def known_devices(self) -> dict[str, bool]:
        """Return the handsets that the broker knows, True for those that are online.

        Outcomes that come meanwhile come again at the next connection.

        Raises:
            LineLostError: the connection is lost, or the broker says nothing more.
        """
        number = self.listen()
        known: dict[str, bool] = {}
        while (event := self.next_event(_CONNECT_TIMEOUT_S)) is not None:
            match event:
                case Status(device, online) if online is not None:
                    known[device] = online
                case Subscribed(answered) if answered == number:
                    return known
        raise LineLostError("The broker does not say which handsets it knows.")

    def publish(self, topic: str, payload: bytes) -> int:
        """Have the broker keep a message; return the number that `Accepted` will have.

        Raises:
            LineLostError: the connection is lost.
        """
        sent = self._client.publish(topic, payload, qos=1, retain=True)
        if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LineLostError("The connection to the broker was lost.")
        return sent.mid

    def acknowledge(self, receipts: Sequence[int]) -> None:
        """Tell the broker that outcomes are on the disk here."""
        for receipt in receipts:
            self._client.ack(receipt, 1)

    def next_event(self, timeout_s: float) -> Event | None:
        """Return what has happened, None where nothing does within the time.

        Raises:
            LineLostError: the connection is lost.
            FleetError: another command has taken this operator's place.
        """
        try:
            event = self._events.get(timeout=max(0.0, timeout_s)) if timeout_s > 0 else self._events.get_nowait()
        except queue.Empty:
            return None
        if isinstance(event, Lost):
            if event.code == _TAKEN_OVER:
                raise FleetError(
                    f"Another command has come to the broker as {self.name}, and only one can be there. Say this one "
                    "again when that has ended; it goes on where it was."
                )
            raise LineLostError("The connection to the broker was lost.")
        return event

    @staticmethod
    def most_on_the_way(size_bytes: int) -> int:
        """Return how many messages of this size may wait for the broker's answer."""
        return max(1, min(_MOST_ON_THE_WAY, _BYTES_ON_THE_WAY // max(1, size_bytes)))

    # --- paho's callbacks, on its own thread --------------------------------------------------------------------------

    def _on_connect(
        self, _client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        self._accepted.put(reason.value)

    def _on_disconnect(
        self, _client: Client, _userdata: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        self._accepted.put(max(reason.value, _FIRST_FAILURE))
        self._events.put(Lost(max(reason.value, _FIRST_FAILURE)))

    def _on_publish(self, _client: Client, _userdata: Any, number: int, reason: ReasonCode, _properties: Any) -> None:
        self._events.put(Accepted(number, reason.value))

    def _on_subscribe(
        self, _client: Client, _userdata: Any, number: int, _reasons: Sequence[ReasonCode], _properties: Any
    ) -> None:
        self._events.put(Subscribed(number))

    def _on_message(self, client: Client, _userdata: Any, message: MQTTMessage) -> None:
        event = self._understood(message)
        if event is not None:
            self._events.put(event)
        if message.qos and not isinstance(event, Outcome):
            client.ack(message.mid, message.qos)

    def _understood(self, message: MQTTMessage) -> Status | Outcome | None:
        """Return what a message says; None where it says nothing that a handset says."""
        levels = message.topic.split("/")
        if len(levels) != _TOPIC_LEVELS:
            return None
        fleet, device, payload = levels[2], levels[3], bytes(message.payload)
        try:
            if message.topic == topic_name(self._fleet, device, Topic.STATUS):
                return Status(device, _online(payload))
            # Of another fleet too: its roll-out may wait for what the broker has kept for this operator.
            if message.topic == topic_name(fleet, device, Topic.OUTCOME):
                said = OutcomeMessage.read(payload)
                # Whoever publishes below a device's name is that device; see the broker's access list.
                if said.device == device:
                    return Outcome(fleet, device, said.message, said.code, message.mid)
        except ValueError:
            return None
        return None


def refusal_of(name: str, topic: str, code: int) -> FleetError:
    """Say that the broker does not take what this operator publishes."""
    if code == _NOT_AUTHORIZED:
        return FleetError(f"The broker does not let {name} publish to {topic}. Check its access list.")
    return FleetError(f"The broker does not take a message for {topic} (MQTT reason {code:#04x}).")


def _online(payload: bytes) -> bool | None:
    # MQTT 5 section 3.3.1.3: an empty one takes away what was kept, as when a holder has gone.
    return StatusMessage.read(payload).state == "online" if payload else None
