"""The store and what is kept in it, where it does not open as it should."""

import asyncio
import time
from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Actor, Channel, RequestKind
from firmware.app.updates import store_condition
from firmware.phone.call import CallId
from firmware.phone.commands import CloseCallRecord, OpenCallRecord
from firmware.phone.news import Problem
from firmware.services import clock, records
from firmware.services.records import Records
from firmware.setup.update.judge import StoreCondition
from firmware.store.database import Migration, load_migrations
from firmware.store.errors import StoreFullError, StoreOnTrialError, StoreReadOnlyError
from firmware.store.trial import COPY_SUFFIXES
from provisioning.parsing import parse_configuration
from tests.lab.patience import wait_until
from tests.lab.store import ONE_ACCOUNT


def records_in(
    folder: Path,
    told: list[Any],
    configuration: str = ONE_ACCOUNT,
    on_state: Callable[[Any], None] = lambda _state: None,
    **more: Any,
) -> Records:
    """Return records that tell of each fault, and of None once there is none."""
    return Records(
        folder,
        parse_configuration(configuration),
        lambda: None,
        lambda problem, _sentence: told.append(problem),
        on_state,
        on_documents=lambda _documents: None,
        **more,
    )


async def test_a_store_that_holds_what_nobody_thought_of_is_a_fault_and_stops_no_phone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Problem | None] = []

    async def stumble() -> None:
        raise ValueError("Anna, +861012345678")

    records = records_in(tmp_path, faults)
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
    kept = records_in(tmp_path, happened, on_state=lambda state: happened.append(state.age_band))
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
    await asyncio.to_thread(wait_until, lambda: happened.count("") >= 3)
    assert happened.count("open") == 1, "what came meanwhile and could not be kept must not be forgotten"

    happened.clear()
    room.append(True)
    await asyncio.to_thread(wait_until, lambda: None in happened)
    assert happened[-2:] == [None, "open"], "what was written meanwhile is loaded anew"
    await kept.stop()


async def test_calls_of_the_run_before_stay_open_until_it_is_known_which_of_them_go_on(tmp_path: Path) -> None:
    happened: list[object] = []
    cut_off, going_on = CallId("a" * 32), CallId("b" * 32)
    before = records_in(tmp_path, happened)
    await before.start(lambda: None)
    for call_id in (cut_off, going_on):
        await before.call_log.open_record(OpenCallRecord(call_id, CallDirection.INCOMING, "10086", ""))
    await before.stop()

    kept = records_in(tmp_path, happened)
    missed: list[asyncio.Task[int]] = []
    await kept.start(lambda: missed.append(asyncio.ensure_future(kept.call_log.count_unseen_missed())))
    assert {entry.reason for entry in await kept.call_log.recent(10)} == {None}
    kept.settle([going_on])
    await asyncio.to_thread(wait_until, lambda: len(missed) >= 2)
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
    kept = records_in(tmp_path, happened)
    close = kept.call_log.recover_interrupted

    async def fail(going_on: Collection[CallId]) -> int:
        if not room:
            raise StoreFullError("There is no room.")
        return await close(going_on)

    monkeypatch.setattr(kept.call_log, "recover_interrupted", fail)
    kept.settle(())
    await kept.start(lambda: happened.append("open"))
    await asyncio.to_thread(wait_until, lambda: happened.count(Problem.STORE_FULL) >= 3)
    kept.note_success()
    assert kept.fault is not None
    room.append(True)
    await asyncio.to_thread(wait_until, lambda: None in happened)
    await kept.stop()


async def test_a_request_of_an_unset_clock_gets_its_day_by_itself_once_the_clock_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall_s = 0.0
    monkeypatch.setattr(records, "_COUNT_EVERY_S", 0.01)
    monkeypatch.setattr(clock, "is_synchronised", lambda: wall_s > 0)
    monkeypatch.setattr("time.time", lambda: wall_s)
    kept = records_in(tmp_path, [], ONE_ACCOUNT.replace("fleet =", 'country = "DE"\nfleet ='))
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


class Trial:
    """What root's service for updates says of the firmware that runs."""

    def __init__(self, *, goes_on: bool = False) -> None:
        self.goes_on = goes_on

    def __call__(self) -> bool:
        return self.goes_on


BEFORE, MEANWHILE, AFTER = (CallId(digit * 32) for digit in "abc")


async def a_call(kept: Records, call_id: CallId = MEANWHILE) -> None:
    await kept.call_log.open_record(OpenCallRecord(call_id, CallDirection.OUTGOING, "sip:2@example", "2"))
    await kept.call_log.mark_answered(call_id)
    await kept.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.LOCAL_HANGUP, 200))


def newer_firmware(patch: pytest.MonkeyPatch, sql: str = "CREATE TABLE later (place INTEGER);") -> None:
    """Have the store migrated by one step more than the firmware before knows."""
    migrations = load_migrations()
    later = Migration(len(migrations) + 1, sql)
    patch.setattr("firmware.store.store.load_migrations", lambda: (*migrations, later))


def left_in(folder: Path) -> dict[str, bytes]:
    """Return what the store and what belongs to it hold; what keeps room beside it, and the journal, aside."""
    return {path.name: path.read_bytes() for path in folder.glob("store.db*") if path.suffix != ".reserve"}


@pytest.fixture
async def card(tmp_path: Path, quick_pins: None) -> Path:
    """Return what the firmware before has left, with one call in its store."""
    before = records_in(tmp_path, [])
    await before.start(lambda: None)
    await a_call(before, BEFORE)
    await before.stop()
    return tmp_path


async def guard(card: Path) -> None:
    """Have the store open by the holder's PIN alone."""
    before = records_in(card, [])
    await before.start(lambda: None)
    await before.pin.set(PIN)
    await before.pin.guard_store(PIN, guarded=True)
    await before.stop()


@pytest.fixture
def confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it looked at once whether the firmware is confirmed."""
    monkeypatch.setattr("firmware.services.records._TRIAL_LOOK_S", 0.01)


async def opening(records: Records) -> asyncio.Event:
    """Start records, and return what is set once they are open."""
    opened = asyncio.Event()
    await records.start(opened.set)
    return opened


@pytest.mark.feature("store on trial")
async def test_a_store_that_firmware_on_trial_would_migrate_stays_bit_for_bit_and_the_firmware_before_has_all_calls(
    card: Path,
) -> None:
    faults: list[Problem | None] = []
    store = left_in(card)
    with pytest.MonkeyPatch.context() as patch:
        newer_firmware(patch)
        tried = records_in(card, faults, is_on_trial=Trial(goes_on=True))
        opened = await opening(tried)
        assert (tried.opens_when, tried.store_proved) == ("the new firmware is confirmed", True)
        assert store_condition(tried) is StoreCondition.PROVED
        await a_call(tried)
        for ask in (tried.pin.is_set(), tried.contacts.blocked_numbers()):
            with pytest.raises(StoreOnTrialError) as raised:
                await ask
            tried.note_error(raised.value)
        tried.note_success()
        await tried.stop()
        assert left_in(card) == store
    assert (opened.is_set(), faults) == (False, []), "that it waits is no fault"

    before = records_in(card, faults)
    assert (await opening(before)).is_set()
    calls = await before.call_log.recent(9)
    assert faults == []
    assert [(call.call_id, call.reason) for call in calls] == [
        (MEANWHILE, DisconnectReason.LOCAL_HANGUP),
        (BEFORE, DisconnectReason.LOCAL_HANGUP),
    ]
    await before.stop()


@pytest.mark.feature("store on trial")
async def test_what_a_crash_left_in_the_log_of_the_store_stays_there_and_is_in_the_copy(card: Path) -> None:
    crashed = records_in(card, [])
    await crashed.start(lambda: None)
    await a_call(crashed)
    left = left_in(card)
    assert left["store.db-wal"]
    await crashed.stop()
    for name, content in left.items():
        (card / name).write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        # It fails in a copy without the call of the log.
        newer_firmware(
            patch, "CREATE TABLE later (place CHECK (place = 2)); INSERT INTO later SELECT count(*) FROM calls;"
        )
        tried = records_in(card, [], is_on_trial=Trial(goes_on=True))
        await tried.start(lambda: None)
        assert tried.store_proved
        await tried.stop()
    assert left_in(card) == left


@pytest.mark.feature("store on trial")
async def test_firmware_on_trial_that_migrates_nothing_opens_the_store_as_ever(card: Path) -> None:
    trial = Trial(goes_on=True)
    tried = records_in(card, [], is_on_trial=trial)
    assert (await opening(tried)).is_set()
    assert (tried.opens_when, tried.store_proved) == ("", True)
    assert store_condition(tried) is StoreCondition.OPEN
    await a_call(tried)
    assert len(await tried.call_log.recent(9)) == 2
    await tried.stop()


@pytest.mark.usefixtures("confirmed")
async def test_once_firmware_is_confirmed_the_store_opens_with_the_calls_of_the_trial_at_their_times(
    card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer_firmware(monkeypatch)
    trial = Trial(goes_on=True)
    tried = records_in(card, [], is_on_trial=trial)
    opened = await opening(tried)
    await a_call(tried)
    over_s = time.time()
    await asyncio.sleep(0.01)
    trial.goes_on = False
    await asyncio.wait_for(opened.wait(), 10)
    assert (tried.opens_when, tried.store_proved) == ("", True)
    newest = (await tried.call_log.recent(9))[0]
    assert newest.call_id == MEANWHILE
    assert newest.ended_at is not None
    assert newest.ended_at <= over_s, "it was written down as when the store was opened"
    await a_call(tried, AFTER)
    assert len(await tried.call_log.recent(9)) == 3
    await tried.stop()


@pytest.mark.feature("store on trial")
async def test_a_migration_that_fails_on_the_copy_says_so_and_leaves_the_store_as_it_was(
    card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Problem | None] = []
    store = left_in(card)
    newer_firmware(monkeypatch, "INSERT INTO no_such_table VALUES (1);")
    tried = records_in(card, faults, is_on_trial=Trial(goes_on=True))
    opened = await opening(tried)
    assert (opened.is_set(), tried.store_proved, len(faults)) == (False, False, 1)
    assert store_condition(tried) is StoreCondition.SHUT
    await a_call(tried)
    await tried.stop()
    assert left_in(card) == store


@pytest.mark.feature("store on trial")
async def test_a_copy_that_a_power_cut_left_is_gone_after_the_next_start(card: Path) -> None:
    for suffix in COPY_SUFFIXES:
        (card / f"store.db{suffix}").write_bytes(b"what was in the store")
    again = records_in(card, [])
    await again.start(lambda: None)
    assert not [name for name in left_in(card) if "trial" in name]
    await again.stop()


@pytest.mark.usefixtures("confirmed")
async def test_the_pin_does_not_open_a_store_that_waits_for_its_firmware_and_is_not_asked_for_twice(
    card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await guard(card)
    newer_firmware(monkeypatch)
    trial = Trial(goes_on=True)
    tried = records_in(card, [], is_on_trial=trial)
    opened = await opening(tried)
    assert (tried.opens_when, tried.store_proved) == ("the holder's PIN is typed on the phone", None)
    assert store_condition(tried) is StoreCondition.WAITS
    assert (await tried.pin.check(PIN)).accepted
    assert (opened.is_set(), tried.opens_when) == (False, "the new firmware is confirmed")
    assert store_condition(tried) is StoreCondition.PROVED
    trial.goes_on = False
    await asyncio.wait_for(opened.wait(), 10)
    await tried.stop()


async def test_a_store_whose_pin_was_typed_is_not_said_to_be_open_before_it_is(card: Path) -> None:
    await guard(card)
    guarded = records_in(card, [])
    await guarded.start(lambda: None)
    said = [guarded.closed_until]
    guarded.pin.when_right = lambda: said.append(guarded.closed_until)
    assert (await guarded.pin.check(PIN)).accepted
    assert [*said, guarded.closed_until] == ["the holder's PIN is typed on the phone", "its start is over", ""]
    await guarded.stop()


async def test_the_pin_opens_a_store_that_firmware_on_trial_need_not_migrate(card: Path) -> None:
    await guard(card)
    tried = records_in(card, [], is_on_trial=Trial(goes_on=True))
    opened = await opening(tried)
    assert (await tried.pin.check(PIN)).accepted
    assert opened.is_set()
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
    older = records_in(card, faults, is_on_trial=Trial(goes_on=True))
    await older.start(lambda: None)
    await a_call(older)
    older.note_success()
    assert faults == [Problem.STORE_UNREADABLE]
    assert older.store_proved is False
    await older.stop()


async def test_on_a_card_of_which_root_says_nothing_no_store_is_migrated(
    card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware.store.trial.is_card", lambda: True)
    newer_firmware(monkeypatch)
    tried = records_in(card, [])
    assert not (await opening(tried)).is_set()
    assert tried.opens_when == "the new firmware is confirmed"
    await tried.stop()
