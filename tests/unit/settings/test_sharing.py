import pytest

from firmware.privacy.egress.border import Border
from firmware.settings.sharing import recipient
from firmware.store.outbox import Recipient
from provisioning.errors import ProvisioningError
from provisioning.schema import parse_configuration


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
