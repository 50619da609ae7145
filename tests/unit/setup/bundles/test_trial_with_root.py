"""A trial and root's service on one machine: what one of them gives up the other one undoes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contract.results import CheckCode, CheckName
from firmware.configuration.loading import check_configuration
from firmware.display.translation import Language
from firmware.phone.bundle_news import BundleStep, BundleStepStarted
from firmware.phone.call import RegistrationFailure, RegistrationState
from firmware.phone.view import LineView
from firmware.setup.bundles.root_work import RootWork
from firmware.setup.bundles.trial import Trial
from firmware.setup.root.record import read_record
from firmware.setup.stick.report_text import report_text
from provisioning.report import Check
from tests.lab.bundle_desk import QUIET, DeskLab, configuration_text
from tests.lab.root_machine import OPERATOR, STRANGER, TIME_SERVERS, RootMachine, configuration
from tests.lab.root_service import RootService

pytestmark = pytest.mark.feature("bundle trial")

UP = LineView("", RegistrationState.REGISTERED)
WRONG = LineView("", RegistrationState.FAILED, RegistrationFailure.WRONG_PASSWORD)


class RootedLab(DeskLab):
    """A handset with root's service beside it."""

    def rely_on(self, service: RootService) -> None:
        self.context = replace(self.context, root=RootWork(service.path))
        self.intake._context = self.context

    async def begin(self, number: int, more: str = "") -> Trial:
        """Stage a bundle and begin its trial as the next start does."""
        text = configuration_text(OPERATOR, more=more)
        await self.staged(OPERATOR.bundle({"config.toml": text.encode()}, number))
        trial = self.config_store.take_up_trial()
        assert trial is not None

        async def try_sound() -> None:
            return None

        return Trial(self.context, trial, check_configuration(text), try_sound, patience_s=10)

    def lines(self, *lines: LineView) -> None:
        self.watch.note_view(replace(QUIET, lines=lines))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RootService]:
    with RootService(RootMachine(tmp_path / "root"), tmp_path / "s") as service:
        yield service


@pytest.fixture
async def lab(tmp_path: Path, service: RootService) -> RootedLab:
    folder = tmp_path / "card"
    folder.mkdir()
    lab = RootedLab(folder, configuration_text(OPERATOR))
    lab.rely_on(service)
    return lab


TIME = '[time]\nservers = ["ntp.example"]\n'


async def test_what_root_has_installed_is_kept_with_what_works(lab: RootedLab, service: RootService) -> None:
    trial = await lab.begin(7, TIME)
    lab.lines(UP)
    assert await trial.run()
    assert service.machine.text(TIME_SERVERS) == "[Time]\nNTP=ntp.example\n"
    record = read_record(service.machine.machine.state)
    assert (record.newest, record.pending) == (7, None)
    assert BundleStepStarted(BundleStep.NETWORK) in lab.news
    assert lab.config_store.standing.active == 7


async def test_a_bundle_that_root_does_not_take_is_sent_back_with_words_of_its_own(
    lab: RootedLab, service: RootService
) -> None:
    service.machine.keep(6, STRANGER.bundle({"config.toml": configuration(trusted=STRANGER)}, 6))
    trial = await lab.begin(7)
    assert not await trial.run()
    ended = lab.config_store.standing.ended
    assert ended is not None
    assert ended.checks == (Check(name=CheckName.NETWORK, passed=False, code=CheckCode.NOT_TAKEN),)
    assert "sudo wecall config forget-operator" in report_text(lab.context.report(ended), Language.ENGLISH)


async def test_what_root_has_installed_goes_with_what_does_not_work(lab: RootedLab, service: RootService) -> None:
    trial = await lab.begin(7, TIME)
    lab.lines(WRONG)
    lab.starts = 0
    assert not await trial.run()
    assert service.machine.text(TIME_SERVERS) is None
    assert lab.starts == 1
