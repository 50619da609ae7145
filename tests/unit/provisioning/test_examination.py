"""Every mistake at once, each with its place, and nothing that only follows from another."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.errors import ProvisioningError
from provisioning.examination import Examination, examine
from provisioning.mistake_words import near_to
from provisioning.parsing import parse_configuration
from provisioning.remarks import Place, mistake

pytestmark = pytest.mark.feature("mistakes in a configuration")

MINIMAL = '[device]\nid = "desk-1"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'
LINES = MINIMAL.count("\n")


def told(text: str) -> list[tuple[str, str, Place | None]]:
    return [(remark.setting, remark.text, remark.place) for remark in examine(text).mistakes]


def settings_with_mistakes(text: str) -> list[str]:
    return [remark.setting for remark in examine(text).mistakes]


def test_a_configuration_without_mistakes_is_what_it_says() -> None:
    examination = examine(MINIMAL)
    assert examination.mistakes == ()
    assert examination.configuration is not None
    assert examination.configuration == examination.rest


def test_mistakes_of_every_sort_are_told_at_once_in_the_order_of_the_text() -> None:
    text = """\
[device]
id = "Desk 1"
flet = "x"
[[accounts]]
usernam = "alice"
domain = sip.example
transport = "tsl"
[sip]
keep_alive_s = 3
[display]
family = "lcd_320x240"
rotate = 90
[indicator]
pin = 17
[calls]
max_calls = "many"
allow_only = true
"""
    assert told(text) == [
        (
            "device.id",
            "takes up to 64 lower-case letters, digits and hyphens, no hyphen at either end",
            Place(2, 6),
        ),
        ("device.flet", "there is no such setting; did you mean fleet?", Place(3, 1)),
        ("accounts[1].usernam", "there is no such setting; did you mean username?", Place(5, 1)),
        ("", 'this is no value; a text stands in quotes, as in "text", and yes or no is true or false', Place(6, 10)),
        ("accounts[1].transport", 'takes "udp", "tcp" or "tls"; did you mean "tls"?', Place(7, 13)),
        ("sip.keep_alive_s", "takes a whole number from 5 to 300", Place(9, 16)),
        ("display.rotate", "is 90, but lcd_320x240 takes 0 or 180", Place(12, 10)),
        ("indicator.pin", "GPIO pin 17 is given to hook_switch.pin and indicator.pin", Place(14, 7)),
        ("calls.max_calls", "takes a whole number from 1 to 16", Place(16, 13)),
        ("calls.allow_only", "lets nobody ring, because allow names nobody", Place(17, 14)),
    ]


@pytest.mark.parametrize(
    ("addition", "text"),
    [
        ("[sip]\ncodec = ['opus']", "there is no such setting; did you mean codecs?"),
        ("[sip]\nlocal-port = 1", "there is no such setting; did you mean local_port?"),
        ("[sip]\nLocal_Port = 1", "there is no such setting; did you mean local_port?"),
        ("[sip]\nprefer = true", "there is no such setting; did you mean prefer_ipv6?"),
        ("[sip]\nsrtp = 'off'", "there is no such setting here; it belongs in [[accounts]]"),
        (
            "[device]\n",
            "this table stands here for the second time; put its settings together in one",
        ),
        ("[soud]\n", "there is no such setting; did you mean sound?"),
        ("[sip]\nzzz = 1", "there is no such setting; look for a spelling mistake, or take it out"),
    ],
)
def test_an_unknown_setting_says_what_was_meant_or_where_it_belongs(addition: str, text: str) -> None:
    assert [remark.text for remark in examine(MINIMAL + addition).mistakes] == [text]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MINIMAL.replace("[device]", "[[device]]"), "there is only one of this table: write [device]"),
        (MINIMAL.replace("[[accounts]]", "[accounts]"), "there may be several of this table: write [[accounts]]"),
        (MINIMAL + "[sip]\nprefer_ipv6 = 'perhaps'", "takes true or false"),
        (MINIMAL + "[sip]\ncodecs = 'opus'", 'takes a list, each "opus", "g722", "pcma" or "pcmu"'),
        (MINIMAL + "[sound]\nrate_hz = 44100", "takes 8000, 16000 or 48000"),
        (MINIMAL.replace("alice", ""), "has to be filled in; it takes what stands before the @"),
        (MINIMAL.replace("alice", "a" * 129), "is too long; it takes up to 128 letters"),
        ("version = 2\n" + MINIMAL, "this firmware reads version 1 of configurations"),
        (MINIMAL.replace('username = "alice"\n', ""), "is missing; it takes what stands before the @"),
    ],
)
def test_a_mistake_says_what_to_write_instead(text: str, words: str) -> None:
    (remark,) = examine(text).mistakes
    assert remark.text.startswith(words)
    assert remark.place is not None


def test_an_empty_text_lacks_what_every_configuration_has() -> None:
    assert told("") == [("device", "is missing", None), ("accounts", "is missing", None)]


@pytest.mark.parametrize(
    "text",
    [
        # The broken line is the one that names the domain, the callers or the loudspeaker.
        MINIMAL.replace('"sip.example"', "sip.example"),
        MINIMAL + "[calls]\nallow = [+49*]\nallow_only = true\n",
        MINIMAL + "[sound]\nspeaker_playback = 3\nspeaker_capture = 'mic'\n",
        MINIMAL + "[sound]\nspeaker_playbac = 'ear'\nspeaker_capture = 'mic'\n",
        MINIMAL + "[nat]\nturn_server = 'relay'\nice = 'perhaps'\n",
        MINIMAL + "[[dialing.rewrite]]\npattern = '9x.'\naccount = 'work'\n[[accounts]]\nname = 'Work'\n"
        "username = '1'\ndomain = 'd'\n",
    ],
)
def test_what_only_follows_from_another_mistake_is_not_told(text: str) -> None:
    assert len(examine(text).mistakes) == 1


def test_one_pin_for_three_devices_is_one_mistake() -> None:
    text = MINIMAL + "[hook_switch]\npin = 5\n[indicator]\npin = 5\n"
    (remark, *more) = examine(text).mistakes
    assert remark.text == "GPIO pin 5 is given to keypad.rows[1], hook_switch.pin and indicator.pin"
    assert remark.place == Place(LINES + 2, 7)
    assert more == []


def test_mistakes_in_several_tables_of_a_list_keep_their_places() -> None:
    text = MINIMAL + "".join(f'[[accounts]]\nusername = "u{n}"\ndomain = "d"\nport = {n}00000\n' for n in (1, 2))
    assert told(text) == [
        ("accounts[2].port", "takes a whole number from 1 to 65535", Place(LINES + 4, 8)),
        ("accounts[3].port", "takes a whole number from 1 to 65535", Place(LINES + 8, 8)),
    ]


def test_remarks_about_what_is_left_count_accounts_as_the_file_does() -> None:
    examination = examine(MINIMAL + '[[accounts]]\nusername = "2"\ndomain = "d"\ndefault = true\n')
    assert examination.configuration is not None
    assert examination.configuration.accounts[0].username == "2"
    first, second = examination.located(
        [mistake("of the default one", "accounts", 0, "username"), mistake("of the other", "accounts", 1, "username")]
    )
    assert (first.setting, first.place) == ("accounts[2].username", Place(LINES + 2, 12))
    assert (second.setting, second.place) == ("accounts[1].username", Place(4, 12))


def test_remarks_about_what_has_a_mistake_already_are_dropped() -> None:
    examination = examine(MINIMAL + "[calls]\nmax_calls = 99\n")
    assert examination.rest is not None
    about = mistake("two more", "sip", about=[("calls", "max_calls")])
    assert examination.located([mistake("one more", "calls", "max_calls"), about]) == ()


@pytest.mark.parametrize(
    "setting",
    ['password = ["hunter2"]', 'transport = "hunter2"', 'server = "hunter2 hunter2"', "port = 'hunter2'"],
)
def test_no_mistake_repeats_what_stands_there(setting: str) -> None:
    examination = examine(MINIMAL + setting)
    assert examination.mistakes
    assert "hunter2" not in str([remark.sentence for remark in examination.mistakes])


def test_a_name_is_near_where_few_letters_differ_or_where_it_is_the_beginning_of_one_alone() -> None:
    names = ("volume_percent", "volume", "mixer_card", "mixer_element")
    assert near_to("volum", names) == "volume"
    assert near_to("Mixer-Card", names) == "mixer_card"
    assert near_to("mixer", ("mixer_element_of_the_loudspeaker",)) == "mixer_element_of_the_loudspeaker"
    assert near_to("qqq", names) is None


def test_a_text_that_an_editor_on_windows_wrote_is_read_and_its_places_are_those_of_the_editor() -> None:
    on_windows = "\ufeff" + MINIMAL.replace("\n", "\r\n")
    assert parse_configuration(on_windows) == parse_configuration(MINIMAL)
    assert told(on_windows + "[sip]\r\ncolour = 1\r\n")[0][2] == Place(LINES + 2, 1)
    assert told(on_windows.replace('"desk-1"', "desk-1"))[0][2] == Place(2, 6)
    assert told("\ufeffversion = 2\r\n" + MINIMAL)[0][2] == Place(1, 11)


def test_what_cannot_be_read_at_all_leaves_nothing_to_look_at() -> None:
    examination: Examination = examine('[device]\nid = "a"\n[sip]\ncodecs = ["opus"\nlocal_port = 1\n')
    assert [remark.place for remark in examination.mistakes] == [Place(5, 1)]
    assert examination.rest is None


EXAMPLE = (Path(__file__).parent / "configurations" / "2026-11-25.toml").read_text()


@given(
    at=st.integers(0, len(EXAMPLE) - 1),
    length=st.integers(0, 12),
    put=st.text(alphabet="[]{}=\"'.,#\\\n ax1_-ü", max_size=4),
)
def test_whatever_is_changed_in_a_configuration_it_is_taken_or_has_mistakes(at: int, length: int, put: str) -> None:
    text = EXAMPLE[:at] + put + EXAMPLE[at + length :]
    examination = examine(text)
    if not examination.mistakes:
        assert examination.configuration == parse_configuration(text)
        return
    with pytest.raises(ProvisioningError) as caught:
        parse_configuration(text)
    assert caught.value.mistakes == tuple(remark.sentence for remark in examination.mistakes)


def test_mistakes_without_end_are_told_up_to_a_number() -> None:
    unknown = "[sip]\n" + "".join(f"codec_{number} = 1\n" for number in range(8_000))
    assert len(examine(MINIMAL + unknown).mistakes) == 100
    assert len(examine(MINIMAL + unknown + "[operator]\n" + "x = y\n" * 1000).mistakes) < 20
