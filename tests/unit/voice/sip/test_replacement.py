import pytest

from firmware.voice.sip.replacement import is_acceptable_target

HOSTS = frozenset({"example.com", "192.0.2.1", "2001:db8::1"})


@pytest.mark.parametrize(
    "target",
    [
        "sip:bob@example.com",
        "<sip:bob@EXAMPLE.com:5080;transport=tcp>",
        "sips:+4930@192.0.2.1",
        "sip:bob@[2001:db8::1]:5060",
        "<sip:bob@example.com?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3&Require=replaces>",
    ],
)
def test_who_stands_at_our_own_server_may_be_called_at_anothers_wish(target: str) -> None:
    assert is_acceptable_target(target, HOSTS, lambda _number: True)


@pytest.mark.parametrize(
    "target",
    [
        "sip:bob@elsewhere.invalid",
        "sip:bob@example.com.elsewhere.invalid",
        "sip:bob@example.com@elsewhere.invalid",
        "sip:example.com",
        "sip:@example.com",
        "tel:+4930",
        "http://bob@example.com",
        "sip:bob@example.com?Route=%3Csip:elsewhere.invalid%3E",
        "sip:bob@example.com?body=x",
        "",
        "<<<",
    ],
)
def test_nobody_else_may_be(target: str) -> None:
    assert not is_acceptable_target(target, HOSTS, lambda _number: True)


def test_a_barred_number_stays_barred() -> None:
    asked: list[str] = []

    def allows(number: str) -> bool:
        asked.append(number)
        return False

    assert not is_acceptable_target("sip:0900%31;phone-context=x:pw@example.com", HOSTS, allows)
    assert asked == ["09001"]
