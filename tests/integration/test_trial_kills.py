"""What a power cut at any step of a start of newer firmware leaves: a store that the firmware which runs next reads."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId
from firmware.phone.commands import CloseCallRecord, OpenCallRecord
from firmware.ports.store import CallLogEntry
from firmware.services.records import Records
from firmware.store import store
from firmware.store.database import Migration, load_migrations
from provisioning.parsing import parse_configuration
from tests.lab import kills
from tests.lab.store import ONE_ACCOUNT

kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak, pytest.mark.feature("store on trial")]

BEFORE, MEANWHILE = (CallId(digit * 32) for digit in "ab")
MIGRATIONS = load_migrations()
LATER = Migration(len(MIGRATIONS) + 1, "CREATE TABLE later (place INTEGER);")


@pytest.fixture(autouse=True)
def migrations_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the tests that follow in this process find what it ships; those that are killed leave it as it is."""
    monkeypatch.setattr(store, "load_migrations", load_migrations)


def records_of(folder: Path, *, is_newer: bool, on_trial: bool = False) -> Records:
    """Return the store as this firmware sees it."""
    store.load_migrations = lambda: (*MIGRATIONS, LATER) if is_newer else MIGRATIONS  # type: ignore[attr-defined]
    return Records(
        folder,
        parse_configuration(ONE_ACCOUNT),
        lambda: None,
        lambda _problem, _sentence: None,
        lambda _state: None,
        on_documents=lambda _documents: None,
        is_on_trial=lambda: on_trial,
    )


async def call(records: Records, call_id: CallId) -> None:
    await records.call_log.open_record(OpenCallRecord(call_id, CallDirection.OUTGOING, "sip:2@sip.example.org", "2"))
    await records.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.LOCAL_HANGUP, 200))


async def run(folder: Path, call_id: CallId, *, is_newer: bool, on_trial: bool = False) -> None:
    """Run firmware, with a call in it."""
    records = records_of(folder, is_newer=is_newer, on_trial=on_trial)
    await records.start(lambda: None)
    await call(records, call_id)
    await records.stop()


def prepare(folder: Path) -> None:
    asyncio.run(run(folder, BEFORE, is_newer=False))


def prepare_confirmed(folder: Path) -> None:
    prepare(folder)
    be_tried(folder)


def be_tried(folder: Path) -> None:
    """Start newer firmware on trial."""
    asyncio.run(run(folder, MEANWHILE, is_newer=True, on_trial=True))


def be_confirmed(folder: Path) -> None:
    """Start it once it is good."""

    async def start() -> None:
        records = records_of(folder, is_newer=True)
        await records.start(lambda: None)
        await records.stop()

    asyncio.run(start())


async def calls_of(folder: Path, *, is_newer: bool) -> list[CallLogEntry]:
    records = records_of(folder, is_newer=is_newer)
    await records.start(lambda: None)
    try:
        assert records.fault is None
        return list(await records.call_log.recent(9))
    finally:
        await records.stop()


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    ("before", "change", "is_newer"), [(prepare, be_tried, False), (prepare_confirmed, be_confirmed, True)]
)
def test_a_power_cut_at_any_step_leaves_a_store_that_the_firmware_which_runs_next_reads(
    memory: Path, before: Callable[[Path], None], change: Callable[[Path], None], is_newer: bool
) -> None:
    whole = memory / "whole"
    whole.mkdir()
    before(whole)
    last = 0
    for cut in kills.cuts(whole, change):
        calls = {each.call_id for each in asyncio.run(calls_of(cut.folder, is_newer=is_newer))}
        assert BEFORE in calls
        assert not list(cut.folder.glob("store.db.trial*"))
        if cut.ended or is_newer:
            assert calls == {BEFORE, MEANWHILE}
        last = cut.step
    assert last > 2, "nothing was ever killed"
