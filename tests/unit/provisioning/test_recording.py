import pytest

from provisioning.errors import ProvisioningError
from provisioning.parsing import parse_configuration
from provisioning.sound import Recording

MINIMAL = '[device]\nid = "desk-1"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'


def test_recordings_take_half_a_gigabyte_and_are_announced_as_the_country_is_used_to_unless_told_otherwise() -> None:
    assert parse_configuration(MINIMAL).recording == Recording(announce=None, limit_mb=500, bitrate_kbps=30)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('announce = "never"', '"tone" or "voice"'),
        ("limit_mb = 1", "20"),
        ("bitrate_kbps = 256", "64"),
        ("bitrate = 30", "bitrate"),
    ],
)
def test_a_recording_that_nobody_could_hear_or_keep_is_a_mistake(line: str, words: str) -> None:
    with pytest.raises(ProvisioningError) as caught:
        parse_configuration(f"{MINIMAL}[recording]\n{line}\n")
    [mistake] = caught.value.mistakes
    assert words in mistake
