import tomllib

import pytest

from firmware.installer.configuration_text import change_text, changed
from provisioning.errors import ProvisioningError

TEXT = """\
# All phones of the hotel.
version = 1

[device]
id = "any" # given by the table

# The exchange in the cellar.
[[accounts]]
username = "any"
password = "old"   # to be sealed

[[accounts]]
username = "second"

[sip]
local_port = 5060
"""


def test_settings_change_and_every_comment_stays() -> None:
    written = change_text(
        TEXT, [(("device", "id"), "desk-1"), (("accounts", 1, "username"), "x"), (("sip", "probe_s"), 3)]
    )
    assert tomllib.loads(written)["device"]["id"] == "desk-1"
    assert tomllib.loads(written)["accounts"][1]["username"] == "x"
    assert tomllib.loads(written)["sip"] == {"local_port": 5060, "probe_s": 3}
    for comment in ("# All phones of the hotel.", "# given by the table", "# The exchange in the cellar."):
        assert comment in written


def test_what_is_taken_out_is_gone_from_the_text() -> None:
    written = change_text(
        TEXT, (), [("accounts", 0, "password"), ("nat", "turn_password"), ("accounts", 7, "password")]
    )
    assert "old" not in written
    assert tomllib.loads(written)["accounts"] == [{"username": "any"}, {"username": "second"}]


def test_tables_that_are_missing_are_made() -> None:
    settings = [
        (("network", "wifi", 0, "ssid"), "guests"),
        (("accounts", 2, "username"), "third"),
        (("nat", "ice"), True),
    ]
    written = tomllib.loads(change_text(TEXT, settings))
    assert written["network"] == {"wifi": [{"ssid": "guests"}]}
    assert written["accounts"][2] == {"username": "third"}
    assert written["nat"] == {"ice": True}
    assert written == changed(tomllib.loads(TEXT), settings)


@pytest.mark.parametrize("path", [("accounts", 5, "username"), ("version", "x"), ("sip", "local_port", "y")])
def test_a_setting_that_nothing_can_hold_is_named(path: tuple[str | int, ...]) -> None:
    with pytest.raises(ProvisioningError, match=r"accounts\.5\.username|version\.x|sip\.local_port\.y"):
        change_text(TEXT, [(path, "x")])


def test_text_in_quotes_of_any_kind_survives() -> None:
    value = 'a "b" \\ \' # c = [1] \u4f60'
    assert tomllib.loads(change_text(TEXT, [(("device", "id"), value)]))["device"]["id"] == value
