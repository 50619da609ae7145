"""A collector at the broker: who it is, and how much waits for it, however often the connection ends."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from fleet.collector.acknowledgements import Acknowledgement
from fleet.collector.intake import MOST_WAITING, Intake
from fleet.collector.quarantine import Sender
from fleet.collector.settings import BrokerAddress, CollectorSettings
from fleet.errors import FleetError
from fleet.metrics import Counts
from tests.lab.certificates import CertificateAuthority, IssuedCertificate
from tests.lab.fleet_broker import FLEET, FleetBroker
from tests.lab.hand_made_broker import HandMadeBroker, Session
from tests.lab.mqtt_proxy import MqttProxy

TOPIC = f"wecall/v1/{FLEET}/desk-1/outcome"
COUNT = 200
LAST = 1_000_000
LONG = 10_000


@dataclass
class Lab:
    """A collector's intake that nobody takes anything from, and the network before its broker."""

    broker: FleetBroker
    proxy: MqttProxy
    intake: Intake
    counts: Counts

    @contextmanager
    def device(self) -> Iterator[Client]:
        """Connect a device, past the proxy."""
        issued = self.broker.device("desk-1")
        client = Client(CallbackAPIVersion.VERSION2, client_id="desk-1", protocol=MQTTProtocolVersion.MQTTv5)
        client.tls_set(str(self.broker.ca_path), str(issued.certificate), str(issued.key))
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        yield client
        client.disconnect()
        client.loop_stop()

    def send(self, count: int, qos: int, first: int = 0, length: int = 0) -> None:
        """Publish numbered messages, of so many bytes at least, and wait until they have left."""
        with self.device() as client:
            numbers = range(first, first + count)
            sent = [client.publish(TOPIC, str(number).ljust(length), qos=qos) for number in numbers]
            for each in sent:
                each.wait_for_publish(30)

    async def send_until_one_comes(self) -> None:
        """Publish one message after the other, until the intake has subscribed."""
        waiting = self.intake.waiting
        while self.intake.waiting == waiting:
            await asyncio.to_thread(self.send, 1, 1)

    async def send_until_some_is_let_drop(self, count: int, length: int = 0) -> None:
        """Publish messages that nobody waits for; of these a busy broker drops some by itself, so again and again."""
        flood = self.counts.quarantined.labels("flood")
        async with asyncio.timeout(60):
            while flood._value.get() == 0:
                await asyncio.to_thread(self.send, count, 0, 0, length)

    async def take_all(self) -> None:
        """Take whatever was sent so far; a broker keeps the order of a topic's messages."""
        await asyncio.to_thread(self.send, 1, 1, LAST)

        def last_has_come() -> bool:
            taken = self.intake.take(COUNT)
            self.intake.release(taken)
            return any(int(message.payload) == LAST for message in taken)

        await self.until(last_has_come)
        await self.until(lambda: self.proxy.unanswered == 0)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110 - nothing tells of what comes in
                await asyncio.sleep(0.01)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    with FleetBroker(tmp_path / "b") as broker:
        own = IssuedCertificate(tmp_path / "b" / "broker.pem", tmp_path / "b" / "broker.key")
        async with MqttProxy(broker.ca_path, own, broker.certificate, broker.port, random.Random(1)) as proxy:
            issued = broker.collector()
            address = BrokerAddress(
                host="127.0.0.1", port=proxy.port, ca=broker.ca_path, certificate=issued.certificate, key=issued.key
            )
            counts = Counts()
            lab = Lab(broker, proxy, Intake(CollectorSettings(broker=address), counts), counts)
            lab.intake.start()
            await lab.send_until_one_comes()
            await lab.take_all()
            yield lab
            await lab.intake.stop()


async def test_what_comes_again_on_each_new_connection_waits_once(lab: Lab) -> None:
    await asyncio.to_thread(lab.send, COUNT, 1)
    await lab.until(lambda: lab.intake.waiting == COUNT)
    for _ in range(3):
        seen = lab.proxy.counts["connections"]
        lab.proxy.cut()
        await lab.until(lambda seen=seen: lab.proxy.counts["connections"] > seen)  # type: ignore[misc]
        await lab.until(lambda: lab.proxy.unanswered == COUNT)
        await lab.until(lambda: lab.intake.waiting >= COUNT)
    taken = lab.intake.take(10 * COUNT)
    assert [int(message.payload) for message in taken] == list(range(COUNT))


async def test_what_is_let_go_of_after_the_connection_has_ended_comes_again(lab: Lab) -> None:
    await asyncio.to_thread(lab.send, COUNT, 1)
    await lab.until(lambda: lab.intake.waiting == COUNT)
    before = lab.intake.take(COUNT)
    seen = lab.proxy.counts["connections"]
    lab.proxy.cut()
    await lab.until(lambda: lab.proxy.counts["connections"] > seen)
    await lab.until(lambda: lab.intake.waiting == COUNT)
    # Their numbers mean other messages by now.
    lab.intake.release(before)
    lab.intake.release(lab.intake.take(1))
    await lab.until(lambda: lab.proxy.unanswered < COUNT)
    assert lab.proxy.unanswered == COUNT - 1


async def test_what_waits_is_kept_where_the_broker_has_forgotten_it(lab: Lab) -> None:
    await asyncio.to_thread(lab.send, COUNT, 1)
    await lab.until(lambda: lab.intake.waiting == COUNT)
    seen = lab.proxy.counts["connections"]
    await asyncio.to_thread(lab.broker.kill)
    await asyncio.to_thread(lab.broker.start)
    await lab.until(lambda: lab.proxy.counts["connections"] > seen)
    await lab.send_until_one_comes()
    taken = lab.intake.take(10 * COUNT)
    assert [int(message.payload) for message in taken[:COUNT]] == list(range(COUNT))


async def test_a_flood_that_nobody_waits_for_is_let_drop_and_counted(lab: Lab) -> None:
    await lab.send_until_some_is_let_drop(MOST_WAITING + COUNT)
    assert lab.intake.waiting == MOST_WAITING
    # A message of whoever waits for an answer is not lost in it.
    await asyncio.to_thread(lab.send, 1, 1)
    await lab.until(lambda: lab.intake.waiting == MOST_WAITING + 1)


async def test_long_messages_fill_no_memory_and_none_that_somebody_waits_for_is_lost(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.collector.intake.MOST_BYTES_WAITING", 5 * LONG)
    monkeypatch.setattr("fleet.collector.intake.MOST_BYTES_AT_ONCE", 2 * LONG)
    await asyncio.to_thread(lab.send, COUNT, 1, 0, LONG)
    await lab.until(lambda: lab.proxy.unanswered == COUNT)
    await lab.until(lambda: lab.intake.waiting >= 5)
    assert lab.intake.waiting == 5
    came: list[int] = []

    def take_some() -> bool:
        taken = lab.intake.take(COUNT)
        assert len(taken) <= 2
        lab.intake.release(taken)
        came.extend(int(message.payload) for message in taken)
        return len(came) >= COUNT

    await lab.until(take_some)
    assert came == list(range(COUNT))
    # It also leaves while there is no room; the broker keeps these.
    await asyncio.to_thread(lab.send, COUNT, 1, 0, LONG)
    await lab.until(lambda: lab.intake.waiting == 5)


async def test_handsets_answers_leave_also_while_there_is_no_room(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.collector.intake.MOST_BYTES_WAITING", 5 * LONG)
    await asyncio.to_thread(lab.send, COUNT, 1, 0, LONG)
    await lab.until(lambda: lab.intake._held is not None)
    lab.intake.answer([Acknowledgement(Sender(FLEET, "desk-1"), b"{}", ())])
    await lab.intake.stop()
    assert lab.counts.acks._value.get() == 1
    assert lab.intake.waiting == 5


async def test_a_flood_of_long_messages_that_nobody_waits_for_is_let_drop(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.collector.intake.MOST_BYTES_WAITING", 5 * LONG)
    await lab.send_until_some_is_let_drop(COUNT, LONG)
    assert lab.intake.waiting == 5


def intake_of(
    broker: FleetBroker | HandMadeBroker, ca_path: Path, issued: IssuedCertificate, *, name: str = "main"
) -> Intake:
    """Return the intake of a collector that shows this certificate."""
    address = BrokerAddress(
        host="127.0.0.1", port=broker.port, ca=ca_path, certificate=issued.certificate, key=issued.key
    )
    return Intake(CollectorSettings(name=name, broker=address), Counts())


async def test_a_broker_that_lets_a_collector_in_and_hangs_up_is_asked_less_and_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []

    def pause_s(attempt: int, **_limits: float) -> float:
        attempts.append(attempt)
        return 0.0

    monkeypatch.setattr("fleet.collector.intake.full_jitter_s", pause_s)
    authority = CertificateAuthority(tmp_path / "authority")
    async with HandMadeBroker(authority) as broker:

        async def hang_up(_session: Session) -> None:
            broker.cut()

        broker.malice = hang_up
        intake = intake_of(broker, authority.ca_path, authority.issue("collector.main"))
        intake.start()
        async with asyncio.timeout(60):
            while len(attempts) < 3:  # noqa: ASYNC110 - nothing tells of an attempt
                await asyncio.sleep(0.01)
        await intake.stop()
    assert attempts[:3] == [0, 1, 2]


async def test_whoever_is_woken_before_it_waits_does_not_wait(tmp_path: Path) -> None:
    broker = FleetBroker(tmp_path / "b")
    intake = intake_of(broker, broker.ca_path, broker.collector())
    intake.wake()
    async with asyncio.timeout(30):
        await intake.wait(60)


async def test_a_broker_that_lets_a_collector_answer_nobody_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with FleetBroker(tmp_path / "b") as broker:
        intake = intake_of(broker, broker.ca_path, broker.collector("stranger"), name="stranger")
        intake.start()
        answer = Acknowledgement(Sender(FLEET, "desk-1"), b"{}", ())
        async with asyncio.timeout(60):
            while "Connected to the broker" not in caplog.text:  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(0.05)
        intake.answer([answer] * 3)
        # It waits until the broker has said something to each.
        await intake.stop()
    assert caplog.text.count("does not let this collector answer") == 1


async def test_a_collector_shows_no_other_collectors_certificate(tmp_path: Path) -> None:
    broker = FleetBroker(tmp_path / "b", collectors=("main", "second"))
    with pytest.raises(FleetError, match=r"is the certificate of collector\.second, and this .* collector\.main"):
        intake_of(broker, broker.ca_path, broker.collector("second"))


async def test_a_broker_that_lets_no_collector_in_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with FleetBroker(tmp_path / "b") as broker:
        issued = broker.collector()
        broker.revoke(issued)
        broker.restart()
        intake = intake_of(broker, broker.ca_path, issued)
        refusals = broker.log.count("certificate verify failed")
        intake.start()
        async with asyncio.timeout(60):
            while broker.log.count("certificate verify failed") < refusals + 2:  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(0.05)
        await intake.stop()
    assert caplog.text.count("hung up before it let this collector in") == 1
