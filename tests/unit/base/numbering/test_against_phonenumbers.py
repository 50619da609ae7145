"""The table and phonenumbers, which it was compiled from, say the same."""

import random
from pathlib import Path

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, geocoder

from firmware.base.numbering.directory import TABLE_PATH, NumberDirectory
from tests.lab.chance import counted, dice
from tests.unit.base.numbering.world import CONFIGURABLE, e164, expected, region_of, sample, sample_of
from tools.numbering.compile import write_table

pytestmark = pytest.mark.feature("number attribution")

LANGUAGES = ("en", "zh")


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def directory(language: str) -> NumberDirectory:
    directory = NumberDirectory(TABLE_PATH, language)
    directory.start()
    return directory


def test_the_table_that_ships_is_the_one_that_compiling_gives(tmp_path: Path) -> None:
    write_table(tmp_path / "numbers.dat")
    assert (tmp_path / "numbers.dat").read_bytes() == TABLE_PATH.read_bytes(), "delete it and run make test again"


@pytest.mark.soak
def test_numbers_of_every_country_have_the_same_place_and_carrier(directory: NumberDirectory, language: str) -> None:
    different = []
    for number in sample(dice(), counted(full=20_000, landing=2_000)):
        said, wanted = directory.describe(e164(number), region_of(number)), expected(number, language)
        if said != wanted:
            different.append((e164(number), said, wanted))
    assert different == []


def test_numbers_of_every_country_are_known(directory: NumberDirectory) -> None:
    # The first three share their numbers with a neighbour that is asked first; the last has no Chinese name.
    regions = phonenumbers.SUPPORTED_REGIONS - {"BL", "EH", "MF", "TA"}
    unknown = {
        region
        for region in regions
        if not any(directory.describe(e164(number), region) for number in sample_of(random.Random(region), region, 100))
    }
    assert unknown == set()


@pytest.mark.parametrize("country", CONFIGURABLE)
def test_a_number_means_the_same_however_it_is_written(directory: NumberDirectory, language: str, country: str) -> None:
    for number in sample_of(random.Random(country), country, 60):
        wanted = expected(number, language)
        for spelling in (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.RFC3966):
            text = phonenumbers.format_number(number, spelling)
            assert directory.describe(text, country) == wanted, text
        national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        if len([digit for digit in national if digit.isdigit()]) > 6:
            assert directory.describe(national, country) == wanted, national


@pytest.mark.parametrize("country", CONFIGURABLE)
def test_a_number_from_abroad_is_named_with_its_country(
    directory: NumberDirectory, language: str, country: str
) -> None:
    code = phonenumbers.country_code_for_region(country)
    for other in CONFIGURABLE:
        if phonenumbers.country_code_for_region(other) == code:
            continue
        for number in sample_of(random.Random(other), other, 10):
            text = phonenumbers.format_out_of_country_calling_number(number, country)
            said = directory.describe(text, country)
            assert geocoder.description_for_number(number, language) in said, text
            assert geocoder.country_name_for_number(number, language) in said, text
