"""Call records on their way to a real broker, carried by the real sync process."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from firmware.ports.broker import BrokerProblem, BrokerState
from firmware.ports.outbox import OutboxKey, OutboxMessage
from firmware.sync.broker import BrokerConnection
from tests.lab import chance
from tests.lab.handset import WecallProcess
from tests.lab.mosquitto import Observer, Operator
from tests.lab.mqtt_packets import PacketType, Publish, packets_in, read_publish
from tests.lab.patience import wait_until
from tests.lab.relay import Recording, Relay, Way
from tests.lab.sync_site import (
    DEVICE,
    PREFIX,
    LineInMemory,
    SyncSite,
    at_least,
    records_in,
    states_in,
    status_is,
)

BACKLOG = 230


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SyncSite]:
    async with SyncSite(tmp_path) as site:
        await site.grant()
        yield site


@pytest.fixture
async def relay(site: SyncSite) -> AsyncIterator[Relay]:
    """A way to the broker that can be cut while the broker and the observer stay."""
    async with Relay(site.authority, site.authority.issue(DEVICE), site.broker.port) as relay:
        site.change_settings(port=relay.port)
        yield relay


async def test_a_call_becomes_a_record_at_an_independent_subscriber(site: SyncSite) -> None:
    await site.start_sync()
    await site.wait_for_report(BrokerState.CONNECTED)
    call_id = await site.store.make_call("+861012345678")
    await site.wait_for_calls({call_id})
    [record] = records_in(site.observer.received)
    assert (record["number"], record["device"], record["result"]) == ("+861012345678", DEVICE, "remote_hangup")
    assert site.reports == [
        (BrokerState.CONNECTING, BrokerProblem.NONE),
        (BrokerState.CONNECTED, BrokerProblem.NONE),
    ]


async def stop_in_good_order(site: SyncSite, record_property: Callable[[str, object], None]) -> None:
    """Have the process end by itself, long before it would give up waiting for the broker."""
    began_s = time.monotonic()
    assert await asyncio.to_thread(site.sync.stop) == 0
    record_property("sync_stop_s", time.monotonic() - began_s)


async def test_the_handset_is_online_while_connected_and_offline_after_a_clean_stop(
    site: SyncSite, record_property: Callable[[str, object], None]
) -> None:
    await site.start_sync()
    await site.wait_for(status_is("online"))
    await stop_in_good_order(site, record_property)
    await site.wait_for(status_is("offline"))
    await site.wait_for_log(lambda: site.broker.log, f"Received DISCONNECT from {DEVICE}")


async def test_the_status_is_offline_until_the_handset_knows_better_and_follows_it(site: SyncSite) -> None:
    site.line = LineInMemory(can_call=None)
    await site.stop_handset()
    await site.start_handset()
    await site.start_sync()
    await site.wait_for_report(BrokerState.CONNECTED)
    # The handset's messages do not wait for it.
    await site.wait_for_calls({await site.store.make_call()})
    assert states_in(site.observer.received) == ["offline"]
    await site.line.change(can_call=False)
    await site.wait_for(status_is("no_line"))
    await site.line.change(can_call=True)
    await site.wait_for(status_is("online"))
    site.sync.kill()
    await site.wait_for(status_is("offline"))
    await site.line.change(can_call=False)
    await site.start_sync()
    await site.wait_for(status_is("no_line"))
    assert states_in(site.observer.received) == ["offline", "no_line", "online", "offline", "no_line"]


@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "killed"])
async def test_of_a_holder_who_goes_the_broker_keeps_nothing(site: SyncSite, stopped: bool) -> None:
    await site.start_sync()
    await site.wait_for(status_is("online"))
    await site.wait_until_empty()
    await asyncio.to_thread(site.sync.stop)
    site.change_settings(departing=True)
    await site.stop_handset()
    await site.start_handset(Departure())
    already = len(site.reports)
    await site.start_sync()
    await site.wait_for_report(BrokerState.CONNECTED, after=already)
    await site.wait_for(
        lambda received: [each.payload for each in received if each.topic == f"{PREFIX}/consent"][-1] == b""
    )
    if stopped:
        await asyncio.to_thread(site.sync.stop)
        await site.wait_for_log(lambda: site.broker.log, f"Received DISCONNECT from {DEVICE}")
    else:
        site.sync.kill()
        await site.wait_for(lambda received: [each.payload for each in received][-1] == b"")
    newcomer = Observer(site.broker)
    await asyncio.to_thread(newcomer.start)
    with Operator(site.broker) as operator:
        await asyncio.to_thread(operator.send, f"{PREFIX}/notice", b"the end")
    received = await asyncio.to_thread(newcomer.wait_for, at_least(1))
    await asyncio.to_thread(newcomer.stop)
    assert [each.payload for each in received] == [b"the end"], "something was retained"


class Departure:
    """The outbox of a handset whose holder has gone: the state of consent is to be forgotten."""

    def __init__(self) -> None:
        self._waiting = [OutboxMessage(OutboxKey(5, 9), "consent", retain=True, payload={})]

    async def next_batch(self, limit: int) -> list[OutboxMessage]:
        return self._waiting[:limit]

    async def hand_over(self, keys: Sequence[OutboxKey]) -> Sequence[OutboxKey]:
        return keys

    async def complete(self, keys: Sequence[OutboxKey]) -> None:
        self._waiting = [each for each in self._waiting if each.key not in keys]

    async def wait_for_due(self, timeout_s: float) -> bool:
        if not self._waiting:
            await asyncio.sleep(timeout_s)
        return bool(self._waiting)


async def test_the_last_will_says_offline_after_a_kill(site: SyncSite) -> None:
    await site.start_sync()
    await site.wait_for(status_is("online"))
    site.sync.kill()
    await site.wait_for(status_is("offline"))
    assert f"Received DISCONNECT from {DEVICE}" not in site.broker.log


async def test_a_backlog_from_the_brokers_outage_is_drained_in_batches_and_whole(site: SyncSite, relay: Relay) -> None:
    await site.start_sync()
    await site.wait_for_report(BrokerState.CONNECTED)
    await asyncio.to_thread(site.broker.kill)
    await site.wait_for_report(BrokerState.UNREACHABLE, BrokerProblem.CONNECTION_LOST)
    # Until the observer is back too: what a broker acknowledges while nobody is subscribed, it may drop.
    await relay.stop()
    call_ids = {await site.store.make_call() for _ in range(BACKLOG)}
    await site.wait_for_report(BrokerState.UNREACHABLE, BrokerProblem.CONNECTION_REFUSED)
    await asyncio.to_thread(site.broker.start)
    await asyncio.to_thread(site.observer.wait_for_subscription, 2)
    await relay.start()
    await site.wait_for_calls(call_ids)
    messages = [message for message in site.observer.received if message.topic == f"{PREFIX}/cdr"]
    assert len(messages) < BACKLOG / 10
    sequence = [record["seq"] for record in records_in(messages)]
    assert sequence == sorted(sequence)


async def test_a_connection_that_is_cut_again_and_again_loses_nothing(site: SyncSite, relay: Relay) -> None:
    rng = chance.dice()
    site.change_settings(batch_records=2)
    await site.start_sync()
    call_ids = set()
    for cuts in range(8):
        some_of_them = len(site.observer.received) + rng.randrange(1, 6)
        call_ids |= {await site.store.make_call() for _ in range(15)}
        await site.wait_for(at_least(some_of_them))
        # What comes late may be of the connection before: each is there before it is cut.
        await asyncio.to_thread(wait_until, lambda: len(relay.recordings) > cuts)  # noqa: B023 - waited for here
        await relay.stop()
        await relay.start()
    await site.wait_for_calls(call_ids)
    await asyncio.to_thread(wait_until, lambda: len(relay.recordings) > 8)


async def test_the_handset_goes_offline_with_its_main_process_and_comes_back_with_it(site: SyncSite) -> None:
    await site.start_sync()
    await site.wait_for(status_is("online"))
    await site.stop_handset()
    await site.wait_for(status_is("offline"))
    call_id = await site.store.make_call()
    await site.start_handset()
    await site.wait_for(status_is("online"))
    await site.wait_for_calls({call_id})


async def test_sync_waits_for_a_handset_that_starts_later(site: SyncSite) -> None:
    await site.stop_handset()
    await site.start_sync()
    await site.wait_for_log(lambda: site.sync.log, "The handset is not running")
    await site.start_handset()
    await site.wait_for_report(BrokerState.CONNECTED)


async def test_a_handset_without_a_broker_is_left_in_peace(
    site: SyncSite, record_property: Callable[[str, object], None]
) -> None:
    site.settings = None
    await site.start_sync()
    await stop_in_good_order(site, record_property)
    assert site.reports == []


async def test_no_more_messages_are_in_flight_than_the_broker_takes(tmp_path: Path) -> None:
    receive_maximum = 3
    # So small that a backlog makes many messages of a record or two.
    async with SyncSite(tmp_path, receive_maximum=receive_maximum, max_packet_bytes=1600) as site:
        await site.grant()
        async with Relay(site.authority, site.authority.issue(DEVICE), site.broker.port) as relay:
            site.change_settings(port=relay.port)
            await site.start_sync()
            await site.wait_until_empty()
            await site.stop_handset()
            call_ids = {await site.store.make_call() for _ in range(40)}
            await site.start_handset()
            await site.wait_for_report(BrokerState.CONNECTED, after=2)
            relay.answers_flow.clear()
            recording = relay.recordings[-1]
            async with asyncio.timeout(20):
                while in_flight(recording)[-1] < receive_maximum:  # noqa: ASYNC110 - a recording tells nobody
                    await asyncio.sleep(0.01)
            relay.answers_flow.set()
            await site.wait_for_calls(call_ids)
    assert len(cdr_publishes(recording)) >= 40 / 2
    assert all(len(packet.body) < 1600 for _, chunk in recording.chunks for packet in packets_in(chunk))
    assert max(in_flight(recording)) == receive_maximum


def in_flight(recording: Recording) -> list[int]:
    """Return how many messages were on their way to the broker, after each packet."""
    counts = [0]
    for way, chunk in recording.chunks:
        for packet in packets_in(chunk):
            begins = way is Way.TO_BROKER and packet.type is PacketType.PUBLISH
            ends = way is Way.TO_DEVICE and packet.type is PacketType.PUBACK
            counts.append(counts[-1] + begins - ends)
    return counts


def cdr_publishes(recording: Recording) -> list[Publish]:
    packets = packets_in(recording.bytes_that_went(Way.TO_BROKER))
    publishes = [read_publish(packet) for packet in packets if packet.type is PacketType.PUBLISH]
    return [publish for publish in publishes if publish.topic == f"{PREFIX}/cdr"]


async def test_a_stop_while_a_backlog_is_drained_leaves_most_of_it_and_loses_nothing(
    site: SyncSite, record_property: Callable[[str, object], None]
) -> None:
    call_ids = {await site.store.make_call() for _ in range(150)}
    site.change_settings(batch_records=1)
    await site.start_sync()
    await site.wait_for(lambda received: bool(records_in(received)))
    await stop_in_good_order(site, record_property)
    await site.wait_for(status_is("offline"))
    sent = {record["seq"] for record in records_in(site.observer.received)}
    waiting = {message.key.seq for message in await site.store.outbox.next_batch(1000)}
    assert sent.isdisjoint(waiting), "what was in flight was not finished"
    await site.start_sync()
    await site.wait_for_calls(call_ids)


async def test_a_stop_waits_for_no_broker_that_does_not_answer(
    site: SyncSite, record_property: Callable[[str, object], None]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        site.change_settings(port=silent.getsockname()[1])
        await site.start_sync()
        connection, _ = await asyncio.to_thread(silent.accept)
        with connection:
            # The broker is still there, and silent.
            await stop_in_good_order(site, record_property)


async def test_the_service_manager_is_told_how_it_goes_and_the_watchdog_is_fed(site: SyncSite, tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
        notifications.bind(str(path))
        notifications.settimeout(20)
        watched = WecallProcess(
            "watched", ["sync", "--runtime-dir", str(site.runtime_dir)], tmp_path, {"WATCHDOG_USEC": "300000"}
        )
        watched._notify_path = tmp_path / "unused"
        watched.environment["NOTIFY_SOCKET"] = str(path)
        watched.launch()
        try:
            wanted = {b"READY=1", b"STATUS=Connected to the broker.", b"WATCHDOG=1"}
            while wanted:
                wanted.discard(await asyncio.to_thread(notifications.recv, 4096))
            for _ in range(3):
                assert await asyncio.to_thread(notifications.recv, 4096) == b"WATCHDOG=1"
        finally:
            watched._end(signal.SIGKILL)


async def test_what_the_sync_process_adds_in_memory_is_small(site: SyncSite) -> None:
    call_ids = {await site.store.make_call() for _ in range(BACKLOG)}
    await site.start_sync()
    await site.wait_for_calls(call_ids)
    rollup = Path(f"/proc/{site.sync.pid}/smaps_rollup")
    sizes_kb = {
        name: int(rest.split()[0])
        for name, rest in (line.split(":") for line in (await asyncio.to_thread(rollup.read_text)).splitlines()[1:])
    }
    # Pages that the handset's process has as well cost nothing twice; how they are shared out depends on who else runs.
    private_kb = sizes_kb["Private_Dirty"] + sizes_kb["Private_Clean"]
    assert private_kb < 35_000, sizes_kb


async def test_the_sync_process_loads_no_code_of_the_phone_the_store_or_the_drivers(site: SyncSite) -> None:
    await site.start_sync()
    await site.wait_for_report(BrokerState.CONNECTED)
    maps = await asyncio.to_thread(Path(f"/proc/{site.sync.pid}/maps").read_text)
    assert not [name for name in ("pjsua", "sqlcipher", "alsaaudio", "libasound", "PIL") if name in maps]


async def test_a_message_of_several_segments_goes_out_whole_at_once(site: SyncSite) -> None:
    assert site.settings is not None
    connection = BrokerConnection(site.settings)
    await connection.open()
    try:
        assert connection._socket is not None
        assert connection._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    finally:
        await connection.close()
