"""The operator's connection to the broker: what happens there comes as events, in one queue."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from contract.downlink import MAX_NETWORK_BUNDLE_BYTES
from contract.messages import OutcomeMessage, StatusMessage, Topic, topic_name
from contract.results import OutcomeCode
from fleet.errors import FleetError
from fleet.publisher.settings import OperatorSettings
from mqtt.connection import OPEN_TIMEOUT_S, Connection, Terms
from mqtt.packets import Message
from mqtt.problems import BrokerError, BrokerProblem, BrokerState, MessageRefusedError
from mqtt.tls import Server

SESSION_S: Final = 7 * 24 * 3600
"""For so long the broker keeps what handsets say to an operator who is away."""

ANSWER_TIMEOUT_S: Final = 30.0
"""For so long the broker is waited for where nothing else is to be done."""

_TOPIC_LEVELS: Final = 5
# What a client may have on its way to the broker.
_MOST_ON_THE_WAY: Final = 100
_BYTES_ON_THE_WAY: Final = 4 * MAX_NETWORK_BUNDLE_BYTES


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker has a handset's message, or will not have it."""

    device: str
    refusal: FleetError | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A handset says what became of a message; `receipt` is for `BrokerLine.confirm`, once it is on the disk."""

    fleet: str
    device: str
    message: str
    code: OutcomeCode
    receipt: int


@dataclass(frozen=True, slots=True)
class Status:
    """A handset is online, with a line or without, or is not; None where nothing is known of it any more."""

    device: str
    online: bool | None


Event = Accepted | Outcome | Status


class LineLostError(FleetError):
    """The connection to the broker is lost; another may do."""


class BrokerLine(Connection):
    """One connection, from `open` to `close`; it does not come back.

    Attributes:
        name: what the operator is called.
    """

    def __init__(self, settings: OperatorSettings, fleet: str, is_last: Callable[[], bool]) -> None:
        """Set up without connecting.

        Args:
            settings: where to, and as whom.
            fleet: the one whose handsets are listened to.
            is_last: says at the end whether nothing is waited for any more, so that the broker may forget the session.

        Raises:
            FleetError: a certificate or the key cannot be used.
        """
        self.name = settings.client_id()
        self._where = f"{settings.host}, port {settings.port}"
        self._fleet = fleet
        self._is_last = is_last
        self._events: list[Event] = []
        self._happened = asyncio.Event()
        self._posting: set[asyncio.Task[None]] = set()
        try:
            server = Server.read(
                settings.host, settings.port, settings.keep_alive_s, settings.ca, settings.certificate, settings.key
            )
        except BrokerError as error:
            raise FleetError(
                f"The broker cannot be spoken to: {settings.ca}, {settings.certificate} or {settings.key} cannot be "
                "used. Check that they are there, in PEM, and that the key belongs to the certificate."
            ) from error
        terms = Terms(window=_MOST_ON_THE_WAY, session_expiry_s=SESSION_S)
        super().__init__(server, self.name, terms, received=self._receive)

    async def __aexit__(self, *_exc: object) -> None:
        await self.close(forget=self.is_open and self._is_last())

    async def open(self, timeout_s: float = OPEN_TIMEOUT_S) -> None:
        """Connect.

        Raises:
            LineLostError: the broker is not there, or does not answer.
            FleetError: it does not let this operator in.
        """
        with self._told():
            await super().open(timeout_s)

    async def listen(self) -> None:
        """Have statuses and outcomes of the fleet come in; all statuses that the broker keeps have come then.

        Raises:
            LineLostError: the connection is lost, or the broker says nothing more.
        """
        # What is kept comes at once at QoS 0, and so before the answer to what is asked for after it.
        asked = [
            self.subscribe([f"wecall/v1/{self._fleet}/+/{topic.value}"], qos=qos)
            for topic, qos in ((Topic.STATUS, 0), (Topic.OUTCOME, 1))
        ]
        with self._told():
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answers = await asyncio.gather(*asked, return_exceptions=True)
            for answer in answers:
                # Whoever may not listen to one of them listens to the other.
                if isinstance(answer, BrokerError) and not isinstance(answer, MessageRefusedError):
                    raise answer

    async def known_devices(self) -> dict[str, bool]:
        """Return the handsets that the broker knows, True for those that are online.

        Outcomes that come meanwhile come again at the next connection.

        Raises:
            LineLostError: the connection is lost, or the broker says nothing more.
        """
        await self.listen()
        statuses = (event for event in self._events if isinstance(event, Status))
        return {status.device: status.online for status in statuses if status.online is not None}

    async def publish(self, topic: str, payload: bytes, timeout_s: float | None = ANSWER_TIMEOUT_S) -> None:
        """Have the broker keep a message, and wait until it has it.

        Raises:
            LineLostError: the connection is lost.
            FleetError: the broker does not take it.
        """
        try:
            with self._told():
                async with asyncio.timeout(timeout_s):
                    await self.send(topic, payload, retain=True)
        except MessageRefusedError as error:
            why = f"(MQTT reason {error.code:#04x})"
            if error.problem is BrokerProblem.NOT_AUTHORIZED:
                said = f"The broker does not let {self.name} publish to {topic} {why}. Check its access list."
            else:
                said = f"The broker does not take a message for {topic} {why}."
            raise FleetError(said) from error

    def post(self, device: str, topic: str, payload: bytes) -> None:
        """Publish a message for a handset; `Accepted` says what became of it."""
        task = asyncio.create_task(self._post(device, topic, payload))
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)

    async def next_events(self, timeout_s: float, *, gather_s: float = 0.0) -> Sequence[Event]:
        """Wait for something, and return all that has happened then, or does soon after; none in time is nothing.

        Raises:
            LineLostError: the connection is lost.
            FleetError: another command has taken this operator's place.
        """
        with self._told(), suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                if not self._events:
                    self._happened.clear()
                    await self.unless_lost(asyncio.ensure_future(self._happened.wait()))
                await asyncio.sleep(gather_s)
        events, self._events = self._events, []
        return events

    @staticmethod
    def most_on_the_way(size_bytes: int) -> int:
        """Return how many messages of this size may wait for the broker's answer."""
        return max(1, min(_MOST_ON_THE_WAY, _BYTES_ON_THE_WAY // max(1, size_bytes)))

    def _receive(self, message: Message) -> None:
        """Note what a handset says; outcomes are acknowledged once they are on the disk."""
        event = self._understood(message)
        if event is not None:
            self._note(event)
        if message.qos and not isinstance(event, Outcome):
            self.confirm(message.number)

    def _note(self, event: Event) -> None:
        self._events.append(event)
        self._happened.set()

    async def _post(self, device: str, topic: str, payload: bytes) -> None:
        refusal = None
        try:
            await self.publish(topic, payload, None)
        except LineLostError:
            return
        except FleetError as error:
            refusal = error
        self._note(Accepted(device, refusal))

    def _understood(self, message: Message) -> Status | Outcome | None:
        """Return what a message says; None where it says nothing that a handset says."""
        levels = message.topic.split("/")
        if len(levels) != _TOPIC_LEVELS:
            return None
        fleet, device, payload = levels[2], levels[3], message.payload
        try:
            if message.topic == topic_name(self._fleet, device, Topic.STATUS):
                # MQTT 5 section 3.3.1.3: an empty one takes away what was kept, as when a holder has gone.
                return Status(device, StatusMessage.read(payload).state != "offline" if payload else None)
            # Of another fleet too: its roll-out may wait for what the broker has kept for this operator.
            if message.topic == topic_name(fleet, device, Topic.OUTCOME):
                said = OutcomeMessage.read(payload)
                # Whoever publishes below a device's name is that device; see the broker's access list.
                if said.device == device:
                    return Outcome(fleet, device, said.message, said.code, message.number)
        except ValueError:
            return None
        return None

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what is wrong with the broker as whoever publishes is to read it."""
        try:
            yield
        except MessageRefusedError:
            raise
        except TimeoutError as error:
            raise LineLostError(f"The broker at {self._where} does not answer.") from error
        except BrokerError as error:
            if error.problem is BrokerProblem.IDENTITY_IN_USE:
                raise FleetError(
                    f"Another command has come to the broker as {self.name}, and only one can be there. Say this one "
                    "again when that has ended; it goes on where it was."
                ) from error
            if error.state is BrokerState.UNREACHABLE:
                raise LineLostError(f"The broker at {self._where} cannot be reached. {error}") from error
            raise FleetError(f"The broker at {self._where} cannot be used. {error}") from error
