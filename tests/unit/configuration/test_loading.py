import errno
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from contract.results import BundleResult, CheckName
from firmware.base.errors import StorageError
from firmware.configuration.config_store import ConfigStore
from firmware.configuration.loading import (
    COUNTRY_NAME,
    LAST_GOOD_NAME,
    keep_country,
    load,
    mark_cancelled,
    read_country,
)
from firmware.configuration.standing import Ended
from firmware.phone.requests.handset import ChooseCountry
from firmware.services.account.factory_reset import begin_reset, finish_reset
from firmware.services.country import CountryErrands
from firmware.settings.phone import phone_settings
from firmware.settings.voice import sip_settings
from firmware.setup.bundles.identity import open_identity
from provisioning.serial import serial
from tests.lab.bundle_desk import NOW_S, candidate, configuration_text
from tests.lab.bundles import Installer

GOOD = """
[device]
id = "desk-1"
[[accounts]]
username = "alice"
domain = "sip.example"
password = "secret-word"
"""
BAD = GOOD + '\n[sound]\nrate_hz = 44100\nvolum = 3\n[sip]\ncodecs = ["mp3"]\n'

SILENT = '[device]\nid = "desk-1"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'
GERMAN = SILENT.replace('id = "desk-1"\n', 'id = "desk-1"\ncountry = "DE"\n')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_a_good_configuration_is_used_and_kept_as_the_last_good_one(path: Path, tmp_path: Path) -> None:
    path.write_text(GOOD)
    loaded = load(path, tmp_path)
    assert loaded.configuration is not None
    assert loaded.configuration.device.id == "desk-1"
    assert loaded.mistakes == ()
    copy = tmp_path / LAST_GOOD_NAME
    assert copy.read_text() == GOOD
    assert copy.stat().st_mode & 0o777 == 0o600


def test_all_mistakes_are_listed_at_once_with_their_place_and_the_last_good_configuration_runs_on(
    path: Path, tmp_path: Path
) -> None:
    path.write_text(GOOD)
    load(path, tmp_path)
    path.write_text(BAD)
    loaded = load(path, tmp_path)
    assert loaded.from_last_good
    assert loaded.configuration is not None
    assert len(loaded.mistakes) == 3
    for place in ("sound.rate_hz: ", "sound.volum: ", "sip.codecs[1]: "):
        assert any(mistake.startswith(place) for mistake in loaded.mistakes)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"[device", BAD.encode()])
def test_without_any_good_configuration_the_handset_is_unprovisioned_and_says_why(
    path: Path, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        path.write_bytes(content)
    loaded = load(path, tmp_path)
    assert loaded.configuration is None
    assert loaded.mistakes
    assert all(mistake.endswith(".") for mistake in loaded.mistakes)


def test_no_mistake_repeats_a_secret(path: Path, tmp_path: Path) -> None:
    path.write_text(GOOD.replace('"secret-word"', '["secret-word"]').replace("sip.example", "sip example/secret-word"))
    assert not any("secret-word" in mistake for mistake in load(path, tmp_path).mistakes)


def test_a_state_folder_that_cannot_be_written_does_not_disable_a_good_configuration(
    path: Path, tmp_path: Path
) -> None:
    path.write_text(GOOD)
    assert load(path, tmp_path / "missing").configuration is not None


def test_what_finds_mistakes_and_their_places_is_loaded_only_where_there_are_any(path: Path, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from firmware.configuration.loading import load\n"
        f"load(Path({str(path)!r}), Path({str(tmp_path)!r}))\n"
        "print([name for name in ('tree_sitter', 'provisioning.examination', 'difflib') if name in sys.modules])\n"
    )
    for text, loaded in ((GOOD, []), (BAD, ["tree_sitter", "provisioning.examination", "difflib"])):
        path.write_text(text)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(loaded)


# --- what bundles brought ---


INSTALLER = Installer()


def put_on_shelf(config_store: ConfigStore, number: int, text: str = "") -> None:
    """Stage a configuration as a bundle brings it."""
    draft = config_store.draft_of(f"{number:032x}")
    draft.write_bytes(b"bundle")
    text = text or configuration_text(INSTALLER, device=f"desk-{number}")
    config_store.stage(number, draft, {"config.toml": text.encode()})


def keep(config_store: ConfigStore, number: int) -> None:
    put_on_shelf(config_store, number)
    config_store.begin_trial(candidate(number))
    config_store.keep(NOW_S, ())
    config_store.end(Ended.of(candidate(number), BundleResult.APPLIED, checks=(), at_s=NOW_S))


def test_what_a_bundle_brought_counts_before_the_file_and_what_is_tried_before_both(path: Path, tmp_path: Path) -> None:
    path.write_text(GOOD)
    config_store = ConfigStore(tmp_path)
    keep(config_store, 6)
    loaded = load(path, tmp_path)
    assert (loaded.number, loaded.trial, loaded.mistakes) == (6, None, ())
    put_on_shelf(config_store, 7)
    ConfigStore(tmp_path).begin_trial(candidate(7))
    loaded = load(path, tmp_path)
    assert (loaded.number, loaded.trial and loaded.trial.tries) == (7, 1)
    assert loaded.configuration is not None
    assert loaded.configuration.device.id == "desk-7"


def test_where_what_counts_is_damaged_the_one_before_runs_and_it_is_said(path: Path, tmp_path: Path) -> None:
    config_store = ConfigStore(tmp_path)
    for number in (5, 6):
        keep(config_store, number)
    (config_store.folder_of(6) / "config.toml").write_text("[device")
    loaded = load(path, tmp_path)
    assert (loaded.number, loaded.from_last_good) == (5, True)
    assert loaded.mistakes
    (config_store.folder_of(5) / "config.toml").unlink()
    path.write_text(GOOD)
    loaded = load(path, tmp_path)
    assert loaded.configuration is not None
    assert (loaded.number, loaded.configuration.device.id) == (None, "desk-1")
    assert len(loaded.mistakes) > 1


def test_what_cannot_even_be_started_with_is_given_up_before_anything_runs(path: Path, tmp_path: Path) -> None:
    config_store = ConfigStore(tmp_path)
    keep(config_store, 6)
    put_on_shelf(config_store, 7, "[device")
    config_store.begin_trial(candidate(7))
    assert load(path, tmp_path).number == 6
    standing = ConfigStore(tmp_path).standing
    assert (standing.trial, standing.reverted) == (None, (7,))
    assert standing.ended is not None
    assert (standing.ended.result, standing.ended.code) == (BundleResult.REVERTED, CheckName.START)


def test_a_card_that_cannot_be_written_runs_with_what_counts_and_not_with_what_is_to_be_tried(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_store = ConfigStore(tmp_path)
    keep(config_store, 6)
    put_on_shelf(config_store, 7)
    config_store.begin_trial(candidate(7))

    def read_only(*_arguments: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("firmware.configuration.config_store.replace_durably", read_only)
    loaded = load(path, tmp_path)
    assert (loaded.number, loaded.trial) == (6, None)


def test_a_cancelled_account_is_not_used_again_but_its_keys_still_count(path: Path, tmp_path: Path) -> None:
    config_store = ConfigStore(tmp_path)
    keep(config_store, 6)
    mark_cancelled(tmp_path, load(path, tmp_path).text)
    loaded = load(path, tmp_path)
    assert (loaded.configuration, loaded.cancelled) == (None, True)
    assert loaded.installed is not None
    assert loaded.installed.trust.keys == (INSTALLER.trusted,)
    # The same text once more is another beginning.
    put_on_shelf(config_store, 7, configuration_text(INSTALLER, device="desk-6"))
    ConfigStore(tmp_path).begin_trial(candidate(7))
    assert load(path, tmp_path).number == 7


def test_a_factory_reset_leaves_what_the_installer_set_up_by_bundle(path: Path, tmp_path: Path) -> None:
    config_store = ConfigStore(tmp_path)
    keep(config_store, 6)
    identity = open_identity(config_store.folder, serial())
    begin_reset(tmp_path)
    assert finish_reset(tmp_path, {})
    assert load(path, tmp_path).number == 6
    assert open_identity(config_store.folder, serial()).describe("1").public_key == identity.describe("1").public_key


def test_nothing_of_cryptography_is_loaded_where_no_passwords_are_sealed() -> None:
    program = "import sys, firmware.configuration.loading; print('cryptography' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@pytest.fixture
def silent_path(tmp_path: Path) -> Path:
    silent_path = tmp_path / "config.toml"
    silent_path.write_text(SILENT)
    return silent_path


def test_a_configuration_from_before_the_country_had_to_be_said_still_starts(silent_path: Path, tmp_path: Path) -> None:
    loaded = load(silent_path, tmp_path)
    assert (loaded.mistakes, loaded.chosen_country) == ((), "")
    settings = phone_settings(loaded)
    assert settings.provisioned
    assert settings.chosen_country == ""
    for number in ("112", "911", "999", "110", "119", "120", "122"):
        assert settings.dial_plan.reaches_emergency(number)


def test_what_was_chosen_counts_for_every_part_and_after_every_start(silent_path: Path, tmp_path: Path) -> None:
    keep_country(tmp_path, "AT")
    for _ in range(2):
        loaded = load(silent_path, tmp_path)
        assert loaded.configuration is not None
        assert (loaded.configuration.device.country, loaded.chosen_country) == ("AT", "AT")
        assert phone_settings(loaded).dial_plan.reaches_emergency("144")
        assert not phone_settings(loaded).dial_plan.reaches_emergency("911")
        assert sip_settings(loaded.configuration).is_emergency("144")


def test_what_the_configuration_says_wins(silent_path: Path, tmp_path: Path) -> None:
    keep_country(tmp_path, "AT")
    silent_path.write_text(GERMAN)
    loaded = load(silent_path, tmp_path)
    assert loaded.configuration is not None
    assert (loaded.configuration.device.country, loaded.chosen_country) == ("DE", None)


@pytest.mark.parametrize("content", [b"", b"XX\n", b"\xff\xfe", b"AT" * 1000, b"at\n"])
def test_a_file_that_holds_no_country_is_as_good_as_none(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / COUNTRY_NAME).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert read_country(tmp_path) == ""
    assert "The phone asks again" in caplog.text


def test_without_a_file_none_was_chosen(tmp_path: Path) -> None:
    assert read_country(tmp_path) == ""


def test_only_a_country_is_kept(tmp_path: Path) -> None:
    keep_country(tmp_path, "AT")
    with pytest.raises(StorageError, match="no country of this code"):
        keep_country(tmp_path, "XX")
    assert read_country(tmp_path) == "AT"


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be kept"):
        keep_country(tmp_path / "nowhere", "AT")


async def test_the_country_is_on_the_disk_before_the_handset_starts_anew(tmp_path: Path) -> None:
    found: list[str] = []
    handlers = CountryErrands(tmp_path, lambda: found.append(read_country(tmp_path))).handlers
    await handlers[ChooseCountry](ChooseCountry("AT"))
    assert found == ["AT"]


async def test_where_it_cannot_be_kept_the_handset_goes_on(tmp_path: Path) -> None:
    handlers = CountryErrands(tmp_path / "nowhere", lambda: pytest.fail("it started anew for nothing")).handlers
    with pytest.raises(StorageError):
        await handlers[ChooseCountry](ChooseCountry("AT"))


def test_a_factory_reset_forgets_it(tmp_path: Path) -> None:
    keep_country(tmp_path, "AT")
    begin_reset(tmp_path)
    assert finish_reset(tmp_path, {})
    assert not (tmp_path / COUNTRY_NAME).exists()


def test_during_a_trial_nobody_is_asked_since_the_answer_would_end_it(silent_path: Path, tmp_path: Path) -> None:
    loaded = load(silent_path, tmp_path)
    assert phone_settings(loaded).chosen_country == ""
    assert phone_settings(replace(loaded, trial=candidate(7))).chosen_country is None
