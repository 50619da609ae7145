"""What the configuration says about calling reaches the phone, and what contradicts itself is refused with reasons."""

import re
from pathlib import Path

import pytest

from firmware.configuration.loading import LoadedConfiguration, load
from firmware.phone.dial_plan import Match
from firmware.phone.digit_map import Alternative
from firmware.phone.features import Feature, Hotline, OpenHours
from firmware.phone.preferences import Preferences
from firmware.phone.state import PhoneSettings
from firmware.settings.phone import phone_settings
from provisioning.parsing import parse_configuration

BASE = """
[device]
id = "desk-1"
country = "DE"
[[accounts]]
name = "home"
username = "1001"
domain = "home.example"
voicemail_number = "*97"
[[accounts]]
name = "work"
username = "+493012345"
domain = "work.example"
"""


def settings_of(text: str) -> PhoneSettings:
    return phone_settings(LoadedConfiguration(parse_configuration(BASE + text)))


def mistakes_of(text: str, folder: Path) -> tuple[str, ...]:
    path = folder / "config.toml"
    path.write_text(BASE + text)
    return load(path, folder).mistakes


def test_every_setting_about_calls_reaches_the_phone() -> None:
    phone = settings_of("""
[calls]
allow = ["+4930*"]
block = ["0900*", "spam@elsewhere.example"]
reject_anonymous = true
allow_only = true
out_of_hours_forward = "2000"
forward_always = "2001"
forward_busy = "2002"
forward_no_answer = "2003"
auto_answer = true
auto_answer_from = ["2xx", "100"]
call_waiting = false
max_calls = 2
hold_reminder_s = 0
hide_dtmf = true
auto_redial_every_s = 45
auto_redial_tries = 3
[[calls.hours]]
days = ["mon", "sun"]
from = "08:30"
to = "24:00"
[dialing]
speed_dials = { "2" = "2345" }
[dialing.hotline]
number = "2999"
delay_s = 3
[sound]
speaker_playback = "plughw:1"
""")
    rules = phone.call_rules
    assert [pattern.text for pattern in rules.allow] == ["+4930*"]
    assert [pattern.text for pattern in rules.block] == ["0900*", "spam@elsewhere.example"]
    assert rules.allow_only
    assert rules.hours == (OpenHours(frozenset({0, 6}), 510, 1440),)
    assert rules.out_of_hours_forward == "2000"
    assert rules.auto_answer_from == (Alternative.parse("2xx"), Alternative.parse("100"))
    assert phone.preferences == Preferences(
        forward_always="2001",
        forward_busy="2002",
        forward_no_answer="2003",
        reject_anonymous=True,
        auto_answer=True,
        speed_dials=(("2", "2345"),),
    )
    assert (phone.call_waiting, phone.max_calls, phone.hold_reminder_s, phone.hide_dtmf) == (False, 2, 0, True)
    assert (phone.auto_redial_every_s, phone.auto_redial_tries) == (45, 3)
    assert phone.hotline == Hotline("2999", 3)
    assert phone.has_loudspeaker
    assert phone.voicemail_number == "*97"


def test_the_phone_is_told_whether_its_display_goes_off() -> None:
    assert settings_of("").display_off_s == 0
    assert settings_of("[display]\noff_after_s = 600").display_off_s == 600


def test_codes_reach_the_phone_without_those_that_are_switched_off() -> None:
    codes = settings_of('[feature_codes]\nvoicemail = ""\ncall_back = "*55"\n').feature_codes.codes
    assert Feature.VOICEMAIL not in codes
    assert codes[Feature.CALL_BACK] == "*55"
    assert codes[Feature.DO_NOT_DISTURB_ON] == "*78"


def test_rules_for_dialling_reach_the_plan() -> None:
    plan = settings_of("""
[dialing]
barred = ["0900*"]
[[dialing.rewrite]]
pattern = "8xx."
strip = 1
account = "work"
[[dialing.rewrite]]
pattern = "9xx."
strip = 1
prepend = "0"
account = "home"
""").dial_plan
    assert (plan.account("82345"), plan.normalize("82345")) == ("work", "sip:2345@work.example")
    assert (plan.account("92345"), plan.normalize("92345")) == ("", "sip:02345@home.example")
    assert plan.is_barred("0900123456")


def test_the_voicemail_can_be_called_whatever_the_digit_map_says() -> None:
    plan = settings_of('[dialing]\ndigit_map = ["0[1-9]xx"]\n').dial_plan
    assert plan.accepts("*97")
    assert plan.normalize("*97") == "sip:*97@home.example"
    assert plan.match("*97") is Match.IMPOSSIBLE


@pytest.mark.parametrize(
    ("addition", "mistake"),
    [
        (
            '[calls]\nforward_always = "1001"',
            "calls.forward_always: 1001 is this handset's own number, so that calls would go in a circle.",
        ),
        (
            '[calls]\nforward_busy = "03012345"',
            "calls.forward_busy: 03012345 is this handset's own number, so that calls would go in a circle.",
        ),
        (
            '[calls]\nforward_no_answer = "112"',
            "calls.forward_no_answer: 112 is an emergency number, which only a person may call.",
        ),
        (
            '[dialing]\nbarred = ["0900*"]\n[dialing.hotline]\nnumber = "+49900123456"',
            "dialing.hotline.number: +49900123456 is barred by dialing.barred.",
        ),
        (
            '[dialing.hotline]\nnumber = "112"',
            "dialing.hotline.number: 112 is an emergency number, which only a person may call.",
        ),
        (
            '[dialing]\nspeed_dials = { "4" = "#1" }',
            "dialing.speed_dials.4: #1 fits no alternative of dialing.digit_map, so that it can never be called.",
        ),
        (
            '[calls]\nout_of_hours_forward = "112"\n[[calls.hours]]\nfrom = "08:00"\nto = "18:00"',
            "calls.out_of_hours_forward: 112 is an emergency number, which only a person may call.",
        ),
        ('[dialing]\nbarred = ["*97"]', "accounts[1].voicemail_number: *97 is barred by dialing.barred."),
        (
            '[[dialing.rewrite]]\npattern = "9x."\nstrip = 1',
            "dialing.rewrite[1]: strip = 1 may leave nothing of a number that fits '9x.'.",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_with_the_reason(addition: str, mistake: str, tmp_path: Path) -> None:
    (told,) = mistakes_of(addition, tmp_path)
    assert re.sub(r" \(line \d+, column \d+\)\.$", ".", told) == mistake


def test_a_speed_dial_to_an_emergency_number_is_a_persons_own_call() -> None:
    assert settings_of('[dialing]\nspeed_dials = { "1" = "112" }').preferences.speed_dials == (("1", "112"),)


def test_all_contradictions_are_said_at_once(tmp_path: Path) -> None:
    mistakes = mistakes_of(
        '[calls]\nforward_always = "1001"\nforward_busy = "112"\n[dialing]\nspeed_dials = { "4" = "#1" }', tmp_path
    )
    assert [mistake.split(":")[0] for mistake in mistakes] == [
        "calls.forward_always",
        "calls.forward_busy",
        "dialing.speed_dials.4",
    ]


def test_every_pattern_that_is_none_is_said_at_once(tmp_path: Path) -> None:
    mistakes = mistakes_of(
        '[dialing]\ndigit_map = ["x.T", "x.."]\n[[dialing.rewrite]]\npattern = "[9-1]"\n'
        '[[dialing.rewrite]]\npattern = "[1"\n[calls]\nauto_answer_from = ["2xx", "2[x"]',
        tmp_path,
    )
    assert [mistake.split(":")[0] for mistake in mistakes] == [
        "dialing.digit_map[2]",
        "dialing.rewrite[1].pattern",
        "dialing.rewrite[2].pattern",
        "calls.auto_answer_from[2]",
    ]


def test_a_key_for_messages_never_calls_for_help() -> None:
    american = parse_configuration(BASE.replace('"DE"', '"US"').replace('"*97"', '"112"'))
    assert phone_settings(LoadedConfiguration(american)).voicemail_number == ""
    assert settings_of("").voicemail_number == "*97"
