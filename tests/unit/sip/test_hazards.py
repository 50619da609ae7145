import pytest

from firmware.sip.hazards import is_hazardous

MESSAGE = (
    b"OPTIONS sip:alice@[2001:db8::1] SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    b'From: "[] me" <sip:bob@[::1]:5060>;tag=1\r\nTo: <sip:alice@localhost>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n'
)


def test_an_ordinary_message_is_none() -> None:
    assert not is_hazardous(MESSAGE)


@pytest.mark.parametrize(
    "uri", [b"sip:bob@[]", b"sip:[]", b"SIPS:[ ]:5061;transport=tcp", b"sip:b:c@[\t]", b"sip:a@ []"]
)
def test_a_uri_without_a_host_is_one_wherever_it_stands(uri: bytes) -> None:
    assert is_hazardous(MESSAGE.replace(b"sip:bob@[::1]:5060", uri))
    assert is_hazardous(b"\0\r\n\r\n" + MESSAGE.replace(b"sip:alice@localhost", uri))
