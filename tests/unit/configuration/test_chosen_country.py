"""Which country counts: the configuration's, or else the one that was chosen on the display, and that survives."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from firmware.base.errors import StorageError
from firmware.configuration.chosen_country import COUNTRY_NAME, keep_country, read_country
from firmware.configuration.loading import load
from firmware.phone.errands import ChooseCountry
from firmware.services.account.factory_reset import begin_reset, finish_reset
from firmware.services.country import CountryErrands
from firmware.settings.line import sip_settings
from firmware.settings.phone import phone_settings
from tests.lab.bundle_desk import candidate

SILENT = '[device]\nid = "desk-1"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'
GERMAN = SILENT.replace('id = "desk-1"\n', 'id = "desk-1"\ncountry = "DE"\n')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(SILENT)
    return path


def test_a_configuration_from_before_the_country_had_to_be_said_still_starts(path: Path, tmp_path: Path) -> None:
    loaded = load(path, tmp_path)
    assert (loaded.mistakes, loaded.chosen_country) == ((), "")
    settings = phone_settings(loaded)
    assert settings.provisioned
    assert settings.chosen_country == ""
    for number in ("112", "911", "999", "110", "119", "120", "122"):
        assert settings.dial_plan.reaches_emergency(number)


def test_what_was_chosen_counts_for_every_part_and_after_every_start(path: Path, tmp_path: Path) -> None:
    keep_country(tmp_path, "AT")
    for _ in range(2):
        loaded = load(path, tmp_path)
        assert loaded.configuration is not None
        assert (loaded.configuration.device.country, loaded.chosen_country) == ("AT", "AT")
        assert phone_settings(loaded).dial_plan.reaches_emergency("144")
        assert not phone_settings(loaded).dial_plan.reaches_emergency("911")
        assert sip_settings(loaded.configuration).is_emergency("144")


def test_what_the_configuration_says_wins(path: Path, tmp_path: Path) -> None:
    keep_country(tmp_path, "AT")
    path.write_text(GERMAN)
    loaded = load(path, tmp_path)
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


def test_during_a_trial_nobody_is_asked_since_the_answer_would_end_it(path: Path, tmp_path: Path) -> None:
    loaded = load(path, tmp_path)
    assert phone_settings(loaded).chosen_country == ""
    assert phone_settings(replace(loaded, trial=candidate(7))).chosen_country is None
