"""A broker that was away is told again what the holder agrees to, and no other."""

import asyncio

import pytest

from firmware.base.errors import StorageError
from firmware.ports.broker import BrokerProblem, BrokerState
from firmware.services.operator.broker_memory import BrokerMemory

CONNECTING, CONNECTED = BrokerState.CONNECTING, BrokerState.CONNECTED
UNREACHABLE, REFUSED = BrokerState.UNREACHABLE, BrokerState.REFUSED


@pytest.mark.parametrize(
    ("states", "announcements"),
    [
        ([CONNECTING, CONNECTED], 0),
        ([CONNECTING, UNREACHABLE, CONNECTED], 0),
        ([CONNECTING, CONNECTED, UNREACHABLE, CONNECTED], 1),
        ([CONNECTED, UNREACHABLE, UNREACHABLE, CONNECTED, CONNECTED], 1),
        ([CONNECTED, UNREACHABLE, CONNECTED, UNREACHABLE, CONNECTED], 2),
        # The sync process has begun anew, and whether the broker has as well it cannot say.
        ([CONNECTED, CONNECTING, CONNECTED], 1),
        # One message was not taken; the connection stood.
        ([CONNECTED, REFUSED, CONNECTED], 0),
    ],
)
async def test_a_broker_that_was_there_and_comes_back_is_told_again(
    states: list[BrokerState], announcements: int
) -> None:
    announced: list[None] = []
    told: list[tuple[BrokerState, BrokerProblem]] = []

    async def announce() -> None:
        announced.append(None)

    memory = BrokerMemory(announce, lambda *what: told.append(what))
    for state in states:
        memory.note(state, BrokerProblem.NONE)
        await asyncio.sleep(0)
    assert told == [(state, BrokerProblem.NONE) for state in states]
    assert len(announced) == announcements


async def test_a_store_that_fails_keeps_nobody_from_hearing_of_the_broker(caplog: pytest.LogCaptureFixture) -> None:
    async def announce() -> None:
        raise StorageError("The card is full.")

    told: list[BrokerState] = []
    memory = BrokerMemory(announce, lambda state, _problem: told.append(state))
    for state in (CONNECTED, UNREACHABLE, CONNECTED):
        memory.note(state, BrokerProblem.NONE)
    await asyncio.sleep(0)
    assert told == [CONNECTED, UNREACHABLE, CONNECTED]
    assert "The card is full." in caplog.text
