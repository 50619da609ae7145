"""New."""

import pytest

from firmware.privacy.egress.border import Border
from firmware.settings.records import announcement, greeting, recipient, room_limits
from firmware.store.outbox import Recipient
from provisioning.errors import ProvisioningError
from provisioning.parsing import parse_configuration


def announced_by(text: str) -> str:
    """Say by what the other end is told under this configuration."""
    return "tone" if announcement(parse_configuration(text)) is None else "voice"


def configuration(country: str, recording: str = "") -> str:
    account = '[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'
    return f'[device]\nid = "desk-1"\ncountry = "{country}"\n{account}[recording]\n{recording}\n'


@pytest.mark.parametrize(("country", "announced"), [("US", "tone"), ("CA", "tone"), ("CN", "voice"), ("DE", "voice")])
def test_the_country_says_how_a_recording_is_announced(country: str, announced: str) -> None:
    assert announced_by(configuration(country)) == announced


@pytest.mark.parametrize("country", ["US", "CN"])
@pytest.mark.parametrize("announced", ["tone", "voice"])
def test_the_installer_says_it_better(country: str, announced: str) -> None:
    assert announced_by(configuration(country, f'announce = "{announced}"')) == announced


@pytest.mark.feature("answering machine")
def test_a_caller_is_greeted_in_the_language_that_the_display_speaks() -> None:
    language = "en"
    say = greeting(lambda: language)
    english = say()
    language = "zh"
    assert english
    assert say() not in {b"", english}


def test_the_limit_is_in_millions_of_bytes_and_call_records_have_room_beside_it() -> None:
    limits = room_limits(parse_configuration(configuration("CN", "limit_mb = 100")))
    assert limits.limit_bytes == 100_000_000
    assert limits.reserve_bytes > 1_000_000


def text(device: str = "", sync: str | None = "") -> str:
    table = f'[sync]\nhost = "broker.example"\n{sync}\n' if sync is not None else ""
    return (
        f'[device]\nid = "desk-1"\ncountry = "CN"\n{device}\n'
        f'[[accounts]]\nusername = "1001"\ndomain = "sip.example"\n{table}'
    )


@pytest.mark.parametrize(
    ("device", "sync", "crossed"),
    [
        ("", "", False),
        ("", 'region = "CN"', False),
        ("", 'region = "DE"', True),
        ('region = "HK"', "", False),
        ('region = "HK"', 'region = "CN"', True),
        ('region = "HK"', 'region = "HK"', False),
    ],
)
def test_a_border_lies_between_different_regions(device: str, sync: str, crossed: bool) -> None:
    configured = recipient(parse_configuration(text(device, sync)))
    assert configured.border.crossed is crossed
    assert (configured.device, configured.name, configured.confirms) == ("desk-1", "broker.example", False)


def test_a_collectors_word_is_awaited_where_the_installer_says_so() -> None:
    assert recipient(parse_configuration(text(sync='complete = "ack"'))).confirms
    assert not recipient(parse_configuration(text(sync='complete = "puback"'))).confirms


def test_without_a_broker_nobody_gets_anything() -> None:
    assert recipient(parse_configuration(text('region = "HK"', None))) == Recipient("desk-1", border=Border())


@pytest.mark.parametrize("region", ["cn", "CHN", "", "C1"])
def test_a_region_is_two_capital_letters(region: str) -> None:
    with pytest.raises(ProvisioningError) as caught:
        parse_configuration(text(f'region = "{region}"'))
    assert "device.region" in str(caught.value.mistakes)
