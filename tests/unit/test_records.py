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
from provisioning.schema import parse_configuration

TEXT = """
version = 1
[device]
id = "handset-7"
fleet = "lab"
[[accounts]]
username = "201"
domain = "sip.example.org"
"""


async def test_a_store_that_holds_what_nobody_thought_of_is_a_fault_and_stops_no_phone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Problem | None] = []

    async def stumble() -> None:
        raise ValueError("Anna, +861012345678")

    records = Records(
        tmp_path,
        parse_configuration(TEXT),
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


async def test_a_request_of_an_unset_clock_gets_its_day_by_itself_once_the_clock_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall_s = 0.0
    monkeypatch.setattr(records, "_COUNT_EVERY_S", 0.01)
    monkeypatch.setattr(clock, "is_synchronised", lambda: wall_s > 0)
    monkeypatch.setattr("time.time", lambda: wall_s)
    kept = Records(
        tmp_path,
        parse_configuration(TEXT.replace("fleet =", 'country = "DE"\nfleet =')),
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
