from pathlib import Path

import pytest
from pydantic import ValidationError

from fleet.api.settings import HttpSettings

CERTIFICATE, KEY = Path("server.pem"), Path("server.key")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "collector.example"])
def test_nothing_is_told_beyond_this_computer_in_the_clear(host: str) -> None:
    with pytest.raises(ValidationError, match=f"`host` is {host}, beyond this computer, and there is no TLS"):
        HttpSettings(host=host)
    assert HttpSettings(host=host, certificate=CERTIFICATE, key=KEY).host == host
    assert HttpSettings(host=host, behind_proxy=True).host == host
    assert HttpSettings.model_validate({"host": host, "behind_proxy": "192.0.2.5"}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_this_computer_it_needs_no_tls(host: str) -> None:
    assert HttpSettings(host=host).certificate is None


def test_a_certificate_needs_its_key() -> None:
    for one in ({"certificate": CERTIFICATE}, {"key": KEY}):
        with pytest.raises(ValidationError, match="go together"):
            HttpSettings.model_validate(one)


def test_an_address_of_before_for_what_is_live_is_told_what_to_do() -> None:
    with pytest.raises(
        ValidationError, match=r"`websocket` is of before: .* Take this line out, .* docs/migrating\.md"
    ):
        HttpSettings.model_validate({"websocket": "wss://broker.example.com:9443/"})


def test_a_time_zone_is_one_that_there_is() -> None:
    assert HttpSettings(time_zone="Asia/Shanghai").time_zone == "Asia/Shanghai"
    for name in ("Middle/Earth", "../etc/passwd", ""):
        with pytest.raises(ValidationError, match="no time zone"):
            HttpSettings(time_zone=name)


def test_a_user_is_named_with_some_fleets_or_all() -> None:
    named = {"dashboard.anna": ("north",), "dashboard.main": "*"}
    assert HttpSettings.model_validate({"user_fleets": named}).user_fleets == named
    for fleets in ("north", ("*",), ("North",)):
        with pytest.raises(ValidationError, match="user_fleets"):
            HttpSettings.model_validate({"user_fleets": {"dashboard.anna": fleets}})


def test_whoever_cannot_log_in_is_no_user_to_be_shown_a_fleet() -> None:
    for user in ("anna", "dashboard.", "Dashboard.anna"):
        with pytest.raises(ValidationError, match="user_fleets"):
            HttpSettings(user_fleets={user: ("north",)})


def test_an_auditor_is_somebody_who_can_log_in() -> None:
    named = {"dashboard.law": "*"}
    assert HttpSettings.model_validate({"user_fleets": named, "auditors": ["dashboard.law"]}).auditors == set(named)
    with pytest.raises(ValidationError, match=r"`auditors` names dashboard\.anna, whom `user_fleets` does not"):
        HttpSettings.model_validate({"user_fleets": named, "auditors": ["dashboard.anna"]})
