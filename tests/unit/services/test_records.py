"""The store and what is kept in it, where it does not open as it should."""

import asyncio
import time
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Actor, Channel, RequestKind
from firmware.phone.call import CallId
from firmware.phone.commands import CloseCallRecord, OpenCallRecord
from firmware.phone.news import Problem
from firmware.services import clock, records
from firmware.services.records import Records
from firmware.store.database import Migration, load_migrations
from firmware.store.errors import StoreFullError, StoreOnTrialError, StoreReadOnlyError
from provisioning.parsing import parse_configuration
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
@pytest.mark.parametrize("part", ["documents.take_up", "consents.announce"])
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


def make_records(folder: Path, happened: list[object]) -> Records:
    return Records(
        folder,
        parse_configuration(ONE_ACCOUNT),
        lambda: None,
        lambda raised, _sentence: happened.append(raised),
        lambda _state: None,
        on_documents=lambda _documents: None,
    )


async def test_calls_of_the_run_before_stay_open_until_it_is_known_which_of_them_go_on(tmp_path: Path) -> None:
    happened: list[object] = []
    cut_off, going_on = CallId("a" * 32), CallId("b" * 32)
    before = make_records(tmp_path, happened)
    await before.start(lambda: None)
    for call_id in (cut_off, going_on):
        await before.call_log.open_record(OpenCallRecord(call_id, CallDirection.INCOMING, "10086", ""))
    await before.stop()

    kept = make_records(tmp_path, happened)
    missed: list[asyncio.Task[int]] = []
    await kept.start(lambda: missed.append(asyncio.ensure_future(kept.call_log.count_unseen_missed())))
    assert {entry.reason for entry in await kept.call_log.recent(10)} == {None}
    kept.settle([going_on])
    async with asyncio.timeout(10):
        while len(missed) < 2:  # noqa: ASYNC110 - nothing else tells of it
            await asyncio.sleep(0.01)
    assert {entry.call_id: entry.reason for entry in await kept.call_log.recent(10)} == {
        cut_off: DisconnectReason.INTERRUPTED,
        going_on: None,
    }
    assert [await count for count in missed] == [0, 1]
    assert happened == []
    await kept.stop()


async def test_calls_that_no_room_is_left_to_close_are_a_fault_and_closed_once_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[object] = []
    room: list[bool] = []
    monkeypatch.setattr(records, "_RETRY_S", 0.01)
    kept = make_records(tmp_path, happened)
    close = kept.call_log.recover_interrupted

    async def fail(going_on: Collection[CallId]) -> int:
        if not room:
            raise StoreFullError("There is no room.")
        return await close(going_on)

    monkeypatch.setattr(kept.call_log, "recover_interrupted", fail)
    kept.settle(())
    await kept.start(lambda: happened.append("open"))
    async with asyncio.timeout(10):
        while happened.count(Problem.STORE_FULL) < 3:  # noqa: ASYNC110 - nothing else tells of another try
            await asyncio.sleep(0.01)
    kept.note_success()
    assert kept.fault is not None
    room.append(True)
    async with asyncio.timeout(10):
        while None not in happened:  # noqa: ASYNC110 - nothing else tells of it
            await asyncio.sleep(0.01)
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


# --- while firmware is tried ---

PIN = "258036"


def records_in(folder: Path, faults: list[Problem | None], *, on_trial: bool = False) -> Records:
    return Records(
        folder,
        parse_configuration(ONE_ACCOUNT),
        lambda: None,
        lambda problem, _sentence: faults.append(problem),
        lambda _state: None,
        on_documents=lambda _documents: None,
        on_trial=on_trial,
    )


BEFORE, MEANWHILE, AFTER = (CallId(digit * 32) for digit in "abc")


async def a_call(kept: Records, call_id: CallId = MEANWHILE) -> None:
    await kept.call_log.open_record(OpenCallRecord(call_id, CallDirection.OUTGOING, "sip:2@example", "2"))
    await kept.call_log.mark_answered(call_id)
    await kept.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.LOCAL_HANGUP, 200))


def newer_firmware(patch: pytest.MonkeyPatch) -> None:
    """Have the store migrated by one step more than the firmware before knows."""
    migrations = load_migrations()
    later = Migration(len(migrations) + 1, "CREATE TABLE later (place INTEGER);")
    patch.setattr("firmware.store.store.load_migrations", lambda: (*migrations, later))


@pytest.fixture
async def card(tmp_path: Path) -> Path:
    """Return what the firmware before has left, with one call in its store."""
    before = records_in(tmp_path, [])
    await before.start(lambda: None)
    await a_call(before, BEFORE)
    await before.stop()
    return tmp_path


async def test_while_firmware_is_tried_the_store_is_shut_and_the_firmware_before_it_has_all_that_was_done(
    card: Path,
) -> None:
    faults: list[Problem | None] = []
    store = (card / "store.db").read_bytes()
    opened: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        newer_firmware(patch)
        tried = records_in(card, faults, on_trial=True)
        await tried.start(lambda: opened.append("tried"))
        assert tried.opens_when == "the new firmware is confirmed"
        await a_call(tried)
        for ask in (tried.pin.is_set(), tried.contacts.blocked_numbers()):
            with pytest.raises(StoreOnTrialError) as raised:
                await ask
            tried.note_error(raised.value)
        tried.note_success()
        await tried.stop()
        assert (card / "store.db").read_bytes() == store
    assert (opened, faults) == ([], []), "that it waits is no fault"

    before = records_in(card, faults)
    await before.start(lambda: opened.append("before"))
    calls = await before.call_log.recent(9)
    assert (opened, faults) == (["before"], [])
    assert [(call.call_id, call.reason) for call in calls] == [
        (MEANWHILE, DisconnectReason.LOCAL_HANGUP),
        (BEFORE, DisconnectReason.LOCAL_HANGUP),
    ]
    await before.stop()


async def test_once_firmware_is_confirmed_the_store_opens_with_the_calls_of_the_trial_at_their_times(
    card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer_firmware(monkeypatch)
    tried = records_in(card, [], on_trial=True)
    opened: list[str] = []
    await tried.start(lambda: opened.append("tried"))
    await a_call(tried)
    over_s = time.time()
    await asyncio.sleep(0.01)
    await tried.end_trial()
    assert (opened, tried.opens_when) == (["tried"], "")
    newest = (await tried.call_log.recent(9))[0]
    assert newest.call_id == MEANWHILE
    assert newest.ended_at is not None
    assert newest.ended_at <= over_s, "it was written down as when the store was opened"
    await a_call(tried, AFTER)
    assert len(await tried.call_log.recent(9)) == 3
    await tried.end_trial()
    assert opened == ["tried"]
    await tried.stop()


async def test_the_pin_does_not_open_a_store_while_firmware_is_tried_and_is_not_asked_for_twice(card: Path) -> None:
    before = records_in(card, [])
    await before.start(lambda: None)
    await before.pin.set(PIN)
    await before.pin.guard_store(PIN, guarded=True)
    await before.stop()
    opened: list[str] = []

    def when_open() -> None:
        opened.append("tried")

    tried = records_in(card, [], on_trial=True)
    await tried.start(when_open)
    assert tried.keyring.waits_for_pin
    assert (await tried.pin.check(PIN)).accepted
    assert opened == []
    await tried.end_trial()
    assert opened == ["tried"]
    await tried.stop()

    tried = records_in(card, [], on_trial=True)
    await tried.start(when_open)
    await tried.end_trial()
    assert tried.opens_when == "the holder's PIN is typed on the phone"
    assert (await tried.pin.check(PIN)).accepted
    assert opened == ["tried", "tried"]
    await tried.stop()


async def test_a_call_that_the_journal_keeps_mends_no_store_that_does_not_open(
    card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Problem | None] = []
    newer_firmware(monkeypatch)
    newer = records_in(card, [])
    await newer.start(lambda: None)
    await newer.stop()
    monkeypatch.undo()
    older = records_in(card, faults, on_trial=True)
    await older.start(lambda: None)
    await older.end_trial()
    await a_call(older)
    older.note_success()
    assert faults == [Problem.STORE_UNREADABLE]
    await older.stop()
