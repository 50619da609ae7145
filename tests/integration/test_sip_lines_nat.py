"""A phone behind a router that translates addresses: what reaches its ear, and by which way."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware.phone.call import RegistrationState
from firmware.voice.sip.settings import NatSettings, ServerName
from tests.lab.audio import Sound, level
from tests.lab.network import INSIDE, behind_a_router
from tests.lab.operator_site import FRIEND_HZ, HOME, OPERATOR, PHONE_HZ, OperatorSite, call, operator_site
from tests.lab.packets import Packet, PacketTrace
from tests.lab.patience import wait_until
from tests.lab.turn_server import PORT, TurnServer

pytestmark = pytest.mark.feature("NAT")

RELAY_USER, RELAY_PASSWORD = "alice", "secret-of-the-relay"
NO_HELP = NatSettings()
HOOK = "type filter hook forward priority filter; policy accept;"
WINDOW_S = 0.4
TURN_S = 1.0
HEARD = 1000.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[OperatorSite]:
    """A phone behind the router that is the operator's neighbour."""
    with (
        operator_site(tmp_path, ipv6=False) as site,
        behind_a_router(site.home, site.cable.first.device) as inside,
    ):
        yield OperatorSite(inside, site.operator, site.cable, site.registrar, site.authority)


@pytest.fixture
def relay(site: OperatorSite, tmp_path: Path) -> Iterator[TurnServer]:
    with TurnServer(tmp_path / "turn", site.operator, OPERATOR, RELAY_USER, RELAY_PASSWORD) as server:
        yield server


def until_heard(last_heard: Callable[[float], Sound], frequency_hz: float) -> None:
    wait_until(lambda: level(last_heard(WINDOW_S), frequency_hz) >= HEARD, f"{frequency_hz} Hz is heard", look_s=0.05)


def until_helped(trace: PacketTrace) -> None:
    """Wait until the phone has learned its address: a call that is made before goes without help."""
    wait_until(
        lambda: any((packet.source, packet.source_port) == (OPERATOR, PORT) for packet in trace.packets),
        "a server has told the phone its address",
    )
    # What is on the wire its thread takes in at its next turn, and nothing tells of that.
    time.sleep(TURN_S)


@contextlib.contextmanager
def heard_call(
    site: OperatorSite, *, friends_nat: NatSettings = NO_HELP, helped: bool = False, **settings: object
) -> Iterator[list[Packet]]:
    """Make a call in which both hear each other, with everything that passes the operator's end of the cable."""
    with (
        PacketTrace(site.cable.second) as trace,
        site.friend(nat=friends_nat) as friend,
        site.phone(site.account("alice"), **settings) as phone,
    ):
        phone.wait_for_registration(RegistrationState.REGISTERED)
        if helped:
            until_helped(trace)
        call(phone, friend)
        until_heard(friend.last_heard, PHONE_HZ)
        until_heard(phone.last_heard, FRIEND_HZ)
        yield trace.packets


def test_sound_goes_back_to_where_it_comes_from_whatever_the_router_made_of_the_address(site: OperatorSite) -> None:
    with heard_call(site) as packets:
        offered = [packet.payload for packet in packets if packet.payload.startswith(b"INVITE")]
        assert any(f"c=IN IP4 {INSIDE}".encode() in payload for payload in offered)
        assert not any(packet.destination == INSIDE for packet in packets)


def test_with_ice_the_phones_agree_on_a_way_that_works(site: OperatorSite, relay: TurnServer) -> None:
    nat = NatSettings(stun_servers=(ServerName(OPERATOR, PORT),), ice=True)
    with heard_call(site, helped=True, nat=nat) as packets:
        offered = [packet.payload for packet in packets if packet.payload.startswith(b"INVITE")]
        assert any(b"a=candidate:" in payload and b"typ srflx" in payload for payload in offered)


def test_a_call_goes_through_the_relay_where_the_router_lets_no_other_sound_pass(
    site: OperatorSite, relay: TurnServer
) -> None:
    rule = f"oifname {site.cable.first.device} udp dport != {{ {PORT}, {site.registrar.udp_port} }} drop"
    router = site.cable.first.namespace
    router.run("nft", "-f", "-", stdin=f"table ip barrier {{\n chain forward {{\n{HOOK}\n{rule}\n}}\n}}\n")
    nat = NatSettings(
        stun_servers=(ServerName(OPERATOR, PORT),),
        turn_server=ServerName(OPERATOR, PORT),
        turn_username=RELAY_USER,
        turn_password=RELAY_PASSWORD,
        ice=True,
    )
    with heard_call(site, friends_nat=NatSettings(ice=True), helped=True, nat=nat) as packets:
        direct = [packet for packet in packets if packet.is_rtp and packet.source == HOME]
        assert direct == []
        assert sum(packet.destination_port == PORT for packet in packets) > 20


def test_servers_that_do_not_answer_do_not_keep_calls_from_being_made(site: OperatorSite) -> None:
    nobody = ServerName("10.9.0.99", PORT)
    nat = NatSettings(stun_servers=(nobody,), turn_server=nobody, ice=True)
    with heard_call(site, nat=nat) as packets:
        assert packets
