import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.phone.contact import cleaned_number
from firmware.phone.countries import COUNTRIES
from firmware.phone.dial_string import DialString, keys_of_letters, parse_number, sip_address
from firmware.phone.numbers import TOLL_FREE, NumberForms


def test_an_extension_and_pauses_are_taken_apart_from_the_number(subtests: pytest.Subtests) -> None:
    for written, number, post_dial in [
        ("+49 30 123-4567", "+49 30 123-4567", ""),
        ("+49 30 123456 ext. 12", "+49 30 123456", ",12"),
        ("+49 30 123456 EXT 12", "+49 30 123456", ",12"),
        ("(555) 123-4567 x12", "(555) 123-4567", ",12"),
        ("(555) 123-4567, extension 12", "(555) 123-4567", ",12"),
        ("010-12345678转123", "010-12345678", ",123"),
        ("010-12345678 分机 123", "010-12345678", ",123"),
        ("8 495 123 45 67 доб. 12", "8 495 123 45 67", ",12"),
        ("tel:+86-10-1234-5678;ext=7", "+86-10-1234-5678", ",7"),
        ("+861012345678;phone-context=example.com;ext=7", "+861012345678", ",7"),
        ("+15551234,12", "+15551234", ",12"),
        ("+15551234,,12#,3", "+15551234", ",,12#,3"),
        ("+1 555 1234;9", "+1 555 1234", ";9"),
        ("+1 555 1234p12w34", "+1 555 1234", ",12;34"),
        ("+15551234\uff0c12", "+15551234", ",12"),
        ("+15551234,", "+15551234", ""),
        ("*72", "*72", ""),
        ("110", "110", ""),
        ("1-800-FLOWERS", "1-800-FLOWERS", ""),
        ("1-800-FLOWERS x12", "1-800-FLOWERS", ",12"),
        ("1-800-FLOWERS,12", "1-800-FLOWERS", ",12"),
        ("1-800-GROW4", "1-800-GROW4", ""),
        ("+15551234;9,", "+15551234", ";9"),
        ("7pm", "7pm", ""),
        ("Ann", "Ann", ""),
        ("", "", ""),
    ]:
        with subtests.test(written=written, number=number, post_dial=post_dial):
            assert parse_number(cleaned_number(written)) == DialString(number, post_dial)


def test_an_address_says_whom_to_call_and_nothing_else(subtests: pytest.Subtests) -> None:
    for written, address in [
        ("sip:Ann@Example.ORG", "sip:Ann@example.org"),
        ("SIPS:ann@example.org:5061", "sips:ann@example.org:5061"),
        ("ann@example.org", "sip:ann@example.org"),
        ("sip:ann@[2001:db8::1]", "sip:ann@[2001:db8::1]"),
        ("sip:+49301234@example.org;user=phone", "sip:+49301234@example.org"),
        ("sip:ann@example.org?Subject=x&Replaces=y", "sip:ann@example.org"),
        ("sip:ann:secret@example.org", None),
        ("sip:ann@example.org\r\nVia: x", None),
        ("sip:ann b@example.org", None),
        ("sip:<ann@example.org>", None),
        ("sip:ann@", None),
        ("sip:@example.org", None),
        ("+49301234", None),
    ]:
        with subtests.test(written=written, address=address):
            found = sip_address(written)
            assert (str(found) if found else None) == address


@pytest.mark.parametrize(
    ("written", "keys"),
    [
        ("1-800-FLOWERS", "1-800-3569377"),
        ("1800 goog 411", "1800 4664 411"),
        ("112", "112"),
        ("Ann 1800", "Ann 1800"),
        ("1-800-X", "1-800-X"),
        ("0800 Büro", "0800 Büro"),
    ],
)
def test_words_are_on_the_keys_of_a_telephone(written: str, keys: str) -> None:
    assert keys_of_letters(written) == keys


@given(st.text(alphabet="0123456789+*#,;pwx. ()-/extEXT@:sip转", max_size=64))
def test_whatever_is_written_what_is_sent_after_the_answer_is_keys(written: str) -> None:
    found = parse_number(written)
    assert set(found.post_dial) <= set("0123456789*#,;")
    assert not found.post_dial or found.post_dial[0] in ",;"
    assert parse_number(str(found)).post_dial == found.post_dial or "@" in found.number


def test_toll_free_numbers_are_as_the_numbering_plans_have_them(subtests: pytest.Subtests) -> None:
    """phonenumbers' metadata says what is dialled before them, and which numbers are free of charge."""
    for code in TOLL_FREE:
        with subtests.test(code=code):
            for begins, trunk in TOLL_FREE[code].items():
                found = [
                    number
                    for length in ((len(begins),) if begins.endswith("x") else range(4, 12))
                    for digit in "1234567890"
                    if phonenumbers.is_valid_number(
                        number := phonenumbers.parse(f"+{code}{(begins.rstrip('x') + digit * 12)[:length]}")
                    )
                ]
                assert found, (code, begins)
                for number in found:
                    national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
                    dialled = phonenumbers.format_out_of_country_calling_number(
                        number, phonenumbers.region_code_for_number(number) or ""
                    )
                    digits = {"".join(filter(str.isdigit, text)) for text in (national, dialled)}
                    assert f"{trunk}{number.national_number}" in digits, (code, begins, digits)


@pytest.mark.parametrize(
    ("country", "written", "dialled"),
    [
        ("CN", "+864008101234", "4008101234"),
        ("DE", "+498001234567", "08001234567"),
        ("US", "+18005551234", "18005551234"),
        ("GB", "+448081570000", "08081570000"),
        ("GB", "+80012345678", "+80012345678"),
        ("IE", "+3531800123456", "1800123456"),
        ("IE", "+35318001111", "+35318001111"),
        ("GB", "+442079460018", "+442079460018"),
        ("DE", "+448081570000", "+448081570000"),
        ("US", "+33800123456", "+33800123456"),
    ],
)
def test_a_toll_free_number_is_dialled_as_within_its_country_and_others_as_they_are(
    country: str, written: str, dialled: str
) -> None:
    assert NumberForms.of(COUNTRIES[country]).toll_free(written) == dialled
