"""Paging by multicast: a real Asterisk's MulticastRTP, under the card's rules and on the running handset."""

import queue
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from firmware.phone.news import PagingChanged
from firmware.settings.voice import voice_settings
from firmware.voice.paging import PagingListener
from provisioning.parsing import parse_configuration
from tests.lab.asterisk import MUSIC_HZ, UDP_PORT, Asterisk
from tests.lab.asterisk_root import asterisk_or_skip
from tests.lab.audio import Sound, level
from tests.lab.card_rules import card_rules, refused
from tests.lab.network import Namespace, VethCable
from tests.lab.office import OpenEar
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.pbx_site import MEDIA, PBX, PBX_6, PHONE, STRANGER, STRANGER_6, PbxSite, pbx_site
from tests.lab.person import Person
from tests.lab.stage import HANDSET_USER, Choices, Stage

pytestmark = [pytest.mark.feature("paging"), pytest.mark.asterisk("paging")]

GROUP, GROUP_6 = "239.1.1.1", "ff15::1"
PORT: Final = 5004
HALL = f'[[paging]]\nname = "Hall"\ngroup = "{GROUP}"\nport = {PORT}\nsource = "{PBX}"\n'
GARDEN: Final = HALL.replace("Hall", "Garden").replace(PBX, STRANGER).replace("5004", "5006")
"""To the same group, from whom the first one may not hear."""
HALL_6 = HALL.replace(GROUP, GROUP_6).replace(PBX, PBX_6)
BEGINS, ENDS = PagingChanged("Hall", speaks=True), PagingChanged("Hall", speaks=False)
BEGINS_IN_GARDEN = PagingChanged("Garden", speaks=True)
ENDS_IN_GARDEN = PagingChanged("Garden", speaks=False)
DEVICES: Final = {PBX_6: "bridge", STRANGER_6: "cable0"}
ROOM: Final = "room_monitor"
WINDOW_S, HEARD, SILENT = 0.3, 700.0, 20.0
HEARD_RATE_HZ: Final = 16_000


def announces(pbx: Asterisk) -> None:
    """Have the PBX speak to the group until it is told to stop."""
    pbx.order(f"channel originate MulticastRTP/basic/{GROUP}:{PORT} extension music@from-internal")


def falls_silent(pbx: Asterisk) -> None:
    pbx.order("channel request hangup all")


class Ears:
    """Listens as the voice process does, and keeps what it is told."""

    def __init__(self, configuration: str) -> None:
        self._news: queue.SimpleQueue[PagingChanged] = queue.SimpleQueue()
        groups = voice_settings(parse_configuration(configuration)).paging
        self.listener = PagingListener(groups, self._news.put, lambda: None)

    def hears(self) -> PagingChanged:
        """Wait for what comes next."""
        return self._news.get(timeout=PATIENCE_S)

    def hears_nothing_else(self) -> None:
        assert self._news.empty()

    def level(self, frequency_hz: float) -> float:
        """Return how loud a tone is in what is said now."""
        sound = self.listener.sound_of("Hall")
        assert sound is not None
        pcm = bytearray()
        deadline = time.monotonic() + PATIENCE_S
        while len(pcm) < 2 * HEARD_RATE_HZ * WINDOW_S and time.monotonic() < deadline:
            pcm += sound.next_frame(10) or b""
            time.sleep(0.005)
        return level(Sound.from_pcm(bytes(pcm), HEARD_RATE_HZ), frequency_hz)


@contextmanager
def listening(site: PbxSite, page: str) -> Iterator[Ears]:
    """Listen at the phone's end of the cable, with the card's rules in force; its server has nothing to do with it."""
    device = '[device]\nid = "a"\nfleet = "b"\n'
    account = f'[[accounts]]\nusername = "alice"\ndomain = "{MEDIA}"\ntransport = "udp"\nsrtp = "off"\n'
    configuration = device + account + page
    with (
        card_rules(
            site.phone_network, parse_configuration(configuration), {MEDIA: [MEDIA]}, site.folder / "media.sock"
        ),
        site.phone_network.entered(),
    ):
        ears = Ears(configuration)
        ears.listener.start()
        try:
            yield ears
        finally:
            ears.listener.stop()


@contextmanager
def speaker(place: Namespace, address: str) -> Iterator[socket.socket]:
    """Somebody in a network who sends from an address of theirs."""
    with place.entered():
        speaking = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        speaking.bind((address, 0))
        if ":" in address:
            speaking.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(DEVICES[address]))
        else:
            speaking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    with speaking:
        yield speaking


def speaks(speaking: socket.socket, group: str, port: int = PORT, packets: int = 50) -> None:
    """Send a second of sound, or some of it."""
    for number in range(packets):
        speaking.sendto(struct.pack("!BBHII", 0x80, 0, number, 160 * number, 1) + b"\x80" * 160, (group, port))
        time.sleep(0.02)


def test_what_asterisk_says_to_the_group_is_heard_and_what_a_stranger_says_is_not(tmp_path: Path) -> None:
    asterisk_or_skip()
    with (
        pbx_site(tmp_path) as site,
        site.stranger() as place,
        listening(site, HALL) as ears,
        speaker(place, STRANGER) as stranger,
    ):
        wait_until(lambda: GROUP in site.phone_network.run("ip", "maddress"), "the group is joined")
        _, before = refused(site.phone_network)
        speaks(stranger, PHONE, packets=5)
        _, after = refused(site.phone_network)
        assert after - before == 5
        announces(site.pbx)
        assert ears.hears() == BEGINS
        speaks(stranger, GROUP, packets=10)
        assert ears.level(MUSIC_HZ) >= HEARD
        falls_silent(site.pbx)
        assert ears.hears() == ENDS
        ears.hears_nothing_else()


def test_whom_one_group_is_heard_from_is_not_heard_on_another(tmp_path: Path) -> None:
    asterisk_or_skip()
    with (
        pbx_site(tmp_path) as site,
        site.stranger() as place,
        listening(site, HALL + GARDEN) as ears,
        speaker(place, STRANGER) as gardener,
    ):
        # No rules keep the gardener's packets from the hall's port, so that what refuses them is the voice process.
        site.phone_network.run("nft", "flush", "ruleset")
        wait_until(lambda: GROUP in site.phone_network.run("ip", "maddress"), "the group is joined")
        speaks(gardener, GROUP, 5006, packets=10)
        assert ears.hears() == BEGINS_IN_GARDEN
        speaks(gardener, GROUP)
        assert ears.hears() == ENDS_IN_GARDEN
        ears.hears_nothing_else()


def test_a_group_of_ipv6_is_heard_from_its_source_alone(tmp_path: Path) -> None:
    asterisk_or_skip()
    with (
        pbx_site(tmp_path) as site,
        site.stranger() as place,
        listening(site, HALL_6) as ears,
        speaker(place, STRANGER_6) as stranger,
        speaker(site.pbx_network, PBX_6) as own,
    ):
        wait_until(lambda: GROUP_6 in site.phone_network.run("ip", "maddress"), "the group is joined")
        speaks(stranger, GROUP_6)
        ears.hears_nothing_else()
        speaks(own, GROUP_6, packets=10)
        assert ears.hears() == BEGINS
        assert ears.hears() == ENDS


@contextmanager
def a_home(folder: Path) -> Iterator[tuple[Stage, Asterisk]]:
    """The handset in a network of its own, and the PBX that it registers at in another."""
    asterisk_or_skip()
    extra = {
        "account": {"domain": PBX, "port": UDP_PORT},
        # A table of which there may be several.
        "[paging]": {"name": "Hall", "group": GROUP, "port": PORT, "source": PBX},
    }
    choices = Choices(transport="udp", srtp="off", loudspeaker=True, extra=extra)
    with (
        Namespace() as there,
        Namespace() as here,
        VethCable(here, there, [f"{PHONE}/24"], [f"{PBX}/24"]) as cable,
        here.entered(),
    ):
        there.ip("route", "add", "default", "dev", cable.second.device)
        stage = Stage(folder, choices)
        assert stage.pulse is not None
        stage.pulse.start()
        try:
            users = {HANDSET_USER: stage.password_of[HANDSET_USER]}
            with Asterisk(folder / "pbx", users, there) as pbx, stage.heard_here():
                stage.handset.start(sync=False)
                yield stage, pbx
                stage.handset.stop()
        finally:
            stage.stop()
            stage.pulse.stop()


@pytest.mark.asyncio(loop_scope="function")
async def test_an_announcement_is_heard_in_the_room_until_somebody_wants_quiet(tmp_path: Path) -> None:
    with a_home(tmp_path) as (stage, pbx):
        assert stage.pulse is not None
        async with Person(stage.handset) as clerk:
            await clerk.wait_for_line()
            with OpenEar(ROOM) as room:
                for quiet in (True, False):
                    announces(pbx)
                    await clerk.reads("Announcement")
                    await clerk.reads("Hall")
                    await clerk.wait_for(lambda _: level(room.last_heard(WINDOW_S), MUSIC_HZ) >= HEARD)
                    assert not [each for each in stage.pulse.recording() if "mic" in each.device]
                    assert not (await clerk.status())["microphone_open"]
                    if quiet:
                        await clerk.press("cancel")
                    else:
                        falls_silent(pbx)
                    await clerk.no_longer_reads("Announcement")
                    await clerk.wait_for(lambda _: level(room.last_heard(WINDOW_S), MUSIC_HZ) < SILENT)
                    falls_silent(pbx)
