"""One connection to a broker by MQTT 5, from CONNECT to its end: the only place that knows paho.

paho is loaded without what it takes along and nobody here asks for: dnspython, which would look up SRV records, 3 MB,
and the standard library's client of HTTP, which would look for a proxy, 2 MB.
"""

import asyncio
import logging
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final, Self

from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from mqtt.packets import LONGEST_PACKET_BYTES, Message, PacketReader
from mqtt.problems import (
    BrokerError,
    BrokerProblem,
    MessageRefusedError,
    problem_of_error,
    problem_of_puback,
    problem_of_reason,
)
from mqtt.tls import Meter, Server, Traffic, WatchedSocket, tls_context

# What stands as None among the modules is as if it were not installed. Without PySocks there are no proxies, and then
# the client of HTTP has to be there but is not used.
_IN_PLACE_OF: Final = {"dns.resolver": None, "socks": None, "urllib.request": ModuleType("urllib.request")}

_placed = {name: module for name, module in _IN_PLACE_OF.items() if name not in sys.modules}
sys.modules.update(_placed)  # type: ignore[arg-type]
try:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
finally:
    for name in _placed:
        del sys.modules[name]

_log = logging.getLogger(__name__)

OPEN_TIMEOUT_S: Final = 40.0

_CONNECT_TIMEOUT_S: Final = 10.0
_CLOSE_TIMEOUT_S: Final = 0.5
# A connection that has been silent for its keep-alive is asked a quarter of that later at most: the broker waits for
# half of it (MQTT 5 section 3.1.2.10).
_TICKS_A_KEEP_ALIVE: Final = 4
_SHORTEST_TICK_S: Final = 1.0
# MQTT 5 section 4.12.
_FIRST_FAILURE: Final = 0x80


@dataclass(frozen=True, slots=True)
class Terms:
    """What a client asks of the broker.

    Attributes:
        window: how many messages may be on their way to the broker.
        answer_timeout_s: how long the broker may take for its word to one; None: for as long as it answers pings.
        receive_maximum: how many may be on their way from it, of those that are acknowledged; None: any number.
        max_packet_bytes: how long each may be. A broker that sends more is given up, as one is that sends what nobody
            asked for. None: as long as it likes.
        session_expiry_s: for how long it keeps subscriptions and messages for a client that is away; 0: each
            connection begins anew.
        will: topic and payload of what it is to publish, and keep, once the client has gone.
        login: a user and a password.
    """

    window: int = 20
    answer_timeout_s: float | None = None
    receive_maximum: int | None = None
    max_packet_bytes: int | None = None
    session_expiry_s: int = 0
    will: tuple[str, bytes] | None = None
    login: tuple[str, str] | None = field(default=None, repr=False)

    def properties(self) -> Properties:
        """Say in CONNECT how much the broker may send and keep."""
        asked = {
            "ReceiveMaximum": self.receive_maximum,
            "MaximumPacketSize": self.max_packet_bytes,
            "SessionExpiryInterval": self.session_expiry_s,
        }
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        for name, value in asked.items():
            if value:
                setattr(properties, name, value)
        return properties


class Connection:
    """A connection that begins with `open` and does not come back once it is lost; nothing outlives it.

    paho runs inside the event loop, so that a message never waits for another thread and nothing wakes up in vain; only
    looking up the name and the handshake, which block, have a thread.

    Attributes:
        max_packet_bytes: how long a packet the broker takes.
        session_present: the broker had kept the session, and sends again what it was not told to forget.
    """

    def __init__(
        self,
        server: Server,
        client_id: str,
        terms: Terms,
        *,
        received: Callable[[Message], None] = lambda _message: None,
        accepted: Callable[[], None] = lambda: None,
    ) -> None:
        """Set up without connecting.

        Args:
            server: where to, and what it is shown.
            client_id: what it knows us by.
            terms: what is asked of it.
            received: takes each message, to `confirm` it then or later.
            accepted: told that the broker lets us in, before anything comes.
        """
        self.max_packet_bytes = LONGEST_PACKET_BYTES
        self.session_present = False
        self._server = server
        self._terms = terms
        self._received = received
        self._when_accepted = accepted
        self._loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._lost: asyncio.Future[tuple[BrokerProblem, int]] = self._loop.create_future()
        self._answers: dict[int, asyncio.Future[None]] = {}
        self._window = asyncio.Semaphore(terms.window)
        self._socket: WatchedSocket | None = None
        self._given_up = threading.Event()
        self._tick: asyncio.TimerHandle | None = None
        self._meter = Meter()
        self._packets = PacketReader(terms.max_packet_bytes)
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        # Above it paho would queue by itself.
        client.max_inflight_messages_set(terms.window)
        if terms.will is not None:
            client.will_set(*terms.will, qos=1, retain=True)
        if terms.login is not None:
            client.username_pw_set(*terms.login)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_writing_changed
        client.on_socket_unregister_write = self._on_writing_changed
        self._client = client

    async def __aenter__(self) -> Self:
        """Begin a block that ends with `close`; it opens the connection itself."""
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    @property
    def is_open(self) -> bool:
        """Whether the broker has let this client in, and has not gone."""
        # A future that `open` has stopped waiting for is done, too.
        return self._accepted.done() and not self._accepted.cancelled() and not self._lost.done()

    @property
    def traffic(self) -> Traffic:
        """What it has moved so far; after `close`, in all."""
        if self._socket is not None:
            self._meter.look(self._socket)
        return self._meter.traffic

    async def open(self, timeout_s: float = OPEN_TIMEOUT_S) -> None:
        """Connect within some time.

        Raises:
            BrokerError: the broker is not there, or does not let this client in.
        """
        self._client.tls_set_context(tls_context(self._server, self._meter, self._packets))
        connecting: asyncio.Future[OSError | None] = self._loop.create_future()

        def connected(failure: OSError | None) -> None:
            if not connecting.done():
                connecting.set_result(failure)

        def connect() -> None:
            failure: OSError | None = None
            try:
                self._client.connect(
                    self._server.host.strip("[]"),
                    self._server.port,
                    self._server.keep_alive_s,
                    clean_start=not self._terms.session_expiry_s,
                    properties=self._terms.properties(),
                )
            except OSError as error:
                failure = error
            # The loop may be gone where nobody waited for the end of a long look-up.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(connected, failure)

        try:
            async with asyncio.timeout(timeout_s):
                threading.Thread(target=connect, name="broker-connect", daemon=True).start()
                failure = await connecting
                if failure is not None:
                    raise BrokerError(problem_of_error(failure)) from failure
                self._attend()
                await self.unless_lost(self._accepted)
                # The broker may have asked for another keep-alive than ours.
                self._plan_tick()
        except TimeoutError as error:
            raise BrokerError(BrokerProblem.TIMED_OUT) from error

    async def unless_lost(self, work: "asyncio.Future[Any]") -> Any:
        """Return what the work returns; cancel it once the connection is lost.

        Raises:
            BrokerError: the connection was lost first.
        """
        try:
            await asyncio.wait({work, self._lost}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise BrokerError(*self._lost.result())
            return work.result()
        finally:
            work.cancel()

    async def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish a message and wait until the broker has it.

        Raises:
            MessageRefusedError: the broker will not have it; the connection stands.
            BrokerError: the connection is lost, and nobody knows whether the broker has it.
        """
        async with self._window:
            if not self.is_open:
                raise BrokerError(*self._lost.result() if self._lost.done() else (BrokerProblem.CONNECTION_LOST,))
            sent = self._client.publish(topic, payload, qos=1, retain=retain)
            if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise BrokerError(BrokerProblem.CONNECTION_LOST)
            try:
                async with asyncio.timeout(self._terms.answer_timeout_s):
                    await self._answer_to(sent.mid)
            except TimeoutError as error:
                self.lose(BrokerProblem.TIMED_OUT)
                raise BrokerError(BrokerProblem.TIMED_OUT) from error

    def subscribe(self, topics: Iterable[str], *, qos: int = 1, identifier: int = 0) -> "asyncio.Future[None]":
        """Have messages of topics come in; what is returned ends with the broker's answer, or fails as `send` does.

        Args:
            topics: which; none is in another subscription of this connection, unless that is a shared one.
            qos: the highest that messages come with.
            identifier: what `Message.subscription` is to say of what comes (MQTT 5 section 3.8.2.1.2); 0: nothing.
        """
        properties = None
        if identifier:
            properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
            properties.SubscriptionIdentifier = identifier
        _, number = self._client.subscribe(
            [(topic, SubscribeOptions(qos=qos)) for topic in topics], properties=properties
        )
        return self._answer_to(number if number is not None else 0)

    def confirm(self, number: int) -> None:
        """Tell the broker that it may forget a message that is acknowledged."""
        if not self._lost.done():
            self._client.ack(number, 1)

    def pause(self) -> None:
        """Read nothing more until `resume`; the broker hangs up after one and a half keep-alives of it."""
        if self._socket is not None:
            self._socket.is_paused = True
            self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Read again what comes."""
        # Until the broker has let us in the socket is the connecting thread's.
        if self._socket is not None and self.is_open:
            self._socket.is_paused = False
            self._loop.add_reader(self._socket, self._read)
            # What TLS has decrypted already makes no descriptor readable.
            self._loop.call_soon(self._read)

    def lose(self, problem: BrokerProblem, code: int = 0) -> None:
        """Give the connection up, for a reason that the broker has a code for or none."""
        if not self._lost.done():
            self._lost.set_result((problem, code))
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(BrokerError(problem, code))

    async def close(self, *, forget: bool = False) -> None:
        """Say goodbye where the broker still listens; the last will is published where it does not.

        Args:
            forget: the broker need not keep the session.
        """
        self._given_up.set()
        try:
            if self.is_open:
                with suppress(BrokerError, TimeoutError):
                    async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                        await self._say_goodbye(forget=forget)
        finally:
            self.lose(BrokerProblem.CONNECTION_LOST)
            if self._tick is not None:
                self._tick.cancel()
            if self._socket is not None:
                self._ignore(self._socket)
                self._socket.close()

    async def _say_goodbye(self, *, forget: bool) -> None:
        if self._terms.will is not None:
            # Whoever says goodbye has no last will.
            await self.send(*self._terms.will, retain=True)
        properties = None
        if forget:
            properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0
        self._client.disconnect(properties=properties)
        await asyncio.shield(self._lost)

    def _answer_to(self, number: int) -> "asyncio.Future[None]":
        answer: asyncio.Future[None] = self._loop.create_future()
        self._answers[number] = answer
        answer.add_done_callback(lambda _: self._answers.pop(number, None))
        if self._lost.done():
            answer.set_exception(BrokerError(*self._lost.result()))
        return answer

    # --- paho, inside the event loop ----------------------------------------------------------------------------------

    def _attend(self) -> None:
        connection = self._client.socket()
        if connection is not None:
            self._loop.add_reader(connection, self._read)
        self._attend_to_writing()
        self._plan_tick()

    def _attend_to_writing(self) -> None:
        connection = self._client.socket()
        if not isinstance(connection, WatchedSocket) or self._lost.done():
            return
        if self._client.want_write() or connection.unsent:
            self._loop.add_writer(connection, self._write, connection)
        else:
            self._loop.remove_writer(connection)

    def _write(self, connection: WatchedSocket) -> None:
        self._client.loop_write()
        try:
            connection.flush()
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        except OSError:
            # Whoever reads is told why: in TLS 1.3 the broker's verdict on our certificate comes that way.
            connection.unsent.clear()
        self._attend_to_writing()

    def _read(self) -> None:
        while self._read_some():
            connection = self._client.socket()
            # What TLS has decrypted already makes no descriptor readable.
            if not isinstance(connection, WatchedSocket) or connection.is_paused or not connection.pending():
                return

    def _read_some(self) -> bool:
        try:
            goes_on = self._client.loop_read() is MQTTErrorCode.MQTT_ERR_SUCCESS
            messages = self._packets.messages
            while messages and not (self._socket is not None and self._socket.is_paused):
                self._received(messages.popleft())
        except Exception:  # noqa: BLE001 - whatever the library stumbles over, the broker has sent it
            _log.warning("The broker sent a packet that cannot be read.")
            self.lose(BrokerProblem.PROTOCOL_ERROR)
            return False
        return goes_on

    def _plan_tick(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
        # A broker that wants no keep-alive says 0.
        keep_alive_s = self._client.keepalive or self._server.keep_alive_s
        tick_s = max(_SHORTEST_TICK_S, keep_alive_s / _TICKS_A_KEEP_ALIVE)
        self._tick = self._loop.call_later(tick_s, self._keep_alive)

    def _keep_alive(self) -> None:
        self._plan_tick()
        # An answer would not be read.
        if self._socket is None or not self._socket.is_paused:
            self._client.loop_misc()

    def _ignore(self, connection: WatchedSocket) -> None:
        if connection.fileno() >= 0:
            self._loop.remove_reader(connection)
            self._loop.remove_writer(connection)

    # --- paho's callbacks ---------------------------------------------------------------------------------------------

    def _on_socket_open(self, _client: Client, _userdata: Any, connection: Any) -> None:
        # On the connecting thread, before CONNECT is sent: one that nobody waits for must not take the client's place.
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
        self, _client: Client, _userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.lose(problem_of_reason(reason.value), reason.value)
            return
        window = self._terms.window
        # MQTT 5 section 3.3.4: never more unacknowledged messages than the broker's Receive Maximum.
        self._window = asyncio.Semaphore(min(window, getattr(properties, "ReceiveMaximum", window)))
        self.max_packet_bytes = getattr(properties, "MaximumPacketSize", LONGEST_PACKET_BYTES)
        if not self._accepted.done():
            self.session_present = flags.session_present
            self._accepted.set_result(None)
            self._when_accepted()

    def _on_disconnect(
        self, _client: Client, _userdata: Any, flags: DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        failure = self._socket.failure if self._socket is not None else None
        if flags.is_disconnect_packet_from_server:
            self.lose(problem_of_reason(reason.value), reason.value)
        elif failure is None:
            # It is paho's own word for a ping without an answer, in MQTT's numbers.
            self.lose(problem_of_reason(reason.value))
        else:
            self.lose(problem_of_error(failure))

    def _on_publish(
        self, _client: Client, _userdata: Any, number: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._answered(number, reason.value)

    def _on_subscribe(
        self, _client: Client, _userdata: Any, number: int, reasons: Sequence[ReasonCode], _properties: Any
    ) -> None:
        self._answered(number, max((reason.value for reason in reasons), default=_FIRST_FAILURE))

    def _answered(self, number: int, code: int) -> None:
        answer = self._answers.get(number)
        if answer is None or answer.done():
            return
        if code >= _FIRST_FAILURE:
            answer.set_exception(MessageRefusedError(problem_of_puback(code), code))
        else:
            answer.set_result(None)
