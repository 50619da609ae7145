"""What the schema says and what the dial plan says, in one list."""

import pytest

from firmware.configuration.inspection import inspect_configuration
from firmware.configuration.loading import check_configuration
from provisioning.remarks import Severity

MINIMAL = '[device]\nid = "desk-1"\ncountry = "GB"\n[[accounts]]\nusername = "1001"\ndomain = "sip.example"\n'


def settings_of(text: str, severity: Severity = Severity.MISTAKE) -> list[str]:
    return [remark.setting for remark in inspect_configuration(text).remarks if remark.severity is severity]


def test_a_mistake_in_one_table_hides_no_contradiction_of_another() -> None:
    text = MINIMAL + '[sip]\ncolour = 1\n[calls]\nforward_always = "999"\nmax_calls = 99\n'
    assert settings_of(text) == ["sip.colour", "calls.forward_always", "calls.max_calls"]


def test_a_contradiction_that_may_only_follow_from_a_mistake_is_not_told() -> None:
    assert settings_of(MINIMAL + '[dialing]\ndigit_map = ["xx"]\nspeed_dials = { "1" = "123" }\n') == [
        "dialing.speed_dials.1"
    ]
    assert settings_of(MINIMAL + '[dialing]\ndigit_map = [7]\nspeed_dials = { "1" = "123#" }\n') == [
        "dialing.digit_map[1]"
    ]


def test_contradictions_and_warnings_stand_at_their_place_in_a_file_whose_default_account_is_not_the_first() -> None:
    text = (
        MINIMAL + 'voicemail_number = "0900"\n'
        '[[accounts]]\nusername = "2"\ndomain = "d"\ndefault = true\nsrtp = "off"\n[dialing]\nbarred = ["0900"]\n'
    )
    (mistake,) = inspect_configuration(text).mistakes
    assert (mistake.setting, mistake.place) == ("accounts[1].voicemail_number", (7, 20))
    assert settings_of(text, Severity.WARNING) == ["trust", "accounts[2].srtp"]


def test_what_has_mistakes_is_no_configuration() -> None:
    assert inspect_configuration(MINIMAL).configuration is not None
    assert inspect_configuration(MINIMAL + '[calls]\nforward_always = "999"\n').configuration is None


def test_a_time_zone_that_there_is_not_says_which_one_was_meant() -> None:
    zone = MINIMAL.replace('country = "GB"', 'country = "GB"\ntime_zone = "Europe/Lundon"')
    (remark,) = inspect_configuration(zone).mistakes
    assert remark.sentence == (
        "device.time_zone: there is no time zone of this name; did you mean Europe/London? (line 4, column 13)."
    )
    assert inspect_configuration(zone.replace("Lundon", "London")).mistakes == ()


@pytest.mark.parametrize(
    ("addition", "setting"),
    [
        ('[calls]\nforward_always = "112"\n', "calls.forward_always"),
        ('[dialing.hotline]\nnumber = "112"\n', "dialing.hotline.number"),
        ('voicemail_number = "112"\n', "accounts[1].voicemail_number"),
    ],
)
def test_a_number_that_only_may_be_help_is_warned_of_and_keeps_no_handset_from_starting(
    addition: str, setting: str
) -> None:
    american = MINIMAL.replace('"GB"', '"US"') + addition
    assert settings_of(american) == []
    assert setting in settings_of(american, Severity.WARNING)
    assert check_configuration(american).device.country == "US"
    assert settings_of(MINIMAL + addition) == [setting]


def test_a_handset_takes_a_configuration_without_country_that_nobody_is_to_write_any_more() -> None:
    silent = MINIMAL.replace('country = "GB"\n', "")
    assert settings_of(silent) == ["device.country"]
    assert check_configuration(silent + '[calls]\nforward_always = "911"\n').device.country is None
