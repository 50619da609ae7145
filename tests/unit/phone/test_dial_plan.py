import re
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.base.errors import DialPlanError
from firmware.phone.countries import COUNTRIES
from firmware.phone.country import USUAL_EMERGENCY_NUMBERS
from firmware.phone.dial_plan import MAX_DIGITS, DialPlan, Match, Objection, Rewrite
from firmware.phone.digit_map import Alternative
from provisioning.calling import Dialing
from provisioning.countries import COUNTRY_CODES
from tests.lab.measured import RecordProperty, assert_within

RFC_3261_USER = re.compile(r"sip:([A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-F]{2})+@example\.com")


def plan(*digit_map: str, country: str | None = "DE", **more: object) -> DialPlan:
    return DialPlan.build(country=country, domain="example.com", digit_map=digit_map or ("x.T",), **more)  # type: ignore[arg-type]


def test_every_country_that_can_be_configured_has_emergency_numbers() -> None:
    assert set(COUNTRIES) == COUNTRY_CODES
    for country, numbers in COUNTRIES.items():
        reached = {number for number in plan(country=country).emergency_numbers if len(number) > 1}
        assert reached >= (numbers.emergency or USUAL_EMERGENCY_NUMBERS) | {"112"}
        assert all(number.isdigit() for number in reached)
        assert numbers.general_number in (numbers.emergency or {""})


@pytest.mark.parametrize(
    ("country", "number"),
    [
        ("CN", "110"),
        ("CN", "122"),
        ("US", "911"),
        ("CA", "911"),
        ("GB", "999"),
        ("DE", "112"),
        ("AU", "000"),
        ("JP", "119"),
    ],
)
def test_an_emergency_number_is_sent_with_its_last_digit(country: str, number: str) -> None:
    assert plan(country=country).match(number) is Match.COMPLETE


def test_the_catch_all_delays_no_emergency_call(subtests: pytest.Subtests) -> None:
    for country in COUNTRIES:
        with subtests.test(country=country):
            emergency = COUNTRIES[country].emergency
            for number in emergency:
                begins_another = any(other != number and other.startswith(number) for other in emergency)
                expected = Match.COMPLETE_AFTER_TIMEOUT if begins_another else Match.COMPLETE
                assert plan(country=country).match(number) is expected


def test_112_is_help_everywhere_and_sent_as_a_number_of_the_country(subtests: pytest.Subtests) -> None:
    for country in COUNTRIES:
        with subtests.test(country=country):
            numbers = COUNTRIES[country]
            sent = plan(country=country).number("112")
            assert plan(country=country).is_emergency("112")
            assert sent in (numbers.emergency or {"112"})
            assert sent == "112" or "112" not in numbers.emergency


@pytest.mark.parametrize(
    ("country", "sent"),
    [
        ("AT", "112"),
        ("AU", "000"),
        ("CN", "110"),
        ("GB", "112"),
        ("JP", "110"),
        ("MX", "911"),
        ("NZ", "111"),
        ("US", "911"),
        ("GN", "112"),
    ],
)
def test_112_becomes_the_general_number_where_it_is_none_of_the_country(country: str, sent: str) -> None:
    assert plan(country=country).normalize("112") == f"sip:{sent}@example.com"
    behind_nine = plan(country=country, rewrites=[rewrite("9xx.", strip=1)], barred=["*"])
    assert behind_nine.normalize("9112") == f"sip:{sent}@example.com"
    assert not behind_nine.is_barred("9112")


def test_112_is_sent_as_it_is_where_the_configuration_says_that_it_is_a_number() -> None:
    assert plan(country="US", emergency_numbers=("112",)).number("112") == "112"
    assert plan(country="US", emergency_numbers=("112",)).match("112") is Match.COMPLETE


def test_112_waits_for_silence_where_an_extension_may_begin_with_it() -> None:
    assert plan(country="JP").match("112") is Match.COMPLETE_AFTER_TIMEOUT
    assert plan(country="JP").match("1120") is Match.COMPLETE_AFTER_TIMEOUT
    assert plan(country="JP").number("1120") == "1120"


def test_as_long_as_nobody_has_said_the_country_what_is_called_for_help_anywhere_is_help() -> None:
    nowhere = plan(country=None)
    for number in ("112", "911", "999", "110", "119", "120", "122"):
        assert nowhere.reaches_emergency(number)
        assert nowhere.normalize(number) == f"sip:{number}@example.com"
    assert not nowhere.is_emergency("144")


def test_what_only_may_be_help_is_no_number_that_the_phone_calls_by_itself() -> None:
    office = plan(country="US", rewrites=[rewrite("9xx.", strip=1)])
    assert office.objection("112") is Objection.EMERGENCY
    assert office.is_unsure("112")
    assert office.is_unsure("9112")
    assert not office.is_unsure("911")
    assert not plan(country="DE").is_unsure("112")


def test_an_emergency_number_that_begins_a_named_number_waits_for_silence() -> None:
    assert plan("11xx").match("112") is Match.COMPLETE_AFTER_TIMEOUT
    assert plan("11xx").match("1122") is Match.COMPLETE
    assert plan("1xx").match("112") is Match.COMPLETE


def test_an_emergency_number_that_begins_another_waits_for_silence() -> None:
    assert plan(emergency_numbers=("1120",)).match("112") is Match.COMPLETE_AFTER_TIMEOUT
    assert plan(emergency_numbers=("1120",)).match("1120") is Match.COMPLETE


def test_an_emergency_number_matches_where_the_digit_map_forbids_it() -> None:
    strict = plan("0[1-9]xxxx")
    assert strict.match("1") is Match.INCOMPLETE
    assert strict.match("11") is Match.INCOMPLETE
    assert strict.match("112") is Match.COMPLETE
    assert strict.normalize("112") == "sip:112@example.com"


def test_a_short_number_does_not_cut_an_emergency_number_off() -> None:
    assert plan("xx").match("11") is Match.COMPLETE_AFTER_TIMEOUT
    assert plan("xx").match("12") is Match.COMPLETE


def test_an_emergency_number_is_never_rewritten() -> None:
    australian = plan(country="AU", international_prefix="00")
    assert australian.number("000") == "000"
    assert plan(emergency_numbers=("00112345678",)).number("00112345678") == "00112345678"


def test_only_the_country_and_the_configuration_decide_what_an_emergency_is() -> None:
    assert plan(country="US").is_emergency("911")
    assert not plan(country="US").is_emergency("110")
    assert plan(country="US", emergency_numbers=("5555",)).is_emergency("5555")
    assert not plan().is_emergency("")


@pytest.mark.parametrize(
    ("digits", "match"),
    [
        ("", Match.INCOMPLETE),
        ("0", Match.INCOMPLETE),
        ("2", Match.INCOMPLETE),
        ("22", Match.COMPLETE_AFTER_TIMEOUT),
        ("223", Match.COMPLETE_AFTER_TIMEOUT),
        ("03012", Match.COMPLETE),
        ("0301234", Match.IMPOSSIBLE),
        ("9", Match.IMPOSSIBLE),
        ("*100", Match.COMPLETE),
        ("#", Match.IMPOSSIBLE),
    ],
)
def test_digits_are_judged_by_the_digit_map(digits: str, match: Match) -> None:
    assert plan("0[1-9]xxx", "2x.xT", "*100").match(digits) is match


@pytest.mark.parametrize(
    "code", ["*8", "*43", "*70", "*72", "*97", "*80202", "*98202", "**202", "*21*02079460123", "*65*1"]
)
def test_a_code_of_the_server_s_is_sent_after_silence_or_by_hash(code: str) -> None:
    its_plan = plan(*Dialing().digit_map)
    assert its_plan.match(code) is Match.COMPLETE_AFTER_TIMEOUT
    assert its_plan.accepts(code)
    assert not its_plan.takes_hash(code)


def test_a_star_alone_is_no_code() -> None:
    its_plan = plan(*Dialing().digit_map)
    assert [its_plan.accepts(digits) for digits in ("*", "**", "#1")] == [False] * 3


def test_the_shortest_match_is_sent_at_once() -> None:
    assert plan("4xx", "4xxxx").match("455") is Match.COMPLETE


@pytest.mark.parametrize(
    ("country", "digits", "number"),
    [
        ("DE", "004420123456", "+4420123456"),
        ("US", "0114420123456", "+4420123456"),
        ("JP", "0104420123456", "+4420123456"),
        ("AU", "00114420123456", "+4420123456"),
        ("DE", "+4420123456", "+4420123456"),
        ("DE", "00123", "00123"),
        ("DE", "0001234567", "0001234567"),
        ("DE", "0301234567", "0301234567"),
    ],
)
def test_the_international_prefix_becomes_a_plus(country: str, digits: str, number: str) -> None:
    assert plan(country=country).number(digits) == number
    assert plan(country=country).normalize(digits) == f"sip:{number}@example.com"


def test_an_empty_international_prefix_leaves_numbers_alone() -> None:
    assert plan(international_prefix="").number("004420123456") == "004420123456"


@pytest.mark.parametrize(
    ("digits", "match"),
    [
        ("+", Match.INCOMPLETE),
        ("+0", Match.IMPOSSIBLE),
        ("+44201", Match.INCOMPLETE),
        ("+4420123", Match.COMPLETE_AFTER_TIMEOUT),
        ("+442012345678901", Match.COMPLETE),
        ("+4420123456789012", Match.IMPOSSIBLE),
        ("+44*", Match.IMPOSSIBLE),
    ],
)
def test_a_plus_begins_an_e164_number_whatever_the_digit_map(digits: str, match: Match) -> None:
    assert plan("xxx").match(digits) is match


def test_the_hash_key_sends_except_within_service_codes() -> None:
    codes = plan("x.T", "*21*x.#", "#21#")
    assert not codes.takes_hash("12345")
    assert codes.takes_hash("*21*5")
    assert codes.takes_hash("#21")
    assert codes.takes_hash("")
    assert not plan().takes_hash("")


def test_a_digit_map_that_ends_numbers_with_hash_sends_them_without_it() -> None:
    classic = plan("0x.#")
    assert classic.match("0123") is Match.INCOMPLETE
    assert classic.accepts("0123")
    assert classic.normalize("0123") == "sip:0123@example.com"


def test_hash_and_star_are_escaped_as_a_uri_needs_them() -> None:
    assert plan("*21*x.#").normalize("*21*5#") == "sip:*21*5%23@example.com"


def test_what_matches_no_rule_is_refused_without_naming_it() -> None:
    with pytest.raises(DialPlanError) as refusal:
        plan("0[1-9]xxx").normalize("98765")
    assert "98765" not in str(refusal.value)


def test_a_number_has_an_end() -> None:
    assert plan().match("1" * MAX_DIGITS) is Match.COMPLETE_AFTER_TIMEOUT
    assert plan().match("1" * (MAX_DIGITS + 1)) is Match.IMPOSSIBLE


@given(st.text("0123456789*#+", max_size=40))
def test_whatever_is_accepted_makes_a_valid_uri(digits: str) -> None:
    dial_plan = plan("x.T", "*x.#", "#xx*x.T")
    if dial_plan.accepts(digits):
        assert RFC_3261_USER.fullmatch(dial_plan.normalize(digits))
    else:
        with pytest.raises(DialPlanError):
            dial_plan.normalize(digits)


@given(st.text("0123456789*#", min_size=1, max_size=12))
def test_a_number_can_be_reached_only_over_digits_that_may_become_one(digits: str) -> None:
    dial_plan = plan("0[1-9]xxT", "*21*x.#", "4xxx", "x.9")
    if dial_plan.match(digits) is not Match.IMPOSSIBLE:
        for length in range(1, len(digits)):
            assert dial_plan.match(digits[:length]) is not Match.IMPOSSIBLE


# --- rewriting, barring, and what calls may be sent to ---


def rewrite(pattern: str, strip: int = 0, prepend: str = "", account: str = "") -> Rewrite:
    return Rewrite(Alternative.parse(pattern), strip, prepend, account)


@pytest.mark.parametrize(
    ("rules", "digits", "number"),
    [
        ([rewrite("9xx.", strip=1)], "92345", "2345"),
        ([rewrite("9xx.", strip=1)], "2345", "2345"),
        ([rewrite("[2-8]xxxxxx", prepend="010")], "2345678", "0102345678"),
        ([rewrite("[2-8]xxxxxx", prepend="010")], "23456789", "23456789"),
        ([rewrite("9x.", strip=1, prepend="0"), rewrite("0x.", strip=1)], "92345", "02345"),
        ([rewrite("9xx.", strip=1, prepend="00")], "9442012345678", "+442012345678"),
        ([rewrite("x.", strip=1)], "+442012345678", "+442012345678"),
    ],
)
def test_the_first_rule_that_fits_all_of_a_number_rewrites_it(rules: list[Rewrite], digits: str, number: str) -> None:
    assert plan(rewrites=rules).number(digits) == number


def test_a_rule_may_name_the_account_that_calls() -> None:
    work = plan(rewrites=[rewrite("8xx.", strip=1, account="work")], domains={"work": "work.example"})
    assert work.account("82345") == "work"
    assert work.normalize("82345") == "sip:2345@work.example"
    assert work.account("2345") == ""
    assert work.normalize("2345") == "sip:2345@example.com"


def test_an_emergency_number_behind_a_prefix_is_an_emergency() -> None:
    behind_nine = plan(rewrites=[rewrite("9xx.", strip=1)], barred=["*"])
    assert behind_nine.reaches_emergency("9112")
    assert behind_nine.number("9112") == "112"
    assert not behind_nine.is_barred("9112")
    assert not behind_nine.reaches_emergency("92345")


def test_a_barred_number_is_barred_however_it_is_dialled(subtests: pytest.Subtests) -> None:
    for barred, digits, is_barred in [
        (["0900*"], "0900123456", True),
        (["0900*"], "+49900123456", True),
        (["0900*"], "0049900123456", True),
        (["0900*"], "90900123456", True),
        (["90900*"], "90900123456", True),
        (["0900*"], "0901123456", False),
        (["00*"], "00442012345678", True),
        (["00*"], "+442012345678", True),
        (["00*"], "0301234567", False),
        (["2345"], "2345", True),
        (["2345"], "23456", False),
        (["*"], "112", False),
        (["112"], "112", False),
    ]:
        with subtests.test(barred=barred, digits=digits, is_barred=is_barred):
            assert plan(barred=barred, rewrites=[rewrite("9xx.", strip=1)]).is_barred(digits) is is_barred


@pytest.mark.parametrize(
    ("digits", "objection"),
    [
        ("2345", None),
        ("112", Objection.EMERGENCY),
        ("9112", Objection.EMERGENCY),
        ("0900123456", Objection.BARRED),
        ("1001", Objection.OWN_NUMBER),
        ("91001", Objection.OWN_NUMBER),
        ("030 1234567", Objection.IMPOSSIBLE),
        ("0301234567", Objection.OWN_NUMBER),
        ("+49301234567", Objection.OWN_NUMBER),
        ("", Objection.IMPOSSIBLE),
        ("#", Objection.IMPOSSIBLE),
    ],
)
def test_calls_are_sent_neither_to_here_nor_to_where_they_must_not_go(digits: str, objection: Objection | None) -> None:
    careful = plan(barred=["0900*"], own_numbers=["1001", "+49301234567", "anna"], rewrites=[rewrite("9xx.", strip=1)])
    assert careful.objection(digits) is objection


def test_a_rule_of_any_length_is_read_in_one_pass(record_property: RecordProperty) -> None:
    started = thread_time()
    nasty = plan(rewrites=[rewrite("x." * 31 + "T") for _ in range(50)], barred=["1" * 63 + "*"] * 500)
    nasty.is_barred("1" * MAX_DIGITS)
    assert_within(record_property, "rules_cpu", thread_time() - started, 2)


_RULES = st.lists(
    st.builds(
        rewrite,
        st.sampled_from(["x.", "9x.", "1xx", "11x", "112", "x.T", "[0-9]xx.", "*x."]),
        st.integers(0, 4),
        st.text("0123456789*#", max_size=4),
    ),
    max_size=4,
)


# Of each country what it has and what people from elsewhere call.
_EMERGENCIES = [
    (country, number) for country in (*COUNTRIES, None) for number in sorted(plan(country=country).emergency_numbers)
]


@given(
    emergency=st.sampled_from(_EMERGENCIES),
    rules=_RULES,
    barred=st.lists(st.sampled_from(["*", "1*", "112", "0*", "9*", "+*", "00*"])),
    own=st.lists(st.sampled_from(["112", "110", "999", "1001"])),
    digit_map=st.sampled_from([("x.T",), ("0[1-9]xx",), ("11xx", "2x.T"), ("*x.#",)]),
)
def test_no_rule_keeps_an_emergency_number_from_being_called_as_it_is(
    emergency: tuple[str | None, str],
    rules: list[Rewrite],
    barred: list[str],
    own: list[str],
    digit_map: tuple[str, ...],
) -> None:
    country, number = emergency
    dial_plan = plan(*digit_map, country=country, rewrites=rules, barred=barred, own_numbers=own)
    sent = plan(country=country).number(number)
    assert number in {sent, "112"}
    assert dial_plan.accepts(number)
    assert dial_plan.normalize(number) == f"sip:{sent}@example.com"
    assert dial_plan.account(number) == ""
    assert dial_plan.reaches_emergency(number)
    assert not dial_plan.is_barred(number)
