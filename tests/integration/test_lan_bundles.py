"""New handsets find their bundles on their own network: real processes, cables, and an installer who serves them."""

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware.setup.lan.servers import QUERY
from provisioning.bundle import key_words
from provisioning.identity import Identity
from provisioning.lan import REQUEST
from provisioning.sealing import seal_to_device
from tests.lab.bundle_site import INSTALLER, BundleSite, Stick, history_once, somebody_at
from tests.lab.bundles import Installer
from tests.lab.chance import counted
from tests.lab.handset import Handset, WecallProcess
from tests.lab.network import Namespace, VethCable
from tests.lab.packets import PacketTrace
from tests.lab.patience import wait_until
from tests.lab.serving_desk import ServingDesk
from tests.lab.stage import FLEET

pytestmark = pytest.mark.feature("set-up by the local network")

SET_UP_WITHIN_S = 20.0
AT_ONCE = 4
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


@dataclass(frozen=True)
class Building:
    """A network with an installer's computer, and a cable from it to each handset."""

    desk: Namespace
    cables: tuple[VethCable, ...]

    @contextmanager
    def looking(self, handset: Handset, number: int = 0) -> Iterator[WecallProcess]:
        """Have what looks for a bundle run for a handset, as systemd would while its socket is there."""
        arguments = ["lan", "--runtime-dir", str(handset.folder / "run")]
        process = WecallProcess("lan", arguments, handset.folder, {})
        process.watched_by = self.cables[number].first.namespace.command()
        process.start()
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def building(handsets: int = 1) -> Iterator[Building]:
    with ExitStack() as running:
        desk = running.enter_context(Namespace())
        cables = []
        for number in range(1, handsets + 1):
            place = running.enter_context(Namespace())
            ours, theirs = [f"10.9.{number}.1/24"], [f"10.9.{number}.2/24"]
            cables.append(running.enter_context(VethCable(place, desk, ours, theirs)))
            cables[-1].first.wait_until_it_carries()
        yield Building(desk, tuple(cables))


def valid() -> dict[str, datetime]:
    """Return when a bundle may be taken that was signed just now."""
    now = datetime.now(UTC)
    return {"issued_at": now - timedelta(hours=1), "not_after": now + timedelta(days=1)}


def assert_nothing_else_left(trace: PacketTrace) -> None:
    """Every packet that left is the query, the request, or TCP's own, and has one hop to go."""
    frames = [frame for frame in trace.frames if frame.leaves and frame.packet is not None]
    packets = [frame.packet for frame in frames if frame.packet is not None]
    assert trace.lost == 0
    assert {packet.payload for packet in packets} == {QUERY, REQUEST, b""}
    assert {packet.destination for packet in packets if not packet.is_tcp} <= {"224.0.0.251", "ff02::fb"}
    assert {packet.payload for packet in packets if not packet.is_tcp} == {QUERY}
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


def with_serial_of_its_own(handset: Handset, number: int) -> None:
    """Have a handset believe that it runs on another machine than its neighbours."""
    machine_id = handset.folder / "machine-id"
    handset.folder.mkdir(parents=True, exist_ok=True)
    machine_id.write_text(f"{number:032x}\n")
    script = 'mount --bind "$0" /etc/machine-id && exec "$@"'
    handset.main.watched_by = ("unshare", "--mount", "sh", "-c", script, str(machine_id))


def without_broker(site: BundleSite, identity: Identity) -> bytes:
    """Return a handset's own bundle; a process for a broker would be one more for each of them."""
    text = re.sub(r"\n\[sync\][^\[]*", "\n", site.text_for(INSTALLER.trusted.public))
    sealed = seal_to_device({"sip-password": site.password}, identity.public_bytes, serial=identity.serial)
    contents = {
        "config.toml": text.encode(),
        "certificates/ca.pem": site.stage.authority.ca_path.read_bytes(),
        f"sealed/{identity.serial}": sealed,
    }
    return INSTALLER.bundle(contents, 1, fleet=FLEET, serials=(identity.serial,), **valid())


async def test_many_new_handsets_whose_cards_have_the_sites_key_need_nobody(site: BundleSite, folder: Path) -> None:
    count = counted(40, 2)
    handsets = [site.stage.new_handset(f"new-{number}", new=True) for number in range(count)]
    for number, handset in enumerate(handsets):
        handset.configuration = None
        with_serial_of_its_own(handset, number)
        (handset.folder / "site.pub").write_text(f"{INSTALLER.trusted.public}\n")
    durations_s = []
    for first in range(0, count, AT_ONCE):
        some = handsets[first : first + AT_ONCE]
        identities = []
        for handset in some:
            await asyncio.to_thread(handset.start, sync=False)
            identities.append(await Stick(handset).identity())
        assert len({identity.serial for identity in identities}) == len(some)
        for identity in identities:
            (folder / f"{identity.serial}.wecall").write_bytes(without_broker(site, identity))
        with building(len(some)) as network, ServingDesk(network.desk, folder), ExitStack() as looking:
            began_s = time.monotonic()
            for number, handset in enumerate(some):
                looking.enter_context(network.looking(handset, number))
            for handset in some:
                await history_once(handset, lambda history: history["active"] == 1)
                durations_s.append(time.monotonic() - began_s)
        for handset in some:
            await asyncio.to_thread(handset.stop)
    assert max(durations_s) < SET_UP_WITHIN_S, durations_s


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
