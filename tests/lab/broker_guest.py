"""Somebody at a fleet's broker: comes in by a certificate or a password, and says what the broker lets them do."""

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.lab.certificates import IssuedCertificate
from tests.lab.fleet_broker import FleetBroker

PATIENCE_S: Final = 30.0
_SUCCESS: Final = 0
_FAILURES: Final = 0x80
NOT_AUTHORIZED: Final = 0x87
SESSION_TAKEN_OVER: Final = 0x8E


class TurnedAwayError(Exception):
    """The broker does not let them in; the text is its reason, or that of TLS."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it came."""

    topic: str
    payload: bytes
    retain: bool


class Guest:
    """A client of the broker, from `__enter__` to `__exit__`; it does not come back by itself."""

    def __init__(
        self,
        broker: FleetBroker,
        name: str,
        *,
        door: Literal["certificate", "password"] = "certificate",
        certificate: IssuedCertificate | None = None,
        password: str | None = None,
        client_id: str | None = None,
        session_s: int = 0,
        will: str | None = None,
    ) -> None:
        """Set up without connecting.

        Args:
            broker: where to.
            name: the common name, or the user; "" comes without either.
            door: how they come in.
            certificate: what they show instead of their own.
            password: what they say instead of their own.
            client_id: what they call themselves instead of their name.
            session_s: for how long the broker keeps their session, which is taken up where there is one.
            will: where the broker is to publish "will", and keep it, once they are gone; see `leave_a_will`.
        """
        self._ports = {"certificate": broker.port, "password": broker.password_port}
        self._door = door
        self._session_s = session_s
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=name if client_id is None else client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        if door == "certificate" and (certificate is not None or name):
            issued = certificate or broker.certificate(name)
            client.tls_set(str(broker.ca_path), str(issued.certificate), str(issued.key))
        else:
            client.tls_set(str(broker.ca_path))
        if door != "certificate" and name:
            client.username_pw_set(name, broker.password_of(name) if password is None else password)
        if will is not None:
            client.will_set(will, b"will", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        self._client = client
        self._changed = threading.Condition()
        self._answer: int | None = None
        self._end: int | None = None
        self._answers: dict[int, int] = {}
        self._heard: list[Heard] = []

    def __enter__(self) -> Self:
        """Come in.

        Raises:
            TurnedAwayError: the broker does not let them.
        """
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._session_s
        try:
            self._client.connect(
                "127.0.0.1", self._ports[self._door], clean_start=not self._session_s, properties=properties
            )
        except (ssl.SSLError, ConnectionError) as error:
            raise TurnedAwayError(str(error)) from error
        self._client.loop_start()
        with self._changed:
            assert self._changed.wait_for(lambda: self._answer is not None or self._end is not None, PATIENCE_S)
        if self._answer != _SUCCESS:
            self.__exit__()
            raise TurnedAwayError(f"{self._answer if self._answer is not None else self._end}")
        return self

    def __exit__(self, *_exc: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def heard(self) -> list[Heard]:
        """What has come so far."""
        with self._changed:
            return list(self._heard)

    def may_publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> bool:
        """Publish, and say whether the broker takes it."""
        with self._changed:
            sent = self._client.publish(topic, payload, qos=1, retain=retain)
            assert self._changed.wait_for(lambda: sent.mid in self._answers, PATIENCE_S), topic
            code = self._answers.pop(sent.mid)
        assert code < _FAILURES or code == NOT_AUTHORIZED, code
        return code < _FAILURES

    def leave_a_will(self) -> None:
        """Go, and have the broker publish the last will; wait until it has heard of it."""
        # MQTT 5 section 3.14.2.1
        self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))
        self.wait_for_the_end()

    def send(self, topic: str, payload: bytes) -> None:
        """Publish, and wait for nothing."""
        self._client.publish(topic, payload, qos=1)

    def subscribe(self, *topics: str) -> None:
        """Subscribe, and wait until it is so; what was published before has then been heard as well."""
        with self._changed:
            _, number = self._client.subscribe([(topic, 1) for topic in topics])
            assert number is not None
            assert self._changed.wait_for(lambda: number in self._answers, PATIENCE_S), topics
            self._answers.pop(number)

    def wait_for(self, holds: Callable[[list[Heard]], bool], timeout_s: float = PATIENCE_S) -> list[Heard]:
        """Wait until something holds of what has come."""
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self._heard), timeout_s), self._heard[-10:]
            return list(self._heard)

    def wait_for_the_end(self) -> int:
        """Wait until the broker ends it, and return its reason."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._end is not None, PATIENCE_S), "the broker lets it be"
            assert self._end is not None
            return self._end

    def _on_connect(self, _client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._tell(answer=reason.value)

    def _on_disconnect(self, _client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._tell(end=reason.value)

    def _tell(self, *, answer: int | None = None, end: int | None = None) -> None:
        with self._changed:
            self._answer = self._answer if answer is None else answer
            self._end = self._end if end is None else end
            self._changed.notify_all()

    def _on_publish(self, _client: Client, _userdata: Any, number: int, reason: Any, _properties: Any) -> None:
        with self._changed:
            self._answers[number] = reason.value
            self._changed.notify_all()

    def _on_subscribe(self, _client: Client, _userdata: Any, number: int, _reasons: Any, _properties: Any) -> None:
        with self._changed:
            self._answers[number] = _SUCCESS
            self._changed.notify_all()

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        with self._changed:
            self._heard.append(Heard(message.topic, bytes(message.payload), message.retain))
            self._changed.notify_all()
