"""What the broker brings a collector, and is told by it."""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Final

from cryptography import x509

from contract.downlink import DownTopic
from contract.messages import Topic, topic_name
from firmware.base.backoff import full_jitter_s
from fleet.collector.acknowledgements import Acknowledgement
from fleet.collector.live import LiveView
from fleet.collector.quarantine import Reason
from fleet.collector.reading import MAX_BYTES
from fleet.collector.received import Received
from fleet.collector.settings import BrokerAddress, CollectorSettings
from fleet.errors import FleetError
from fleet.metrics import Counts
from mqtt.connection import Connection, Terms
from mqtt.packets import Message
from mqtt.problems import BrokerError, BrokerProblem, BrokerState, MessageRefusedError
from mqtt.tls import Server
from provisioning.authority import common_name

_log = logging.getLogger(__name__)

RECEIVE_MAXIMUM: Final = 5000
"""How many messages the broker lets wait here; while the database is down it keeps the others."""

SHARED: Final = (Topic.CDR, Topic.ERASURE, Topic.OUTCOME)
"""What one collector does for all: they share these topics."""

EVERYBODYS: Final = (Topic.STATUS, Topic.CONSENT)
"""What is retained: a shared subscription would not bring what the broker has kept."""

_COPIES: Final = 1
"""The identifier of the subscription by which a collector hears of all that they share, for those who look.

At QoS 0: whoever misses one finds it in the database, and none waits at the broker for a collector that is away.
"""

_FIRST_RETRY_S: Final = 1.0
_LAST_RETRY_S: Final = 30.0
# A connection that stood this long was a good one: the next failure is a new story.
_STEADY_S: Final = 10.0
_CLOSE_TIMEOUT_S: Final = 5.0
_MOST_UNANSWERED: Final = 1000

MOST_WAITING: Final = 2 * RECEIVE_MAXIMUM
"""Messages that wait here at most before what its sender does not wait for either (QoS 0) is let drop."""

MOST_BYTES_WAITING: Final = 64 * 1024 * 1024
"""From so many on nothing more is read until some are taken; a window of messages with one record has five million."""

MOST_BYTES_AT_ONCE: Final = 8 * 1024 * 1024
"""What is taken at once ends with the message that makes it so many: read, they take ten times as much memory."""

_TOO_LONG: Final = bytes(MAX_BYTES + 1)
"""What is kept of whatever is longer than any message: no byte of it, so that a thousand of them take no room."""

_HANG_UPS: Final = frozenset({BrokerProblem.CONNECTION_LOST, BrokerProblem.DEVICE_CERTIFICATE_REJECTED})


class Intake:
    """Brings messages from `start` to `stop`, and comes back by itself to a broker that was away.

    A message stays with the broker until `release` or `answer` lets go of it, over restarts of this process too. What
    was let go of on a connection that is lost comes again.
    """

    def __init__(self, settings: CollectorSettings, counts: Counts, live: LiveView | None = None) -> None:
        """Set up without connecting.

        Args:
            settings: where messages come from, and which.
            counts: told of what comes and goes.
            live: shows them as they come; None: nobody can look.

        Raises:
            FleetError: a certificate or the key cannot be used, or the certificate is not this collector's.
        """
        self._client_id = settings.client_id
        self._server = _server(settings.broker, settings.client_id)
        self._terms = Terms(
            window=_MOST_UNANSWERED,
            receive_maximum=RECEIVE_MAXIMUM,
            session_expiry_s=settings.broker.session_expiry_s,
        )
        fleets, group = settings.fleets or ("+",), settings.broker.group
        self._topics = [f"$share/{group}/wecall/v1/{fleet}/+/{topic}" for fleet in fleets for topic in SHARED]
        self._topics += [f"wecall/v1/{fleet}/+/{topic}" for fleet in fleets for topic in EVERYBODYS]
        self._topics += [f"wecall-fleet/v1/{fleet}/publication/+" for fleet in fleets]
        self._live = live
        self._copies = [f"wecall/v1/{fleet}/+/{topic}" for fleet in fleets for topic in SHARED]
        self._counts = counts
        self._queue: deque[Received] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._connecting: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._number = 0
        self._held: Received | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._is_leaving = False
        self._is_connected = False
        self._told = ""
        self._is_mute = False

    def start(self) -> None:
        """Begin to connect, and go on until it succeeds."""
        self._connecting = asyncio.create_task(self._stay_connected())

    async def stop(self) -> None:
        """Wait a little until handsets' answers are with the broker, and leave; the session stays."""
        self._is_leaving = True
        if self._held is not None and self._connection is not None:
            # The broker's word that it has them is read behind what there was no room for.
            self._held = None
            self._connection.resume()
        if self._answering:
            await asyncio.wait(self._answering, timeout=_CLOSE_TIMEOUT_S)
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})

    async def wait(self, timeout_s: float) -> None:
        """Wait until there is a message to take, or somebody calls `wake`."""
        if self._connecting is not None and self._connecting.done():
            # It goes on for ever, but for what nobody has foreseen.
            self._connecting.result()
        if not self._queue:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait()
        self._arrived.clear()

    def wake(self) -> None:
        """Let `wait` return at once."""
        self._arrived.set()

    def take(self, limit: int) -> list[Received]:
        """Take messages, in the order of their arrival; none where none waits."""
        taken: list[Received] = []
        taken_bytes = 0
        while self._queue and len(taken) < limit and taken_bytes < MOST_BYTES_AT_ONCE:
            message = self._queue.popleft()
            taken.append(message)
            taken_bytes += len(message.payload)
        self._bytes -= taken_bytes
        if self._held is not None and self._connection is not None and self._bytes < MOST_BYTES_WAITING:
            self._keep(self._held)
            self._held = None
            self._connection.resume()
        return taken

    def release(self, messages: Iterable[Received]) -> None:
        """Let the broker forget these: there is nothing that their sender is to hear."""
        for message in messages:
            if message.qos and message.connection == self._number and self._connection is not None:
                self._connection.confirm(message.number)

    def answer(self, acknowledgements: Iterable[Acknowledgement]) -> None:
        """Tell handsets what is done; the broker forgets what they sent once it has these."""
        for acknowledgement in acknowledgements:
            task = asyncio.create_task(self._answer(acknowledgement))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

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

    async def _stay_connected(self) -> None:
        attempt = 0
        while True:
            self._number += 1
            opened_at_s = math.inf
            async with Connection(
                self._server,
                self._client_id,
                self._terms,
                received=partial(self._receive, self._number),
                accepted=self._begin,
            ) as self._connection:
                try:
                    await self._connection.open()
                    opened_at_s = time.monotonic()
                    await self._listen(self._connection)
                except BrokerError as error:
                    self._say(error)
                finally:
                    self._note_connected(is_connected=False)
            if time.monotonic() - opened_at_s > _STEADY_S:
                attempt = 0
            await asyncio.sleep(full_jitter_s(attempt, base_s=_FIRST_RETRY_S, cap_s=_LAST_RETRY_S))
            attempt += 1

    async def _listen(self, connection: Connection) -> None:
        try:
            await connection.subscribe(self._topics)
            if self._live is not None:
                await connection.subscribe(self._copies, qos=0, identifier=_COPIES)
            self._note_connected(is_connected=True)
            _log.info("Connected to the broker.")
        except MessageRefusedError:
            _log.error("The broker does not let this collector read all topics. Check its access list.")
        await connection.unless_lost(asyncio.get_running_loop().create_future())

    def _note_connected(self, *, is_connected: bool) -> None:
        self._counts.connected.set(is_connected)
        if self._live is not None:
            self._live.note_connected(is_connected=is_connected)

    def _say(self, error: BrokerError) -> None:
        """Say that there is no connection: of one that was there each time, of none that comes about once."""
        how = "cannot be used"
        if error.problem in _HANG_UPS:
            how = "hung up before it let this collector in"
        elif error.state is BrokerState.UNREACHABLE:
            how = "is not there"
        if self._is_connected:
            _log.warning("The connection to the broker has ended. %s", error)
        elif how != self._told:
            self._told = how
            _log.warning(
                "The broker, %s, port %d, %s. %s It is tried again.", self._server.host, self._server.port, how, error
            )
        self._is_connected = False

    def _begin(self) -> None:
        self._is_connected, self._is_mute, self._told = True, False, ""
        if self._held is not None:
            self._keep(self._held)
            self._held = None
        if self._connection is not None and self._connection.session_present:
            # They come again: while the database is away, each new connection would bring as many more.
            self._queue = deque(message for message in self._queue if not message.qos)
            self._bytes = sum(len(message.payload) for message in self._queue)

    def _receive(self, number: int, message: Message) -> None:
        if self._is_leaving:
            # The broker keeps what it is not told to forget.
            return
        payload = message.payload if len(message.payload) <= MAX_BYTES else _TOO_LONG
        is_copy = message.subscription == _COPIES
        if self._live is not None and (is_copy or message.topic.rpartition("/")[2] not in SHARED):
            self._live.show(message.topic, payload, is_kept=not is_copy)
        if is_copy:
            return
        received = Received(message.topic, payload, message.number, message.qos, number, time.monotonic())
        is_full = self._bytes >= MOST_BYTES_WAITING
        if is_full and message.qos and self._connection is not None:
            # While nothing is read the broker keeps what comes; it may hang up meanwhile, and sends these again then.
            self._held = received
            self._connection.pause()
        elif is_full or (not message.qos and len(self._queue) >= MOST_WAITING):
            self._counts.quarantined.labels(Reason.FLOOD.value).inc()
        else:
            self._keep(received)

    def _keep(self, message: Received) -> None:
        self._bytes += len(message.payload)
        self._queue.append(message)
        self._arrived.set()

    async def _answer(self, acknowledgement: Acknowledgement) -> None:
        topic = topic_name(acknowledgement.sender.fleet, acknowledgement.sender.device, DownTopic.ACK)
        if self._connection is None:
            return
        try:
            await self._connection.send(topic, acknowledgement.payload)
        except MessageRefusedError as error:
            if not self._is_mute:
                # It is the same with every handset.
                self._is_mute = True
                _log.error("The broker does not let this collector answer a handset. %s", error)
        except BrokerError:
            # What it answers comes again, and is answered again.
            return
        self._counts.acks.inc()
        self.release(acknowledgement.answers)


def _server(broker: BrokerAddress, name: str) -> Server:
    """Return where the broker is, with a certificate that is ours: two of one name throw each other out without end.

    Raises:
        FleetError: a certificate or the key cannot be used, or the certificate is not this collector's.
    """
    try:
        server = broker.server()
        shown = common_name(x509.load_pem_x509_certificate(broker.certificate.read_bytes()))
    except (BrokerError, OSError, ValueError) as error:
        raise FleetError(
            f"The broker cannot be spoken to: {broker.ca}, {broker.certificate} or {broker.key} cannot be used. "
            "Check that they are there, in PEM, and that the key belongs to the certificate."
        ) from error
    if shown != name:
        raise FleetError(
            f"{broker.certificate} is the certificate of {shown or 'nobody'}, and this collector is called {name}. "
            f"Make one with: wecall fleet ca service AUTHORITY {name}"
        )
    return server
