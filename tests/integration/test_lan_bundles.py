"""New handsets find their bundles on their own network: real processes, cables, and an installer who serves them."""

import asyncio
import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware.setup.lan.dhcp import question
from firmware.setup.lan.servers import QUERY
from provisioning.bundle import key_words
from provisioning.lan import REQUEST
from tests.lab.building import building
from tests.lab.bundle_site import INSTALLER, BundleSite, Stick, history_once, somebody_at
from tests.lab.bundles import Installer
from tests.lab.packets import PacketTrace
from tests.lab.patience import wait_until
from tests.lab.serving_desk import ServingDesk
from tests.lab.stage import FLEET

pytestmark = pytest.mark.feature("set-up by the local network")

STRANGER = Installer(bytes(range(1, 33)))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[BundleSite]:
    with BundleSite(tmp_path / "stage") as site:
        yield site


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return what the installer serves."""
    folder = tmp_path / "bundles"
    folder.mkdir()
    return folder


def valid() -> dict[str, datetime]:
    """Return when a bundle may be taken that was signed just now."""
    now = datetime.now(UTC)
    return {"issued_at": now - timedelta(hours=1), "not_after": now + timedelta(days=1)}


def assert_nothing_else_left(trace: PacketTrace) -> None:
    """Every packet that left is the query, the request, or TCP's own, and has one hop to go."""
    frames = [frame for frame in trace.frames if frame.leaves and frame.packet is not None]
    packets = [frame.packet for frame in frames if frame.packet is not None]
    assert trace.lost == 0
    asked = question(ipaddress.IPv4Address("10.9.1.1"))
    assert {packet.payload for packet in packets} == {QUERY, REQUEST, asked, b""}
    datagrams = {(packet.destination, packet.payload) for packet in packets if not packet.is_tcp}
    assert datagrams <= {("224.0.0.251", QUERY), ("ff02::fb", QUERY), ("255.255.255.255", asked)}
    # Of IPv4 the time to live, of IPv6 the hop limit.
    assert {frame.content[22 if frame.content[12:14] == b"\x08\x00" else 21] for frame in frames} == {1}


async def test_a_new_handset_is_set_up_without_a_stick_and_whoever_stands_there_compares_the_words(
    site: BundleSite, folder: Path
) -> None:
    handset = site.handset
    identity = await Stick(handset).identity()
    (folder / "own.wecall").write_bytes(site.bundle(1, identity, {}, (identity.serial,)))
    (folder / "another.wecall").write_bytes(site.bundle(2, identity, {}, ("00000000deadbeef",)))
    with building() as network, PacketTrace(network.cables[0].first) as trace, network.looking(handset) as lan:
        with ServingDesk(network.desk, folder) as desk:
            async with somebody_at(handset) as person:
                await person.reads("On the sheet?")
                await person.reads_the_beginning_of(" ".join(key_words(INSTALLER.public)))
                await person.press("ok")
                await person.no_longer_reads("On the sheet?")
            assert (await history_once(handset, lambda history: history["active"] == 1))["reverted"] == []
            # From then on nobody looks for anything.
            await asyncio.to_thread(wait_until, lambda: not lan.is_running())
        assert not (handset.folder / "run" / "lan.sock").exists()
        assert_nothing_else_left(trace)
    assert desk.said.startswith("2 bundles for new handsets on this network")
    assert desk.said.endswith("1 device on this network fetched the bundles.\n")
    assert identity.serial.encode() not in b"".join(frame.content for frame in trace.frames if frame.leaves)


async def test_what_somebody_refuses_is_not_offered_again_and_what_replaces_it_is(
    site: BundleSite, folder: Path
) -> None:
    handset = site.handset
    identity = await Stick(handset).identity()
    text = site.text_for(STRANGER.trusted.public).encode()
    (folder / "strangers.wecall").write_bytes(STRANGER.bundle({"config.toml": text}, 9, fleet=FLEET, **valid()))
    with building() as network, network.looking(handset):
        async with somebody_at(handset) as person:
            with ServingDesk(network.desk, folder):
                await person.reads_the_beginning_of(" ".join(key_words(STRANGER.public)))
                await person.press("cancel")
                await person.reads_the_beginning_of("Nobody said yes. Switch the phone off and on.")
            (folder / "own.wecall").write_bytes(site.bundle(1, identity, {}, (identity.serial,)))
            # The stranger's has the higher number.
            with ServingDesk(network.desk, folder):
                await person.reads_the_beginning_of(" ".join(key_words(INSTALLER.public)))
                await person.press("ok")
                assert (await history_once(handset, lambda history: history["active"] == 1))["reverted"] == []


async def test_nobody_s_bundle_is_taken_where_the_card_has_another_sites_key(site: BundleSite, folder: Path) -> None:
    handset = site.handset
    await asyncio.to_thread(handset.stop)
    (handset.folder / "site.pub").write_text(f"{STRANGER.trusted.public}\n")
    await asyncio.to_thread(handset.start)
    identity = await Stick(handset).identity()
    (folder / "own.wecall").write_bytes(site.bundle(1, identity, {}, (identity.serial,)))
    with building() as network, network.looking(handset), ServingDesk(network.desk, folder):
        async with somebody_at(handset) as person:
            await person.reads_the_beginning_of("This phone does not know who signed it.")
    assert (await history_once(handset, bool))["active"] is None
