"""The template says what can be set: each of its lines is right once its # is taken away."""

import tomllib
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest

from provisioning.examination import examine
from provisioning.parsing import parse_configuration
from provisioning.reference import Setting, Table, tables
from provisioning.remarks import KeyPath
from provisioning.schema import Configuration
from provisioning.template import shown_text, template, to_toml

pytestmark = pytest.mark.feature("commented configuration")

FILLED: dict[KeyPath, Any] = {
    ("device", "id"): "desk-1",
    ("accounts", 0, "username"): "alice",
    ("accounts", 0, "domain"): "sip.example",
}
NEED_OTHERS = {
    "nat.stun_servers",  # ice
    "nat.turn_server",  # ice
    "dialing.rewrite.account",  # an account of this name
    "calls.out_of_hours_forward",  # hours
    "network.ethernet.gateways",  # addresses
    "sound.speaker_capture",  # speaker_playback
    "sync.key",  # certificate
    "display.spi_port",
    "display.spi_device",
    "display.spi_mhz",
    "display.dc_pin",
    "display.reset_pin",
    "display.backlight_pin",
    "display.character_rom",
}
"""They are no mistakes by themselves, but need other settings beside them."""


def every_setting() -> Iterator[tuple[Table, Setting]]:
    for table in tables():
        yield from ((table, setting) for setting in table.settings if not setting.form.secret)


def with_one_line_on(table: Table, setting: Setting) -> str:
    """Return a filled template in which a setting is in force, with its table and what that must have."""
    before, header, after = template(FILLED).partition(f"{table.header}\n")
    own, gap, rest = after.partition("\n\n")
    before = before.removesuffix("#")
    for each in table.settings:
        if each is setting or each.required:
            lines = shown_text(each).split("\n")
            off = "\n#".join(lines)
            own = own.replace(f"#{each.name} = {off}", f"{each.name} = " + "\n".join(lines))
    return before + header + own + gap + rest


def test_a_filled_template_is_a_configuration_in_which_nothing_is_otherwise_than_without_it() -> None:
    filled = parse_configuration(template(FILLED))
    bare = '[device]\nid = "desk-1"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'
    assert filled == parse_configuration(bare)


def test_an_empty_template_has_no_other_mistakes_than_what_is_to_be_filled_in() -> None:
    mistakes = examine(template({}, {("trust", "keys")})).mistakes
    assert [remark.setting for remark in mistakes] == [
        "device.id",
        "accounts[1].username",
        "accounts[1].domain",
        "trust.keys[1].public",
        "trust.keys[1].signs",
    ]
    assert [
        remark.text for remark in mistakes if not remark.text.startswith(("has to be filled in", "takes a list"))
    ] == []


def test_every_line_is_right_once_its_mark_is_taken_away(subtests: pytest.Subtests) -> None:
    for table, setting in every_setting():
        with subtests.test(table=table.header, setting=setting.name):
            text = with_one_line_on(table, setting)
            place = tomllib.loads(text)
            for key in table.path:
                place = place[key][0] if isinstance(place[key], list) else place[key]
            assert setting.name in place
            needs_others = f"{'.'.join(table.path)}.{setting.name}" in NEED_OTHERS
            assert bool(mistakes := examine(text).mistakes) is needs_others, mistakes


def test_every_default_that_is_shown_is_the_one_that_holds() -> None:
    for table, setting in every_setting():
        if setting.default is None or (not setting.default and not isinstance(setting.default, bool | int | float)):
            continue
        shown = tomllib.loads(f"x = {shown_text(setting)}")["x"]
        default = setting.default.value if isinstance(setting.default, Enum) else setting.default
        assert _as_lists(default) == shown, f"{table.header} {setting.name}"


def test_every_field_of_the_schema_is_in_the_template() -> None:
    text = template(FILLED)
    for name in Configuration.model_fields:
        assert f"[{name}]" in text or f"[[{name}" in text or name == "version"
    for _, setting in every_setting():
        assert f"{setting.name} = " in text


def _as_lists(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_lists(each) for each in value]
    return value.value if isinstance(value, Enum) else value


@pytest.mark.parametrize("value", ['a"b\\c\nd\u00fc\x00', True, 3, 0.5, ["a", ["b"]], {"1": "x"}, ""])
def test_values_are_written_as_toml_reads_them(value: Any) -> None:
    assert tomllib.loads(f"x = {to_toml(value)}")["x"] == value
