import pytest

from firmware.phone.countries import COUNTRIES
from firmware.phone.numbers import NumberForms, NumberPattern


def forms(country: str = "DE", international_prefix: str | None = None) -> NumberForms:
    return NumberForms.of(COUNTRIES[country], international_prefix)


def test_a_number_is_the_same_however_it_is_written(subtests: pytest.Subtests) -> None:
    for country, one, other in [
        ("DE", "030 1234567", "+49301234567"),
        ("DE", "0049301234567", "030/1234567"),
        ("DE", "tel:+49-30-1234567", "0301234567"),
        ("US", "2125550123", "+12125550123"),
        ("US", "12125550123", "011 1 212 555 0123"),
        ("CN", "13812345678", "+8613812345678"),
        ("CN", "013812345678", "13812345678"),
        ("CN", "01012345678", "+861012345678"),
        ("ES", "912345678", "+34912345678"),
        ("GB", "sip:+442012345678", "02012345678"),
        ("AU", "0011442012345678", "+442012345678"),
        ("DE", "493012345678", "03012345678"),
        ("CN", "8613812345678", "13812345678"),
        ("US", "12125550123", "+12125550123"),
        ("DE", "2345", "2345"),
        ("DE", "sip:Anna@Example.com", "anna@example.com"),
    ]:
        with subtests.test(country=country, one=one, other=other):
            assert forms(country).same(one, other)
            assert forms(country).same(other, one)


@pytest.mark.parametrize(
    ("country", "one", "other"),
    [
        ("DE", "0301234567", "+44301234567"),
        ("DE", "301234567", "+49301234567"),
        ("DE", "2345", "+492345"),
        ("DE", "0301234567", "0301234568"),
        ("US", "2125550123", "2125550124"),
        ("DE", "anna@example.com", "anna@example.org"),
    ],
)
def test_different_numbers_stay_different(country: str, one: str, other: str) -> None:
    assert not forms(country).same(one, other)


def test_a_pattern_means_all_numbers_that_begin_so_however_they_are_written(subtests: pytest.Subtests) -> None:
    for pattern, number, matches in [
        ("+49900*", "0900123456", True),
        ("0900*", "+49900123456", True),
        ("0900*", "0901123456", False),
        ("0049900*", "+49900123456", True),
        ("00*", "+442012345678", True),
        ("00*", "00442012345678", True),
        ("00*", "0301234567", False),
        ("+*", "+442012345678", True),
        ("+*", "0301234567", False),
        ("+44*", "00442012345678", True),
        ("+44*", "0301234567", False),
        ("0*", "00442012345678", True),
        ("0*", "+442012345678", True),
        ("0*", "2345", False),
        ("*", "2345", True),
        ("*", "", False),
        ("", "", False),
        ("23*", "2345", True),
        ("anna@*", "Anna@example.com", True),
    ]:
        with subtests.test(pattern=pattern, number=number, matches=matches):
            assert NumberPattern(pattern).matches(number, forms()) is matches


def test_without_an_international_prefix_no_number_is_taken_for_an_international_one() -> None:
    assert not forms(international_prefix="").same("0049301234567", "+49301234567")
