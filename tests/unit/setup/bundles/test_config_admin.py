"""Looking at what is kept, and going back by hand: the requests of `wecall config`, over a real configuration store."""

from pathlib import Path

import pytest

from contract.results import BundleResult, CheckName
from firmware.app.admin.configurations import ConfigRole
from firmware.base.errors import BundleError, ControlError
from firmware.configuration.loading import LoadedConfiguration, check_configuration
from firmware.configuration.standing import Ended
from firmware.control.admin_requests import ConfigHistoryRequest, ConfigRevertRequest
from firmware.control.requests import written
from firmware.phone.call import RegistrationState
from firmware.phone.news import RegistrationChanged
from firmware.services.doctor.findings import Condition, counting_words, examine
from firmware.setup.bundles.extras import Extras
from firmware.setup.bundles.service import BundleService
from tests.lab.bundle_desk import DeskLab, candidate, configuration_text
from tests.lab.bundles import Installer

pytestmark = pytest.mark.feature("bundle trial")

INSTALLER = Installer()


async def nothing_sounds() -> CheckName:
    return CheckName.SOUND


async def nobody_hears(_ended: Ended) -> None:
    """Tell nobody."""


def desk_of(lab: DeskLab) -> BundleService:
    loaded = LoadedConfiguration(None, installed=check_configuration(configuration_text(INSTALLER)))
    extras = Extras(None, lab.folder, lambda _event: None, lambda: None)
    return BundleService(lab.context, loaded, extras, nothing_sounds, nobody_hears)


@pytest.fixture
async def lab(tmp_path: Path) -> DeskLab:
    """Return a handset that two bundles have set up, one after the other."""
    lab = DeskLab(tmp_path, configuration_text(INSTALLER))
    for number in (5, 6):
        await lab.staged(INSTALLER.bundle({"config.toml": lab.installed.encode()}, number))
        lab.config_store.keep(lab.now_s + number, ())
        lab.config_store.end(Ended.of(candidate(number), BundleResult.APPLIED, checks=(), at_s=lab.now_s))
    return lab


async def test_the_history_says_what_counts_and_what_did_before(lab: DeskLab) -> None:
    history = await ConfigRole(lambda: desk_of(lab)).handlers["config_history"](ConfigHistoryRequest())
    told = written(history)
    assert (told["active"], told["trial"], [kept["number"] for kept in told["kept"]]) == (6, None, [6, 5])
    assert all(kept["signer"] == INSTALLER.trusted.key_id for kept in told["kept"])


async def test_going_back_by_hand_is_a_trial_of_the_one_before(lab: DeskLab) -> None:
    answer = await ConfigRole(lambda: desk_of(lab)).handlers["config_revert"](ConfigRevertRequest())
    assert written(answer) == {"number": 5}
    await lab.wait_for_start()
    trial = lab.config_store.standing.trial
    assert trial is not None
    assert (trial.number, trial.goes_back) == (5, True)
    with pytest.raises(BundleError, match="under way"):
        await desk_of(lab).go_back()


async def test_without_an_earlier_one_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No earlier configuration"):
        await desk_of(DeskLab(tmp_path)).go_back()


async def test_a_handset_without_usable_keys_says_so() -> None:
    with pytest.raises(ControlError, match="own keys"):
        await ConfigRole(lambda: None).handlers["config_history"](ConfigHistoryRequest())


def finding(lab: DeskLab | None) -> tuple[bool, str]:
    """What doctor says of bundles."""
    standing = lab.config_store.standing if lab is not None else None
    condition = Condition(
        LoadedConfiguration(None), RegistrationChanged(RegistrationState.UNREGISTERED), bundles=standing
    )
    [found] = [each for each in examine(condition) if each.part == "bundle"]
    return found.ok, found.detail


async def test_doctor_and_status_say_what_counts_what_is_tried_and_what_did_not_work(lab: DeskLab) -> None:
    assert finding(lab) == (True, "The configuration of bundle 6 counts.")
    lab.config_store.begin_trial(candidate(7))
    assert counting_words(lab.config_store.standing) == (
        "The configuration of bundle 6 counts. Bundle 7 is being tried."
    )
    lab.config_store.end(Ended.of(candidate(7), BundleResult.REVERTED, CheckName.BROKER, checks=(), at_s=lab.now_s))
    assert finding(lab) == (
        True, "The configuration of bundle 6 counts. Bundle 7 was tried and did not work (broker).",
    )  # fmt: skip
    assert finding(None)[0] is False
