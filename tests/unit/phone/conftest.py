"""Fixtures of the telephone's tests."""

import pytest

from tests.unit.phone.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()
