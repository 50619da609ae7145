import pytest

from provisioning.calling import Calls, FeatureCodes
from provisioning.errors import ProvisioningError
from provisioning.parsing import parse_configuration

MINIMAL = '[device]\nid = "desk-1"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'


def mistakes_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ProvisioningError) as caught:
        parse_configuration(MINIMAL + text)
    return caught.value.mistakes


def test_without_a_word_about_calls_everything_rings_and_nothing_answers_by_itself() -> None:
    configuration = parse_configuration(MINIMAL)
    assert configuration.calls == Calls()
    assert not configuration.calls.auto_answer
    assert configuration.calls.call_waiting
    assert configuration.dialing.rewrite == ()
    assert configuration.dialing.hotline is None


def test_hours_have_days_a_beginning_and_an_end() -> None:
    hours = '[[calls.hours]]\ndays = ["mon", "sun"]\nfrom = "08:00"\nto = "24:00"\n'
    (stretch,) = parse_configuration(MINIMAL + hours).calls.hours
    assert (stretch.days, stretch.begin, stretch.end) == (("mon", "sun"), "08:00", "24:00")


def test_an_empty_code_is_switched_off() -> None:
    codes = parse_configuration(MINIMAL + '[feature_codes]\nvoicemail = ""\ncall_back = "*97"\n').feature_codes
    assert "voicemail" not in codes.in_use
    assert codes.in_use["call_back"] == "*97"


def test_the_default_codes_can_be_told_apart() -> None:
    assert len(set(FeatureCodes().in_use.values())) == len(FeatureCodes.model_fields)


def test_a_mistake_names_its_place_and_what_is_wrong(subtests: pytest.Subtests) -> None:
    for addition, place, words in [
        ('[calls]\nforward_always = "anna"', "calls.forward_always:", "takes a number as it is dialled"),
        ("[calls]\nallow_only = true", "calls.allow_only:", "allow names nobody"),
        ('[calls]\nout_of_hours_forward = "2"', "calls.out_of_hours_forward:", "no hours to be outside of"),
        ('[[calls.hours]]\nfrom = "8:00"\nto = "18:00"', "calls.hours[1].from:", "takes a time of day"),
        ('[[calls.hours]]\nfrom = "08:00"', "calls.hours[1].to:", "is missing"),
        ('[[calls.hours]]\ndays = []\nfrom = "08:00"\nto = "18:00"', "calls.hours[1].days:", "at least 1"),
        (
            '[[calls.hours]]\ndays = ["monday"]\nfrom = "08:00"\nto = "18:00"',
            "calls.hours[1].days[1]:",
            'did you mean "mon"?',
        ),
        ("[calls]\nauto_redial_every_s = 1", "calls.auto_redial_every_s:", "takes a whole number from 10 to 600"),
        ('[calls]\nblock = [""]', "calls.block[1]:", "has to be filled in"),
        ('[dialing]\nspeed_dials = { "0" = "2345" }', "dialing.speed_dials.0", 'there is no such key; there are "1"'),
        ('[dialing.hotline]\nnumber = ""', "dialing.hotline.number:", "has to be filled in"),
        ('[dialing.hotline]\nnumber = "2"\ndelay_s = 20', "dialing.hotline.delay_s:", "first_digit_timeout_s = 15"),
        (
            '[[dialing.rewrite]]\npattern = "(a+)+"',
            "dialing.rewrite[1].pattern:",
            "takes one alternative of a digit map",
        ),
        ('[[dialing.rewrite]]\npattern = "' + "x" * 65 + '"', "dialing.rewrite[1].pattern:", "up to 64 letters"),
        (
            '[[dialing.rewrite]]\npattern = "x."\naccount = "work"',
            "dialing.rewrite[1].account:",
            "no account is called 'work'; there is \"alice\"",
        ),
        ('[feature_codes]\nvoicemail = "97"', "feature_codes.voicemail:", "takes * or #"),
        (
            '[feature_codes]\nvoicemail = "*69"',
            "feature_codes.voicemail:",
            "call_back and voicemail have the same code *69",
        ),
        (
            '[feature_codes]\nvoicemail = "*7"',
            "feature_codes.voicemail:",
            "voicemail has *7, with which do_not_disturb_on's *78, do_not_disturb_off's *79, ",
        ),
        (
            '[dialing]\nemergency_numbers = ["*781"]',
            "dialing.emergency_numbers[1]:",
            "feature_codes.do_not_disturb_on keeps the emergency number *781 from being dialled",
        ),
        ('[feature_codes]\nwake_up = "*55"', "feature_codes.wake_up:", "spelling mistake"),
    ]:
        with subtests.test(addition=addition, place=place, words=words):
            (mistake,) = mistakes_of(addition)
            assert mistake.startswith(place)
            assert words in mistake


def test_every_mistake_about_the_codes_is_said_at_once() -> None:
    mistakes = mistakes_of('[feature_codes]\nvoicemail = "*69"\nset_speed_dial = "*78"\nauto_answer_on = "*9"')
    assert [mistake.partition(" ")[0] for mistake in mistakes] == [
        "feature_codes.voicemail:",
        "feature_codes.set_speed_dial:",
        "feature_codes.auto_answer_on:",
    ]
    assert "call_back and voicemail" in mistakes[0]
    assert "do_not_disturb_on and set_speed_dial" in mistakes[1]
    assert "auto_answer_on has *9" in mistakes[2]
