import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.consent import Purpose
from contract.messages import Number, Pseudonym
from firmware.phone.countries import COUNTRIES
from firmware.phone.numbers import DEFAULT_FORMS, NumberForms
from firmware.privacy.consent import ConsentState, Damage, DamageFound, LedgerHead, PurposeConsent
from firmware.privacy.egress.border import Border, pseudonym, reportable_number

KEY = bytes(range(32))
OTHER_KEY = bytes(32)
CROSSED = Border(crossed=True)
GERMAN = NumberForms.of(COUNTRIES["DE"])


def state(*, granted: bool, entry_number: int = 3, intact: bool = True) -> ConsentState:
    purposes = dict.fromkeys(Purpose, PurposeConsent())
    purposes[Purpose.CROSS_BORDER_CDR] = PurposeConsent(granted, entry_number)
    damage = None if intact else DamageFound(3, Damage.CHANGED)
    return ConsentState(damage, LedgerHead(), purposes)


REFUSED, GRANTED = state(granted=False), state(granted=True)


@pytest.mark.parametrize(
    ("forms", "ways"),
    [
        (
            DEFAULT_FORMS,
            ["+8613800138000", "13800138000", "013800138000", "008613800138000", "+86 138 0013 8000", "8613800138000",
             "sip:+8613800138000@sip.example.org", "sip:13800138000@sip.example.org", "tel:+86-138-0013-8000"],
        ),
        (DEFAULT_FORMS, ["01012345678", "+861012345678", "sips:01012345678@sip.example.org:5061"]),
        (GERMAN, ["03012345678", "+493012345678", "00493012345678"]),
        (DEFAULT_FORMS, ["sip:ann@example.org", "SIP:ann@example.org", "sips:ann@example.org"]),
    ],
)  # fmt: skip
def test_one_party_has_one_pseudonym_however_it_is_written(forms: NumberForms, ways: list[str]) -> None:
    border = Border(crossed=True, forms=forms)
    assert len({border.number(way, KEY, REFUSED, 9) for way in ways}) == 1


def test_other_parties_and_other_keys_have_other_pseudonyms() -> None:
    parties = ["13800138000", "13800138001", "1001", "sip:1001@a.example", "sip:1001@b.example", "sip:ann@a.example"]
    found = {CROSSED.number(party, key, REFUSED, 9) for party in parties for key in (KEY, OTHER_KEY)}
    assert len(found) == 2 * len(parties)


@pytest.mark.parametrize("party", ["110", "112", "1001", "*21#", "+861012345678", "ann", "sip:ann@example.org"])
def test_emergency_numbers_extensions_and_names_are_no_exception(party: str) -> None:
    number = CROSSED.number(party, KEY, REFUSED, 9)
    msgspec.convert(number, Pseudonym)


@pytest.mark.parametrize("party", ["", "Ann Lee", "9" * 200])
def test_what_cannot_be_reported_has_no_pseudonym_either(party: str) -> None:
    assert CROSSED.number(party, KEY, REFUSED, 9) is None


def test_digits_after_a_pause_are_no_part_of_the_party() -> None:
    assert CROSSED.number("13800138000,,1234#", KEY, REFUSED, 9) == CROSSED.number("13800138000", KEY, REFUSED, 9)


def test_a_number_leaves_as_it_is_within_the_region_and_where_the_holder_agrees() -> None:
    assert Border().number("1001", KEY, REFUSED, 0) == "1001"
    assert CROSSED.number("1001", KEY, GRANTED, 3) == "1001"


@pytest.mark.parametrize(
    ("answers", "entries_at_start"),
    [(REFUSED, 9), (GRANTED, 2), (state(granted=True, intact=False), 9)],
    ids=["refused", "begun before the grant", "damaged ledger"],
)
def test_it_does_not_for_a_call_that_the_grant_does_not_cover(answers: ConsentState, entries_at_start: int) -> None:
    assert CROSSED.number("1001", KEY, answers, entries_at_start) == pseudonym(KEY, "1001", DEFAULT_FORMS)


@given(st.text(max_size=60))
def test_a_pseudonym_holds_nothing_of_the_number(number: str) -> None:
    msgspec.convert(pseudonym(KEY, number, DEFAULT_FORMS), Pseudonym)


@given(st.text(alphabet="p:0123456789abcdef", max_size=40))
def test_no_number_looks_like_a_pseudonym(text: str) -> None:
    number = reportable_number(text)
    assert number is None or not number.startswith("p:")


def test_a_number_is_reduced_to_what_a_record_may_hold(subtests: pytest.Subtests) -> None:
    for party, number in [
        ("+861012345678", "+861012345678"),
        ("+86 (10) 1234-5678", "+861012345678"),
        ("1001", "1001"),
        ("*21#", "*21#"),
        ("ann.lee", "ann.lee"),
        ("sip:ann@example.org", "sip:ann@example.org"),
        ("sips:ann@example.org:5061", "sips:ann@example.org:5061"),
        ("SIP:ann@[2001:db8::1]:5060", "sip:ann@[2001:db8::1]:5060"),
        ("ann@example.org", "sip:ann@example.org"),
        ("sip:ann:secret@example.org;transport=tcp;user=phone?Subject=hello", "sip:ann@example.org"),
        ("sip:ann;phone-context=x@example.org", "sip:ann@example.org"),
        ("sip:5512,,1234@example.org", "sip:5512@example.org"),
        ("sip:@example.org", None),
        ("sip:example.org", "sip:example.org"),
        ("tel:+861012345678;phone-context=example.org", "+861012345678"),
        ("075512345,,1234#", "075512345"),
        ("075512345;1234#", "075512345"),
        ("075512345p1234w5", "075512345"),
        ("", None),
        ("Ann Lee", None),
        ("sip:ann@exa mple.org", None),
        ("sip:安@example.org", None),
        ("1\r\nVia: x", None),
        ("9" * 200, None),
    ]:
        with subtests.test(party=party, number=number):
            assert reportable_number(party) == number


@given(st.text(max_size=200) | st.from_regex(r"sips?:[^@]{0,30}:[^@]{1,20}@[a-z.]{1,30}[;?].{0,30}", fullmatch=True))
def test_whatever_a_caller_sends_fits_or_is_withheld(party: str) -> None:
    number = reportable_number(party)
    if number is not None:
        msgspec.convert(number, Number)
        assert not re.search(r"[\s;?,/\x00-\x1f\x7f]", number)
