import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.consent import Channel, Purpose
from firmware.base.errors import StorageError
from firmware.privacy.catalogue import POLICY_VERSION
from firmware.privacy.consent import ConsentState, LedgerAction, LedgerHead
from firmware.store.database import Database, load_migrations
from firmware.store.errors import StoreCorruptError
from firmware.store.ledger import append_entry
from tests.lab.ledger import chain_of, verify
from tests.lab.store import KEY, StoreLab

CDR = Purpose.CDR_SYNC
FORGED = (
    "INSERT INTO consent_ledger (number, action, about, at, policy_version, previous_hash, hash) "
    "SELECT {number}, 'grant', about, at, '1', {previous_hash}, 'y' FROM consent_ledger"
)


async def damage(lab: StoreLab, sql: str) -> None:
    """Change the ledger as no statement of ours can: with its triggers off."""

    def write(database: Database) -> None:
        triggers = database.query("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        database.execute(sql)
        for _, definition in triggers:
            database.execute(definition)

    await lab.store.transact(write)


async def test_nothing_is_granted_until_it_is(lab: StoreLab) -> None:
    state = await lab.consents.state()
    assert state.intact
    assert not state.granted(CDR)
    assert await lab.outbox.waiting() == 0


def announced(granted: dict[Purpose, str]) -> list[dict[str, object]]:
    """Return what a message says where these purposes are granted, each since a time, and nothing else was asked."""
    return [
        {"purpose": purpose.value, "granted": purpose in granted, "since": granted.get(purpose)} for purpose in Purpose
    ]


async def test_a_grant_stands_after_a_restart_and_says_when_and_under_which_policy(lab: StoreLab) -> None:
    assert (await lab.consents.grant(CDR)).granted(CDR)
    await lab.restart()
    assert (await lab.consents.state()).granted(CDR)
    [entry] = await lab.consents.entries()
    assert (entry.action, entry.at, entry.policy_version) == (
        LedgerAction.GRANT,
        "2026-03-01T10:00:00.000Z",
        POLICY_VERSION,
    )


async def test_each_change_is_announced_with_the_ledger_s_head(lab: StoreLab) -> None:
    state = await lab.consents.grant(CDR)
    [message] = await lab.outbox.next_batch(10)
    assert message.payload["purposes"] == announced({CDR: "2026-03-01T10:00:00.000Z"})
    assert (message.payload["ledger_entries"], message.payload["ledger_head"]) == (1, state.head.hash)


async def test_an_answer_that_stands_already_adds_nothing(lab: StoreLab) -> None:
    await lab.consents.grant(CDR)
    keys = [message.key for message in await lab.outbox.next_batch(10)]
    await lab.consents.grant(CDR)
    assert len(await lab.consents.entries()) == 1
    assert [message.key for message in await lab.outbox.next_batch(10)] == keys


async def test_a_withdrawal_forgets_what_was_queued(lab: StoreLab) -> None:
    await lab.consents.grant(CDR)
    await lab.make_call()
    await lab.consents.withdraw(CDR)
    [message] = await lab.outbox.next_batch(10)
    assert message.topic == "consent"
    assert await lab.outbox.waiting() == 1


async def test_the_ledger_verifies_against_the_head_kept_apart(lab: StoreLab) -> None:
    for _ in range(3):
        await lab.consents.grant(CDR)
        state = await lab.consents.withdraw(CDR)
    entries = await lab.consents.entries()
    assert len(entries) == 6
    assert verify(entries, state.head)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE consent_ledger SET at = '2020-01-01T00:00:00.000Z'",
        "DELETE FROM consent_ledger",
        "INSERT OR REPLACE INTO consent_ledger SELECT * FROM consent_ledger",
        FORGED.format(number="number + 1", previous_hash="'x'"),
        FORGED.format(number="number + 2", previous_hash="hash"),
    ],
)
async def test_the_store_itself_lets_the_ledger_only_grow_by_the_next_entry(lab: StoreLab, sql: str) -> None:
    await lab.consents.grant(CDR)
    before = await lab.consents.entries()
    with pytest.raises(StorageError, match="consent ledger"):
        await lab.store.transact(lambda database: database.execute(sql))
    assert await lab.consents.entries() == before
    assert (await lab.consents.state()).granted(CDR)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE consent_ledger SET at = '2020-01-01T00:00:00.000Z'",
        "UPDATE consent_ledger SET about = 'everything'",
        "DELETE FROM consent_ledger WHERE number = 3",
        "DELETE FROM consent_ledger WHERE number = 2",
        "DELETE FROM consent_head",
    ],
)
async def test_a_damaged_ledger_is_a_no_to_everything(lab: StoreLab, sql: str) -> None:
    await lab.consents.grant(CDR)
    await lab.consents.withdraw(CDR)
    await lab.consents.grant(CDR)
    await lab.make_call()
    await damage(lab, sql)
    state = await lab.consents.state()
    assert not state.intact
    assert not state.granted(CDR)
    assert all(message.topic == "consent" for message in await lab.outbox.next_batch(10))
    await lab.make_call()
    assert all(message.topic == "consent" for message in await lab.outbox.next_batch(10))
    with pytest.raises(StoreCorruptError, match="does not verify"):
        await lab.consents.grant(CDR)


async def test_a_withdrawal_that_a_damaged_ledger_cannot_take_still_forgets_what_was_queued(lab: StoreLab) -> None:
    await lab.consents.grant(CDR)
    await lab.make_call()
    await damage(lab, "UPDATE consent_ledger SET at = ''")
    with pytest.raises(StoreCorruptError):
        await lab.consents.withdraw(CDR)
    assert not any(message.topic == "cdr" for message in await lab.outbox.next_batch(10))
    rows = await lab.store.run(lambda database: database.query("SELECT topic FROM outbox WHERE topic = 'cdr'"))
    assert rows == []


async def test_the_present_state_can_be_announced_again(lab: StoreLab) -> None:
    await lab.consents.announce()
    [message] = await lab.outbox.next_batch(10)
    assert message.payload["purposes"] == announced({})
    assert message.payload["ledger_head"] == LedgerHead().hash


async def test_a_change_comes_to_its_end_and_is_told_though_whoever_asked_is_gone(lab: StoreLab) -> None:
    told = asyncio.Event()
    lab.consents.when_changed = lambda _state: told.set()
    asking = asyncio.create_task(lab.consents.grant(CDR))
    await asyncio.sleep(0)
    asking.cancel()
    async with asyncio.timeout(10):
        await told.wait()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await lab.consents.state()).granted(CDR)


async def test_what_is_on_the_disk_is_told_though_the_store_fails_right_after(
    lab: StoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab.consents.grant(CDR)
    heard: list[ConsentState] = []
    lab.consents.when_changed = heard.append
    transact = lab.store.transact

    async def transact_and_fail(work: Callable[[Database], object], *, urgent: bool = False) -> object:
        result = await transact(work, urgent=urgent)
        await lab.store.stop()
        return result

    monkeypatch.setattr(lab.store, "transact", transact_and_fail)
    state = await lab.consents.withdraw(CDR)
    assert not state.granted(CDR)
    assert heard == [state]


async def test_a_change_that_came_to_nothing_is_not_told(lab: StoreLab) -> None:
    await lab.consents.grant(CDR)
    heard: list[ConsentState] = []
    lab.consents.when_changed = heard.append

    def lapse_and_fail(database: Database) -> None:
        lab.consents.lapse_within(database, [CDR], Channel.HANDSET)
        raise StorageError("The card is gone.")

    with pytest.raises(StorageError, match="gone"):
        await lab.store.transact(lapse_and_fail)
    await lab.consents.tell()
    assert [state.granted(CDR) for state in heard] == [True]


async def test_entries_of_the_first_firmware_stand_beside_newer_ones(lab: StoreLab) -> None:
    def write(database: Database) -> None:
        for entry in chain_of(LedgerAction.GRANT, old=1):
            append_entry(database, entry)

    await lab.store.transact(write)
    assert (await lab.consents.state()).granted(CDR)
    await lab.consents.withdraw(CDR)
    await lab.restart()
    state = await lab.consents.state()
    assert state.intact
    assert not state.granted(CDR)
    assert [entry.format for entry in await lab.consents.entries()] == [1, 2]


async def test_the_ledger_of_a_store_of_the_first_firmware_is_taken_over_as_it_is(tmp_path: Path) -> None:
    """What the first firmware wrote, in the table that it wrote it to."""
    database = Database(tmp_path / "store.db", KEY)
    database.open(load_migrations()[:5])
    [entry] = chain_of(LedgerAction.GRANT, old=1)
    database.execute(
        "INSERT INTO consent_ledger (number, action, purpose, at, policy_version, previous_hash, hash) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(entry.number, entry.action, entry.about, entry.at, entry.policy_version, entry.previous_hash, entry.hash),
    )
    database.close()
    lab = StoreLab(tmp_path)
    await lab.start()
    state = await lab.consents.state()
    assert state.intact
    assert state.granted(CDR)
    await lab.stop()
