"""What the handset answers to the sync process: it may carry messages both ways, and gets no more than that needs."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import BinaryIO, Final, Protocol

from contract.downlink import MAX_DOCUMENT_BYTES, DownTopic
from firmware.base.errors import ControlError
from firmware.control.open_files import content_of
from firmware.control.requests import (
    MAX_LINE_BYTES,
    ConfigurationRequest,
    ConnectionRequest,
    DoneRequest,
    Empty,
    LineRequest,
    MovedRequest,
    NetworkBundleRequest,
    NextRequest,
    ReceivedRequest,
    written,
)
from firmware.control.server import Handler
from firmware.control.sync_answers import Configuration, Line, Message, Messages
from firmware.ports.broker import BrokerProblem, BrokerSettings, BrokerState, Traffic
from firmware.ports.outbox import Outbox, OutboxKey, OutboxMessage

_log = logging.getLogger(__name__)

# What the answer needs beside its messages.
_ANSWER_BYTES: Final = 1024


class Inbound(Protocol):
    """What the broker sends comes in here, one message at a time."""

    async def take(self, topic: DownTopic, document: bytes) -> None:
        """Do what a message says, if it may say so; the same one again does no harm.

        Raises:
            HandsetError: it cannot be looked at now, and is to be brought again.
        """
        ...


class NetworkBundles(Protocol):
    """Bundles that come over the network go in here."""

    async def bring(self, digest: str, file: BinaryIO) -> None:
        """Take in a bundle of this SHA-256, unless it is known.

        Raises:
            HandsetError: it cannot be taken now, and is to be brought again.
        """
        ...


class LineStanding(Protocol):
    """Knows whether an account of this handset can call."""

    async def until_other(self, heard: bool | None, timeout_s: float) -> bool | None:
        """Wait until that is known and not what was heard last; None if not in that time."""
        ...


class SyncRole:
    """Answers the sync role's requests from the outbox.

    Attributes:
        when_connection_changed: told how the sync process stands with the broker, as often as it says so.
        when_moved: told what went over the network, likewise.
    """

    def __init__(
        self,
        outbox: Outbox,
        settings: Callable[[], BrokerSettings | None],
        when_connection_changed: Callable[[BrokerState, BrokerProblem], None],
        inbound: Inbound,
        when_moved: Callable[[Traffic], Awaitable[None]],
        *,
        bundles: NetworkBundles,
        line: LineStanding,
    ) -> None:
        self._outbox = outbox
        self._inbound = inbound
        self._bundles = bundles
        self._line = line
        self._settings = settings
        self._has_told_settings = False
        self.when_connection_changed = when_connection_changed
        self.when_moved = when_moved

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs for Role.SYNC."""
        return {
            "configuration": self._configuration,
            "next": self._next,
            "done": self._done,
            "connection": self._connection,
            "received": self._received,
            "line": self._line_state,
            "moved": self._moved,
            "bundle": self._bundle,
        }

    async def _configuration(self, _request: ConfigurationRequest) -> Configuration:
        settings = self._settings()
        self._has_told_settings = True
        return Configuration(broker=settings)

    async def _next(self, request: NextRequest) -> Messages:
        # Nothing leaves over a connection from before: it may be another holder's, and to another broker.
        self._refuse_whoever_knows_another_broker()
        try:
            settings = self._settings()
        except ControlError:
            # It is another broker's turn.
            self._has_told_settings = False
            raise
        if settings is None:
            return Messages(messages=())
        # First without waiting: of a backlog the next batch is there already.
        batch = await self._outbox.next_batch(settings.batch_records)
        if not batch:
            if not await self._outbox.wait_for_due(request.wait_s):
                return Messages(messages=())
            batch = await self._outbox.next_batch(settings.batch_records)
        messages = _that_fit(batch)
        leaving = await self._outbox.hand_over([OutboxKey(*message.key) for message in messages])
        return Messages(messages=tuple(message for message in messages if OutboxKey(*message.key) in leaving))

    async def _done(self, request: DoneRequest) -> Empty:
        await self._outbox.complete([OutboxKey(epoch, seq) for epoch, seq in request.keys])
        return Empty()

    async def _connection(self, request: ConnectionRequest) -> Empty:
        self._refuse_whoever_knows_another_broker()
        self.when_connection_changed(request.state, request.code)
        return Empty()

    async def _line_state(self, request: LineRequest) -> Line:
        self._refuse_whoever_knows_another_broker()
        return Line(can_call=await self._line.until_other(request.heard, request.wait_s))

    async def _moved(self, request: MovedRequest) -> Empty:
        await self.when_moved(Traffic(request.sent_bytes, request.received_bytes))
        return Empty()

    async def _received(self, request: ReceivedRequest, file: BinaryIO) -> Empty:
        self._refuse_whoever_knows_another_broker()
        await self._inbound.take(request.topic, content_of(file, MAX_DOCUMENT_BYTES))
        return Empty()

    async def _bundle(self, request: NetworkBundleRequest, file: BinaryIO) -> Empty:
        self._refuse_whoever_knows_another_broker()
        await self._bundles.bring(request.digest, file)
        return Empty()

    def _refuse_whoever_knows_another_broker(self) -> None:
        """Let nobody carry anything over a connection that was made before the handset started.

        Raises:
            ControlError: whoever asks has not asked for the broker since.
        """
        if not self._has_told_settings:
            raise ControlError("The handset has started anew. Ask for its configuration.")


def _that_fit(batch: Sequence[OutboxMessage]) -> tuple[Message, ...]:
    """Take the oldest messages that one line holds."""
    messages: list[Message] = []
    room_bytes = MAX_LINE_BYTES - _ANSWER_BYTES
    for waiting in batch:
        key = (waiting.key.epoch, waiting.key.seq)
        message = Message(key=key, topic=waiting.topic, retain=waiting.retain, payload=waiting.payload)
        # One more for the comma between two.
        size_bytes = _line_bytes(message) + 1
        if size_bytes > MAX_LINE_BYTES - _ANSWER_BYTES:
            _log.error("Message %d of the outbox (%s) is too long for the sync process.", key[1], waiting.topic)
            continue
        room_bytes -= size_bytes
        if room_bytes < 0:
            break
        messages.append(message)
    return tuple(messages)


def _line_bytes(message: Message) -> int:
    """Return how long a message is in a line."""
    return len(json.dumps(written(message), separators=(",", ":")))
