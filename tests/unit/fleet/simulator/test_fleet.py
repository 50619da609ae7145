import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.calls import DisconnectReason
from firmware.ports.broker import BrokerProblem
from fleet.errors import FleetError
from fleet.simulator.certificates import DeviceCertificates, device_names
from fleet.simulator.fleet import SimulatedFleet
from fleet.simulator.handset import SimulatedCall, SimulatedHandset
from fleet.simulator.network import Network
from fleet.simulator.processes import Processes
from fleet.simulator.settings import Life, Share, Site
from fleet.simulator.trouble import Ending, Trouble, broken_place
from mqtt.problems import BrokerError
from provisioning.authority import Authority
from tests.unit.fleet.simulator.handsets import EPOCH, a_handset

NAMES = device_names("sim", 1, 40)
BUSY = Life(
    calls_per_hour=3600.0, call_s=0.01, outages_per_hour=0.0, changes_per_day=0.0, wrong_clocks=0.25, consent=0.5
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A broker that is not there, and certificates for it."""
    authority = Authority.found("Trial", days=30, now=datetime.now(UTC))
    DeviceCertificates(tmp_path).make(NAMES, authority, lambda: None)
    return Site("trial", "127.0.0.1", 9, None, tmp_path)


async def test_a_seed_makes_the_same_handsets_however_they_are_shared_out(site: Site) -> None:
    def answers(fleet: SimulatedFleet) -> dict[str, tuple[bool, bool]]:
        return {each.device: (each.clock.is_synced, len(each.holder.state.all_granted) > 2) for each in fleet.handsets}

    whole = answers(SimulatedFleet(Share(site, BUSY, NAMES, 7, EPOCH, 0.0)))
    halves = [answers(SimulatedFleet(Share(site, BUSY, NAMES[n::2], 7, EPOCH, 0.0))) for n in range(2)]
    other = answers(SimulatedFleet(Share(site, BUSY, NAMES, 8, EPOCH, 0.0)))
    assert {**halves[0], **halves[1]} == whole
    assert other != whole
    assert 1 < sum(not synced for synced, _ in whole.values()) < 20


async def test_what_should_not_happen_ends_the_simulation(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_handset: SimulatedHandset, _mean_s: float, _again: str | None) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(SimulatedHandset, "begin_call", fail)
    fleet = SimulatedFleet(Share(site, BUSY, NAMES, 7, EPOCH, 0.0))
    fleet.start()
    try:
        async with asyncio.timeout(20):
            with pytest.raises(ZeroDivisionError):
                await fleet.watch()
    finally:
        await fleet.stop()


async def test_what_is_broken_strikes_the_handsets_that_have_it(site: Site) -> None:
    fleet = SimulatedFleet(Share(site, BUSY, NAMES, 7, EPOCH, 0.0, (broken_place(NAMES[:2]),)))

    def lost(handset: SimulatedHandset) -> int:
        endings = (handset.begin_call(1.0).ending.reason for _ in range(200))
        return sum(reason is DisconnectReason.NETWORK_LOST for reason in endings)

    assert [lost(handset) > 10 for handset in fleet.handsets[:3]] == [True, True, False]


async def test_whoever_dials_again_is_put_through_to_the_same_number(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    unheard = Ending(DisconnectReason.LOCAL_HANGUP, 200, is_answered=True, is_short=True, redials=1.0)
    trouble = Trouble(frozenset(NAMES), 1.0, (unheard,))
    dialled: dict[SimulatedHandset, list[str | None]] = {}
    begin_call, heard = SimulatedHandset.begin_call, asyncio.Event()

    def begin(handset: SimulatedHandset, mean_s: float, again: str | None) -> SimulatedCall:
        call = begin_call(handset, mean_s, again)
        numbers = dialled.setdefault(handset, [])
        if again is not None and numbers[-1:] == [call.number]:
            heard.set()
        numbers.append(call.number)
        return call

    monkeypatch.setattr(SimulatedHandset, "begin_call", begin)
    monkeypatch.setattr("fleet.simulator.fleet.REDIALS_AFTER_S", (0.0, 0.0))
    fleet = SimulatedFleet(Share(site, BUSY, NAMES, 7, EPOCH, 0.0, (trouble,)))
    fleet.start()
    try:
        async with asyncio.timeout(20):
            await heard.wait()
    finally:
        await fleet.stop()


async def test_no_connection_comes_about_while_the_network_is_cut() -> None:
    handset, _ = a_handset()
    network = Network(asyncio.Semaphore(1))
    connection = network.connect(await handset.configuration())
    network.cut()
    with pytest.raises(BrokerError) as error:
        await connection.open()
    assert error.value.problem is BrokerProblem.NO_NETWORK
    await connection.close()


def test_a_process_that_ends_by_itself_is_told(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{NAMES[0]}.key").unlink()
    processes = Processes([Share(site, BUSY, NAMES, 7, EPOCH, 0.0)])
    processes.start()
    try:
        with pytest.raises(FleetError, match="ended by itself"):
            for _ in processes.watch(lambda: False):
                pass
    finally:
        processes.kill()
