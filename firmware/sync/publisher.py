"""Carries what waits in the handset's outbox to the broker and what comes back, for as long as the process lives."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from contract.downlink import DownTopic
from firmware.base.backoff import full_jitter_s
from firmware.base.errors import HandsetError
from firmware.base.heartbeats import Heartbeat
from firmware.ports.broker import BrokerProblem, BrokerSettings, BrokerState, Traffic
from firmware.ports.outbox import OutboxKey, OutboxMessage
from firmware.sync.announcement import Announcement
from firmware.sync.broker import Arrival, BrokerConnection
from firmware.sync.publications import pack
from mqtt.problems import BrokerError, MessageRefusedError

_log = logging.getLogger(__name__)

LONGEST_SILENCE_S: Final = 60.0
"""The publisher's heart beats at least this often; see `Publisher`."""

# Shorter than LONGEST_SILENCE_S. The handset answers at once when there is something; this is for the heart to beat.
_POLL_S: Final = 50.0
# So often what was moved is told while nothing ends.
_COUNT_EVERY_S: Final = 600.0
_LONGEST_NAP_S: Final = 20.0
_NO_BROKER_PAUSE_S: Final = 5.0
# So soon it is noticed that a handset whose broker does not answer has been given another one.
_LOOK_S: Final = 5.0
_HANDSET_RETRY_BASE_S: Final = 0.2
# A handset that nobody has set up has nothing for this process, until a bundle is tried that is to have a broker.
_HANDSET_RETRY_CAP_S: Final = 2.0
# A message that the handset does not take so often gives its place to others: only few may be on their way.
_HAND_IN_ATTEMPTS: Final = 8
_HAND_IN_RETRY_BASE_S: Final = 1.0
_HAND_IN_RETRY_CAP_S: Final = 60.0
# A connection that stood this long was a good one: the next failure is a new story.
_STEADY_S: Final = 10.0
# Together with closing the connection less than the two seconds that a stop may take.
_FINISH_TIMEOUT_S: Final = 1.0
# And this with them: a handset that is busy, or stops as well, is not waited for.
_LAST_WORD_TIMEOUT_S: Final = 0.4


class Handset(Protocol):
    """The sync process's view of the handset; any method raises HandsetError when the handset does not answer."""

    async def configuration(self) -> BrokerSettings | None: ...
    async def next_messages(self, wait_s: float) -> Sequence[OutboxMessage]: ...
    async def line(self, heard: bool | None, wait_s: float) -> bool | None: ...
    async def done(self, keys: Sequence[OutboxKey]) -> None: ...
    async def report(self, state: BrokerState, problem: BrokerProblem) -> None: ...
    async def received(self, topic: DownTopic, document: bytes) -> None: ...
    async def moved(self, traffic: Traffic) -> None: ...


class Publisher:
    """Keeps nothing: what is not acknowledged by the broker is still in the outbox.

    A message is `done` only after its PUBACK, so a crash at any moment repeats messages and loses none. The other way
    the broker gets its PUBACK once the handset has taken a message, or has not taken it so often that others must have
    their turn. Documents are retained, so the next connection brings them again; what a collector confirms it confirms
    again, for what is not confirmed leaves again.
    """

    def __init__(
        self,
        handset: Handset,
        *,
        heartbeat: Heartbeat,
        say: Callable[[str], None],
        rng: random.Random | None = None,
        connect: Callable[[BrokerSettings], BrokerConnection] | None = None,
    ) -> None:
        """Set up without starting.

        Args:
            handset: whose messages are carried.
            heartbeat: called at each step, at least every LONGEST_SILENCE_S.
            say: told in a sentence how things are.
            rng: where the jitter comes from.
            connect: makes the connections, each to be opened, where they are not the usual ones.
        """
        self._handset = handset
        self._heartbeat = heartbeat
        self._say = say
        self._rng = rng
        self._connect = connect
        self._stopping = asyncio.Event()
        self._reported: tuple[BrokerState, BrokerProblem] | None = None
        # Of the connection that is, or was the last, and of all so far as the handset has not heard of it.
        self._moved = Traffic()
        self._untold = Traffic()
        self._told_at_s = 0.0

    def stop(self) -> None:
        """Make `run` finish what is in flight and return, within two seconds."""
        self._stopping.set()

    async def run(self) -> None:
        """Carry until told to stop."""
        carrying = asyncio.create_task(self._run())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({carrying, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            carrying.cancel()
            await asyncio.wait({carrying})
        if not carrying.cancelled():
            carrying.result()

    async def _run(self) -> None:
        attempt = 0
        while True:
            try:
                settings = await self._handset.configuration()
                attempt = 0
                if settings is None:
                    self._say("No broker is configured; nothing is sent.")
                    await self._nap(_NO_BROKER_PAUSE_S)
                else:
                    await self._serve(settings)
            except HandsetError as error:
                _log.info("Waiting for the handset: %s", error)
                self._say("Waiting for the handset.")
                await self._nap(self._jitter_s(attempt, _HANDSET_RETRY_BASE_S, _HANDSET_RETRY_CAP_S))
                attempt += 1

    async def _serve(self, settings: BrokerSettings) -> None:
        """Connect, again and again, for as long as the handset is there."""
        self._reported = None
        announcement = Announcement()
        attempt = 0
        while True:
            if self._reported is None:
                await self._report(BrokerState.CONNECTING)
            began_s = time.monotonic()
            connection = (self._connect or BrokerConnection)(settings)
            self._moved = Traffic()
            try:
                self._heartbeat()
                await connection.open()
                self._heartbeat()
                can_call = await self._handset.line(None, 0)
                await connection.publish_status(can_call=can_call)
                self._heartbeat()
                _log.info("Connected to the broker.")
                await self._report(BrokerState.CONNECTED)
                await announcement.make(connection)
                await self._carry_both_ways(connection, settings, can_call)
            except BrokerError as error:
                self._heartbeat()
                _log.warning("%s It is tried again.", error)
                await self._report(error.state, error.problem)
            finally:
                await connection.close()
                await self._tell_traffic(connection)
            if time.monotonic() - began_s > _STEADY_S:
                attempt = 0
            pause_s = self._jitter_s(attempt, settings.retry_base_s, settings.retry_cap_s)
            if await self._changes_within(settings, pause_s):
                return
            attempt += 1

    async def _changes_within(self, settings: BrokerSettings, pause_s: float) -> bool:
        """Rest before the next try; say whether the handset wants another broker meanwhile, as after a new bundle."""
        ends_s = time.monotonic() + pause_s
        while True:
            rest_s = ends_s - time.monotonic()
            await self._nap(min(rest_s, _LOOK_S))
            if await self._handset.configuration() != settings:
                return True
            if rest_s <= _LOOK_S:
                return False

    async def _carry_both_ways(
        self, connection: BrokerConnection, settings: BrokerSettings, can_call: bool | None
    ) -> None:
        parts = [self._carry(connection, settings), self._take_in(connection)]
        if not settings.departing:
            parts.append(self._follow_line(connection, can_call))
        tasks = set(map(asyncio.create_task, parts))
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in ended:
            task.result()

    async def _follow_line(self, connection: BrokerConnection, published: bool | None) -> None:
        """Have the broker keep whether an account can call, whenever the handset says something else than before."""
        while True:
            can_call = await self._handset.line(published, _POLL_S)
            if can_call is not None:
                await connection.publish_status(can_call=can_call)
                published = can_call

    async def _take_in(self, connection: BrokerConnection) -> None:
        """Hand each message to the handset, and acknowledge it once it is there or given up; one at a time."""
        while True:
            arrival = await connection.next_arrival()
            for attempt in range(_HAND_IN_ATTEMPTS):
                if await self._hand_in(arrival):
                    break
                await asyncio.sleep(self._jitter_s(attempt, _HAND_IN_RETRY_BASE_S, _HAND_IN_RETRY_CAP_S))
            else:
                _log.warning("The handset did not take a message of topic %s, which is given up.", arrival.topic)
            connection.acknowledge(arrival)

    async def _hand_in(self, arrival: Arrival) -> bool:
        try:
            await self._handset.received(arrival.topic, arrival.document)
        except HandsetError as error:
            _log.info("The handset does not take a message of topic %s now: %s", arrival.topic, error)
            return False
        except Exception as error:  # noqa: BLE001 - whatever one message does, the next ones come in
            # Its own text may quote what came.
            _log.error("A message of topic %s cannot be handed in (%s).", arrival.topic, type(error).__name__)
            return False
        return True

    async def _carry(self, connection: BrokerConnection, settings: BrokerSettings) -> None:
        refused = 0
        while True:
            poll = asyncio.ensure_future(self._handset.next_messages(_POLL_S))
            self._heartbeat()
            messages = await connection.unless_lost(poll)
            self._heartbeat()
            if time.monotonic() - self._told_at_s > _COUNT_EVERY_S:
                await self._tell_traffic(connection)
            if not messages:
                continue
            delivering = asyncio.create_task(self._deliver(connection, settings.device, messages))
            try:
                problem = await asyncio.shield(delivering)
            except asyncio.CancelledError:
                # What is in flight is finished before the connection is closed.
                await asyncio.wait({delivering}, timeout=_FINISH_TIMEOUT_S)
                delivering.cancel()
                raise
            if problem is BrokerProblem.NONE:
                await self._report(BrokerState.CONNECTED)
                refused = 0
                continue
            await self._report(BrokerState.REFUSED, problem)
            pause_s = self._jitter_s(refused, settings.retry_base_s, settings.retry_cap_s)
            await connection.unless_lost(asyncio.ensure_future(self._nap(pause_s)))
            refused += 1

    async def _deliver(
        self, connection: BrokerConnection, device: str, messages: Sequence[OutboxMessage]
    ) -> BrokerProblem:
        """Publish, and mark as done what the broker has; return what kept it from having them all."""
        publications = pack(messages, device, connection.max_payload_bytes)
        outcomes = await asyncio.gather(*map(connection.publish, publications), return_exceptions=True)
        self._heartbeat()
        done = [
            key
            for publication, outcome in zip(publications, outcomes, strict=True)
            if outcome is None
            for key in publication.keys
        ]
        if done:
            await self._handset.done(done)
        problem = BrokerProblem.NONE
        if sum(len(publication.keys) for publication in publications) < len(messages):
            problem = BrokerProblem.MESSAGE_NOT_ALLOWED
        for outcome in outcomes:
            if isinstance(outcome, MessageRefusedError):
                problem = outcome.problem
            elif outcome is not None:
                raise outcome
        return problem

    async def _report(self, state: BrokerState, problem: BrokerProblem = BrokerProblem.NONE) -> None:
        if self._reported == (state, problem):
            return
        await self._handset.report(state, problem)
        self._reported = (state, problem)
        self._say(problem.sentence or f"{state.capitalize()} to the broker.")

    async def _tell_traffic(self, connection: BrokerConnection) -> None:
        """Tell the handset what was moved since the last time; what it does not take is told with the next."""
        moved = connection.traffic
        self._untold += moved - self._moved
        self._moved = moved
        with suppress(HandsetError, TimeoutError):
            async with asyncio.timeout(_LAST_WORD_TIMEOUT_S if self._stopping.is_set() else None):
                await self._handset.moved(self._untold)
                self._untold = Traffic()
        self._told_at_s = time.monotonic()

    def _jitter_s(self, attempt: int, base_s: float, cap_s: float) -> float:
        return full_jitter_s(attempt, base_s=base_s, cap_s=cap_s, rng=self._rng)

    async def _nap(self, duration_s: float) -> None:
        while True:
            self._heartbeat()
            await asyncio.sleep(min(duration_s, _LONGEST_NAP_S))
            duration_s -= _LONGEST_NAP_S
            if duration_s <= 0:
                return
