import pytest

from firmware.voice.sip.dtmf import chosen_method
from provisioning.sip_choices import DtmfMethod


@pytest.mark.parametrize(
    ("wanted", "events_agreed", "codec", "chosen"),
    [
        (DtmfMethod.AUTO, True, "G722", DtmfMethod.RFC4733),
        (DtmfMethod.AUTO, True, "PCMA", DtmfMethod.RFC4733),
        (DtmfMethod.AUTO, False, "PCMA", DtmfMethod.IN_BAND),
        (DtmfMethod.AUTO, False, "pcmu", DtmfMethod.IN_BAND),
        (DtmfMethod.AUTO, False, "G722", DtmfMethod.INFO),
        (DtmfMethod.AUTO, False, "opus", DtmfMethod.INFO),
        (DtmfMethod.INFO, True, "PCMA", DtmfMethod.INFO),
        (DtmfMethod.IN_BAND, True, "PCMA", DtmfMethod.IN_BAND),
        (DtmfMethod.RFC4733, False, "PCMA", DtmfMethod.RFC4733),
    ],
)
def test_digits_go_out_as_was_negotiated_unless_the_configuration_says_how(
    wanted: DtmfMethod, codec: str, chosen: DtmfMethod, *, events_agreed: bool
) -> None:
    assert chosen_method(wanted, events_agreed=events_agreed, codec=codec) is chosen
