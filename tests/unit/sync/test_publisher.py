"""How messages of the broker reach the handset, over a connection and to a handset that a test drives."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from contract.downlink import DownTopic
from firmware.base.errors import HandsetError
from firmware.ports.broker import BrokerProblem, BrokerSettings, BrokerState, Traffic
from firmware.ports.outbox import OutboxKey, OutboxMessage
from firmware.sync import publisher as publisher_module
from firmware.sync.broker import Arrival
from firmware.sync.publications import Publication
from firmware.sync.publisher import Publisher
from mqtt.problems import BrokerError, MessageRefusedError
from tests.unit.sync.test_publications import outcome


class AtOnce(random.Random):
    """Waits for nothing."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0 * (a + b)


class Connection:
    """Brings what a test puts into it."""

    def __init__(self, *documents: bytes) -> None:
        self._coming: asyncio.Queue[Arrival] = asyncio.Queue()
        self.acknowledged: asyncio.Queue[bytes] = asyncio.Queue()
        for packet_id, document in enumerate(documents):
            self._coming.put_nowait(Arrival(DownTopic.POLICY, document, packet_id, 1))

    traffic = Traffic(300, 200)

    async def open(self) -> None: ...

    async def announce(self) -> None: ...

    async def publish_status(self, *, can_call: bool | None) -> None: ...

    async def close(self) -> None: ...

    async def unless_lost(self, work: "asyncio.Future[Any]") -> Any:
        return await work

    async def next_arrival(self) -> Arrival:
        return await self._coming.get()

    def acknowledge(self, arrival: Arrival) -> None:
        self.acknowledged.put_nowait(arrival.document)


class Handset:
    """Takes every message but one."""

    def __init__(self, unwanted: bytes, error: Exception) -> None:
        self.tries: list[bytes] = []
        self.counted: list[Traffic] = []
        self._unwanted = unwanted
        self._error = error

    async def configuration(self) -> BrokerSettings:
        return BrokerSettings(
            device="handset-7",
            fleet="lab",
            host="localhost",
            port=8883,
            ca_pem="",
            certificate_pem="",
            key_pem="",
            retry_base_s=0.1,
            retry_cap_s=0.5,
        )

    async def next_messages(self, _wait_s: float) -> Sequence[OutboxMessage]:
        await asyncio.Event().wait()
        return ()

    async def line(self, heard: bool | None, _wait_s: float) -> bool | None:
        if heard is None:
            return True
        return await asyncio.Event().wait()

    async def done(self, _keys: Sequence[OutboxKey]) -> None: ...

    async def report(self, _state: BrokerState, _problem: BrokerProblem) -> None: ...

    async def moved(self, traffic: Traffic) -> None:
        self.counted.append(traffic)

    async def received(self, _topic: DownTopic, document: bytes) -> None:
        self.tries.append(document)
        if document == self._unwanted:
            raise self._error


@asynccontextmanager
async def carrying(connection: Connection, handset: Handset, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(publisher_module, "BrokerConnection", lambda _settings: connection)
    publisher = Publisher(handset, heartbeat=lambda: None, say=lambda _words: None, rng=AtOnce())
    running = asyncio.create_task(publisher.run())
    try:
        async with asyncio.timeout(10):
            yield
    finally:
        publisher.stop()
        await running


async def test_a_handset_that_is_given_another_broker_need_not_wait_for_the_old_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Unreachable(Connection):
        async def open(self) -> None:
            raise BrokerError(BrokerProblem.CONNECTION_REFUSED)

    class GivenAnother(Handset):
        async def configuration(self) -> BrokerSettings:
            return new if tried else old

    tried: list[BrokerSettings] = []
    connected = asyncio.Event()
    old = await Handset(b"", HandsetError()).configuration()
    new = replace(old, host="other.example")

    def connection_to(settings: BrokerSettings) -> Connection:
        tried.append(settings)
        if settings == old:
            return Unreachable()
        connected.set()
        return Connection()

    monkeypatch.setattr(publisher_module, "BrokerConnection", connection_to)
    publisher = Publisher(
        GivenAnother(b"", HandsetError()), heartbeat=lambda: None, say=lambda _words: None, rng=AtOnce()
    )
    running = asyncio.create_task(publisher.run())
    async with asyncio.timeout(10):
        await connected.wait()
    publisher.stop()
    await running
    assert tried == [old, new]


async def test_the_handset_hears_what_a_connection_has_moved_once_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    connection, handset = Connection(b"wanted"), Handset(b"", HandsetError())
    async with carrying(connection, handset, monkeypatch):
        await connection.acknowledged.get()
    assert handset.counted == [Traffic(300, 200)]


async def test_a_handset_that_answers_nothing_keeps_nobody_from_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy(Handset):
        def __init__(self) -> None:
            super().__init__(b"", HandsetError())
            self.is_asked = asyncio.Event()

        async def report(self, _state: BrokerState, _problem: BrokerProblem) -> None:
            if self.is_asked.is_set():
                await asyncio.Event().wait()
            self.is_asked.set()

        async def moved(self, traffic: Traffic) -> None:
            await super().moved(traffic)
            await asyncio.Event().wait()

    monkeypatch.setattr(publisher_module, "BrokerConnection", lambda _settings: Connection())
    handset = Busy()
    publisher = Publisher(handset, heartbeat=lambda: None, say=lambda _words: None, rng=AtOnce())
    running = asyncio.create_task(publisher.run())
    await handset.is_asked.wait()
    publisher.stop()
    async with asyncio.timeout(30):
        await running
    assert handset.counted == [Traffic(300, 200)]


async def test_what_the_handset_did_not_hear_of_is_told_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(Handset):
        async def moved(self, traffic: Traffic) -> None:
            await super().moved(traffic)
            if len(self.counted) == 1:
                raise HandsetError

    class Lost(Connection):
        async def open(self) -> None:
            raise BrokerError(BrokerProblem.CONNECTION_LOST)

    handset = Deaf(b"", HandsetError())
    async with carrying(Lost(), handset, monkeypatch):
        while len(handset.counted) < 3:  # noqa: ASYNC110 - nothing tells of a count
            await asyncio.sleep(0)
    assert handset.counted[:3] == [Traffic(300, 200), Traffic(600, 400), Traffic(300, 200)]


@pytest.mark.parametrize("error", [HandsetError("Not now."), RuntimeError("document of secrets")])
async def test_a_message_that_is_never_taken_gives_its_place_to_the_next_ones(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connection, handset = Connection(b"unwanted", b"wanted"), Handset(b"unwanted", error)
    async with carrying(connection, handset, monkeypatch):
        assert [await connection.acknowledged.get() for _ in range(2)] == [b"unwanted", b"wanted"]
    assert handset.tries == [b"unwanted"] * 8 + [b"wanted"]
    assert "secrets" not in caplog.text
    assert "given up" in caplog.text


@pytest.mark.parametrize(
    "failure", [BrokerError(BrokerProblem.CONNECTION_LOST), MessageRefusedError(BrokerProblem.NOT_AUTHORIZED)]
)
async def test_what_the_broker_did_not_acknowledge_stays_in_the_outbox(
    failure: BrokerError, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, sent = outcome(1, device="handset-7"), outcome(2, device="handset-7")

    class Failing(Connection):
        max_payload_bytes = 1024

        async def publish(self, publication: Publication) -> None:
            if publication.keys == (kept.key,):
                raise failure

    class WithMessages(Handset):
        def __init__(self) -> None:
            super().__init__(b"", HandsetError())
            self.told: asyncio.Queue[Sequence[OutboxKey]] = asyncio.Queue()

        async def next_messages(self, _wait_s: float) -> Sequence[OutboxMessage]:
            return kept, sent

        async def done(self, keys: Sequence[OutboxKey]) -> None:
            self.told.put_nowait(keys)

    handset = WithMessages()
    async with carrying(Failing(), handset, monkeypatch):
        assert await handset.told.get() == [sent.key]


async def test_the_heart_beats_as_soon_as_a_broker_has_not_let_the_handset_in(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    class Unreachable(Connection):
        async def open(self) -> None:
            happened.append("open")
            raise BrokerError(BrokerProblem.TIMED_OUT)

    class Told(Handset):
        async def report(self, _state: BrokerState, problem: BrokerProblem) -> None:
            happened.append(problem.value)
            if problem is BrokerProblem.TIMED_OUT:
                publisher.stop()

    monkeypatch.setattr(publisher_module, "BrokerConnection", lambda _settings: Unreachable())
    publisher = Publisher(
        Told(b"", HandsetError()), heartbeat=lambda: happened.append("beat"), say=lambda _words: None, rng=AtOnce()
    )
    async with asyncio.timeout(10):
        await publisher.run()
    began = happened.index("open")
    assert happened[began : began + 3] == ["open", "beat", "timed_out"]
