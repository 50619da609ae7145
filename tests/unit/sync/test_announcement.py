"""What a broker makes of the announcement, and that it costs a handset nothing."""

import logging
from collections.abc import Iterable

import pytest

from firmware.ports.broker import BrokerProblem
from firmware.sync.announcement import Announcement
from mqtt.problems import BrokerError, MessageRefusedError

REFUSED = MessageRefusedError(BrokerProblem.NOT_AUTHORIZED)
LOST = BrokerError(BrokerProblem.CONNECTION_LOST)


class Connection:
    """Answers as it is told to."""

    def __init__(self, answers: Iterable[Exception | None]) -> None:
        self._answers = iter(answers)
        self.asked = 0

    async def announce(self) -> None:
        self.asked += 1
        answer = next(self._answers)
        if answer is not None:
            raise answer


async def make(announcement: Announcement, connection: Connection, times: int) -> int:
    """Announce that often, and count how often the connection was lost."""
    lost = 0
    for _ in range(times):
        try:
            await announcement.make(connection)
        except BrokerError:
            lost += 1
    return lost


async def test_a_refusal_is_said_once_and_disturbs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    connection = Connection([REFUSED] * 5)
    with caplog.at_level(logging.INFO):
        assert await make(Announcement(), connection, 5) == 0
    assert connection.asked == 5
    [record] = caplog.records
    assert record.levelno == logging.INFO
    assert "[sync] discovery" in record.getMessage()


async def test_a_broker_that_hangs_up_is_not_told_a_third_time(caplog: pytest.LogCaptureFixture) -> None:
    connection = Connection([LOST] * 5)
    with caplog.at_level(logging.INFO):
        assert await make(Announcement(), connection, 5) == 2
    assert connection.asked == 2
    assert len(caplog.records) == 1


async def test_connections_that_are_lost_now_and_then_are_forgiven() -> None:
    connection = Connection([LOST, None, LOST, REFUSED, LOST, None])
    assert await make(Announcement(), connection, 6) == 3
    assert connection.asked == 6
