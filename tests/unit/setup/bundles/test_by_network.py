import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from contract.downlink import MAX_NETWORK_BUNDLE_BYTES
from contract.results import BundleResult, OutcomeCode
from firmware.base.errors import BundleError, StorageError
from firmware.configuration.loading import LoadedConfiguration
from firmware.configuration.standing import BundleSource, Ended
from firmware.control.open_files import content_of, sealed
from firmware.services.operator.inbound import InboundBusyError
from firmware.setup.bundles.by_network import NetworkBundles
from firmware.setup.bundles.extras import Extras
from firmware.setup.bundles.service import BundleService
from firmware.setup.bundles.verdict import outcome_of
from tests.fakes.clock import Clock
from tests.lab.bundle_desk import NOW_S, DeskLab, candidate, configuration_text
from tests.lab.bundles import ISSUED, REFUSALS, Installer

pytestmark = pytest.mark.feature("bundle trial")

DIGEST = "0" * 64
INSTALLER = Installer()


class Intake:
    def __init__(self) -> None:
        self.known: set[str] = set()
        self.calls: list[object] = []

    def is_known(self, digest: str) -> bool:
        return digest in self.known

    async def bring(self, source: BundleSource, file: BinaryIO) -> str:
        self.calls.append((source, content_of(file, 99)))
        return "offer"


async def test_a_bundle_goes_to_the_intake_as_one_that_came_over_the_network() -> None:
    intake = Intake()
    bundles = NetworkBundles(intake, Clock(0))
    await bundles.bring(DIGEST, sealed(b"abc"))
    assert intake.calls == [(BundleSource.NETWORK, b"abc")]


async def test_one_that_is_known_does_not_come_however_often_it_is_offered() -> None:
    intake, clock = Intake(), Clock(0)
    intake.known.add(DIGEST)
    bundles = NetworkBundles(intake, clock)
    for _ in range(50):
        await bundles.bring(DIGEST, sealed(b"abc"))
    assert not intake.calls
    await bundles.bring("1" * 64, sealed(b"abc"))
    assert len(intake.calls) == 1


async def test_three_come_at_once_and_then_one_a_minute() -> None:
    intake, clock = Intake(), Clock(0)
    bundles = NetworkBundles(intake, clock)
    for _ in range(3):
        await bundles.bring(DIGEST, sealed(b"abc"))
    for after_s in (0, 59):
        clock.now_s = after_s
        with pytest.raises(InboundBusyError):
            await bundles.bring(DIGEST, sealed(b"abc"))
    clock.now_s = 61
    await bundles.bring(DIGEST, sealed(b"abc"))
    assert len(intake.calls) == 4


async def test_a_handset_that_takes_none_says_so() -> None:
    bundles = NetworkBundles(None, Clock(0))
    with pytest.raises(BundleError, match="takes no bundles"):
        await bundles.bring(DIGEST, sealed(b"abc"))


# --- at a handset ---


class Network:
    """A handset that is set up, and an operator whose broker keeps one bundle."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[tuple[str, OutcomeCode]] = []
        self.can_be_told = True
        self.start()

    def start(self) -> None:
        """Let the handset begin a run."""
        self.lab = DeskLab(self.folder, configuration_text(INSTALLER))
        loaded = LoadedConfiguration(self.lab.intake._installed, installed=self.lab.intake._installed)
        extras = Extras(None, self.folder, lambda _event: None, lambda: None)
        self.service = BundleService(self.lab.context, loaded, extras, self._try_sound, self._tell)
        self.bundles = NetworkBundles(self.service.intake, Clock(0))

    async def bring(self, bundle: bytes) -> bool:
        """Bring what the broker keeps; return whether the handset wanted to have it."""
        digest = hashlib.sha256(bundle).hexdigest()
        if self.service.intake.is_known(digest):
            return False
        with sealed(bundle) as file:
            await self.bundles.bring(digest, file)
        offer = self.lab.steps._offer
        async with asyncio.timeout(10):
            after = -1
            while (progress := await self.service.intake.follow(offer, after, 5)).report is None:
                after = progress.count
            while self.service._tasks:
                await asyncio.gather(*self.service._tasks)
                # Where all have ended already, nobody has had a turn to take them off.
                await asyncio.sleep(0)
        return True

    async def _tell(self, ended: Ended) -> None:
        if not self.can_be_told:
            raise StorageError("Not now.")
        self.told.append((ended.digest, outcome_of(ended)))

    @staticmethod
    async def _try_sound() -> None:
        return None


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return Network(tmp_path)


EXPIRED = INSTALLER.bundle({}, not_after=ISSUED + timedelta(hours=1))
FORGED = EXPIRED[:-1] + b"?"
EARLY = INSTALLER.bundle({}, issued_at=ISSUED + timedelta(days=30))


@pytest.mark.parametrize(("bundle", "code"), [(EXPIRED, OutcomeCode.EXPIRED), (FORGED, OutcomeCode.FORGED)])
async def test_what_is_refused_is_told_once_and_not_looked_at_again_by_any_run(
    network: Network, bundle: bytes, code: OutcomeCode
) -> None:
    assert await network.bring(bundle)
    for _ in range(3):
        assert not await network.bring(bundle)
        network.start()
    assert network.told == [(hashlib.sha256(bundle).hexdigest(), code)]


async def test_what_the_operator_has_not_heard_of_is_looked_at_by_the_next_run(network: Network) -> None:
    network.can_be_told = False
    assert await network.bring(EXPIRED)
    network.can_be_told = True
    network.start()
    assert await network.bring(EXPIRED)
    assert len(network.told) == 1


async def test_what_a_clock_may_have_refused_is_looked_at_by_the_next_run(network: Network) -> None:
    assert await network.bring(EARLY)
    assert not await network.bring(EARLY)
    network.start()
    assert await network.bring(EARLY)
    assert [code for _, code in network.told] == [OutcomeCode.NOT_YET_VALID] * 2


async def test_another_configuration_looks_at_what_was_refused_under_the_one_before(network: Network) -> None:
    assert await network.bring(EXPIRED)
    network.lab.config_store.begin_trial(candidate(7))
    network.lab.config_store.keep(NOW_S, ())
    network.lab.config_store.end(Ended.of(candidate(7), BundleResult.APPLIED, checks=(), at_s=NOW_S))
    network.start()
    assert await network.bring(EXPIRED)


async def test_only_the_last_few_that_were_refused_are_remembered(network: Network) -> None:
    for number in range(20):
        network.lab.config_store.note_refused(f"{number:064x}")
    assert network.lab.config_store.standing.refused == tuple(f"{number:064x}" for number in range(12, 20))


async def test_a_bundle_of_the_network_pushes_none_of_a_stick_aside(network: Network) -> None:
    intake = network.service.intake
    await intake.begin(2)
    with pytest.raises(BundleError, match="A stick brings a bundle"):
        await network.bring(EXPIRED)
    with sealed(b"xy") as file:
        assert await intake.bring(BundleSource.STICK, file)
    await intake.stop()


async def test_a_bundle_of_the_network_is_no_longer_than_one_may_be(network: Network) -> None:
    with pytest.raises(BundleError, match=f"has {MAX_NETWORK_BUNDLE_BYTES} bytes at most") as caught:
        await network.bring(bytes(MAX_NETWORK_BUNDLE_BYTES + 1))
    assert caught.value.refusal is OutcomeCode.TOO_LARGE


def test_every_reason_not_to_take_a_bundle_can_be_told_to_the_operator(subtests: pytest.Subtests) -> None:
    for refusal in REFUSALS:
        with subtests.test(refusal=refusal):
            ended = Ended.of(candidate(7), BundleResult.REFUSED, refusal, checks=(), at_s=NOW_S)
            assert outcome_of(ended) == refusal.value
