"""The store and what is kept in it, where it does not open as it should."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from firmware import clock, records
from firmware.phone.events import Problem
from firmware.phone.purpose import Actor, Channel
from firmware.phone.rights import RequestKind
from firmware.records import Records
from firmware.storage.errors import StoreFullError, StoreReadOnlyError
from provisioning.schema import parse_configuration
from tests.lab.store import ONE_ACCOUNT


async def test_a_store_that_holds_what_nobody_thought_of_is_a_fault_and_stops_no_phone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Problem | None] = []

    async def stumble() -> None:
        raise ValueError("Anna, +861012345678")

    records = Records(
        tmp_path,
        parse_configuration(ONE_ACCOUNT),
        lambda: None,
        lambda problem, _sentence: faults.append(problem),
        lambda _state: None,
        on_documents=lambda _documents: None,
    )
    monkeypatch.setattr(records.documents, "take_up", stumble)
    await records.start(lambda: None)
    assert faults == [Problem.STORE_UNREADABLE]
    assert records.fault is not None
    assert "ValueError in stumble" in records.fault
    assert "Anna" not in records.fault
    await records.stop()


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (StoreFullError("There is no room."), Problem.STORE_FULL),
        (StoreReadOnlyError("The card cannot be written."), Problem.STORE_UNREADABLE),
        (ValueError("Anna"), Problem.STORE_UNREADABLE),
    ],
)
@pytest.mark.parametrize("part", ["call_log.recover_interrupted", "documents.take_up", "consents.announce"])
async def test_a_store_that_can_be_read_and_not_written_still_says_whose_phone_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, error: Exception, problem: Problem
) -> None:
    happened: list[object] = []
    room: list[bool] = []
    kept = Records(
        tmp_path,
        parse_configuration(ONE_ACCOUNT),
        lambda: None,
        lambda raised, _sentence: happened.append(raised),
        lambda state: happened.append(state.age_band),
        on_documents=lambda _documents: None,
    )
    monkeypatch.setattr(records, "_RETRY_S", 0.01)
    owner, name = getattr(kept, part.partition(".")[0]), part.partition(".")[2]
    write = getattr(owner, name)

    async def fail() -> object:
        if not room:
            raise error
        return await write()

    monkeypatch.setattr(owner, name, fail)
    await kept.start(lambda: happened.append("open"))
    assert happened == ["", problem, "open"]
    kept.note_success()
    assert kept.fault is not None, "what can be read tells nothing of what can be written"
    assert not await kept.pin.is_set()
    async with asyncio.timeout(10):
        while happened.count("") < 3:  # noqa: ASYNC110 - nothing else tells of another try
            await asyncio.sleep(0.01)
    assert happened.count("open") == 1, "what came meanwhile and could not be kept must not be forgotten"

    happened.clear()
    room.append(True)
    async with asyncio.timeout(10):
        while None not in happened:  # noqa: ASYNC110 - nothing else tells of it
            await asyncio.sleep(0.01)
    assert happened[-2:] == [None, "open"], "what was written meanwhile is loaded anew"
    await kept.stop()


async def test_a_request_of_an_unset_clock_gets_its_day_by_itself_once_the_clock_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall_s = 0.0
    monkeypatch.setattr(records, "_COUNT_EVERY_S", 0.01)
    monkeypatch.setattr(clock, "is_synchronised", lambda: wall_s > 0)
    monkeypatch.setattr("time.time", lambda: wall_s)
    kept = Records(
        tmp_path,
        parse_configuration(ONE_ACCOUNT.replace("fleet =", 'country = "DE"\nfleet =')),
        lambda: None,
        lambda _problem, _sentence: None,
        lambda _state: None,
        on_documents=lambda _documents: None,
    )
    await kept.start(lambda: None)
    filed = await kept.requests.file(RequestKind.ACCESS, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    assert filed.request is not None
    assert filed.request.due is None
    # Wednesday 23 December 2026: two days of Christmas and two of a weekend come before it is due.
    wall_s = 1_798_023_600.0
    async with asyncio.timeout(10):
        while (await kept.requests.listed())[0].due is None:  # noqa: ASYNC110 - nothing tells of a day
            await asyncio.sleep(0.01)
    assert (await kept.requests.listed())[0].due == date(2026, 12, 31)
    [*_, message] = [each for each in await kept.outbox.next_batch(9) if each.topic == "consent"]
    payload: Any = message.payload
    assert [each["due"] for each in payload["requests"]] == ["2026-12-31"]
    await kept.stop()
