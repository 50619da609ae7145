"""Handsets at a fleet's broker by their names alone: bytes out, confirmations in."""

import threading
from collections.abc import Callable
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract.downlink import AckMessage
from tests.lab.fleet_broker import FLEET, FleetBroker

_PATIENCE_S = 60.0


class FleetDevice:
    """One of them; it sends what it is told to, and remembers what it was told back.

    Attributes:
        acks: every confirmation, in its order.
    """

    def __init__(self, broker: FleetBroker, name: str) -> None:
        self.name = name
        self.acks: list[AckMessage] = []
        self._changed = threading.Condition(threading.RLock())
        self._subscribed = False
        issued = broker.device(name)
        client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
        client.tls_set(str(broker.ca_path), str(issued.certificate), str(issued.key))
        client.max_inflight_messages_set(1000)
        client.reconnect_delay_set(1, 1)
        client.on_connect = lambda client, *_: client.subscribe(f"wecall/v1/{FLEET}/{name}/ack", qos=1)
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._client = client
        self._port = broker.port

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port, clean_start=True)
        self._client.loop_start()
        with self._changed:
            assert self._changed.wait_for(lambda: self._subscribed, _PATIENCE_S), "the broker does not let it in"
        return self

    def __exit__(self, *_exc: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, topic: str, *payloads: bytes, qos: int = 1, retain: bool = False) -> None:
        """Publish to a topic of its own, and wait until the broker has all of it."""
        full = f"wecall/v1/{FLEET}/{self.name}/{topic}"
        sent = [self._client.publish(full, payload, qos=qos, retain=retain) for payload in payloads]
        for each in sent:
            each.wait_for_publish(_PATIENCE_S)

    @property
    def confirmed(self) -> set[tuple[int, int]]:
        """The numbers (epoch, seq) of which it was told that a collector has them."""
        with self._changed:
            return {
                (each.epoch, seq)
                for ack in self.acks
                for each in ack.messages
                for seq in range(each.first, each.last + 1)
            }

    def wait_for(self, holds: Callable[[], bool], timeout_s: float = _PATIENCE_S) -> None:
        """Wait until something holds after a confirmation has come."""
        with self._changed:
            if not self._changed.wait_for(holds, timeout_s):
                raise AssertionError(f"not seen within {timeout_s} s; {len(self.acks)} confirmations")

    def wait_until_confirmed(self, epoch: int, *seqs: int) -> None:
        """Wait until it was told of all these numbers."""
        wanted = {(epoch, seq) for seq in seqs}
        self.wait_for(lambda: wanted <= self.confirmed)

    def _on_subscribe(self, _client: Client, *_rest: Any) -> None:
        with self._changed:
            self._subscribed = True
            self._changed.notify_all()

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        with self._changed:
            self.acks.append(AckMessage.read(message.payload))
            self._changed.notify_all()
