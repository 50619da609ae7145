"""What a power cut at any step of a change of consent leaves behind: the old state whole, or the new one.

Each change is cut off twice: by a real kill -9 before each of its statements, and by a write-ahead log that ends at, or
in the middle of, each page that the change wrote.
"""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from contract.consent import Actor, Channel, Purpose
from firmware.privacy.consent import LedgerAction
from firmware.store.database import Database, load_migrations
from tests.lab import chance, kills
from tests.lab.documents import DocumentLab
from tests.lab.store import KEY, StoreLab

ROOT: Final = Path(__file__).parents[2]
FIRST_KEY: Final = bytes(32)
kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak]

# sqlite.org/fileformat2.html section 4.1
_LOG_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24


async def prepare(folder: Path) -> None:
    """Leave a phone behind whose holder agrees to much: a call has been handed over, another waits."""
    lab = DocumentLab(folder)
    await lab.start()
    await lab.policies.prepare()
    for purpose in Purpose:
        await lab.consents.grant(purpose)
    await lab.make_call("+861012345601")
    batch = await lab.outbox.next_batch(10)
    await lab.outbox.hand_over([message.key for message in batch])
    await lab.make_call("+861012345602")
    await lab.consents.withdraw(Purpose.OPERATOR_NOTICES)
    await lab.store.transact(lambda database: database.execute("UPDATE pseudonym_key SET key = ?", FIRST_KEY))
    await lab.stop()


Change = Callable[[DocumentLab], Awaitable[object]]


def change(folder: Path, work: Change) -> None:
    """Do one thing to the phone in a folder."""

    async def run() -> None:
        lab = DocumentLab(folder)
        await lab.start()
        await work(lab)
        # Once all is on the disk one more statement comes, before which it can be cut off.
        await lab.consents.state()
        await lab.stop()

    asyncio.run(run())


def grant(folder: Path) -> None:
    change(folder, lambda lab: lab.consents.grant(Purpose.OPERATOR_NOTICES))


def withdraw(folder: Path) -> None:
    change(folder, lambda lab: lab.consents.withdraw(Purpose.CDR_SYNC))


def begin_private_mode(folder: Path) -> None:
    change(folder, lambda lab: lab.consents.withdraw_optional())


def activate(folder: Path) -> None:
    change(folder, lambda lab: lab.consents.append(LedgerAction.ACTIVATE, "adult", Actor.HOLDER, Channel.KEYPAD))


def take_catalogue(folder: Path) -> None:
    said = json.loads((ROOT / "firmware/privacy/texts/purposes.json").read_text())
    said["version"] = "2"
    for entry in said["purposes"]:
        entry["retention"]["days"] = 30
    change(folder, lambda lab: lab.catalogues.admit(lab.operator.catalogue(1, said), Channel.NETWORK))


CHANGES: Final = [grant, withdraw, begin_private_mode, activate, take_catalogue]


def contents(folder: Path) -> dict[str, Any]:
    """Return every row of a store, but for what chance drew, and what the ledger amounts to once all of it agrees."""
    database = Database(folder / "store.db", KEY)
    database.open(load_migrations())
    database.check()
    tables = [name for (name,) in database.query("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found: dict[str, Any] = {}
    for table in tables:
        columns = [row[1] for row in database.query(f"PRAGMA table_info({table})")]
        rows = database.query(f"SELECT * FROM {table}")
        found[table] = [
            [_without_chance(value) for name, value in zip(columns, row, strict=True) if not _is_chance(name)]
            for row in rows
        ]
    # Drawn by chance whenever what it unlinks was taken back; that it was drawn anew is what counts.
    found["pseudonym_key"] = database.query("SELECT key FROM pseudonym_key") == [(FIRST_KEY,)]
    database.close()
    return found | {"ledger": asyncio.run(_verified(folder))}


def _is_chance(column: str) -> bool:
    return column.endswith("epoch")


def _without_chance(value: object) -> object:
    if not isinstance(value, str) or not value.startswith("{"):
        return value
    document = json.loads(value)
    document.pop("epoch", None)
    document.pop("id", None)
    for record in document.get("records", []):
        record.pop("epoch", None)
    return document


async def _verified(folder: Path) -> dict[str, Any]:
    lab = DocumentLab(folder)
    await lab.start()
    try:
        state = await lab.consents.state()
        assert state.damage is None
        waiting = await lab.outbox.next_batch(100)
        [announced] = [message.payload for message in waiting if message.topic == "consent"]
        # The outside witness says what the ledger says.
        assert (announced["ledger_entries"], announced["ledger_head"]) == (state.head.entries, state.head.hash)
        granted = {answer["purpose"] for answer in announced["purposes"] if answer["granted"]}  # type: ignore[attr-defined]
        assert granted == set(state.all_granted)
        assert Purpose.CDR_SYNC in granted or not any(message.topic == "cdr" for message in waiting)
        return {
            "granted": sorted(granted),
            "entries": state.head.entries,
            "activated": state.activated,
            "waiting": sorted(message.topic for message in waiting),
        }
    finally:
        await lab.stop()


@pytest.fixture
def before(memory: Path) -> Path:
    folder = memory / "before"
    folder.mkdir()
    asyncio.run(prepare(folder))
    return folder


@pytest.fixture
def after(before: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    folder = shutil.copytree(before, before.parent / "after")
    request.getfixturevalue("doing")(folder)
    return contents(folder)


@pytest.fixture
def old(before: Path) -> dict[str, Any]:
    return contents(shutil.copytree(before, before.parent / "unchanged"))


@pytest.mark.parametrize("doing", CHANGES, ids=lambda function: function.__name__)
def test_a_kill_at_any_statement_leaves_the_old_state_or_the_new_one(
    before: Path, old: dict[str, Any], after: dict[str, Any], doing: Callable[[Path], None]
) -> None:
    assert old != after
    found = [(cut.step, contents(cut.folder)) for cut in kills.cuts(before, doing, kills.at_statement, one_in=6)]
    assert all(state in (old, after) for _, state in found)
    # Both are met, and the old one never again once the new one was.
    changed = [state for _, state in found].index(after)
    assert [state for _, state in found] == [old] * changed + [after] * (len(found) - changed)
    assert changed
    assert found[changed][0] > 11


@pytest.mark.parametrize("doing", [withdraw, begin_private_mode], ids=lambda function: function.__name__)
def test_the_new_state_has_all_that_follows_from_a_withdrawal(
    after: dict[str, Any], doing: Callable[[Path], None]
) -> None:
    assert Purpose.CDR_SYNC not in after["ledger"]["granted"]
    # The call that waited is gone, and the one that left is asked back.
    assert after["ledger"]["waiting"] == ["consent", "erasure"]


@pytest.mark.parametrize("doing", CHANGES, ids=lambda function: function.__name__)
def test_a_power_cut_at_any_page_that_is_written_leaves_the_old_state_or_the_new_one(
    before: Path, old: dict[str, Any], after: dict[str, Any], doing: Callable[[Path], None]
) -> None:
    written = shutil.copytree(before, before.parent / "written")
    assert kills.run_apart(be_killed_before_closing, written, doing) == -signal.SIGKILL
    log = (written / "store.db-wal").read_bytes()
    frame_bytes = _FRAME_HEADER_BYTES + int.from_bytes(log[8:12], "big")
    frames = (len(log) - _LOG_HEADER_BYTES) // frame_bytes
    ends = [_LOG_HEADER_BYTES + frame_bytes * frame + torn for frame in range(frames) for torn in (0, frame_bytes // 2)]
    found = []
    for end in (0, *chance.some(ends, 6), len(log)):
        folder = shutil.copytree(written, before.parent / f"cut {end}")
        (folder / "store.db-wal").write_bytes(log[:end])
        found.append(contents(folder))
        shutil.rmtree(folder)
    assert all(state in (old, after) for state in found)
    assert (found[0], found[-1]) == (old, after)


def be_killed_before_closing(folder: Path, doing: Callable[[Path], None]) -> None:
    """Be killed once all is written and before the log goes back into the file."""

    async def die(_lab: StoreLab) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    DocumentLab.stop = die  # type: ignore[method-assign, assignment]
    doing(folder)
