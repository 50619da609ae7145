"""What the handset is told when the broker cannot be used, and that nothing is lost by it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware.ports.broker import BrokerProblem, BrokerState
from tests.lab.certificates import LOOPBACK, CertificateAuthority
from tests.lab.hand_made_broker import HandMadeBroker
from tests.lab.mosquitto import rival
from tests.lab.ports import free_port
from tests.lab.sync_site import DEVICE, PREFIX, SyncSite, records_in, status_is


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SyncSite]:
    async with SyncSite(tmp_path) as site:
        await site.grant()
        yield site


@pytest.fixture
def stranger(tmp_path: Path) -> CertificateAuthority:
    """An authority that nobody here trusts."""
    return CertificateAuthority(tmp_path / "stranger", "Somebody else's CA")


async def assert_refused(site: SyncSite, problem: BrokerProblem) -> None:
    call_id = await site.store.make_call()
    await site.start_sync()
    await site.wait_for_report(BrokerState.REFUSED, problem)
    assert (BrokerState.CONNECTED, BrokerProblem.NONE) not in site.reports
    waiting = await site.store.outbox.next_batch(10)
    assert call_id in {message.payload.get("id") for message in waiting}
    assert not [message for message in site.observer.received if message.topic.startswith(PREFIX)]


async def test_a_certificate_of_an_unknown_authority_is_rejected(
    site: SyncSite, stranger: CertificateAuthority
) -> None:
    site.use_certificate(stranger.issue(DEVICE))
    await assert_refused(site, BrokerProblem.DEVICE_CERTIFICATE_REJECTED)


async def test_a_handset_without_a_certificate_is_rejected(site: SyncSite) -> None:
    site.change_settings(certificate_pem=None, key_pem=None)
    await assert_refused(site, BrokerProblem.DEVICE_CERTIFICATE_REJECTED)


async def test_an_expired_certificate_is_told_from_a_wrong_one(site: SyncSite) -> None:
    site.use_certificate(site.authority.issue(DEVICE, expired=True))
    await assert_refused(site, BrokerProblem.DEVICE_CERTIFICATE_EXPIRED)


async def test_a_key_that_does_not_belong_to_the_certificate_is_not_even_tried(site: SyncSite) -> None:
    site.change_settings(key_pem=site.authority.issue(DEVICE).key.read_text())
    await assert_refused(site, BrokerProblem.DEVICE_CERTIFICATE_UNUSABLE)
    assert f"as {DEVICE}" not in site.broker.log


async def test_a_broker_that_the_handset_does_not_trust_gets_nothing(
    site: SyncSite, stranger: CertificateAuthority
) -> None:
    site.change_settings(ca_pem=stranger.ca_path.read_text())
    await assert_refused(site, BrokerProblem.BROKER_CERTIFICATE_UNTRUSTED)
    assert f"as {DEVICE}" not in site.broker.log


async def test_a_broker_with_another_hosts_certificate_gets_nothing(site: SyncSite) -> None:
    await asyncio.to_thread(site.broker.stop)
    elsewhere = site.authority.issue("elsewhere", hosts=["elsewhere.example"])
    await asyncio.to_thread(lambda: site.broker.start(certificate=elsewhere))
    await assert_refused(site, BrokerProblem.BROKER_CERTIFICATE_UNTRUSTED)
    assert f"as {DEVICE}" not in site.broker.log


async def test_a_broker_with_an_expired_certificate_gets_nothing(site: SyncSite) -> None:
    await asyncio.to_thread(site.broker.stop)
    expired = site.authority.issue("broker", hosts=LOOPBACK, expired=True)
    await asyncio.to_thread(lambda: site.broker.start(certificate=expired))
    await assert_refused(site, BrokerProblem.BROKER_CERTIFICATE_EXPIRED)
    assert f"as {DEVICE}" not in site.broker.log


async def test_nothing_at_the_brokers_port_is_said_so(site: SyncSite) -> None:
    site.change_settings(port=free_port(socket.SOCK_STREAM))
    await site.start_sync()
    await site.wait_for_report(BrokerState.UNREACHABLE, BrokerProblem.CONNECTION_REFUSED)


async def test_a_port_without_tls_is_said_so(site: SyncSite) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        site.change_settings(port=server.sockets[0].getsockname()[1])
        await site.start_sync()
        await site.wait_for_report(BrokerState.REFUSED, BrokerProblem.TLS_FAILED)


async def test_a_certificate_that_is_not_the_devices_may_not_speak_for_it(site: SyncSite) -> None:
    site.use_certificate(site.authority.issue("handset-8"))
    await assert_refused(site, BrokerProblem.NOT_AUTHORIZED)


async def test_a_topic_that_the_broker_forbids_is_reported_and_sent_once_it_is_allowed(site: SyncSite) -> None:
    site.broker.allow("status", "consent")
    call_id = await site.store.make_call()
    await site.start_sync()
    await site.wait_for_report(BrokerState.REFUSED, BrokerProblem.NOT_AUTHORIZED)
    await site.wait_for(lambda received: any(message.topic == f"{PREFIX}/consent" for message in received))
    assert status_is("online")(site.observer.received)
    assert await site.store.outbox.waiting() == 1
    so_far = len(site.reports)
    site.broker.allow("status", "consent", "cdr")
    await site.wait_for_calls({call_id})
    await site.wait_for_report(BrokerState.CONNECTED, after=so_far)


async def test_a_broker_that_will_not_have_the_introduction_is_told_everything_else(tmp_path: Path) -> None:
    async with SyncSite(tmp_path, discovery=False) as site:
        await site.grant()
        call_id = await site.store.make_call()
        await site.start_sync()
        await site.wait_for_calls({call_id})
        await asyncio.to_thread(site.broker.restart)
        await asyncio.to_thread(site.observer.wait_for_subscription, 2)
        later = await site.store.make_call()
        await site.wait_for_calls({later})
        assert {state for state, _ in site.reports} <= {
            BrokerState.CONNECTING, BrokerState.CONNECTED, BrokerState.UNREACHABLE,
        }  # fmt: skip
        assert site.sync.log.count("[sync] discovery") == 1, "not said, or again and again"
        assert not [message for message in site.observer.received if message.topic.startswith("homeassistant/")]


async def test_a_broker_that_hangs_up_at_the_introduction_gets_everything_else(site: SyncSite) -> None:
    async with HandMadeBroker(site.authority) as broker:
        broker.unwelcome = "homeassistant/"
        site.change_settings(port=broker.port)
        call_id = await site.store.make_call()
        await site.start_sync()
        await site.wait_until_empty()
        assert call_id in b"".join(each.payload for each in broker.published).decode()
        introductions = [each for each in broker.published if each.topic.startswith("homeassistant/")]
        assert len(introductions) == 2
        assert len(broker.sessions) == 3, "it comes and goes"


async def test_a_clone_of_the_handset_is_noticed_by_the_one_whose_place_it_takes(site: SyncSite) -> None:
    await site.start_sync()
    await site.wait_for_report(BrokerState.CONNECTED)
    with rival(site.broker, DEVICE):
        await site.wait_for_report(BrokerState.REFUSED, BrokerProblem.IDENTITY_IN_USE)


async def test_a_message_that_is_none_of_ours_stays_behind_and_the_others_go(site: SyncSite) -> None:
    first = await site.store.make_call()
    second = await site.store.make_call()
    original = site.store.outbox.next_batch

    async def with_a_stowaway(limit: int) -> object:
        batch = await original(limit)
        for message in batch:
            if message.payload.get("id") == first:
                message.payload["note"] = "planted-note"  # type: ignore[index]
        return batch

    site.store.outbox.next_batch = with_a_stowaway  # type: ignore[method-assign, assignment]
    await site.start_sync()
    await site.wait_for_report(BrokerState.REFUSED, BrokerProblem.MESSAGE_NOT_ALLOWED)
    await site.wait_for(lambda received: second in {record["id"] for record in records_in(received)})
    assert first not in {record["id"] for record in records_in(site.observer.received)}
    assert await site.store.outbox.waiting() == 1
    assert "CallDetailRecord" in site.sync.log
    assert "planted-note" not in site.sync.log
