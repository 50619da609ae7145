import pytest

from firmware.phone.dial_plan import DialPlan, Match
from firmware.phone.features import Feature, FeatureCodes
from provisioning.calling import FeatureCodes as ConfiguredCodes
from tests.unit.phone.office import office_settings

pytestmark = pytest.mark.feature("feature codes")

CODES = office_settings().feature_codes
PLAN = DialPlan.build(country="DE", domain="example.com", digit_map=("0[1-9]xx", "2x.T"))


def test_every_feature_has_a_code_of_its_own_in_the_configuration() -> None:
    assert set(ConfiguredCodes.model_fields) == set(Feature)
    assert set(CODES.codes) == set(Feature)


def test_a_code_is_read_with_what_follows_it(subtests: pytest.Subtests) -> None:
    for digits, feature, digit, number, match in [
        ("*78", Feature.DO_NOT_DISTURB_ON, "", "", Match.COMPLETE),
        ("*72", Feature.FORWARD_ALWAYS_ON, "", "", Match.INCOMPLETE),
        ("*720", Feature.FORWARD_ALWAYS_ON, "", "0", Match.INCOMPLETE),
        ("*720123", Feature.FORWARD_ALWAYS_ON, "", "0123", Match.COMPLETE),
        ("*7223", Feature.FORWARD_ALWAYS_ON, "", "23", Match.COMPLETE_AFTER_TIMEOUT),
        ("*729", Feature.FORWARD_ALWAYS_ON, "", "9", Match.IMPOSSIBLE),
        ("*67112", Feature.ANONYMOUS_CALL, "", "112", Match.COMPLETE),
        ("*98", Feature.SET_SPEED_DIAL, "", "", Match.INCOMPLETE),
        ("*983", Feature.SET_SPEED_DIAL, "3", "", Match.INCOMPLETE),
        ("*983234", Feature.SET_SPEED_DIAL, "3", "234", Match.COMPLETE_AFTER_TIMEOUT),
        ("*98*2", Feature.SET_SPEED_DIAL, "*", "2", Match.IMPOSSIBLE),
    ]:
        with subtests.test(digits=digits, feature=feature, digit=digit, number=number, match=match):
            reading = CODES.read(digits, PLAN)
            assert reading is not None
            assert (reading.feature, reading.digit, reading.number, reading.match) == (feature, digit, number, match)


@pytest.mark.parametrize("digits", ["", "*", "*7", "*781", "78", "2345", "#78", "112", "**78"])
def test_what_is_not_a_code_is_none(digits: str) -> None:
    assert CODES.read(digits, PLAN) is None


def test_an_emergency_number_is_never_read_as_a_code() -> None:
    plan = DialPlan.build(country="DE", domain="example.com", emergency_numbers=("*78", "*721"))
    assert CODES.read("*78", plan) is None
    assert CODES.read("*721", plan) is None


def test_the_beginning_of_a_code_is_told_from_a_whole_one() -> None:
    assert CODES.begins_code("*7")
    assert not CODES.begins_code("*78")
    assert not CODES.begins_code("7")
    assert not FeatureCodes().begins_code("*")


def test_every_key_of_every_default_code_can_be_dialled() -> None:
    assert all(set(code) <= set("0123456789*#") for code in CODES.codes.values())
