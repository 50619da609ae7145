import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from firmware.phone.menu import codes
from provisioning.operator_links import ACCOUNT_PLACE, Operator


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://example.com",
        "https://example.com/i/{account}",
        "https://pay.example.com:8443/?to={account}&by=qr#top",
    ],
)
def test_links_of_the_operator_are_taken(link: str) -> None:
    assert Operator(invite_link=link, top_up_link=link).invite_link == link


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("http://example.com/{account}", "begins with https://"),
        ("javascript:alert(1)", "begins with https://"),
        ("https://example.com/{number}", "the only place"),
        ("https://example.com/{account!r}", "the only place"),
        ("https://example.com/{{account}}", "the only place"),
        ("https://", "not a link"),
        ("https://user@example.com/", "not a link"),
        ("https://example.com/a b", "not a link"),
        ("https://example.com/邀请", "not a link"),
        ("https://example.com/" + "a" * 100, "at most 111"),
    ],
)
def test_others_are_refused_with_a_reason(link: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Operator(invite_link=link)


@given(st.text(max_size=120))
def test_no_link_that_is_taken_names_anything_but_the_account(link: str) -> None:
    try:
        taken = Operator(invite_link=link).invite_link
    except ValidationError:
        return
    assert not taken or taken.startswith("https://")
    assert "{" not in taken.replace(ACCOUNT_PLACE, "")


def test_the_phone_knows_the_same_place() -> None:
    assert codes.ACCOUNT_PLACE == ACCOUNT_PLACE
