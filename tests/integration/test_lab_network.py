"""The lab's networks do what the tests that stand on them believe."""

import itertools
import socket
import statistics
import time
from collections.abc import Iterator

import pytest

from tests.lab.loss_emulator import Fate, Line, LossyCable
from tests.lab.network import Cable, Namespace, VethCable

HOME, AWAY, PORT = "10.9.0.1", "10.9.0.2", 4000
HOME_6, AWAY_6 = "fd09::1", "fd09::2"
PACKETS = 400
SO_RCVBUFFORCE = 33  # asm-generic/socket.h
RTP, SIP = b"\x80", b"OPTIONS"


@pytest.fixture
def home() -> Iterator[Namespace]:
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def away() -> Iterator[Namespace]:
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def veth(home: Namespace, away: Namespace) -> Iterator[VethCable]:
    with VethCable(home, away, [f"{HOME}/24", f"{HOME_6}/64"], [f"{AWAY}/24", f"{AWAY_6}/64"]) as cable:
        yield cable


@pytest.fixture
def lossy(home: Namespace, away: Namespace) -> Iterator[LossyCable]:
    with LossyCable(home, away, [f"{HOME}/24", f"{HOME_6}/64"], [f"{AWAY}/24", f"{AWAY_6}/64"]) as cable:
        yield cable


@pytest.mark.parametrize("kind", ["veth", "lossy"])
@pytest.mark.parametrize("target", [AWAY, AWAY_6])
def test_a_cable_carries_packets_both_ways(kind: str, target: str, request: pytest.FixtureRequest) -> None:
    cable: Cable = request.getfixturevalue(kind)
    assert carries(cable, target)


def test_a_namespace_reaches_nothing_but_what_it_is_plugged_into(home: Namespace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside, home.entered(), pytest.raises(ConnectionRefusedError):
        socket.create_connection(outside.getsockname(), timeout=1)


def test_a_command_runs_inside_under_its_own_process_id(home: Namespace) -> None:
    assert home.run("cat", "/proc/net/dev").count(":") == 1


def test_a_command_that_fails_says_what_it_said(home: Namespace) -> None:
    with pytest.raises(RuntimeError, match=r"nowhere0.*Cannot find device"):
        home.ip("link", "set", "nowhere0", "up")


@pytest.mark.parametrize("kind", ["veth", "lossy"])
def test_a_blackhole_swallows_packets_without_a_word_until_it_is_healed(
    kind: str, request: pytest.FixtureRequest
) -> None:
    cable: Cable = request.getfixturevalue(kind)
    cable.blackhole()
    assert not carries(cable, AWAY)
    cable.heal()
    assert carries(cable, AWAY)


def test_an_address_changes(veth: VethCable) -> None:
    veth.second.change_addresses("10.9.0.7/24")
    assert not carries(veth, AWAY)
    assert carries(veth, "10.9.0.7")


def test_pulling_a_cable_out_takes_the_devices_away(veth: VethCable) -> None:
    veth.stop()
    assert "cable" not in veth.first.namespace.run("ip", "link")
    assert "cable" not in veth.second.namespace.run("ip", "link")


def test_a_lossy_line_loses_the_share_that_it_is_told_and_the_same_packets_each_time(lossy: LossyCable) -> None:
    lossy.change(Line(loss_percent=20))
    first = set(arrivals(lossy))
    assert 0.7 * PACKETS < len(first) < 0.9 * PACKETS
    assert lossy.traffic.lost == PACKETS - len(first)
    lossy.change(Line(loss_percent=20))
    assert set(arrivals(lossy)) == first
    lossy.change(Line(loss_percent=20, seed=2))
    assert set(arrivals(lossy)) != first


def test_losses_come_in_bursts_where_asked(lossy: LossyCable) -> None:
    lossy.change(Line(loss_percent=20, burst=4))
    arrived = set(arrivals(lossy))
    runs = [len(list(run)) for lost, run in itertools.groupby(n not in arrived for n in range(PACKETS)) if lost]
    assert statistics.mean(runs) > 2


def test_jitter_spreads_the_delays_and_lets_packets_overtake(lossy: LossyCable) -> None:
    line = Line(delay_ms=20, jitter_ms=40)
    lossy.change(line)
    arrived = arrivals(lossy)
    assert len(arrived) == PACKETS
    assert list(arrived) != sorted(arrived)
    assert 1000 * min(arrived.values()) >= 20
    # A busy computer lets many of them go at once; how late each is to be is told before.
    fate = Fate(line)
    delays_ms = [1000 * (fate.draw() or 0.0) for _ in range(PACKETS)]
    assert 30 < statistics.median(delays_ms) < 60
    assert statistics.stdev(delays_ms) > 8


def test_a_line_that_harms_media_only_spares_signalling(lossy: LossyCable) -> None:
    lossy.change(Line(loss_percent=100))
    assert not carries(lossy, AWAY, RTP)
    assert carries(lossy, AWAY, SIP)
    lossy.change(Line(loss_percent=100, media_only=False))
    assert not carries(lossy, AWAY, SIP)


def carries(cable: Cable, target: str, kind: bytes = SIP) -> bool:
    """Say whether a packet to the second end is answered, within a time that is long for a cable."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with (
        _socket(cable.first.namespace, family) as near,
        _socket(cable.second.namespace, family) as far,
    ):
        far.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", PORT))
        near.sendto(kind, (target, PORT))
        try:
            packet, sender = far.recvfrom(100)
            far.sendto(packet, sender)
            return near.recv(100) == kind
        except TimeoutError:
            return False


def arrivals(cable: Cable) -> dict[int, float]:
    """Send numbered packets, a few at once, and return the delay of each that arrives, in the order of arrival."""
    arrived: dict[int, float] = {}
    with _socket(cable.first.namespace) as near, _socket(cable.second.namespace) as far:
        near.bind((HOME, PORT + 1))
        far.bind((AWAY, PORT))
        far.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, PACKETS * 4096)
        sent_at = {}
        for number in range(PACKETS):
            sent_at[number] = time.monotonic()
            near.sendto(RTP + number.to_bytes(2, "big"), (AWAY, PORT))
        while True:
            try:
                packet = far.recv(100)
            except TimeoutError:
                return arrived
            number = int.from_bytes(packet[1:], "big")
            arrived[number] = time.monotonic() - sent_at[number]


def _socket(namespace: Namespace, family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    with namespace.entered():
        made = socket.socket(family, socket.SOCK_DGRAM)
    made.settimeout(2)
    return made
