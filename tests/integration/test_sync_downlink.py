"""What the operator sends, on its way to the handset: from a real broker, and from one that means harm."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sized
from functools import partial
from pathlib import Path

import pytest

from contract.downlink import MAX_DOCUMENT_BYTES, MAX_NETWORK_BUNDLE_BYTES, DownTopic
from firmware.ports.broker import BrokerProblem, BrokerState
from tests.lab.hand_made_broker import HandMadeBroker, Malice, Session, publish
from tests.lab.mosquitto import Operator
from tests.lab.mqtt_packets import PacketType
from tests.lab.sync_site import DEVICE, PREFIX, SyncSite

POLICY = f"{PREFIX}/policy".encode()
BUNDLE = f"{PREFIX}/bundle".encode()
MEGABYTE = 1 << 20
MOST_GROWTH_BYTES = 4 * MEGABYTE
# Of the 200 that are sent: one as it comes, the copies that paho-mqtt makes while it takes that apart, the one that
# waits and the one before it. These are seven or eight, and the allocator may keep two or three that were given back.
FEW_BUNDLES = 12


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SyncSite]:
    async with SyncSite(tmp_path) as site:
        await site.grant()
        yield site


async def send(site: SyncSite, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
    def publish_it() -> None:
        with Operator(site.broker) as operator:
            operator.send(f"{PREFIX}/{topic}", payload, retain=retain, qos=qos)

    await asyncio.to_thread(publish_it)


async def test_what_the_operator_sends_arrives_byte_for_byte_and_is_confirmed(site: SyncSite) -> None:
    longest = bytes(range(256)) * (MAX_DOCUMENT_BYTES // 256)
    await send(site, "policy", longest, retain=True)
    await site.start_sync()
    await site.inbound.wait_for(lambda: bool(site.inbound.taken))
    await send(site, "notice", b"\x00\xff", qos=0)
    await send(site, "ack", b"{}")
    await site.inbound.wait_for(lambda: len(site.inbound.taken) == 3)
    assert site.inbound.taken == [
        (DownTopic.POLICY, longest),
        (DownTopic.NOTICE, b"\x00\xff"),
        (DownTopic.ACK, b"{}"),
    ]
    await site.wait_for_log(lambda: site.broker.log, f"Received PUBACK from {DEVICE}")


async def test_the_broker_keeps_what_the_handset_has_not_taken_and_calls_go_on_meanwhile(site: SyncSite) -> None:
    site.inbound.busy = True
    await send(site, "policy", b"signed", retain=True)
    await site.start_sync()
    await site.inbound.wait_for(lambda: site.inbound.refused > 0)
    await site.wait_for_calls({await site.store.make_call()})
    assert f"Received PUBACK from {DEVICE}" not in site.broker.log
    site.inbound.busy = False
    await site.inbound.wait_for(lambda: bool(site.inbound.taken), 60)
    await site.wait_for_log(lambda: site.broker.log, f"Received PUBACK from {DEVICE}")
    assert site.inbound.taken == [(DownTopic.POLICY, b"signed")]


async def test_what_a_killed_process_had_in_its_hands_comes_again(site: SyncSite) -> None:
    site.inbound.busy = True
    await send(site, "policy", b"signed", retain=True)
    await site.start_sync()
    await site.inbound.wait_for(lambda: site.inbound.refused > 0)
    site.sync.kill()
    site.inbound.busy = False
    await site.start_sync()
    await site.inbound.wait_for(lambda: bool(site.inbound.taken))


async def test_a_document_that_is_too_long_is_dropped_and_costs_nothing_else(site: SyncSite) -> None:
    for number in range(6):
        await send(site, "policy", bytes(2 * MAX_DOCUMENT_BYTES + number), retain=True)
    await site.start_sync()
    await site.wait_for_report(BrokerState.CONNECTED)
    for number in range(6):
        await send(site, "policy", bytes(2 * MAX_DOCUMENT_BYTES + number))
    await send(site, "notice", b"short")
    await site.inbound.wait_for(lambda: bool(site.inbound.taken))
    assert site.inbound.taken == [(DownTopic.NOTICE, b"short")]
    assert site.reports[-1] == (BrokerState.CONNECTED, BrokerProblem.NONE)


async def test_a_bundle_arrives_byte_for_byte_and_is_confirmed(site: SyncSite) -> None:
    longest = hashlib.shake_128(b"bundle").digest(MAX_NETWORK_BUNDLE_BYTES)
    await send(site, "bundle", longest, retain=True)
    await site.start_sync()
    await site.bundles.wait_for(lambda: bool(site.bundles.taken))
    assert site.bundles.taken == [longest]
    assert site.bundles.offered == [(len(longest), hashlib.sha256(longest).hexdigest())]
    await site.wait_for_log(lambda: site.broker.log, f"Received PUBACK from {DEVICE}")
    assert site.inbound.taken == []


async def test_a_bundle_that_is_longer_stays_with_the_broker(site: SyncSite) -> None:
    await send(site, "bundle", bytes(MAX_NETWORK_BUNDLE_BYTES + 1024), retain=True)
    await send(site, "notice", b"short", retain=True)
    await site.start_sync()
    await site.inbound.wait_for(lambda: bool(site.inbound.taken))
    assert site.bundles.offered == []
    assert site.reports[-1] == (BrokerState.CONNECTED, BrokerProblem.NONE)


def have(come: Sized, count: int) -> bool:
    return len(come) == count


async def test_a_bundle_that_is_known_is_offered_with_each_connection_and_does_not_come(site: SyncSite) -> None:
    document = bytes(100_000)
    site.bundles.known.add(hashlib.sha256(document).hexdigest())
    await send(site, "bundle", document, retain=True)
    for run in (1, 2):
        await site.start_sync()
        await site.bundles.wait_for(partial(have, site.bundles.offered, run))
        await send(site, "notice", b"%d" % run)
        await site.inbound.wait_for(partial(have, site.inbound.taken, run))
        site.sync.kill()
    assert site.bundles.taken == []


async def test_a_bundle_that_the_handset_cannot_take_now_is_brought_again(site: SyncSite) -> None:
    site.bundles.busy = True
    await send(site, "bundle", b"signed", retain=True)
    await site.start_sync()
    await site.wait_for_log(lambda: site.sync.log, "does not take a message of topic bundle now")
    assert f"Received PUBACK from {DEVICE}" not in site.broker.log
    site.bundles.busy = False
    await site.bundles.wait_for(lambda: bool(site.bundles.taken), 60)
    assert site.bundles.taken == [b"signed"]


async def test_the_newest_of_the_bundles_that_wait_is_the_one_that_comes(site: SyncSite) -> None:
    site.inbound.busy = True
    await send(site, "policy", b"keeps them waiting", retain=True)
    await site.start_sync()
    await site.inbound.wait_for(lambda: site.inbound.refused > 0)
    for number in range(20):
        await send(site, "bundle", b"%d" % number, retain=True)
    site.inbound.busy = False
    await site.bundles.wait_for(lambda: b"19" in site.bundles.taken, 60)
    assert site.bundles.taken == [b"19"]


async def test_whoever_says_farewell_hears_of_nothing_but_acknowledgements(site: SyncSite) -> None:
    site.change_settings(departing=True)
    await site.start_sync()
    await site.wait_for_report(BrokerState.CONNECTED)
    for topic in ("bundle", "policy", "notice", "answer", "update"):
        await send(site, topic, b"x")
    await send(site, "ack", b"{}")
    await site.inbound.wait_for(lambda: bool(site.inbound.taken))
    assert site.inbound.taken == [(DownTopic.ACK, b"{}")]
    assert site.bundles.offered == []


async def test_topics_of_others_and_of_the_handsets_own_reports_are_not_listened_to(site: SyncSite) -> None:
    await site.start_sync()
    await site.wait_for_report(BrokerState.CONNECTED)
    await send(site, "status", b"1")
    await send(site, "cdr", b"2")
    await send(site, "../handset-8/policy", b"3")
    await send(site, "policy", b"4")
    await site.inbound.wait_for(lambda: bool(site.inbound.taken))
    assert site.inbound.taken == [(DownTopic.POLICY, b"4")]


# --- a broker that means harm -----------------------------------------------------------------------------------------


@pytest.fixture
async def hostile(site: SyncSite) -> AsyncIterator[HandMadeBroker]:
    async with HandMadeBroker(site.authority) as broker:
        site.change_settings(port=broker.port)
        yield broker


async def a_packet_of_256_megabytes(session: Session) -> None:
    await session.send(b"\x32\xff\xff\xff\x7f")
    for _ in range(256):
        await session.send(bytes(MEGABYTE))


async def answers_without_end(session: Session) -> None:
    await session.send(b"\x20\xff\xff\xff\x7f")
    for _ in range(256):
        await session.send(bytes(MEGABYTE))


async def messages_of_qos_2(session: Session) -> None:
    for packet_id in range(1, 2000):
        await session.send(publish(POLICY, bytes(MAX_DOCUMENT_BYTES), qos=2, packet_id=packet_id))


async def more_than_may_be_on_their_way(session: Session) -> None:
    for packet_id in range(1, 2000):
        await session.send(publish(POLICY, bytes(MAX_DOCUMENT_BYTES), packet_id=packet_id))


async def more_than_anybody_can_take_unconfirmed(session: Session) -> None:
    for _ in range(4000):
        await session.send(publish(POLICY, bytes(MAX_DOCUMENT_BYTES), qos=0))


async def bundles_without_end(session: Session) -> None:
    bundle = publish(BUNDLE, bytes(MAX_NETWORK_BUNDLE_BYTES), qos=0)
    for _ in range(200):
        await session.send(bundle)


async def documents_as_long_as_bundles(session: Session) -> None:
    for packet_id in range(1, 200):
        await session.send(publish(POLICY, bytes(MAX_NETWORK_BUNDLE_BYTES), packet_id=packet_id))


async def topics_that_nobody_asked_for(session: Session) -> None:
    for packet_id in range(1, 2000):
        await session.send(publish(b"wecall/v1/lab/handset-8/policy", bytes(1000), packet_id=packet_id))


async def topics_that_are_no_text(session: Session) -> None:
    for packet_id in range(1, 2000):
        await session.send(publish(b"\xff\xfe/policy", b"x", packet_id=packet_id))


async def packets_that_are_cut_short(session: Session) -> None:
    await session.send(b"\x32\x02\x00\xff")


async def a_handshake_in_the_middle(session: Session) -> None:
    await session.send(b"\xf0\x02\x18\x00")


@pytest.mark.parametrize(
    "malice",
    [
        a_packet_of_256_megabytes,
        answers_without_end,
        messages_of_qos_2,
        more_than_may_be_on_their_way,
        more_than_anybody_can_take_unconfirmed,
        topics_that_nobody_asked_for,
        topics_that_are_no_text,
        packets_that_are_cut_short,
        a_handshake_in_the_middle,
    ],
    ids=lambda malice: malice.__name__,
)
async def test_a_hostile_broker_costs_neither_memory_nor_calls(
    site: SyncSite, hostile: HandMadeBroker, malice: Malice
) -> None:
    await suffer(site, hostile, malice, MOST_GROWTH_BYTES)


@pytest.mark.parametrize(
    "malice", [bundles_without_end, documents_as_long_as_bundles], ids=lambda malice: malice.__name__
)
async def test_a_broker_that_sends_as_much_as_it_may_costs_the_memory_of_few_bundles(
    site: SyncSite, hostile: HandMadeBroker, malice: Malice
) -> None:
    await suffer(site, hostile, malice, FEW_BUNDLES * MAX_NETWORK_BUNDLE_BYTES)


async def suffer(site: SyncSite, hostile: HandMadeBroker, malice: Malice, most_growth_bytes: int) -> None:
    """Let a broker do harm, and see that this costs so much memory at most, and no call's record."""
    site.inbound.busy = site.bundles.busy = True
    await site.start_sync()
    await site.wait_for_report(BrokerState.CONNECTED)
    before = most_memory_bytes(site.sync.pid)
    hostile.malice = malice
    already = len(site.reports)
    # The next connection is the first that the broker does harm on.
    hostile.cut()
    call_id = await site.store.make_call()
    await site.wait_for_report(BrokerState.REFUSED, BrokerProblem.PROTOCOL_ERROR, after=already)
    assert most_memory_bytes(site.sync.pid) - before < most_growth_bytes
    hostile.malice = None
    already = len(site.reports)
    await site.wait_for_report(BrokerState.CONNECTED, after=already)
    await site.wait_until_empty()
    assert call_id in {
        record["id"]
        for each in hostile.published
        if each.topic.endswith("/cdr")
        for record in json.loads(each.payload)["records"]
    }
    assert "Traceback" not in site.sync.log
    assert site.inbound.taken == []


async def test_a_burst_that_the_broker_may_send_costs_some_of_it_and_not_the_connection(
    site: SyncSite, hostile: HandMadeBroker
) -> None:
    async def burst(session: Session) -> None:
        await session.send(b"".join(publish(POLICY, b"%d" % number, qos=0) for number in range(50)))
        await session.send(b"".join(publish(POLICY, b"kept", packet_id=number) for number in (1, 2, 3, 4)))

    hostile.malice = burst
    await site.start_sync()
    await site.inbound.wait_for(lambda: [each for _, each in site.inbound.taken].count(b"kept") == 4)
    assert site.reports[-1] == (BrokerState.CONNECTED, BrokerProblem.NONE)
    [session] = hostile.sessions
    await site.store.make_call()
    await site.wait_until_empty()
    pubacks = [packet.body[:2] for packet in session.received if packet.type is PacketType.PUBACK]
    assert pubacks == [bytes((0, number)) for number in (1, 2, 3, 4)]


async def test_nothing_but_its_own_topics_is_subscribed_to(site: SyncSite, hostile: HandMadeBroker) -> None:
    await site.start_sync()
    await site.wait_for_report(BrokerState.CONNECTED)
    await site.wait_until_empty()
    [subscribe] = [packet for packet in hostile.sessions[0].received if packet.type is PacketType.SUBSCRIBE]
    filters = b"".join(
        len(name).to_bytes(2, "big") + name + b"\x01"
        for name in (
            f"{PREFIX}/{topic}".encode() for topic in ("ack", "policy", "notice", "answer", "update", "bundle")
        )
    )
    assert subscribe.body[2:] == b"\x00" + filters


def most_memory_bytes(pid: int) -> int:
    """Return how much memory a process had at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
