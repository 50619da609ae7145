"""What the operator's messages do: the one place where something that came from the network is acted upon.

Of what comes so much is looked at and no more. A broker that may have forgotten is told once more what the holder
agrees to.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from contract.consent import Actor, Channel
from contract.downlink import AckMessage, DownTopic
from contract.results import OutcomeCode
from firmware.base.errors import HandsetError, StorageError
from firmware.ports.broker import BrokerProblem, BrokerState
from firmware.ports.outbox import OutboxKey
from firmware.privacy.consent import LedgerAction
from firmware.store.consents import Consents
from firmware.store.database import Database
from firmware.store.outbox import StoredOutbox
from provisioning.signed import kind_of
from provisioning.trust import Kind

_log = logging.getLogger(__name__)

_REMEMBERED: Final = 64

_AWAY: Final = frozenset({BrokerState.CONNECTING, BrokerState.UNREACHABLE})


class InboundBusyError(HandsetError):
    """More messages come than the handset looks at; this one is to be brought again."""


class Allowance:
    """So many at once and so many a second, whoever sends them."""

    def __init__(self, monotonic: Callable[[], float], *, burst: int, per_s: float) -> None:
        self._monotonic = monotonic
        self._burst = burst
        self._per_s = per_s
        self._left: float = burst
        self._counted_at_s = monotonic()

    def use(self) -> None:
        """Take one off.

        Raises:
            InboundBusyError: there is none left now.
        """
        now_s = self._monotonic()
        self._left = min(self._burst, self._left + (now_s - self._counted_at_s) * self._per_s)
        self._counted_at_s = now_s
        if self._left < 1:
            raise InboundBusyError("More messages came from the operator than this handset looks at. Send fewer.")
        self._left -= 1


class Taker(Protocol):
    """Looks into the signed documents of one kind; one that was taken already changes nothing."""

    async def take(self, document: bytes) -> OutcomeCode: ...


class AnswersAndResets:
    """Takes what the operator sends to one handset alone: answers to requests, and orders to erase it."""

    def __init__(self, answers: Taker, reset: Taker | None) -> None:
        self._answers = answers
        self._reset = reset

    async def take(self, document: bytes) -> OutcomeCode:
        """Give it to whom it says that it is for, who verifies it."""
        if self._reset is not None and kind_of(document) is Kind.RESET:
            return await self._reset.take(document)
        return await self._answers.take(document)


class Inbound:
    """Takes messages in, and has the operator told what became of each document.

    Retained documents come again on each connection. Those of this run are known by their SHA-256 and not looked at
    once more; the first time in a run costs the operator another outcome.
    """

    def __init__(
        self,
        outbox: StoredOutbox,
        consents: Consents,
        takers: Mapping[DownTopic, Taker],
        monotonic: Callable[[], float],
    ) -> None:
        """Set up.

        Args:
            outbox: what collectors confirm, and what the outcomes go to.
            consents: has the ledger that keeps which recipient erased what.
            takers: who looks into signed documents; what nobody looks into is let drop.
            monotonic: seconds that no setting of the clock moves.
        """
        self._outbox = outbox
        self._consents = consents
        self._takers = takers
        self._known: OrderedDict[str, None] = OrderedDict()
        # After an outage a collector confirms much at once, while documents are rare.
        self._acks = Allowance(monotonic, burst=200, per_s=20)
        self._documents = Allowance(monotonic, burst=10, per_s=0.2)

    async def take(self, topic: DownTopic, document: bytes) -> None:
        """Do what a message says, if it may say so; the same one again does no harm.

        Raises:
            HandsetError: it cannot be looked at now, and is to be brought again.
        """
        if topic is DownTopic.ACK:
            self._acks.use()
            await self._take_ack(document)
            return
        taker = self._takers.get(topic)
        digest = hashlib.sha256(document).hexdigest()
        # An empty message is what clears a retained one.
        if taker is None or not document or digest in self._known:
            return
        self._documents.use()
        outcome = await taker.take(document)
        _log.info("A message of topic %s was looked at: %s.", topic, outcome)
        await self._outbox.queue_outcome(digest, outcome)
        self._remember(digest)

    async def _take_ack(self, document: bytes) -> None:
        try:
            ack = AckMessage.read(document)
        except ValueError:
            # The error's own text quotes the content.
            _log.warning("A collector's confirmation was dropped: it is not as it must be.")
            return
        if await self._outbox.confirm(ack.collector, ack.messages, self._write_down):
            await self._consents.tell()

    def _write_down(self, database: Database, notice: OutboxKey) -> None:
        about = f"{notice.epoch}-{notice.seq}"
        self._consents.append_within(database, LedgerAction.RECIPIENT_ERASED, about, Actor.POLICY, Channel.NETWORK)

    def _remember(self, digest: str) -> None:
        self._known[digest] = None
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


class BrokerMemory:
    """Notes how the sync process stands with the broker.

    A broker that falls writes what it retains to its disk only now and then. It comes back with what the holder agreed
    to before, or with nothing, and whoever reads it there then believes that until the next change.
    """

    def __init__(
        self, announce: Callable[[], Awaitable[None]], tell: Callable[[BrokerState, BrokerProblem], None]
    ) -> None:
        """Set up; `announce` queues the state of consent once more, `tell` is told everything that is noted here."""
        self._announce = announce
        self._tell = tell
        self._was_there = False
        self._was_away = False
        self._announcing: asyncio.Task[None] | None = None

    def note(self, state: BrokerState, problem: BrokerProblem) -> None:
        """Note that the broker is there, or is not."""
        self._tell(state, problem)
        if state in _AWAY:
            self._was_away = self._was_there
        elif state is BrokerState.CONNECTED:
            self._was_there = True
            if self._was_away:
                self._was_away = False
                self._announcing = asyncio.create_task(self._announce_again(), name="consent announcer")

    async def _announce_again(self) -> None:
        try:
            await self._announce()
        except StorageError as error:
            _log.warning("The broker is not told once more what the holder agrees to: %s", error)
