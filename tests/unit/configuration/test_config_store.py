import json
import stat
from pathlib import Path

import pytest

from contract.results import BundleResult, CheckName, ReportCode
from firmware.configuration.config_store import BUNDLE_NAME, CONFIGURATION_NAME, SECRETS_NAME, ConfigStore
from firmware.configuration.standing import MOST_KEPT, MOST_TRIES, Ended, Standing
from firmware.setup.bundles.identity import open_identity
from provisioning.errors import BundleRefusedError
from tests.lab.bundle_desk import NOW_S, candidate
from tests.lab.bundles import SERIAL, manifest

pytestmark = pytest.mark.feature("bundle trial")

FILES = {CONFIGURATION_NAME: b"text", "certificates/ca.pem": b"pem", SECRETS_NAME: b"sealed"}


@pytest.fixture
def config_store(tmp_path: Path) -> ConfigStore:
    return ConfigStore(tmp_path)


def stage(config_store: ConfigStore, number: int) -> None:
    draft = config_store.draft_of(f"{number:032x}")
    draft.touch(mode=0o600)
    draft.write_bytes(b"bundle")
    config_store.stage(number, draft, FILES)


def try_it(config_store: ConfigStore, number: int, **changes: object) -> None:
    stage(config_store, number)
    config_store.begin_trial(candidate(number, **changes))


def keep(config_store: ConfigStore, number: int, **changes: object) -> None:
    try_it(config_store, number, **changes)
    config_store.keep(NOW_S, ())
    config_store.end(ended(config_store, BundleResult.APPLIED, number))


def ended(config_store: ConfigStore, result: BundleResult, number: int) -> Ended:
    code: ReportCode = CheckName.LINES if result is BundleResult.REVERTED else ""
    return Ended.of(candidate(number), result, code, checks=(), at_s=NOW_S)


def numbers_on_the_card(config_store: ConfigStore) -> set[str]:
    return {path.name for path in config_store.folder_of(1).parent.iterdir()}


def test_a_new_handset_has_nothing_on_its_shelf(config_store: ConfigStore) -> None:
    assert (config_store.standing.active, config_store.standing.trial, config_store.standing.newest) == (None, None, 0)
    assert not config_store.folder.exists()


def test_a_staged_configuration_lies_there_whole_and_is_its_owners_alone(config_store: ConfigStore) -> None:
    stage(config_store, 7)
    folder = config_store.folder_of(7)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {**FILES, BUNDLE_NAME: b"bundle"}
    assert all(not stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [folder, *folder.rglob("*")])
    assert config_store.standing.trial is None


def test_what_is_tried_does_not_count_before_it_is_kept(config_store: ConfigStore, tmp_path: Path) -> None:
    keep(config_store, 6)
    try_it(config_store, 7)
    again = ConfigStore(tmp_path).standing
    assert (again.active, again.trial and again.trial.number) == (6, 7)
    config_store.keep(NOW_S, ())
    again = ConfigStore(tmp_path).standing
    assert (again.active, again.trial, again.newest) == (7, None, 7)
    assert again.finishing is not None


def test_a_trial_is_begun_three_times_and_not_a_fourth(config_store: ConfigStore) -> None:
    try_it(config_store, 7)
    tries = [trial.tries for _ in range(MOST_TRIES) if (trial := config_store.take_up_trial()) is not None]
    assert tries == [1, 2, 3]
    assert config_store.take_up_trial() is None
    assert config_store.standing.trial is not None


def test_a_number_that_failed_stays_refused_until_a_higher_one_is_kept(config_store: ConfigStore) -> None:
    keep(config_store, 6)
    try_it(config_store, 7)
    config_store.end(ended(config_store, BundleResult.REVERTED, 7))
    assert (config_store.standing.active, config_store.standing.reverted) == (6, (7,))
    assert numbers_on_the_card(config_store) == {"6"}
    with pytest.raises(BundleRefusedError):
        manifest(7).check_number(config_store.standing.newest, config_store.standing.reverted)
    manifest(8).check_number(config_store.standing.newest, config_store.standing.reverted)
    keep(config_store, 8)
    assert (config_store.standing.newest, config_store.standing.reverted) == (8, ())


def test_going_back_takes_back_what_was_newer_and_numbers_only_rise(config_store: ConfigStore) -> None:
    for number in (5, 6):
        keep(config_store, number)
    before = config_store.standing.before
    assert before is not None
    assert before.number == 5
    config_store.begin_trial(candidate(5, goes_back=True))
    config_store.keep(NOW_S, ())
    config_store.end(ended(config_store, BundleResult.APPLIED, 5))
    standing = config_store.standing
    assert (standing.active, standing.newest, standing.reverted) == (5, 6, (6,))
    assert numbers_on_the_card(config_store) == {"5"}
    for number in (5, 6):
        with pytest.raises(BundleRefusedError):
            manifest(number).check_number(standing.newest, standing.reverted)


def test_going_back_to_what_does_not_work_any_more_leaves_what_counts(config_store: ConfigStore) -> None:
    for number in (5, 6):
        keep(config_store, number)
    config_store.begin_trial(candidate(5, goes_back=True))
    config_store.end(ended(config_store, BundleResult.REVERTED, 5))
    assert (config_store.standing.active, config_store.standing.reverted) == (6, ())
    assert numbers_on_the_card(config_store) == {"5", "6"}


def test_only_the_newest_few_are_kept_and_what_goes_goes_from_the_card(config_store: ConfigStore) -> None:
    for number in range(1, MOST_KEPT + 3):
        keep(config_store, number)
    expected = list(range(3, MOST_KEPT + 3))
    assert [kept.number for kept in config_store.standing.kept] == expected
    assert numbers_on_the_card(config_store) == {str(number) for number in expected}


def test_what_was_staged_and_never_tried_is_swept_away_with_what_was_coming_in(config_store: ConfigStore) -> None:
    keep(config_store, 6)
    stage(config_store, 7)
    draft = config_store.draft_of("a" * 32)
    draft.write_bytes(b"half")
    config_store.sweep()
    assert numbers_on_the_card(config_store) == {"6"}
    assert not draft.exists()


def test_a_bundle_goes_once_all_in_it_is_taken_in_and_its_configuration_stays(config_store: ConfigStore) -> None:
    keep(config_store, 6)
    config_store.forget_bundle(6)
    folder = config_store.folder_of(6)
    assert not (folder / BUNDLE_NAME).exists()
    assert (folder / CONFIGURATION_NAME).read_bytes() == b"text"


def test_a_power_cut_brings_no_forgotten_bundle_back(
    config_store: ConfigStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(config_store, 6)
    keep(config_store, 7)
    lasts: list[tuple[str, bool]] = []

    def fsync(descriptor: int) -> None:
        folder = Path(f"/proc/self/fd/{descriptor}").readlink()
        if folder.is_dir():
            lasts.append((folder.name, (folder / BUNDLE_NAME).exists()))

    monkeypatch.setattr("os.fsync", fsync)
    config_store.forget_bundle(6)
    config_store.forget_bundles()
    assert lasts == [("6", False), ("7", False)]


def test_a_file_that_cannot_be_understood_counts_for_nothing_and_is_not_taken_for_something(
    config_store: ConfigStore, tmp_path: Path
) -> None:
    keep(config_store, 6)
    (config_store.folder / "standing.json").write_bytes(b"{half")
    assert ConfigStore(tmp_path).standing.active is None


def test_a_store_that_forgets_its_operator_is_as_new_but_for_the_handsets_own_keys(config_store: ConfigStore) -> None:
    identity = open_identity(config_store.folder, SERIAL)
    keep(config_store, 7)
    try_it(config_store, 8)
    (config_store.folder / "proven-time").write_bytes(b"1\n")
    config_store.draft_of("0").touch()
    config_store.forget_operator()
    assert config_store.standing == Standing() == ConfigStore(config_store.folder.parent).standing
    assert {
        str(path.relative_to(config_store.folder)) for path in config_store.folder.rglob("*") if path.is_file()
    } == {
        "identity/sealing.key",
        "identity/broker.key",
    }
    sealing_key = open_identity(config_store.folder, SERIAL).sealing_key
    assert sealing_key.private_bytes_raw() == identity.sealing_key.private_bytes_raw()
    keep(config_store, 1)
    assert config_store.standing.active == 1


def test_a_shelf_that_never_had_an_operator_forgets_it_too(config_store: ConfigStore) -> None:
    config_store.forget_operator()
    assert not config_store.folder.exists()


def test_what_newer_firmware_wrote_before_it_was_taken_back_costs_no_configuration(config_store: ConfigStore) -> None:
    keep(config_store, 7)
    try_it(config_store, 8)
    path = config_store.folder / "standing.json"
    written = json.loads(path.read_text())
    written["mood"] = "good"
    written["kept"][0]["colour"] = "blue"
    written["trial"]["source"] = "by_pigeon"
    written["ended"] = {**written["ended"], "code": "out_of_tea"}
    written["finishing"] = {"candidate": written["trial"], "checks": []}
    path.write_text(json.dumps(written))
    again = ConfigStore(config_store.folder.parent)
    again.sweep()
    assert (again.standing.active, [kept.number for kept in again.standing.kept]) == (7, [7])
    assert (again.standing.trial, again.standing.ended, again.standing.finishing) == (None, None, None)
    assert (again.folder_of(7) / CONFIGURATION_NAME).exists()


def test_a_standing_that_cannot_be_read_has_nothing_deleted(config_store: ConfigStore) -> None:
    keep(config_store, 7)
    (config_store.folder / "standing.json").write_bytes(b"{")
    ConfigStore(config_store.folder.parent).sweep()
    assert numbers_on_the_card(config_store) == {"7"}
