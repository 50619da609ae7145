"""The handset's connection to the broker: what it says of itself there, and what it lets in."""

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

from contract.discovery import discovery, discovery_topic
from contract.downlink import MOST_BYTES, DownTopic
from contract.messages import StatusMessage, Topic, topic_name
from firmware.ports.broker import BrokerProblem, BrokerSettings
from firmware.sync.publications import Publication
from mqtt.connection import OPEN_TIMEOUT_S, Connection, Terms
from mqtt.packets import Message
from mqtt.problems import MessageRefusedError

_log = logging.getLogger(__name__)

MAX_PACKET_BYTES: Final = max(MOST_BYTES.values()) + 1024
"""The longest packet that the broker may send (MQTT 5 section 3.1.2.11.4), its header included."""

_PUBACK_TIMEOUT_S: Final = 20.0
# Fixed header, topic and properties of a PUBLISH, generously.
_PUBLISH_OVERHEAD_BYTES: Final = 512
# Far below what brokers take where they do not say (MQTT 5 section 3.2.2.3.6: no limit).
_DEFAULT_MAX_PACKET_BYTES: Final = 128 * 1024
# How many messages the broker may have on their way to the handset, of those that are acknowledged and of the others.
_RECEIVE_MAXIMUM: Final = 4
# What a broker may send beside that before the connection is given up: a mistake in its rules, say. One a second is
# forgiven.
_MAX_UNWANTED: Final = 100
# A message counts once more for each of these in it.
_UNWANTED_BYTES: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message for the handset; nobody has looked into it."""

    topic: DownTopic
    document: bytes
    packet_id: int
    qos: int


class BrokerConnection(Connection):
    """One connection of the handset's.

    What comes in is kept until it is fetched, which is no more than the broker may send unacknowledged; of bundles,
    which are large, only the newest.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._status_topic = topic_name(settings.fleet, settings.device, Topic.STATUS)
        self._arrivals: deque[Arrival] = deque()
        self._arrived = asyncio.Event()
        self._unacknowledged = 0
        self._unwanted = 0.0
        self._forgiven_at_s = time.monotonic()
        # Of a holder who has gone there is nothing to hear but that recipients have forgotten.
        topics = (DownTopic.ACK,) if settings.departing else tuple(DownTopic)
        self._down_topics = {topic_name(settings.fleet, settings.device, topic): topic for topic in topics}
        terms = Terms(
            answer_timeout_s=_PUBACK_TIMEOUT_S,
            receive_maximum=_RECEIVE_MAXIMUM,
            max_packet_bytes=MAX_PACKET_BYTES,
            will=(self._status_topic, self._status("offline")),
        )
        super().__init__(settings, settings.device, terms, received=self._receive)

    @property
    def max_payload_bytes(self) -> int:
        """What the broker takes as one message's payload."""
        return min(_DEFAULT_MAX_PACKET_BYTES, self.max_packet_bytes) - _PUBLISH_OVERHEAD_BYTES

    async def open(self, timeout_s: float = OPEN_TIMEOUT_S) -> None:
        """Connect within some time; the broker is told how the handset is by `publish_status`.

        Raises:
            BrokerError: the broker is not there, or does not let the handset in.
        """
        await super().open(timeout_s)
        self.subscribe(self._down_topics).add_done_callback(_look_at_subscription)

    async def publish_status(self, *, can_call: bool | None) -> None:
        """Have the broker keep whether this handset can call; `offline` while that is not known.

        Raises:
            MessageRefusedError: the broker will not have it; the connection stands.
            BrokerError: the connection is lost.
        """
        state: Literal["online", "no_line", "offline"] = "offline"
        if can_call is not None:
            state = "online" if can_call else "no_line"
        await self.send(self._status_topic, self._status(state), retain=True)

    async def publish(self, publication: Publication) -> None:
        """Send a publication and wait until the broker has it.

        Raises:
            MessageRefusedError: the broker will not have it; the connection stands.
            BrokerError: the connection is lost, and nobody knows whether the broker has it.
        """
        topic = topic_name(self._settings.fleet, self._settings.device, publication.topic)
        await self.send(topic, publication.payload, retain=publication.retain)

    async def announce(self) -> None:
        """Have the broker keep for dashboards what they find this handset by, or have it forget that.

        Raises:
            MessageRefusedError: the broker will not have it; the connection stands.
            BrokerError: the connection is lost.
        """
        names = self._settings.fleet, self._settings.device
        wanted = self._settings.discovery and not self._settings.departing
        payload = discovery(*names).written() if wanted else b""
        if len(payload) > self.max_payload_bytes:
            raise MessageRefusedError(BrokerProblem.MESSAGE_REFUSED)
        await self.send(discovery_topic(self._settings.device), payload, retain=True)

    async def next_arrival(self) -> Arrival:
        """Wait for a message for the handset; the same ones come again until they are acknowledged."""
        while not self._arrivals:
            self._arrived.clear()
            await self._arrived.wait()
        return self._arrivals.popleft()

    def acknowledge(self, arrival: Arrival) -> None:
        """Tell the broker that the handset has a message."""
        if arrival.qos:
            self._unacknowledged -= 1
            self.confirm(arrival.packet_id)

    def _receive(self, message: Message) -> None:
        """Keep a message for the handset, and count what is none."""
        topic = self._down_topics.get(message.topic)
        on_their_way = self._unacknowledged if message.qos else len(self._arrivals)
        if topic is not None and on_their_way < _RECEIVE_MAXIMUM:
            self._unacknowledged += bool(message.qos)
            self._keep_arrival(Arrival(topic, message.payload, message.number, message.qos))
            return
        # MQTT 5 section 3.3.4: more unacknowledged messages than the Receive Maximum are against the protocol.
        self._count_unwanted(beyond_all=topic is not None and message.qos > 0)

    def _status(self, state: Literal["online", "no_line", "offline"]) -> bytes:
        # MQTT 5 section 3.3.1.3: an empty retained message takes the one before it away, as does an empty last will.
        return b"" if self._settings.departing else StatusMessage(state=state).written()

    def _keep_arrival(self, arrival: Arrival) -> None:
        # The broker knows one limit for all topics, so that it may send documents that are as long as a bundle.
        if len(arrival.document) > MOST_BYTES[arrival.topic]:
            _log.warning("A message of topic %s is longer than such messages are, and is dropped.", arrival.topic)
            self._drop(arrival)
            return
        if arrival.topic is DownTopic.BUNDLE:
            self._drop_bundles()
        self._arrivals.append(arrival)
        self._arrived.set()

    def _drop_bundles(self) -> None:
        """Forget the bundles that wait: the topic has a newer one."""
        older = [each for each in self._arrivals if each.topic is DownTopic.BUNDLE]
        for arrival in older:
            self._arrivals.remove(arrival)
            self._drop(arrival)

    def _drop(self, arrival: Arrival) -> None:
        self.acknowledge(arrival)
        self._unwanted += len(arrival.document) // _UNWANTED_BYTES
        self._count_unwanted()

    def _count_unwanted(self, *, beyond_all: bool = False) -> None:
        now_s = time.monotonic()
        self._unwanted = max(0.0, self._unwanted - (now_s - self._forgiven_at_s)) + 1
        self._forgiven_at_s = now_s
        if self._unwanted > _MAX_UNWANTED or beyond_all:
            _log.warning("The broker sends more than this handset asked for.")
            self.lose(BrokerProblem.PROTOCOL_ERROR)


def _look_at_subscription(answer: "asyncio.Future[None]") -> None:
    if not answer.cancelled() and isinstance(answer.exception(), MessageRefusedError):
        _log.warning("The broker does not let this handset listen to all topics of its own.")
