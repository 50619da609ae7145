import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.phone.countries import COUNTRIES
from firmware.phone.numbers import DEFAULT_FORMS, NumberForms
from firmware.phone.purpose import Purpose
from firmware.privacy.consent import ConsentState, Damage, DamageFound, LedgerHead, PurposeConsent
from firmware.privacy.egress.border import Border, pseudonym
from firmware.privacy.egress.messages import Pseudonym

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
