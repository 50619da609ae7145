"""What is asked by DNS-SD, and what of the answers counts."""

import pytest
from zeroconf import ServiceInfo, const
from zeroconf._dns import DNSQuestion
from zeroconf._protocol.outgoing import DNSOutgoing

from firmware.setup.lan.servers import QUERY, port_of
from provisioning.lan import SERVICE
from tests.lab.chance import counted, dice

pytestmark = pytest.mark.feature("set-up by the local network")

PORT = 4711
NAME = b"\x0e_wecall-bundle\x04_tcp\x05local\x00"


def told(service: str = SERVICE, port: int = PORT, flags: int = const._FLAGS_QR_RESPONSE | const._FLAGS_AA) -> bytes:
    """Return what a server of a library that others use answers to whoever asks from a port of their own."""
    info = ServiceInfo(service, f"bundles.{service}", port, properties={"txtvers": "1"}, server="bundles.local.")
    answer = DNSOutgoing(flags, multicast=False, id_=0)
    answer.add_question(DNSQuestion(service, const._TYPE_PTR, const._CLASS_IN))
    answer.add_answer_at_time(info.dns_pointer(), 0)
    answer.add_additional_answer(info.dns_service())
    answer.add_additional_answer(info.dns_text())
    [packet] = answer.packets()
    return packet


def test_a_query_is_one_question_and_nothing_of_the_handset() -> None:
    question = bytes(5) + b"\x01" + bytes(6) + NAME + b"\x00\x0c\x80\x01"
    assert question == QUERY


def test_the_port_of_a_server_is_read() -> None:
    assert port_of(told()) == PORT


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(QUERY, id="another one's query"),
        pytest.param(told(flags=0), id="no answer"),
        pytest.param(told(flags=const._FLAGS_QR_RESPONSE | 3), id="an answer that there is none"),
        pytest.param(told("_printer._tcp.local."), id="another service"),
        pytest.param(told().replace(b"\x05local", b"\x05lokal"), id="another domain"),
        pytest.param(told(port=0), id="no port"),
        pytest.param(told()[:-1], id="cut short"),
        pytest.param(told() + b"x", id="more behind it"),
        pytest.param(told().replace(NAME, b"\xc0\x0c" + NAME[2:], 1), id="a name that leads to itself"),
        pytest.param(told()[:6] + b"\xff\xff" + told()[8:], id="more records than there are"),
        pytest.param(told().replace(b"\x00\x21\x00\x01", b"\x00\x21\x00\x03"), id="a server of another class"),
    ],
)
def test_what_is_no_good_answer_is_none(answer: bytes) -> None:
    assert port_of(answer) is None


def test_thousands_of_names_are_read_or_not_and_nothing_else() -> None:
    names = b"\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x00\x00\x02\xc0\x0c"
    head = b"\0\0\x84\0\0\x01\x0f\xa0" + bytes(4) + NAME + b"\x00\x0c\x00\x01"
    assert port_of(head + names * 4000) is None


@pytest.mark.soak
def test_no_change_of_an_answer_is_more_than_another_port_or_none() -> None:
    chance, good = dice(), told()
    for _ in range(counted(1000, 100)):
        answer = bytearray(good)
        for _ in range(chance.randrange(1, 9)):
            match chance.randrange(3):
                case 0:
                    answer[chance.randrange(len(answer))] = chance.randrange(256)
                case 1:
                    del answer[chance.randrange(len(answer)) :]
                    answer += chance.randbytes(3)
                case _:
                    answer[chance.randrange(len(answer)) :] = answer[chance.randrange(len(answer)) :]
        port = port_of(bytes(answer))
        assert port is None or 0 < port < 1 << 16
