"""The bad network of the chaos test does what it says, or else that test would prove less than it seems to."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.certificates import LOOPBACK, CertificateAuthority, IssuedCertificate
from tests.lab.hand_made_broker import HandMadeBroker, publish
from tests.lab.mqtt_proxy import NONE, Faults, MqttProxy

CONNECT = b"\x10\x13\x00\x04MQTT\x05\x02\x00\x0a\x00\x00\x06desk-1"
PACKETS = 40


@dataclass
class Lab:
    """A broker behind the proxy, and what connects to it."""

    broker: HandMadeBroker
    proxy: MqttProxy
    connect: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
    writers: list[asyncio.StreamWriter]

    async def publish(self, faults: Faults) -> asyncio.StreamReader:
        """Connect and publish numbered messages under these faults; return what comes back."""
        reader, writer = await self.connect()
        self.writers.append(writer)
        writer.write(CONNECT)
        assert await reader.readexactly(5) == b"\x20\x03\x00\x00\x00"
        self.proxy.faults = faults
        for number in range(1, PACKETS + 1):
            writer.write(publish(b"topic", b"%d" % number, packet_id=number))
        await writer.drain()
        return reader

    async def arrived(self, holds: Callable[[Sequence[int]], bool]) -> list[int]:
        """Wait until something holds of the numbers that the broker got, in their order."""
        async with asyncio.timeout(20):
            while not holds(numbers := [int(each.payload) for each in self.broker.published]):  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.01)
        return numbers


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    authority = CertificateAuthority(tmp_path)
    own, device = authority.issue("broker", hosts=LOOPBACK), authority.issue("desk-1")
    asked: list[str] = []

    def certificate_of(name: str) -> IssuedCertificate:
        asked.append(name)
        return device

    async with (
        HandMadeBroker(authority) as broker,
        MqttProxy(authority.ca_path, own, certificate_of, broker.port, random.Random(1)) as proxy,
    ):

        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            context = ssl.create_default_context(cafile=authority.ca_path)
            context.load_cert_chain(*device)
            return await asyncio.open_connection("127.0.0.1", proxy.port, ssl=context, server_hostname="localhost")

        yield Lab(broker, proxy, connect, [])
        assert set(asked) == {"desk-1"}


async def test_what_nothing_befalls_passes_whole_and_in_order(lab: Lab) -> None:
    reader = await lab.publish(NONE)
    assert await lab.arrived(lambda numbers: len(numbers) == PACKETS) == list(range(1, PACKETS + 1))
    acknowledgements = await reader.readexactly(4 * PACKETS)
    assert acknowledgements[2::4] + acknowledgements[3::4] == bytes(PACKETS) + bytes(range(1, PACKETS + 1))


async def test_what_is_lost_does_not_come_and_nothing_else_is_missing(lab: Lab) -> None:
    await lab.publish(Faults(lost=0.3))
    numbers = await lab.arrived(lambda numbers: len(numbers) + lab.proxy.counts["PUBLISH lost"] == PACKETS)
    assert 0 < len(numbers) < PACKETS
    assert numbers == sorted(set(numbers))


async def test_what_is_doubled_comes_twice(lab: Lab) -> None:
    await lab.publish(Faults(doubled=0.3, delay_s=0.01))
    numbers = await lab.arrived(lambda numbers: len(numbers) == PACKETS + lab.proxy.counts["PUBLISH doubled"])
    assert len(numbers) > PACKETS
    assert set(numbers) == set(range(1, PACKETS + 1))


@pytest.mark.parametrize("faults", [Faults(delayed=0.3, delay_s=0.05), Faults(swapped=0.3, delay_s=0.05)])
async def test_what_is_delayed_or_swapped_is_overtaken_and_comes_all_the_same(lab: Lab, faults: Faults) -> None:
    await lab.publish(faults)
    numbers = await lab.arrived(lambda numbers: len(numbers) == PACKETS)
    assert numbers != sorted(numbers)
    assert sorted(numbers) == list(range(1, PACKETS + 1))


@pytest.mark.parametrize("faults", [Faults(cut=0.3), Faults(lost_with_connection=0.3, delay_s=0.01)])
async def test_a_connection_that_is_cut_ends_for_both_sides(lab: Lab, faults: Faults) -> None:
    reader = await lab.publish(faults)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1 << 20), 20)
    assert len(lab.broker.published) < PACKETS
    async with asyncio.timeout(20):
        while lab.proxy.names:  # noqa: ASYNC110 - nothing tells of a connection's end
            await asyncio.sleep(0.01)


async def test_on_a_silenced_connection_nothing_passes_until_it_is_cut(lab: Lab) -> None:
    reader = await lab.publish(NONE)
    await lab.arrived(lambda numbers: len(numbers) == PACKETS)
    await reader.readexactly(4 * PACKETS)
    lab.proxy.silence("desk-1")
    lab.broker.sessions[0].received.clear()
    await lab.broker.sessions[0].send(b"\xd0\x00")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(again := asyncio.create_task(reader.readexactly(2))), 0.2)
    lab.proxy.end_silence()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(again, 20)
