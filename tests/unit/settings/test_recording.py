import pytest

from firmware.settings.recording import announcement, room_limits
from provisioning.schema import parse_configuration


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


def test_the_limit_is_in_millions_of_bytes_and_call_records_have_room_beside_it() -> None:
    limits = room_limits(parse_configuration(configuration("CN", "limit_mb = 100")))
    assert limits.limit_bytes == 100_000_000
    assert limits.reserve_bytes > 1_000_000
