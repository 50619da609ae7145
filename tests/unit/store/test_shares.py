"""Who got what, when, and who says that it arrived."""

import dataclasses

import pytest

from contract.consent import Purpose
from contract.messages import RecordRange, Topic
from contract.results import OutcomeCode
from firmware.ports.outbox import OutboxKey
from firmware.store.outbox import Recipient
from firmware.store.shares import DayOfShares, Share, forget_settled
from tests.lab.store import RECIPIENT, StoreLab

COLLECTOR = Recipient(RECIPIENT.device, RECIPIENT.name, confirms=True)


@pytest.fixture
async def collected(lab: StoreLab) -> StoreLab:
    """A collector's word completes records; consent is given and the broker knows."""
    lab.recipient = COLLECTOR
    await lab.restart()
    await lab.consents.grant(Purpose.CDR_SYNC)
    await deliver(lab)
    return lab


async def hand_over(lab: StoreLab) -> list[OutboxKey]:
    batch = await lab.outbox.next_batch(1000)
    await lab.outbox.hand_over([message.key for message in batch])
    return [message.key for message in batch]


async def deliver(lab: StoreLab) -> list[OutboxKey]:
    keys = await hand_over(lab)
    await lab.outbox.complete(keys)
    return keys


async def records(lab: StoreLab) -> list[Share]:
    return [share for share in await lab.shares.listed(0, 1000) if share.topic is Topic.CDR]


def one(key: OutboxKey) -> RecordRange:
    return RecordRange(epoch=key.epoch, first=key.seq, last=key.seq)


async def test_a_line_says_who_got_which_record_when_and_who_confirmed_it(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    call_id = await lab.make_call()
    handed_s = lab.wall_s
    *_, key = await hand_over(lab)
    lab.pass_time(2)
    await lab.outbox.complete([key])
    lab.pass_time(3)
    await lab.outbox.confirm("collector-1", [one(key)])
    assert await records(lab) == [
        Share(
            key,
            "broker.example.org",
            Topic.CDR,
            call_id,
            False,
            handed_s,
            handed_s + 2,
            "collector-1",
            handed_s + 5,
            None,
        )
    ]


async def test_the_first_time_stands_when_a_message_leaves_again(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.make_call()
    await hand_over(lab)
    before = await lab.shares.listed(0, 9)
    lab.pass_time(60)
    await hand_over(lab)
    assert await lab.shares.listed(0, 9) == before


async def test_another_broker_has_lines_of_its_own(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.make_call()
    await hand_over(lab)
    lab.recipient = dataclasses.replace(RECIPIENT, name="other.example.org")
    await lab.restart()
    await deliver(lab)
    assert [(share.recipient, share.broker_at is not None) for share in await records(lab)] == [
        ("broker.example.org", False),
        ("other.example.org", True),
    ]


async def test_days_are_counted_by_kind_newest_first(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    for _ in range(3):
        await lab.make_call()
    await deliver(lab)
    lab.pass_time(24 * 3600)
    doomed = await lab.make_call()
    await hand_over(lab)
    await lab.call_log.delete(doomed)
    total, days = await lab.shares.days(0, 10)
    assert total == 3
    name, today, before = RECIPIENT.name, days[0].day, days[1].day
    assert today > before
    assert days == (
        DayOfShares(name, Topic.CDR, today, 1, 0, 0, (), 1),
        DayOfShares(name, Topic.CDR, before, 3, 3, 0, (), 0),
        DayOfShares(name, Topic.CONSENT, before, 1, 1, 0, (), 0),
    )
    assert await lab.shares.days(1, 1) == (3, (days[1],))


async def test_a_collectors_word_completes_a_record_and_the_brokers_does_not(collected: StoreLab) -> None:
    await collected.make_call()
    [key] = await deliver(collected)
    assert await collected.outbox.waiting() == 1
    assert await collected.outbox.next_batch(10) == ()
    assert await collected.outbox.confirm("collector-1", [one(key)]) == ()
    assert await collected.outbox.waiting() == 0


async def test_what_nobody_confirmed_leaves_again_the_same_after_a_while_and_after_a_restart(
    collected: StoreLab,
) -> None:
    await collected.make_call()
    first = await collected.outbox.next_batch(10)
    await deliver(collected)
    collected.pass_time(2000)
    assert await collected.outbox.next_batch(10) == first
    await deliver(collected)
    collected.pass_time(1000)
    assert await collected.outbox.next_batch(10) == ()
    await collected.restart()
    assert await collected.outbox.next_batch(10) == first


async def test_a_confirmation_that_comes_before_the_brokers_own_counts(collected: StoreLab) -> None:
    await collected.make_call()
    [key] = await hand_over(collected)
    await collected.outbox.confirm("collector-1", [one(key)])
    await collected.outbox.complete([key])
    assert await collected.outbox.waiting() == 0


async def test_a_confirmation_of_what_never_left_means_nothing(collected: StoreLab) -> None:
    await collected.make_call()
    [message] = await collected.outbox.next_batch(10)
    everything = RecordRange(epoch=message.key.epoch, first=1, last=2**53 - 1)
    await collected.outbox.confirm("collector-1", [everything])
    assert await collected.outbox.next_batch(10) == (message,)


async def test_consent_and_outcomes_wait_for_no_collector(collected: StoreLab) -> None:
    await collected.outbox.queue_outcome("a" * 64, OutcomeCode.TAKEN)
    await collected.consents.announce()
    assert len(await deliver(collected)) == 2
    assert await collected.outbox.waiting() == 0


async def test_a_recipient_that_confirms_an_erasure_is_told_of_once(collected: StoreLab) -> None:
    call_id = await collected.make_call()
    [key] = await deliver(collected)
    await collected.outbox.confirm("collector-1", [one(key)])
    await collected.call_log.delete(call_id)
    [notice] = await deliver(collected)
    assert await collected.outbox.waiting() == 1
    assert await collected.outbox.confirm("collector-1", [one(notice), one(notice)]) == (notice,)
    assert await collected.outbox.confirm("collector-1", [one(notice)]) == ()
    assert await collected.outbox.waiting() == 0


async def test_what_waited_for_a_collector_is_completed_by_the_broker_where_there_is_none_any_more(
    collected: StoreLab,
) -> None:
    await collected.make_call()
    [record] = await deliver(collected)
    assert await collected.outbox.waiting() == 1
    collected.recipient = RECIPIENT
    await collected.restart()
    assert await deliver(collected) == [record]
    assert await collected.outbox.waiting() == 0


async def test_old_lines_go_unless_something_depends_on_them(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    kept, doomed = await lab.make_call(), await lab.make_call()
    await deliver(lab)
    await lab.call_log.delete(doomed)

    async def forget() -> list[Topic]:
        await lab.store.transact(lambda database: forget_settled(database, 1000))
        return [share.topic for share in await lab.shares.listed(0, 9)]

    kept_by_the_broker = Topic.CONSENT
    assert await forget() == [kept_by_the_broker, Topic.CDR, Topic.CDR], "the notice has not left yet"
    await deliver(lab)
    assert await forget() == [kept_by_the_broker, Topic.CDR]
    await lab.call_log.delete(kept)
    assert [message.topic for message in await lab.outbox.next_batch(9)] == [Topic.ERASURE]


async def test_no_more_outcomes_wait_than_somebody_could_want(lab: StoreLab) -> None:
    for number in range(70):
        await lab.outbox.queue_outcome(f"{number:064x}", OutcomeCode.FORGED)
    waiting = [message.payload["message"] for message in await lab.outbox.next_batch(100)]
    assert waiting == [f"{number:064x}" for number in range(6, 70)]
