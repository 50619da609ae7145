import json
import stat
from pathlib import Path

import pytest

from firmware.configuration.shelf import BUNDLE_NAME, CONFIGURATION_NAME, SECRETS_NAME, Shelf
from firmware.configuration.standing import MOST_KEPT, MOST_TRIES, Ended, Standing
from firmware.phone.bundle_news import BundleCode, BundleResult
from firmware.setup.bundles.identity import open_identity
from provisioning.refusal import BundleRefusedError
from tests.lab.bundle_desk import NOW_S, candidate
from tests.lab.bundles import SERIAL, manifest

pytestmark = pytest.mark.feature("bundle trial")

FILES = {CONFIGURATION_NAME: b"text", "certificates/ca.pem": b"pem", SECRETS_NAME: b"sealed"}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def stage(shelf: Shelf, number: int) -> None:
    draft = shelf.draft_of(f"{number:032x}")
    draft.touch(mode=0o600)
    draft.write_bytes(b"bundle")
    shelf.stage(number, draft, FILES)


def try_it(shelf: Shelf, number: int, **changes: object) -> None:
    stage(shelf, number)
    shelf.begin_trial(candidate(number, **changes))


def keep(shelf: Shelf, number: int, **changes: object) -> None:
    try_it(shelf, number, **changes)
    shelf.keep(NOW_S, ())
    shelf.end(ended(shelf, BundleResult.APPLIED, number))


def ended(shelf: Shelf, result: BundleResult, number: int) -> Ended:
    code = BundleCode.LINES if result is BundleResult.REVERTED else BundleCode.NONE
    return Ended.of(candidate(number), result, code, checks=(), at_s=NOW_S)


def numbers_on_the_card(shelf: Shelf) -> set[str]:
    return {path.name for path in shelf.folder_of(1).parent.iterdir()}


def test_a_new_handset_has_nothing_on_its_shelf(shelf: Shelf) -> None:
    assert (shelf.standing.active, shelf.standing.trial, shelf.standing.newest) == (None, None, 0)
    assert not shelf.folder.exists()


def test_a_staged_configuration_lies_there_whole_and_is_its_owners_alone(shelf: Shelf) -> None:
    stage(shelf, 7)
    folder = shelf.folder_of(7)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {**FILES, BUNDLE_NAME: b"bundle"}
    assert all(not stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [folder, *folder.rglob("*")])
    assert shelf.standing.trial is None


def test_what_is_tried_does_not_count_before_it_is_kept(shelf: Shelf, tmp_path: Path) -> None:
    keep(shelf, 6)
    try_it(shelf, 7)
    again = Shelf(tmp_path).standing
    assert (again.active, again.trial and again.trial.number) == (6, 7)
    shelf.keep(NOW_S, ())
    again = Shelf(tmp_path).standing
    assert (again.active, again.trial, again.newest) == (7, None, 7)
    assert again.finishing is not None


def test_a_trial_is_begun_three_times_and_not_a_fourth(shelf: Shelf) -> None:
    try_it(shelf, 7)
    tries = [trial.tries for _ in range(MOST_TRIES) if (trial := shelf.take_up_trial()) is not None]
    assert tries == [1, 2, 3]
    assert shelf.take_up_trial() is None
    assert shelf.standing.trial is not None


def test_a_number_that_failed_stays_refused_until_a_higher_one_is_kept(shelf: Shelf) -> None:
    keep(shelf, 6)
    try_it(shelf, 7)
    shelf.end(ended(shelf, BundleResult.REVERTED, 7))
    assert (shelf.standing.active, shelf.standing.reverted) == (6, (7,))
    assert numbers_on_the_card(shelf) == {"6"}
    with pytest.raises(BundleRefusedError):
        manifest(7).check_number(shelf.standing.newest, shelf.standing.reverted)
    manifest(8).check_number(shelf.standing.newest, shelf.standing.reverted)
    keep(shelf, 8)
    assert (shelf.standing.newest, shelf.standing.reverted) == (8, ())


def test_going_back_takes_back_what_was_newer_and_numbers_only_rise(shelf: Shelf) -> None:
    for number in (5, 6):
        keep(shelf, number)
    before = shelf.standing.before
    assert before is not None
    assert before.number == 5
    shelf.begin_trial(candidate(5, goes_back=True))
    shelf.keep(NOW_S, ())
    shelf.end(ended(shelf, BundleResult.APPLIED, 5))
    standing = shelf.standing
    assert (standing.active, standing.newest, standing.reverted) == (5, 6, (6,))
    assert numbers_on_the_card(shelf) == {"5"}
    for number in (5, 6):
        with pytest.raises(BundleRefusedError):
            manifest(number).check_number(standing.newest, standing.reverted)


def test_going_back_to_what_does_not_work_any_more_leaves_what_counts(shelf: Shelf) -> None:
    for number in (5, 6):
        keep(shelf, number)
    shelf.begin_trial(candidate(5, goes_back=True))
    shelf.end(ended(shelf, BundleResult.REVERTED, 5))
    assert (shelf.standing.active, shelf.standing.reverted) == (6, ())
    assert numbers_on_the_card(shelf) == {"5", "6"}


def test_only_the_newest_few_are_kept_and_what_goes_goes_from_the_card(shelf: Shelf) -> None:
    for number in range(1, MOST_KEPT + 3):
        keep(shelf, number)
    expected = list(range(3, MOST_KEPT + 3))
    assert [kept.number for kept in shelf.standing.kept] == expected
    assert numbers_on_the_card(shelf) == {str(number) for number in expected}


def test_what_was_staged_and_never_tried_is_swept_away_with_what_was_coming_in(shelf: Shelf) -> None:
    keep(shelf, 6)
    stage(shelf, 7)
    draft = shelf.draft_of("a" * 32)
    draft.write_bytes(b"half")
    shelf.sweep()
    assert numbers_on_the_card(shelf) == {"6"}
    assert not draft.exists()


def test_a_bundle_goes_once_all_in_it_is_taken_in_and_its_configuration_stays(shelf: Shelf) -> None:
    keep(shelf, 6)
    shelf.forget_bundle(6)
    folder = shelf.folder_of(6)
    assert not (folder / BUNDLE_NAME).exists()
    assert (folder / CONFIGURATION_NAME).read_bytes() == b"text"


def test_a_file_that_cannot_be_understood_counts_for_nothing_and_is_not_taken_for_something(
    shelf: Shelf, tmp_path: Path
) -> None:
    keep(shelf, 6)
    (shelf.folder / "standing.json").write_bytes(b"{half")
    assert Shelf(tmp_path).standing.active is None


def test_a_shelf_that_forgets_its_operator_is_as_new_but_for_the_handsets_own_keys(shelf: Shelf) -> None:
    identity = open_identity(shelf.folder, SERIAL)
    keep(shelf, 7)
    try_it(shelf, 8)
    (shelf.folder / "proven-time").write_bytes(b"1\n")
    shelf.draft_of("0").touch()
    shelf.forget_operator()
    assert shelf.standing == Standing() == Shelf(shelf.folder.parent).standing
    assert {str(path.relative_to(shelf.folder)) for path in shelf.folder.rglob("*") if path.is_file()} == {
        "identity/sealing.key",
        "identity/broker.key",
    }
    sealing_key = open_identity(shelf.folder, SERIAL).sealing_key
    assert sealing_key.private_bytes_raw() == identity.sealing_key.private_bytes_raw()
    keep(shelf, 1)
    assert shelf.standing.active == 1


def test_a_shelf_that_never_had_an_operator_forgets_it_too(shelf: Shelf) -> None:
    shelf.forget_operator()
    assert not shelf.folder.exists()


def test_what_newer_firmware_wrote_before_it_was_taken_back_costs_no_configuration(shelf: Shelf) -> None:
    keep(shelf, 7)
    try_it(shelf, 8)
    path = shelf.folder / "standing.json"
    written = json.loads(path.read_text())
    written["mood"] = "good"
    written["kept"][0]["colour"] = "blue"
    written["trial"]["source"] = "by_pigeon"
    written["ended"] = {**written["ended"], "code": "out_of_tea"}
    written["finishing"] = {"candidate": written["trial"], "checks": []}
    path.write_text(json.dumps(written))
    again = Shelf(shelf.folder.parent)
    again.sweep()
    assert (again.standing.active, [kept.number for kept in again.standing.kept]) == (7, [7])
    assert (again.standing.trial, again.standing.ended, again.standing.finishing) == (None, None, None)
    assert (again.folder_of(7) / CONFIGURATION_NAME).exists()


def test_a_standing_that_cannot_be_read_has_nothing_deleted(shelf: Shelf) -> None:
    keep(shelf, 7)
    (shelf.folder / "standing.json").write_bytes(b"{")
    Shelf(shelf.folder.parent).sweep()
    assert numbers_on_the_card(shelf) == {"7"}
