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


@pytest.mark.parametrize(
    "line",
    [
        b"c=IN IP4 %s",
        b"C=IN IP6\t%s/127",
        b"a=rtcp:4001 IN IP4 %s",
        b"a=candidate:1 1 UDP 2130706431 %s 4000 typ host",
        b"a=remote-candidates:1 %s 4000",
    ],
)
def test_an_address_in_a_description_that_is_longer_than_any_host_is_one(line: bytes) -> None:
    def described(address: bytes) -> bytes:
        return MESSAGE + b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n" + line % address + b"\r\nm=audio 4000 RTP/AVP 0\r\n"

    assert is_hazardous(described(b"1" * 254))
    assert not is_hazardous(described(b"192.0.2.1"))
    assert not is_hazardous(described(b"1" * 100 + b" " + b"1" * 100 + b" " + b"1" * 100))


def test_what_else_is_long_is_none() -> None:
    assert not is_hazardous(MESSAGE + b"v=0\r\na=fmtp:96 sprop=" + b"A" * 1000 + b"\r\n")
    assert not is_hazardous(MESSAGE.replace(b"CSeq", b"Identity: " + b"A" * 1000 + b"\r\nCSeq"))


@pytest.mark.parametrize("end", [b"", b"\n", b"\r"])
def test_a_digit_in_a_body_without_the_end_of_a_line_is_one(end: bytes) -> None:
    head = MESSAGE.replace(b"CSeq", b"Content-Type: application/dtmf-relay\r\nCSeq")
    assert is_hazardous(head + b"Signal=5" + end)
    assert not is_hazardous(head + b"Signal=5\r\n")
    assert not is_hazardous(head + b"Signal=5\r\nDuration=160")
    assert not is_hazardous(MESSAGE + b"Signal=5" + end)
