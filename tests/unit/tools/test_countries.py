"""The table of countries: all of them, as it is compiled from the data, in the firmware and in the documentation."""

from phonenumbers.geodata.locale import LOCALE_DATA

from firmware.phone.countries import COUNTRIES
from provisioning.countries import COUNTRY_CODES
from tools.countries.compile import MODULE_PATH, emergency_numbers, module_text
from tools.countries.corrections import GENERAL
from tools.countries.document import PATH, document

WITHDRAWN = {"AN"}
WITHOUT_A_CODE = {"AC", "TA", "XK"}


def test_the_module_is_what_the_data_makes_of_it() -> None:
    assert MODULE_PATH.read_text(encoding="utf-8") == module_text(), "run make countries"


def test_the_page_is_what_the_module_says() -> None:
    assert PATH.read_text(encoding="utf-8") == document(), "run make countries"


def test_every_country_of_iso_3166_is_there_and_has_its_row() -> None:
    assert (set(LOCALE_DATA) - WITHDRAWN) | WITHOUT_A_CODE == COUNTRY_CODES == set(COUNTRIES)
    page = document()
    for code, country in COUNTRIES.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {code} ")]
        assert country.english_name in row
        assert country.general_number in row


def test_every_country_has_a_name_in_each_language() -> None:
    for language in ("en", "zh"):
        names = [country.name(language) for country in COUNTRIES.values()]
        assert all(names)
        assert not any("*" in name for name in names)
        assert len(set(names)) == len(names)


def test_whom_112_becomes_is_said_for_no_country_that_does_not_need_it() -> None:
    for code in GENERAL:
        assert "112" not in emergency_numbers(code)
