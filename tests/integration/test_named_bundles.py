"""New handsets are set up as desk phones are: DHCP names an https address, and whoever stands there says yes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioning.bundle import key_words
from provisioning.lan import MOST_BYTES, request_for
from tests.lab.building import Building, building
from tests.lab.bundle_site import INSTALLER, BundleSite, Stick, history_once, somebody_at
from tests.lab.bundles import Installer
from tests.lab.certificates import CertificateAuthority
from tests.lab.lan_server import OK, Behaviour, LanServer, answer, saying
from tests.lab.patience import wait_until
from tests.lab.person import Person

pytestmark = pytest.mark.feature("set-up by an address of the network")

DESK = "10.9.1.2"
STRANGER = Installer(bytes(range(1, 33)))
NO_BUNDLE = "The address for the set-up gives no bundle by https."


@pytest.fixture
def site(tmp_path: Path) -> Iterator[BundleSite]:
    with BundleSite(tmp_path / "stage") as site:
        yield site


@contextmanager
def serving(
    network: Building, authority: CertificateAuthority, behaviour: Behaviour
) -> Iterator[tuple[LanServer, str]]:
    """Serve at an address of the desk's, which this returns, with a certificate of an authority's."""
    with network.desk.entered():
        server = LanServer(behaviour, host=DESK, certificate=authority.issue("pbx", hosts=(DESK,)))
    with server:
        yield server, f"https://{DESK}:{server.server[1][1]}/phones/bundles"


async def accepts(person: Person, address: str) -> None:
    await person.reads("Fetch from here?")
    await person.reads_the_beginning_of(address)
    await person.press("ok")


async def test_a_new_handset_is_set_up_from_the_address_that_its_network_names_and_somebody_confirms(
    site: BundleSite,
) -> None:
    handset, authority = site.handset, site.stage.authority
    identity = await Stick(handset).identity()
    own = site.bundle(1, identity, {}, (identity.serial,))
    another = site.bundle(2, identity, {}, ("00000000deadbeef",))
    with (
        building() as network,
        serving(network, authority, saying(answer(another, own))) as (server, address),
        network.naming(address),
        network.looking(handset) as lan,
        network.looking(handset, command="fetch", trusting=authority.ca_path) as fetch,
    ):
        async with somebody_at(handset) as person:
            await person.reads("Fetch from here?")
            assert server.received == []
            await person.press("ok")
            await person.reads("On the sheet?")
            await person.reads_the_beginning_of(" ".join(key_words(INSTALLER.public)))
            await person.press("ok")
            await person.no_longer_reads("On the sheet?")
        assert (await history_once(handset, lambda history: history["active"] == 1))["reverted"] == []
        # A phone that is set up hears no network any more.
        await asyncio.to_thread(wait_until, lambda: not lan.is_running() and not fetch.is_running())
        assert not {path.stem for path in (handset.folder / "run").glob("*.sock")} & {"lan", "fetch"}
        assert server.received == [request_for(address.split("/")[2], "/phones/bundles")]


async def test_nobody_is_asked_at_an_address_that_somebody_says_no_to(site: BundleSite) -> None:
    handset, authority = site.handset, site.stage.authority
    with (
        building() as network,
        serving(network, authority, saying(answer())) as (server, address),
        network.naming(address),
        network.looking(handset),
        network.looking(handset, command="fetch", trusting=authority.ca_path),
    ):
        async with somebody_at(handset) as person:
            await person.reads("Fetch from here?")
            await person.press("cancel")
            await person.reads_the_beginning_of("Nobody said yes. Switch the phone off and on.")
    assert server.received == []


async def test_an_address_that_gives_no_bundle_by_https_is_refused_with_a_sentence(
    site: BundleSite,
) -> None:
    handset, authority = site.handset, site.stage.authority
    elsewhere = b"HTTP/1.1 302 Found\r\nLocation: https://%s/\r\nContent-Length: 0\r\n\r\n" % DESK.encode()
    with (
        building() as network,
        serving(network, authority, saying(elsewhere)) as (server, address),
        network.looking(handset),
        network.looking(handset, command="fetch", trusting=authority.ca_path),
    ):
        async with somebody_at(handset) as person:
            with network.naming(address.replace("https:", "http:")):
                await person.reads_the_beginning_of(NO_BUNDLE)
            await person.press("ok")
            await person.no_longer_reads(NO_BUNDLE[:11])
            with network.naming(address):
                await accepts(person, address)
                await person.reads_the_beginning_of(NO_BUNDLE)
            await person.press("ok")
            await person.no_longer_reads(NO_BUNDLE[:11])
            server.behaviour = saying(OK % (MOST_BYTES + 1))
            with network.naming(f"{address}/all"):
                await accepts(person, address)
                await person.reads_the_beginning_of("The bundle is too large.")
    assert len(server.received) == 2
    assert (await history_once(handset, bool))["active"] is None


async def test_neither_a_server_that_no_authority_knows_nor_a_bundle_of_a_strangers_is_taken(
    site: BundleSite, tmp_path: Path
) -> None:
    handset, authority = site.handset, site.stage.authority
    await asyncio.to_thread(handset.stop)
    (handset.folder / "site.pub").write_text(f"{STRANGER.trusted.public}\n")
    await asyncio.to_thread(handset.start)
    identity = await Stick(handset).identity()
    own = saying(OK % len(bundle := site.bundle(1, identity, {}, (identity.serial,))) + bundle)
    (tmp_path / "other").mkdir()
    with (
        building() as network,
        serving(network, CertificateAuthority(tmp_path / "other"), own) as (unknown, first),
        serving(network, authority, own) as (known, second),
        network.looking(handset),
        network.looking(handset, command="fetch", trusting=authority.ca_path),
    ):
        async with somebody_at(handset) as person:
            with network.naming(first):
                await accepts(person, first)
                await person.reads_the_beginning_of(NO_BUNDLE)
            with network.naming(second):
                await accepts(person, second)
                await person.reads_the_beginning_of("This phone does not know who signed it.")
    assert (len(unknown.received), len(known.received)) == (0, 1)
    assert (await history_once(handset, bool))["active"] is None
