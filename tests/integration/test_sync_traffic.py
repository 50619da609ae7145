"""What the connection to a broker moves, counted by the real sync process and by a relay on its way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware.ports.broker import BrokerProblem, BrokerState
from tests.lab.byte_relay import ByteRelay
from tests.lab.certificates import CertificateAuthority
from tests.lab.hand_made_broker import HandMadeBroker
from tests.lab.mqtt_packets import PacketType
from tests.lab.sync_site import DEVICE, SyncSite

# What a broker says when it is already being left: an alert of TLS, and the end of the stream, which counts as a byte.
_LAST_WORDS_BYTES = 64


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SyncSite]:
    async with SyncSite(tmp_path) as site:
        await site.grant()
        yield site


@pytest.fixture
async def relay(site: SyncSite, request: pytest.FixtureRequest) -> AsyncIterator[ByteRelay]:
    async with ByteRelay(site.broker.port, most=getattr(request, "param", None)) as relay:
        site.change_settings(port=relay.port)
        yield relay


def check_counts(site: SyncSite, relay: ByteRelay) -> None:
    assert site.moved.sent_bytes == relay.to_broker
    assert abs(site.moved.received_bytes - relay.to_device) <= _LAST_WORDS_BYTES * relay.connections


@pytest.mark.feature("broker traffic")
@pytest.mark.parametrize("relay", [1], indirect=True)
async def test_what_is_counted_is_what_went_over_the_wire(site: SyncSite, relay: ByteRelay) -> None:
    await site.start_sync()
    await site.wait_for_report(BrokerState.CONNECTED)
    await site.wait_for_calls({await site.store.make_call("+861012345678") for _ in range(5)})
    await asyncio.to_thread(site.broker.kill)
    # By then it has told what the first one has moved.
    await site.wait_for_report(BrokerState.UNREACHABLE, BrokerProblem.CONNECTION_REFUSED)
    await relay.wait_for_connections(1)
    check_counts(site, relay)
    assert min(relay.to_broker, relay.to_device) > 1000, "no handshake was counted"


# What a try has moved that is broken off by the end of the process is told to nobody, so there is none left.
@pytest.mark.parametrize("relay", [2], indirect=True)
@pytest.mark.parametrize(
    ("whose", "problem"),
    [
        ("broker", BrokerProblem.BROKER_CERTIFICATE_UNTRUSTED),
        ("device", BrokerProblem.DEVICE_CERTIFICATE_REJECTED),
    ],
)
async def test_handshakes_that_come_to_nothing_count(
    site: SyncSite, relay: ByteRelay, tmp_path: Path, whose: str, problem: BrokerProblem
) -> None:
    stranger = CertificateAuthority(tmp_path / "stranger")
    if whose == "broker":
        site.change_settings(ca_pem=stranger.ca_path.read_text())
    else:
        site.use_certificate(stranger.issue(DEVICE))
    await site.start_sync()
    await site.wait_for_report(BrokerState.REFUSED, problem)
    await relay.wait_for_connections(2)
    await site.wait_for_report(BrokerState.UNREACHABLE, BrokerProblem.CONNECTION_REFUSED)
    check_counts(site, relay)


async def test_a_broker_that_wants_to_hear_more_often_does(site: SyncSite) -> None:
    async with HandMadeBroker(site.authority, keep_alive_s=2) as broker:
        site.change_settings(port=broker.port, keep_alive_s=1200)
        await site.start_sync()
        await site.wait_for_report(BrokerState.CONNECTED)
        async with asyncio.timeout(60):
            while not [each for each in broker.sessions[0].received if each.type is PacketType.PINGREQ]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert len(broker.sessions) == 1, "the connection was not kept"
