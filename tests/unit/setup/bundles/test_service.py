"""What a run of the handset goes on with that the run before has left."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from contract.results import BundleResult, CheckCode, CheckName
from firmware.base.errors import ControlError, StorageError
from firmware.base.proven_time import ProvenTime
from firmware.configuration.config_store import BUNDLE_NAME, ConfigStore
from firmware.configuration.loading import load
from firmware.configuration.standing import BundleSource, Ended
from firmware.phone.bundle_news import BundleEnded
from firmware.phone.call import RegistrationFailure, RegistrationState
from firmware.phone.view import LineView
from firmware.setup.bundles.extras import Extras
from firmware.setup.bundles.root_work import RootWork
from firmware.setup.bundles.service import BundleService
from firmware.setup.root.messages import RootAnswer, RootOutcome
from provisioning.report import Check
from tests.lab.bundle_desk import NOW_S, QUIET, DeskLab, candidate, configuration_text
from tests.lab.bundles import Installer
from tests.lab.ring_tones import chime

pytestmark = pytest.mark.feature("bundle trial")

INSTALLER = Installer()
CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nTEL:1\r\nEND:VCARD\r\n"


class RunLab(DeskLab):
    """One run of the handset after another, on one card; the operator is told where `reachable`."""

    reachable = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.outcomes: list[Ended] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[BundleService]:
        async def try_sound() -> None:
            return None

        async def tell_operator(ended: Ended) -> None:
            if not self.reachable:
                raise StorageError("The store is closed.")
            self.outcomes.append(ended)

        self.news.clear()
        extras = Extras(None, self.folder / "memory", lambda _event: None, lambda: None)
        loaded = load(self.folder / "config.toml", self.folder)
        self.config_store._standing = None
        service = BundleService(self.context, loaded, extras, try_sound, tell_operator)
        service.start()
        try:
            yield service
        finally:
            await service.stop()

    async def ended(self) -> BundleEnded:
        """Wait until the phone hears what became of a bundle."""
        async with asyncio.timeout(10):
            while not (found := [news for news in self.news if isinstance(news, BundleEnded)]):
                self._heard.clear()
                await self._heard.wait()
        return found[-1]

    @staticmethod
    async def settled(service: BundleService) -> None:
        """Wait until the run has nothing more to do by itself."""
        async with asyncio.timeout(10):
            await asyncio.gather(*service._tasks)

    def bundle(self, number: int = 7, **more: bytes) -> bytes:
        return INSTALLER.bundle({"config.toml": configuration_text(INSTALLER).encode()} | more, number)


@pytest.fixture
async def lab(tmp_path: Path) -> RunLab:
    return RunLab(tmp_path, configuration_text(INSTALLER))


def up(lab: RunLab) -> None:
    lab.watch.note_view(replace(QUIET, lines=(LineView("", RegistrationState.REGISTERED),)))


async def test_the_run_after_a_bundle_tries_it_keeps_it_and_says_so_once(lab: RunLab) -> None:
    trial = await lab.staged(lab.bundle())
    up(lab)
    async with lab.running() as service:
        assert (await lab.ended()).result is BundleResult.APPLIED
        await lab.settled(service)
        progress = await service.intake.follow(trial.offer, 0, 0)
        assert progress.report is not None
        assert (progress.report.result, progress.report.number) == (BundleResult.APPLIED, 7)
    async with lab.running() as service:
        await lab.settled(service)
        again = await service.intake.follow(trial.offer, 0, 0)
        assert again.report == progress.report
        assert lab.news == []


async def test_a_power_cut_after_it_counts_takes_in_what_else_it_brings_at_the_next_start(lab: RunLab) -> None:
    trial = await lab.staged(lab.bundle(7, **{"contacts.vcf": CARD}))
    lab.config_store.take_up_trial()
    lab.config_store.keep(lab.now_s, ())
    async with lab.running() as service:
        assert (await lab.ended()).result is BundleResult.APPLIED
        await lab.settled(service)
        report = (await service.intake.follow(trial.offer, 0, 0)).report
    assert report is not None
    assert [(check.name, check.code) for check in report.checks] == [(CheckName.CONTACTS, CheckCode.FAILED)]
    folder = lab.config_store.folder_of(7)
    assert not (folder / BUNDLE_NAME).exists(), "somebody's contacts lie on the card"
    assert load(lab.folder / "config.toml", lab.folder).number == 7


BELL = "ring_tones/bell.wav"


def with_tone(lab: RunLab, number: int) -> bytes:
    text = configuration_text(INSTALLER, more=f'[ringer]\ntone = "{BELL}"\n')
    return lab.bundle(number, **{"config.toml": text.encode(), BELL: chime()})


async def test_a_ring_tone_that_came_along_is_tried_and_stays_when_the_bundle_is_gone(lab: RunLab) -> None:
    trial = await lab.staged(with_tone(lab, 7))
    up(lab)
    async with lab.running() as service:
        assert (await lab.ended()).result is BundleResult.APPLIED
        await lab.settled(service)
        report = (await service.intake.follow(trial.offer, 0, 0)).report
    assert report is not None
    assert Check(name=CheckName.RING_TONES, passed=True) in report.checks
    folder = lab.config_store.folder_of(7)
    assert not (folder / BUNDLE_NAME).exists()
    assert (folder / BELL).read_bytes() == chime()


async def test_the_ring_tone_of_a_bundle_that_is_sent_back_goes_with_it(lab: RunLab) -> None:
    await lab.staged(with_tone(lab, 7))
    assert list(lab.folder.rglob("*.wav"))
    wrong = LineView("", RegistrationState.FAILED, RegistrationFailure.WRONG_PASSWORD)
    lab.watch.note_view(replace(QUIET, lines=(wrong,)))
    async with lab.running() as service:
        await lab.settled(service)
    ended = lab.config_store.standing.ended
    assert ended is not None
    assert ended.result is BundleResult.REVERTED
    assert not list(lab.folder.rglob("*.wav"))


async def test_what_sent_a_bundle_back_is_shown_by_the_run_that_follows_and_once(lab: RunLab) -> None:
    await lab.staged(lab.bundle())
    lab.config_store.end(Ended.of(candidate(7), BundleResult.REVERTED, CheckName.LINES, checks=(), at_s=lab.now_s))
    async with lab.running() as service:
        ended = await lab.ended()
        assert (ended.result, ended.code, ended.number) == (BundleResult.REVERTED, CheckName.LINES, 7)
        await lab.settled(service)
    async with lab.running() as service:
        await lab.settled(service)
        assert lab.news == []


async def test_the_operator_hears_what_became_of_its_bundle_once_the_store_is_open(lab: RunLab) -> None:
    lab.reachable = False
    await lab.staged(lab.bundle(), BundleSource.NETWORK)
    up(lab)
    async with lab.running() as service:
        await lab.ended()
        await lab.settled(service)
        assert lab.outcomes == []
        lab.reachable = True
        service.store_opened()
        await lab.settled(service)
        ended = ConfigStore(lab.folder).standing.ended
        assert ended is not None
        assert not ended.outcome_due
        assert [(told.digest, told.result) for told in lab.outcomes] == [(ended.digest, BundleResult.APPLIED)]
        service.store_opened()
        await lab.settled(service)
    assert len(lab.outcomes) == 1


async def test_what_came_by_stick_is_none_of_the_operators_business(lab: RunLab) -> None:
    await lab.staged(lab.bundle())
    up(lab)
    async with lab.running() as service:
        await lab.ended()
        service.store_opened()
        await lab.settled(service)
    assert lab.outcomes == []


async def test_a_handset_that_runs_keeps_proof_of_the_time_while_its_clock_is_right(
    lab: RunLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted, note_clock = threading.Event(), ProvenTime.note_clock

    def note(time: ProvenTime) -> None:
        note_clock(time)
        noted.set()

    monkeypatch.setattr(ProvenTime, "note_clock", note)
    async with lab.running():
        assert await asyncio.to_thread(noted.wait, 10)
    lab.now_s, lab.synced = 0, False
    assert lab.context.proven_time.read().at_least_s == NOW_S


class Root(RootWork):
    """Notes what is to go back, and may fail at it."""

    def __init__(self, *, fails: bool) -> None:
        super().__init__()
        self.fails = fails
        self.asked: list[int] = []

    async def go_back(self, number: int) -> RootAnswer:
        self.asked.append(number)
        if self.fails:
            raise ControlError("It said nothing.")
        return RootAnswer(outcome=RootOutcome.REVERTED, number=number)


@pytest.mark.parametrize("fails", [False, True])
async def test_root_is_asked_once_more_to_undo_what_was_sent_back_which_it_does_by_itself_where_it_fails(
    lab: RunLab, fails: bool
) -> None:
    await lab.staged(lab.bundle())
    lab.config_store.end(Ended.of(candidate(7), BundleResult.REVERTED, CheckName.LINES, checks=(), at_s=lab.now_s))
    root = Root(fails=fails)
    lab.context = replace(lab.context, root=root)
    for _ in range(2):
        async with lab.running() as service:
            await lab.settled(service)
    assert root.asked == [7]
