"""Of what a DHCP server answers only an address counts, whatever else stands there."""

import ipaddress

import pytest

from firmware.setup.lan.dhcp import ID, named_in, question
from tests.lab.chance import counted, dice

pytestmark = pytest.mark.feature("set-up by an address of the network")

ADDRESS = b"https://pbx.example.org/phones/bundles"
ACK = b"\x35\x01\x05"
QUESTION = question(ipaddress.IPv4Address("192.0.2.7"))


def option(number: int, value: bytes) -> bytes:
    return bytes((number, len(value))) + value


def answer(*options: bytes) -> bytes:
    """Return what a server answers that copies what it was asked."""
    return b"\x02" + QUESTION[1:240] + b"".join(options) + b"\xff"


def test_a_question_tells_phones_apart_by_their_address_alone() -> None:
    other = question(ipaddress.IPv4Address("192.0.2.8"))
    assert [at for at, (mine, yours) in enumerate(zip(QUESTION, other, strict=True)) if mine != yours] == [15]
    assert QUESTION[28:236] == bytes(208)  # chaddr, sname and file
    assert QUESTION[240:249] == b"\x35\x01\x08\x37\x02\x42\xa0\xff\x00"
    assert len(QUESTION) == 300


def test_either_option_names_the_address_and_the_site_s_own_goes_first() -> None:
    assert named_in(answer(ACK, option(66, ADDRESS))) == ADDRESS.decode()
    assert named_in(answer(b"\0", option(160, ADDRESS + b"\0"), ACK)) == ADDRESS.decode()
    assert named_in(answer(ACK, option(66, b"https://other.example.org/"), option(160, ADDRESS))) == ADDRESS.decode()
    assert named_in(answer(ACK, option(160, b"tftp.example.org"), option(66, ADDRESS))) == ADDRESS.decode()
    # What is not encrypted is said to be refused.
    assert named_in(answer(ACK, option(66, b"http://pbx.example.org/"))) == "http://pbx.example.org/"


NOTHING = {
    "nothing": b"",
    "a question": QUESTION,
    "of another": answer(ACK, option(66, ADDRESS)).replace(ID, b"1234"),
    "no options": answer(ACK, option(66, ADDRESS))[:239],
    "no cookie": answer(ACK, option(66, ADDRESS)).replace(b"\x63\x82\x53\x63", b"abcd"),
    "an offer": answer(b"\x35\x01\x02", option(66, ADDRESS)),
    "no type": answer(option(66, ADDRESS)),
    "cut short": answer(ACK, b"\x42\xff" + ADDRESS),
    "a number alone": answer(ACK, option(66, ADDRESS))[:-1] + b"\x42",
    "for other phones": answer(ACK, option(66, b"192.0.2.1")),
    "an upper-case scheme": answer(ACK, option(66, b"HTTPS://pbx.example.org/")),
    "a space": answer(ACK, option(66, b"https://pbx.example.org/ x")),
    "a line": answer(ACK, option(66, b"https://pbx.example.org/\nx")),
    "letters of others": answer(ACK, option(66, "https://b\u00fccher.example.org/".encode())),
    "behind the end": answer(ACK, b"\xff", option(66, ADDRESS)),
    "a scheme alone": answer(ACK, option(66, b"https://")),
}


def test_all_else_names_nothing(subtests: pytest.Subtests) -> None:
    for name, data in NOTHING.items():
        with subtests.test(name):
            assert named_in(data) == ""


def test_no_bytes_of_a_stranger_s_are_more_than_no_answer() -> None:
    chance, good = dice(), bytearray(answer(ACK, option(66, ADDRESS)))
    for _ in range(counted(20_000, 2_000)):
        hostile = bytearray(good)
        for _ in range(chance.randrange(1, 9)):
            hostile[chance.randrange(len(hostile))] = chance.randrange(256)
        named = named_in(bytes(hostile[: chance.randrange(len(hostile) + 1)]))
        assert named == "" or (named.startswith(("http://", "https://")) and named.isascii() and len(named) <= 255)
