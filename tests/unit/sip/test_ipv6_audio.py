import pytest

from firmware.sip import ipv6_audio
from firmware.sip.ipv6_audio import wanted_address

OFFER = "INVITE sip:alice@example SIP/2.0\r\n\r\nv=0\r\nc=IN {} {}\r\nm=audio 4000 RTP/AVP 8\r\n"


@pytest.fixture(autouse=True)
def _a_library_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipv6_audio, "library_has_it", lambda: False)


def test_an_offer_of_ipv6_is_taken_at_our_address_on_the_way_to_it() -> None:
    assert wanted_address(OFFER.format("IP6", "::1"), "") == "::1"


@pytest.mark.parametrize("offer", [OFFER.format("IP4", "127.0.0.1"), "INVITE sip:alice@example SIP/2.0\r\n\r\n"])
def test_any_other_offer_is_taken_over_ipv4(offer: str) -> None:
    assert wanted_address(offer, "::1") == ""


def test_who_offers_both_is_met_over_ipv4() -> None:
    assert wanted_address(OFFER.format("IP6", "::1") + "c=IN IP4 127.0.0.1\r\n", "") == ""


def test_an_address_that_is_none_is_not_taken() -> None:
    assert wanted_address(OFFER.format("IP6", ":::::"), "") == ""


def test_a_call_of_ours_uses_ipv6_only_where_there_is_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = {"fd09::2": "fd09::1"}
    monkeypatch.setattr(ipv6_audio, "address_towards", lambda server: ways.get(server, ""))
    assert wanted_address("", "fd09::2") == "fd09::1"
    assert wanted_address("", "") == ""
    ways["192.0.2.1"] = "192.0.2.77"
    assert wanted_address("", "fd09::2") == ""


def test_a_library_that_can_do_it_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipv6_audio, "library_has_it", lambda: True)
    assert wanted_address(OFFER.format("IP6", "::1"), "::1") == ""
