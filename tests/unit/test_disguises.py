"""The forms in which the tests look for a secret."""

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.disguises import disguises

PIN = "73915826"
neighbours = st.binary(max_size=12)


@given(neighbours, st.binary(min_size=8, max_size=40), neighbours)
def test_whatever_stands_beside_a_secret_in_base64_it_is_found(before: bytes, secret: bytes, after: bytes) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(before + secret + after)
        assert any(form in encoded for form in disguises(secret))


@pytest.mark.parametrize("secret", [PIN, string.ascii_letters, bytes(range(32))])
def test_no_form_is_shorter_than_the_secret(secret: str | bytes) -> None:
    assert all(len(form) >= len(secret) for form in disguises(secret))


def test_what_is_so_short_that_it_turns_up_by_chance_is_not_looked_for() -> None:
    with pytest.raises(AssertionError, match="random bytes"):
        disguises("201")
