"""What the broker's word on who somebody is means; a real broker says it in the tests of the API."""

from pathlib import Path

import pytest

from fleet.api.login import MqttLogin
from fleet.errors import FleetError
from mqtt.problems import BrokerError, problem_of_reason


class Refused(MqttLogin):
    """The broker refuses everybody, with the reason code that stands as the password."""

    async def _connect(self, _user: str, password: str) -> None:
        code = int(password, 16)
        raise BrokerError(problem_of_reason(code), code)


@pytest.mark.parametrize("code", ["86", "87"])
def test_a_password_is_wrong_where_the_broker_says_so(code: str) -> None:
    assert not Refused("localhost", 8884, Path("ca.pem"))("anna", code)


@pytest.mark.parametrize("code", ["00", "85", "8A", "8C", "97"])
def test_whatever_else_the_broker_says_is_no_word_on_a_password(code: str) -> None:
    with pytest.raises(FleetError, match="cannot be asked"):
        Refused("localhost", 8884, Path("ca.pem"))("anna", code)
