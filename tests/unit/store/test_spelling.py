"""New."""

import pytest

from firmware.phone.countries import COUNTRIES
from firmware.store.spelling import read_number, same_line


def same(country: str, one: str, other: str) -> bool:
    plan = COUNTRIES[country]
    first, second = read_number(one, plan), read_number(other, plan)
    alike = same_line(first, second, plan)
    assert alike is same_line(second, first, plan)
    if alike:
        assert first.tail == second.tail, "an index by tail would not find it"
    return alike


def test_every_country_that_can_be_configured_has_its_plan() -> None:
    for country in COUNTRIES:
        assert COUNTRIES[country].calling_code.isdigit()


def test_a_number_of_another_country_is_itself_in_every_country(subtests: pytest.Subtests) -> None:
    for country in COUNTRIES:
        with subtests.test(country=country):
            elsewhere = "+4420123456789" if country != "GB" else "+33123456789"
            prefix = COUNTRIES[country].international_prefix
            if prefix:
                assert same(country, elsewhere, f"{prefix}{elsewhere[1:]}")
            assert not same(country, elsewhere, f"{elsewhere[:-1]}0")


def test_one_line_written_in_two_ways_is_the_same(subtests: pytest.Subtests) -> None:
    for country, one, other in (
        ("CN", "+8613912345678", "13912345678"),
        ("CN", "+8613912345678", "139 1234 5678"),
        ("CN", "+8613912345678", "008613912345678"),
        ("CN", "+861012345678", "010-1234-5678"),
        ("CN", "+861012345678", "12345678"),
        ("CN", "+861012345678", "sip:+861012345678@sip.example.org;user=phone"),
        ("CN", "+861012345678", "tel:+86-10-1234-5678"),
        ("US", "+12125550123", "(212) 555-0123"),
        ("US", "+12125550123", "1 212 555 0123"),
        ("US", "+12125550123", "5550123"),
        ("US", "+442071838750", "011 44 20 7183 8750"),
        ("GB", "+442071838750", "020 7183 8750"),
        ("GB", "+442071838750", "+44 (0)20 7183 8750"),
        ("IT", "+390612345678", "06 1234 5678"),
        ("ES", "+34912345678", "912 345 678"),
        ("AU", "+61291234567", "(02) 9123 4567"),
        ("AU", "+442071838750", "0011442071838750"),
        ("JP", "+442071838750", "010442071838750"),
        ("CN", "1001", "1001"),
        ("CN", "sip:Ann@Example.org", "ann@example.org"),
        ("CN", "sip:1001@example.org", "sip:1001@example.org;transport=tcp"),
    ):
        with subtests.test(country=country, one=one):
            assert same(country, one, other)


@pytest.mark.parametrize(
    ("country", "one", "other"),
    [
        ("CN", "+8613912345678", "+8613912345679"),
        ("CN", "+8613912345678", "+4413912345678"),
        ("CN", "+441012345678", "12345678"),
        ("CN", "010-1234-5678", "021-1234-5678"),
        ("CN", "1001", "+861012341001"),
        ("CN", "1001", "01001"),
        ("CN", "sip:1001@example.org", "sip:1001@example.net"),
        ("CN", "sip:ann@example.org", "sip:bob@example.org"),
        ("US", "345678", "+12123345678"),
    ],
)
def test_different_lines_are_not_the_same(country: str, one: str, other: str) -> None:
    assert not same(country, one, other)
