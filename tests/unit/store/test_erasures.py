"""What recipients are told to delete: exactly what left or may have left, and nothing of what never did."""

from typing import Any

import pytest

from contract.consent import Channel, Purpose
from contract.messages import ErasureReason, Topic
from contract.results import OutcomeCode
from firmware.phone.call import CallId
from firmware.phone.requests.calls import CallKind
from firmware.ports.outbox import OutboxKey
from firmware.store.database import Database
from firmware.store.shares import Scope
from tests.lab.store import StoreLab


@pytest.fixture
async def granted(lab: StoreLab) -> StoreLab:
    """Consent is given, and the broker has the state of it."""
    await lab.consents.grant(Purpose.CDR_SYNC)
    await deliver(lab)
    return lab


async def hand_over(lab: StoreLab, limit: int = 1000) -> dict[str, OutboxKey]:
    """Take what waits as the sync process does; return what it took, by call or topic."""
    batch = await lab.outbox.next_batch(limit)
    leaving = await lab.outbox.hand_over([message.key for message in batch])
    return {str(message.payload.get("id", message.topic)): message.key for message in batch if message.key in leaving}


async def deliver(lab: StoreLab, limit: int = 1000) -> dict[str, OutboxKey]:
    """Have the broker acknowledge what waits."""
    taken = await hand_over(lab, limit)
    await lab.outbox.complete(list(taken.values()))
    return taken


async def notices(lab: StoreLab) -> list[dict[str, Any]]:
    """Return the erasure notices that wait."""
    return [dict(message.payload) for message in await lab.outbox.next_batch(1000) if message.topic == Topic.ERASURE]


def named_in(notice: dict[str, Any]) -> set[OutboxKey]:
    """Return the keys of all records that a notice covers."""
    return {
        OutboxKey(each["epoch"], seq) for each in notice["records"] for seq in range(each["first"], each["last"] + 1)
    }


async def calls_that_wait(lab: StoreLab) -> set[CallId]:
    return {
        CallId(str(message.payload["id"])) for message in await lab.outbox.next_batch(1000) if message.topic == "cdr"
    }


async def test_a_call_that_never_left_leaves_nothing_behind(granted: StoreLab) -> None:
    call_id = await granted.make_call()
    await granted.call_log.delete(call_id)
    assert await granted.outbox.waiting() == 0
    assert not [share for share in await granted.shares.listed(0, 100) if share.topic is Topic.CDR]


@pytest.mark.parametrize("acknowledged", [True, False])
async def test_a_call_that_was_handed_over_is_taken_back_whether_the_broker_has_it_or_only_may_have(
    granted: StoreLab, acknowledged: bool
) -> None:
    call_id = await granted.make_call()
    taken = await (deliver if acknowledged else hand_over)(granted)
    await granted.call_log.delete(call_id)
    [notice] = await notices(granted)
    assert (notice["reason"], notice["cancelled"]) == ("deleted", False)
    assert named_in(notice) == {taken[call_id]}
    assert not await calls_that_wait(granted)


async def test_a_message_that_was_only_looked_at_did_not_leave(granted: StoreLab) -> None:
    call_id = await granted.make_call()
    assert await granted.outbox.wait_for_due(0)
    assert await calls_that_wait(granted) == {call_id}
    await granted.call_log.delete(call_id)
    assert await notices(granted) == []


async def test_what_was_deleted_between_looking_and_leaving_does_not_leave(granted: StoreLab) -> None:
    call_id = await granted.make_call()
    [message] = await granted.outbox.next_batch(10)
    await granted.call_log.delete(call_id)
    assert await granted.outbox.hand_over([message.key]) == frozenset()
    assert await notices(granted) == []


async def test_clearing_the_log_names_many_records_in_one_range(granted: StoreLab) -> None:
    ids = [await granted.make_call() for _ in range(30)]
    taken = await deliver(granted)
    # Consent has numbers of its own among theirs.
    await granted.consents.announce()
    ids += [await granted.make_call() for _ in range(30)]
    taken |= await deliver(granted)
    await granted.call_log.clear()
    [notice] = await notices(granted)
    assert len(notice["records"]) == 1
    assert {taken[each] for each in ids} <= named_in(notice)


async def test_a_range_spans_no_record_that_stays(granted: StoreLab) -> None:
    ids = [await granted.make_call(answered=index % 2 == 0) for index in range(6)]
    taken = await deliver(granted)
    waiting = await granted.make_call()
    await granted.make_call()
    taken |= await hand_over(granted, 1)
    await granted.call_log.delete(ids[1])
    await granted.call_log.delete(ids[2])
    await granted.call_log.delete(ids[4])
    named = set().union(*map(named_in, await notices(granted)))
    assert named == {taken[ids[index]] for index in (1, 2, 4)}
    assert taken[waiting] not in named


async def test_calls_of_one_kind_are_taken_back_and_the_others_stay(granted: StoreLab) -> None:
    await granted.make_call()
    taken = await deliver(granted)
    await granted.call_log.clear(CallKind.MISSED)
    assert await notices(granted) == []
    await granted.call_log.clear(CallKind.DIALLED)
    [notice] = await notices(granted)
    assert named_in(notice) <= set(taken.values())


async def test_records_of_many_runs_are_named_in_as_many_notices_as_they_need(granted: StoreLab) -> None:
    taken: dict[str, OutboxKey] = {}
    for _ in range(60):
        await granted.make_call()
        taken |= await deliver(granted)
        await granted.restart()
    await granted.call_log.clear()
    found = await notices(granted)
    assert [len(notice["records"]) for notice in found] == [50, 10]
    assert set().union(*map(named_in, found)) == set(taken.values())
    erased_by = {
        share.key: share.erased_by for share in await granted.shares.listed(0, 1000) if share.topic is Topic.CDR
    }
    for notice in found:
        assert {erased_by[key] for key in named_in(notice)} == {OutboxKey(notice["epoch"], notice["seq"])}


async def test_withdrawal_takes_back_what_left_and_what_may_have_and_drops_the_rest(granted: StoreLab) -> None:
    for _ in range(3):
        await granted.make_call()
    first = await deliver(granted, 1)
    second = await hand_over(granted, 1)
    await granted.consents.withdraw(Purpose.CDR_SYNC)
    [notice] = await notices(granted)
    assert notice["reason"] == "withdrawn"
    assert named_in(notice) == {*first.values(), *second.values()}
    assert not await calls_that_wait(granted)
    assert len(await granted.call_log.recent(10)) == 3


async def test_what_was_taken_back_once_is_not_taken_back_again(granted: StoreLab) -> None:
    call_id = await granted.make_call()
    await deliver(granted)
    await granted.consents.withdraw(Purpose.CDR_SYNC)
    await deliver(granted)
    await granted.call_log.delete(call_id)
    await granted.consents.grant(Purpose.CDR_SYNC)
    await granted.consents.withdraw(Purpose.CDR_SYNC)
    assert await notices(granted) == []


async def test_a_withdrawal_when_nothing_had_left_is_told_to_nobody(granted: StoreLab) -> None:
    await granted.make_call()
    await granted.consents.withdraw(Purpose.CDR_SYNC)
    assert await notices(granted) == []


async def test_a_notice_waits_through_restarts_the_same_byte_for_byte(granted: StoreLab) -> None:
    call_id = await granted.make_call()
    await deliver(granted)
    await granted.call_log.delete(call_id)
    before = await notices(granted)
    await hand_over(granted)
    await granted.restart()
    assert await notices(granted) == before
    await deliver(granted)
    assert await notices(granted) == []


async def test_a_notice_leaves_also_when_nothing_is_granted(granted: StoreLab) -> None:
    await granted.make_call()
    await deliver(granted)
    await granted.consents.withdraw(Purpose.CDR_SYNC)
    assert Topic.ERASURE in await deliver(granted)


async def test_a_holder_who_goes_takes_everything_back_and_nothing_else_waits(granted: StoreLab) -> None:
    await granted.make_call()
    await deliver(granted)
    await granted.make_call()
    await granted.outbox.queue_outcome("a" * 64, OutcomeCode.TAKEN)
    [key] = await granted.store.transact(
        lambda database: granted.outbox.queue_erasure(database, ErasureReason.CANCELLED)
    )
    [message] = await granted.outbox.next_batch(10)
    assert message.key == key
    assert message.payload["cancelled"]
    assert {share.erased_by for share in await granted.shares.listed(0, 9) if share.topic is Topic.CDR} == {key}


async def test_a_holder_who_goes_names_every_run_of_which_records_may_still_be_on_their_way(granted: StoreLab) -> None:
    taken = []
    for _ in range(3):
        await granted.make_call()
        taken.append((await hand_over(granted)).popitem()[1])
        await granted.restart()
    await granted.consents.withdraw(Purpose.CDR_SYNC)
    await granted.store.transact(lambda database: granted.outbox.queue_erasure(database, ErasureReason.CANCELLED))
    [notice] = await notices(granted)
    assert len({key.epoch for key in taken}) == 3
    for key in taken:
        assert any(
            each["epoch"] == key.epoch and each["first"] <= key.seq <= each["last"] for each in notice["records"]
        )


async def test_a_holder_who_goes_names_the_newest_runs_where_there_were_more_than_a_notice_holds(
    granted: StoreLab,
) -> None:
    def note(database: Database) -> None:
        for epoch in range(1, 61):
            database.execute(
                "INSERT INTO shares (epoch, seq, recipient, topic, in_clear, handed_at) VALUES (?, ?, '', 'cdr', 0, 0)",
                epoch,
                1000 + epoch,
            )

    await granted.store.transact(note)
    await granted.store.transact(lambda database: granted.outbox.queue_erasure(database, ErasureReason.CANCELLED))
    [notice] = await notices(granted)
    assert [each["epoch"] for each in notice["records"]] == list(range(60, 10, -1))


async def test_a_holder_who_goes_before_anything_left_is_spoken_of_to_nobody(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.make_call()
    keys = await lab.store.transact(lambda database: lab.outbox.queue_erasure(database, ErasureReason.CANCELLED))
    assert keys == ()
    assert await lab.outbox.waiting() == 0


async def test_all_records_can_be_taken_back_and_the_calls_stay(granted: StoreLab) -> None:
    await granted.make_call()
    taken = await deliver(granted)
    await granted.store.transact(
        lambda database: granted.outbox.queue_erasure(database, ErasureReason.ERASED, Scope.ALL_RECORDS)
    )
    [notice] = await notices(granted)
    assert (notice["reason"], named_in(notice)) == ("erased", set(taken.values()))
    assert len(await granted.call_log.recent(10)) == 1


async def test_a_yes_that_lapsed_takes_nothing_back_until_the_holder_says_no(granted: StoreLab) -> None:
    await granted.make_call()
    taken = await deliver(granted)
    waiting = await granted.make_call()
    await granted.lapse([Purpose.CDR_SYNC], Channel.NETWORK)
    assert await notices(granted) == []
    assert waiting not in await calls_that_wait(granted)
    await granted.consents.withdraw(Purpose.CDR_SYNC)
    [notice] = await notices(granted)
    assert named_in(notice) == set(taken.values())


async def test_a_damaged_ledger_takes_nothing_back(granted: StoreLab) -> None:
    await granted.make_call()
    await deliver(granted)
    await granted.store.transact(lambda database: database.execute("UPDATE consent_head SET hash = ?", "0" * 64))
    with pytest.raises(Exception, match="does not verify"):
        await granted.consents.grant(Purpose.RECORDING)
    assert await notices(granted) == []
