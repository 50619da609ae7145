from collections.abc import Iterable

import pytest

from contract.consent import Purpose
from contract.messages import ErasureReason, RecordRange
from firmware.ports.outbox import OutboxKey, OutboxMessage
from fleet.simulator.handset import SimulatedHandset
from fleet.simulator.outbox import spans
from tests.unit.fleet.simulator.handsets import EPOCH, Times, a_handset


def make_calls(handset: SimulatedHandset, count: int) -> None:
    for _ in range(count):
        handset.end_call(handset.begin_call(60.0))


async def due(handset: SimulatedHandset) -> list[OutboxMessage]:
    return list(await handset.next_messages(0.0))


async def records_due(handset: SimulatedHandset) -> list[int]:
    return [message.key.seq for message in await due(handset) if message.topic == "cdr"]


def keys(numbers: Iterable[int]) -> list[OutboxKey]:
    return [OutboxKey(EPOCH, number) for number in numbers]


def ranges(first: int, last: int) -> list[RecordRange]:
    return [RecordRange(epoch=EPOCH, first=first, last=last)]


async def test_a_record_waits_for_a_collectors_word_and_not_for_the_brokers() -> None:
    handset, counts = a_handset()
    make_calls(handset, 2)
    numbers = await records_due(handset)
    await handset.done(keys(numbers))
    assert (counts.sent, counts.acked) == (2, 0)
    assert await records_due(handset) == [], "the broker has them"
    handset.outbox.confirm(ranges(numbers[0], numbers[0]))
    assert counts.acked == 1
    handset.outbox.confirm(ranges(1, 2**50))
    assert counts.acked == 2


async def test_without_a_collector_the_brokers_word_is_enough() -> None:
    handset, counts = a_handset(confirms=False)
    make_calls(handset, 2)
    await handset.done(keys(message.key.seq for message in await due(handset)))
    assert (counts.acked, counts.waiting, counts.unsent) == (2, 0, 0)


async def test_what_never_left_is_not_confirmed() -> None:
    handset, counts = a_handset()
    make_calls(handset, 1)
    handset.outbox.confirm(ranges(1, 100))
    assert counts.acked == 0
    assert len(await records_due(handset)) == 1


async def test_another_epochs_numbers_mean_nothing() -> None:
    handset, counts = a_handset()
    make_calls(handset, 1)
    await due(handset)
    handset.outbox.confirm([RecordRange(epoch=EPOCH + 1, first=1, last=100)])
    await handset.done([OutboxKey(EPOCH + 1, number) for number in range(1, 10)])
    assert (counts.acked, counts.sent) == (0, 0)


async def test_what_no_collector_confirms_leaves_again_and_ever_more_rarely() -> None:
    times = Times()
    handset, _ = a_handset(times=times)
    make_calls(handset, 1)
    numbers = await records_due(handset)
    left_at = []
    for _ in range(400):
        await handset.done(keys(numbers))
        times.monotonic_s += 1
        if await records_due(handset) == numbers:
            left_at.append(times.monotonic_s - 100)
    assert left_at == [60, 120, 240]


async def test_a_withdrawal_drops_what_waits_and_has_recipients_delete_what_left() -> None:
    handset, counts = a_handset()
    make_calls(handset, 2)
    left = await records_due(handset)
    await handset.done(keys(left))
    handset.outbox.confirm(ranges(left[0], left[0]))
    make_calls(handset, 1)
    assert not handset.holder.change(Purpose.CDR_SYNC)
    handset.outbox.take_back(ErasureReason.WITHDRAWN)
    assert await records_due(handset) == []
    [notice] = [message for message in await due(handset) if message.topic == "erasure"]
    assert [(each["first"], each["last"]) for each in notice.payload["records"]] == list(spans(left))  # type: ignore[attr-defined]
    assert (counts.withdrawn, counts.erasures, counts.erased) == (2, 1, 0)
    handset.outbox.confirm(ranges(notice.key.seq, notice.key.seq))
    assert counts.erased == 1
    assert handset.outbox.taken_back == handset.outbox.recorded


async def test_what_was_taken_back_is_not_spoken_of_again() -> None:
    handset, _ = a_handset()
    make_calls(handset, 1)
    await due(handset)
    for _ in range(3):
        handset.outbox.take_back(ErasureReason.WITHDRAWN)
    assert len([message for message in await due(handset) if message.topic == "erasure"]) == 1


async def test_only_the_newest_state_of_consent_waits() -> None:
    handset, _ = a_handset()
    handset.holder.ask()
    handset.say_consent()
    [message] = [message for message in await due(handset) if message.topic == "consent"]
    assert message.retain
    assert message.payload["ledger_entries"] == handset.holder.state.head.entries


@pytest.mark.parametrize(
    ("numbers", "joined"), [((), []), ((4,), [(4, 4)]), ((3, 1, 2, 9, 7, 8, 5), [(1, 3), (5, 5), (7, 9)])]
)
def test_numbers_that_follow_each_other_are_one_span(numbers: tuple[int, ...], joined: list[tuple[int, int]]) -> None:
    assert list(spans(numbers)) == joined
