import asyncio
import json

import pytest

from contract.consent import Purpose
from firmware.ports.outbox import OutboxKey
from firmware.store.database import Database
from tests.lab.store import StoreLab


@pytest.fixture
async def granted(lab: StoreLab) -> StoreLab:
    """Consent is given and the broker knows."""
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.outbox.complete([message.key for message in await lab.outbox.next_batch(10)])
    return lab


async def test_messages_come_oldest_first_and_no_more_than_asked_for(granted: StoreLab) -> None:
    ids = [await granted.make_call() for _ in range(5)]
    batch = await granted.outbox.next_batch(3)
    assert [message.payload["id"] for message in batch] == ids[:3]
    assert all((message.topic, message.retain) == ("cdr", False) for message in batch)


async def test_a_message_stays_the_same_byte_for_byte_until_it_is_complete(granted: StoreLab) -> None:
    await granted.make_call()
    before = json.dumps([dict(message.payload) for message in await granted.outbox.next_batch(1)])
    await granted.restart()
    await granted.make_call()
    assert json.dumps([dict(message.payload) for message in await granted.outbox.next_batch(1)]) == before


async def test_the_key_is_that_of_the_payload(granted: StoreLab) -> None:
    await granted.make_call()
    [message] = await granted.outbox.next_batch(1)
    assert dict(message.payload) | {"epoch": message.key.epoch, "seq": message.key.seq} == message.payload


async def test_a_complete_message_is_gone_and_only_that_one(granted: StoreLab) -> None:
    first, second = await granted.make_call(), await granted.make_call()
    [one, _] = await granted.outbox.next_batch(10)
    assert one.payload["id"] == first
    await granted.outbox.complete([one.key, one.key, OutboxKey(one.key.epoch + 1, one.key.seq + 1), OutboxKey(1, 99)])
    assert [message.payload["id"] for message in await granted.outbox.next_batch(10)] == [second]
    assert await granted.outbox.waiting() == 1


async def test_a_number_is_never_given_out_twice(granted: StoreLab) -> None:
    seen: set[OutboxKey] = set()
    for _ in range(3):
        for _ in range(3):
            await granted.make_call()
            keys = [message.key for message in await granted.outbox.next_batch(10)]
            assert not seen & set(keys)
            seen |= set(keys)
            await granted.outbox.complete(keys)
        await granted.restart()
    assert len({key.seq for key in seen}) == 9


async def test_an_older_copy_put_back_gives_out_no_number_again(granted: StoreLab) -> None:
    await granted.stop()
    copy = granted.path.read_bytes()
    keys = []
    for _ in range(2):
        granted.path.write_bytes(copy)
        granted.make_parts()
        await granted.start()
        await granted.make_call()
        [message] = await granted.outbox.next_batch(10)
        keys.append(message.key)
        await granted.stop()
    assert keys[0].seq == keys[1].seq
    assert keys[0] != keys[1]


async def test_only_the_newest_state_of_consent_waits(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.consents.withdraw(Purpose.CDR_SYNC)
    await lab.consents.grant(Purpose.CDR_SYNC)
    [message] = await lab.outbox.next_batch(10)
    assert (message.topic, message.retain) == ("consent", True)
    assert message.payload["ledger_entries"] == 3


async def test_the_gate_is_asked_again_when_a_message_is_handed_over(granted: StoreLab) -> None:
    await granted.make_call()

    def forge(database: Database) -> None:
        database.execute("UPDATE outbox SET ledger_entries = 0")

    await granted.store.transact(forge)
    assert await granted.outbox.next_batch(10) == ()
    assert not await granted.outbox.wait_for_due(0)
    assert await granted.outbox.waiting() == 1


async def test_a_refused_message_does_not_hide_those_behind_it(granted: StoreLab) -> None:
    ids = [await granted.make_call() for _ in range(6)]

    def forge(database: Database) -> None:
        database.execute("UPDATE outbox SET ledger_entries = 0 WHERE call_id <= ?", ids[3])

    await granted.store.transact(forge)
    assert [message.payload["id"] for message in await granted.outbox.next_batch(1)] == [ids[4]]
    assert [message.payload["id"] for message in await granted.outbox.next_batch(9)] == ids[4:]


async def test_a_message_that_fits_no_closed_model_is_dropped_without_telling_its_content(
    granted: StoreLab, caplog: pytest.LogCaptureFixture
) -> None:
    await granted.make_call("+8613900000001")

    def forge(database: Database) -> None:
        database.execute("UPDATE outbox SET payload = json_set(payload, '$.note', 'a secret note')")

    await granted.store.transact(forge)
    assert await granted.outbox.next_batch(10) == ()
    assert await granted.outbox.waiting() == 0
    assert "dropped" in caplog.text
    assert "secret" not in caplog.text
    assert "13900000001" not in caplog.text


async def test_waiting_ends_at_once_where_a_message_is_due(granted: StoreLab) -> None:
    await granted.make_call()
    assert await granted.outbox.wait_for_due(0)


async def test_waiting_ends_when_a_call_is_queued_for_all_who_wait(granted: StoreLab) -> None:
    waits = [asyncio.create_task(granted.outbox.wait_for_due(30)) for _ in range(2)]
    await asyncio.sleep(0)
    # The store answers in order: by then both have been told that nothing waits.
    assert await granted.outbox.waiting() == 0
    assert not any(wait.done() for wait in waits)
    await granted.make_call()
    assert await asyncio.wait_for(asyncio.gather(*waits), 10) == [True, True]


async def test_waiting_ends_when_consent_is_withdrawn(granted: StoreLab) -> None:
    wait = asyncio.create_task(granted.outbox.wait_for_due(30))
    await asyncio.sleep(0)
    # The store answers in order: by then it has been told that nothing waits.
    assert await granted.outbox.waiting() == 0
    assert not wait.done()
    await granted.consents.withdraw(Purpose.CDR_SYNC)
    assert await asyncio.wait_for(wait, 10)
    [announced] = await granted.outbox.next_batch(10)
    assert announced.topic == "consent"
    assert '"purpose": "cdr_sync", "granted": false' in json.dumps(dict(announced.payload))


async def test_waiting_gives_up_in_time(granted: StoreLab) -> None:
    assert not await granted.outbox.wait_for_due(0.01)
