"""One connection to the broker, from CONNECT to its end: the only place that knows paho."""

import asyncio
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from contract.discovery import discovery, discovery_topic
from contract.downlink import MOST_BYTES, DownTopic
from contract.messages import StatusMessage, Topic, topic_name
from firmware.ports.broker import BrokerProblem, BrokerSettings, Traffic
from firmware.sync.guard import MAX_PACKET_BYTES
from firmware.sync.meter import Meter
from firmware.sync.mqtt import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from firmware.sync.problems import (
    BrokerError,
    MessageRefusedError,
    problem_of_error,
    problem_of_puback,
    problem_of_reason,
)
from firmware.sync.publications import Publication
from firmware.sync.tls import AlertKeepingSocket, tls_context

_log = logging.getLogger(__name__)

OPEN_TIMEOUT_S: Final = 40.0
PUBACK_TIMEOUT_S: Final = 20.0
_CONNECT_TIMEOUT_S: Final = 10.0
_CLOSE_TIMEOUT_S: Final = 0.5
# A connection that has been silent for its keep-alive is asked a quarter of that later at most: the broker waits for
# half of it (MQTT 5 section 3.1.2.10).
_TICKS_A_KEEP_ALIVE: Final = 4
_SHORTEST_TICK_S: Final = 1.0
# What paho lets out at most; above it, it would queue by itself.
_WINDOW: Final = 20
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


class BrokerConnection:
    """A session that begins with `open` and does not come back once it is lost; nothing outlives it.

    paho runs inside the event loop, so that a message never waits for another thread and nothing wakes up in vain; only
    looking up the name and the handshake, which block, have a thread.

    What comes in is kept until it is fetched, which is no more than the broker may send unacknowledged; of bundles,
    which are large, only the newest.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._status_topic = topic_name(settings.fleet, settings.device, Topic.STATUS)
        self._loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._lost: asyncio.Future[BrokerProblem] = self._loop.create_future()
        self._acknowledgements: dict[int, asyncio.Future[int]] = {}
        self._window = asyncio.Semaphore(_WINDOW)
        self._max_packet_bytes = _DEFAULT_MAX_PACKET_BYTES
        self._socket: AlertKeepingSocket | None = None
        self._given_up = threading.Event()
        self._tick: asyncio.TimerHandle | None = None
        self._is_open = False
        self._arrivals: deque[Arrival] = deque()
        self._arrived = asyncio.Event()
        self._unacknowledged = 0
        self._unwanted = 0.0
        self._forgiven_at_s = time.monotonic()
        self._meter = Meter()
        # Of a holder who has gone there is nothing to hear but that recipients have forgotten.
        topics = (DownTopic.ACK,) if settings.departing else tuple(DownTopic)
        self._down_topics = {topic_name(settings.fleet, settings.device, topic): topic for topic in topics}
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.device,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(_WINDOW)
        client.will_set(self._status_topic, self._status("offline"), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_writing_changed
        client.on_socket_unregister_write = self._on_writing_changed
        self._client = client

    @property
    def max_payload_bytes(self) -> int:
        """What the broker takes as one message's payload."""
        return self._max_packet_bytes - _PUBLISH_OVERHEAD_BYTES

    @property
    def traffic(self) -> Traffic:
        """What it has moved so far; after `close`, in all."""
        if self._socket is not None:
            self._meter.look(self._socket)
        return self._meter.traffic

    async def open(self) -> None:
        """Connect and say that this handset is online.

        Raises:
            BrokerError: the broker is not there, or does not let the handset in.
        """
        self._client.tls_set_context(tls_context(self._settings, self._meter))
        connecting: asyncio.Future[OSError | None] = self._loop.create_future()

        def connected(failure: OSError | None) -> None:
            if not connecting.done():
                connecting.set_result(failure)

        def connect() -> None:
            failure: OSError | None = None
            try:
                self._client.connect(
                    self._settings.host.strip("[]"),
                    self._settings.port,
                    self._settings.keep_alive_s,
                    clean_start=True,
                    properties=_limits(),
                )
            except OSError as error:
                failure = error
            # The loop may be gone where nobody waited for the end of a long look-up.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(connected, failure)

        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                threading.Thread(target=connect, name="broker-connect", daemon=True).start()
                failure = await connecting
                if failure is not None:
                    raise BrokerError(problem_of_error(failure)) from failure
                self._attend()
                await self.unless_lost(self._accepted)
                self._is_open = True
                # The broker may have asked for another keep-alive than the settings'.
                self._plan_tick()
                await self._publish(self._status_topic, self._status("online"), retain=True)
                self._client.subscribe([(name, SubscribeOptions(qos=1)) for name in self._down_topics])
        except TimeoutError as error:
            raise BrokerError(BrokerProblem.TIMED_OUT) from error

    async def unless_lost(self, work: "asyncio.Future[Any] | asyncio.Task[Any]") -> Any:
        """Return what the work returns; cancel it once the connection is lost.

        Raises:
            BrokerError: the connection was lost first.
        """
        try:
            await asyncio.wait({work, self._lost}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise BrokerError(self._lost.result())
            return work.result()
        finally:
            work.cancel()

    async def publish(self, publication: Publication) -> None:
        """Send a publication and wait until the broker has it.

        Raises:
            MessageRefusedError: the broker will not have it; the connection stands.
            BrokerError: the connection is lost, and nobody knows whether the broker has it.
        """
        topic = topic_name(self._settings.fleet, self._settings.device, publication.topic)
        await self._publish(topic, publication.payload, retain=publication.retain)

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
        await self._publish(discovery_topic(self._settings.device), payload, retain=True)

    async def next_arrival(self) -> Arrival:
        """Wait for a message for the handset; the same ones come again until they are acknowledged."""
        while not self._arrivals:
            self._arrived.clear()
            await self._arrived.wait()
        return self._arrivals.popleft()

    def acknowledge(self, arrival: Arrival) -> None:
        """Tell the broker that the handset has a message."""
        if arrival.qos and not self._lost.done():
            self._unacknowledged -= 1
            self._client.ack(arrival.packet_id, arrival.qos)

    async def close(self) -> None:
        """Say goodbye where the broker still listens; the last will says offline where it does not."""
        self._given_up.set()
        if self._is_open and not self._lost.done():
            with suppress(BrokerError, TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await self._publish(self._status_topic, self._status("offline"), retain=True)
                    self._client.disconnect()
                    await asyncio.shield(self._lost)
        if self._tick is not None:
            self._tick.cancel()
        if self._socket is not None:
            self._ignore(self._socket)
            self._socket.close()
        self._accepted.cancel()

    def _status(self, state: Literal["online", "offline"]) -> bytes:
        # MQTT 5 section 3.3.1.3: an empty retained message takes the one before it away, as does an empty last will.
        return b"" if self._settings.departing else StatusMessage(state=state).written()

    async def _publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        async with self._window:
            if self._lost.done():
                raise BrokerError(self._lost.result())
            sent = self._client.publish(topic, payload, qos=1, retain=retain)
            if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise BrokerError(BrokerProblem.CONNECTION_LOST)
            acknowledgement: asyncio.Future[int] = self._loop.create_future()
            self._acknowledgements[sent.mid] = acknowledgement
            try:
                async with asyncio.timeout(PUBACK_TIMEOUT_S):
                    code: int = await self.unless_lost(acknowledgement)
            except TimeoutError as error:
                self._lose(BrokerProblem.TIMED_OUT)
                raise BrokerError(BrokerProblem.TIMED_OUT) from error
            finally:
                self._acknowledgements.pop(sent.mid, None)
        if code >= 0x80:  # noqa: PLR2004 - MQTT 5 section 4.12: the first of the failures
            raise MessageRefusedError(problem_of_puback(code))

    # --- paho, inside the event loop ----------------------------------------------------------------------------------

    def _attend(self) -> None:
        connection = self._client.socket()
        if connection is not None:
            self._loop.add_reader(connection, self._read)
        self._attend_to_writing()
        self._plan_tick()

    def _attend_to_writing(self) -> None:
        connection = self._client.socket()
        if connection is None or self._lost.done():
            return
        if self._client.want_write():
            self._loop.add_writer(connection, self._client.loop_write)
        else:
            self._loop.remove_writer(connection)

    def _read(self) -> None:
        while self._read_one():
            connection = self._client.socket()
            # What TLS has decrypted already makes no descriptor readable.
            if not isinstance(connection, AlertKeepingSocket) or not connection.pending():
                return

    def _read_one(self) -> bool:
        try:
            return self._client.loop_read() is MQTTErrorCode.MQTT_ERR_SUCCESS
        except Exception:  # noqa: BLE001 - whatever the library stumbles over, the broker has sent it
            _log.warning("The broker sent a packet that cannot be read.")
            self._lose(BrokerProblem.PROTOCOL_ERROR)
            return False

    def _plan_tick(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
        # A broker that wants no keep-alive says 0.
        keep_alive_s = self._client.keepalive or self._settings.keep_alive_s
        tick_s = max(_SHORTEST_TICK_S, keep_alive_s / _TICKS_A_KEEP_ALIVE)
        self._tick = self._loop.call_later(tick_s, self._keep_alive)

    def _keep_alive(self) -> None:
        self._plan_tick()
        self._client.loop_misc()

    def _ignore(self, connection: AlertKeepingSocket) -> None:
        if connection.fileno() >= 0:
            self._loop.remove_reader(connection)
            self._loop.remove_writer(connection)

    def _lose(self, problem: BrokerProblem) -> None:
        if not self._lost.done():
            self._lost.set_result(problem)

    # --- paho's callbacks ---------------------------------------------------------------------------------------------

    def _on_socket_open(self, _client: Client, _userdata: Any, connection: Any) -> None:
        # On the connecting thread, before CONNECT is sent: one that nobody waits for must not take the device's place.
        if self._given_up.is_set():
            connection.close()
            raise ConnectionAbortedError
        # A message of several segments would wait with its last one until the broker has confirmed the others, which
        # brokers put off (RFC 1122 section 4.2.3.2): 40 ms for each batch of records.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection

    def _on_socket_close(self, _client: Client, _userdata: Any, connection: Any) -> None:
        self._ignore(connection)

    def _on_writing_changed(self, _client: Client, _userdata: Any, _connection: Any) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._attend_to_writing)

    def _on_connect(
        self, _client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._lose(problem_of_reason(reason.value))
            return
        # MQTT 5 section 3.3.4: never more unacknowledged messages than the broker's Receive Maximum.
        receive_maximum = getattr(properties, "ReceiveMaximum", None)
        if receive_maximum is not None:
            self._window = asyncio.Semaphore(min(_WINDOW, receive_maximum))
        self._max_packet_bytes = min(
            _DEFAULT_MAX_PACKET_BYTES, getattr(properties, "MaximumPacketSize", _DEFAULT_MAX_PACKET_BYTES)
        )
        if not self._accepted.done():
            self._accepted.set_result(None)

    def _on_disconnect(
        self, _client: Client, _userdata: Any, flags: DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        failure = self._socket.failure if self._socket is not None else None
        if flags.is_disconnect_packet_from_server:
            self._lose(problem_of_reason(reason.value))
        elif failure is not None:
            self._lose(problem_of_error(failure))
        else:
            # paho's own word for a ping without an answer, in MQTT's numbers.
            self._lose(problem_of_reason(reason.value))

    def _on_publish(
        self, _client: Client, _userdata: Any, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        acknowledgement = self._acknowledgements.get(mid)
        if acknowledgement is not None and not acknowledgement.done():
            acknowledgement.set_result(reason.value)

    @staticmethod
    def _on_subscribe(
        _client: Client, _userdata: Any, _mid: int, reasons: Sequence[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            _log.warning("The broker does not let this handset listen to all topics of its own: %s.", reasons)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        try:
            topic = self._down_topics.get(message.topic)
        except UnicodeDecodeError:
            topic = None
        on_their_way = self._unacknowledged if message.qos else len(self._arrivals)
        if topic is not None and on_their_way < _RECEIVE_MAXIMUM:
            self._unacknowledged += bool(message.qos)
            self._keep_arrival(Arrival(topic, bytes(message.payload), message.mid, message.qos))
            return
        # MQTT 5 section 3.3.4: more unacknowledged messages than the Receive Maximum are against the protocol.
        self._count_unwanted(beyond_all=topic is not None and message.qos > 0)

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
            self._lose(BrokerProblem.PROTOCOL_ERROR)


def _limits() -> Properties:
    """Say in CONNECT how much the broker may send."""
    limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    limits.ReceiveMaximum = _RECEIVE_MAXIMUM
    limits.MaximumPacketSize = MAX_PACKET_BYTES
    return limits
