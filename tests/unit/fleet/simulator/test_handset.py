import hashlib
from collections import Counter

import msgspec
import pytest

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose, RequestState
from contract.downlink import AckMessage, DownTopic
from contract.messages import MODELS, CallDetailRecord, ConsentMessage, OutcomeMessage, RecordRange, Topic
from firmware.ports.outbox import OutboxKey, OutboxMessage
from firmware.sync.publications import pack
from fleet.simulator.clock import ClockError
from fleet.simulator.handset import SimulatedHandset
from fleet.simulator.trouble import broken_handset, broken_place, broken_registrar
from tests.unit.fleet.simulator.handsets import DEVICE, EPOCH, Times, a_handset


async def waiting(handset: SimulatedHandset, topic: Topic) -> list[OutboxMessage]:
    return [message for message in await handset.next_messages(0.0) if message.topic == topic.value]


async def records(handset: SimulatedHandset) -> list[CallDetailRecord]:
    return [msgspec.convert(message.payload, CallDetailRecord) for message in await waiting(handset, Topic.CDR)]


async def every_record(handset: SimulatedHandset) -> list[CallDetailRecord]:
    """Take all that waits, batch by batch, as sync does."""
    found: list[CallDetailRecord] = []
    while batch := await records(handset):
        found += batch
        await handset.done([OutboxKey(record.epoch, record.seq) for record in batch])
    return found


async def outcomes(handset: SimulatedHandset) -> list[OutcomeMessage]:
    return [msgspec.convert(message.payload, OutcomeMessage) for message in await waiting(handset, Topic.OUTCOME)]


async def test_whatever_waits_is_what_may_leave_a_handset() -> None:
    handset, _ = a_handset(asks=True)
    for _ in range(20):
        handset.end_call(handset.begin_call(60.0))
        handset.change_something()
    if not handset.holder.state.granted(Purpose.CDR_SYNC):
        handset.holder.change(Purpose.CDR_SYNC)
    handset.end_call(handset.begin_call(60.0))
    await handset.received(DownTopic.NOTICE, b"a notice")
    messages = await handset.next_messages(0.0)
    assert {message.topic for message in messages} >= {"cdr", "consent"}
    publications = pack(messages, DEVICE, 100_000)
    assert [key for publication in publications for key in publication.keys] == [message.key for message in messages]


async def test_a_call_that_began_before_its_holder_agreed_leaves_no_record() -> None:
    handset, counts = a_handset(agrees=False)
    before = handset.begin_call(60.0)
    assert handset.holder.change(Purpose.CDR_SYNC)
    handset.end_call(before)
    after = handset.begin_call(60.0)
    handset.end_call(after)
    assert (counts.calls, counts.recorded) == (2, 1)


async def test_calls_end_as_calls_do() -> None:
    handset, _ = a_handset()
    for _ in range(40):
        handset.end_call(handset.begin_call(60.0))
    found = await records(handset)
    assert len({record.id for record in found}) == 40
    answered = Counter(record.answered_at is not None for record in found)
    assert answered[True] > answered[False] > 0
    hung_up = {DisconnectReason.LOCAL_HANGUP, DisconnectReason.REMOTE_HANGUP}
    assert all(record.sip_code == 200 for record in found if record.result in hung_up)
    assert sum(record.result in hung_up for record in found) > 20


async def test_at_a_broken_place_the_network_is_lost_in_the_middle_of_calls() -> None:
    handset, _ = a_handset(troubles=(broken_place((DEVICE, "another")), broken_place(("another",))))
    for _ in range(200):
        handset.end_call(handset.begin_call(60.0))
    lost = [record for record in await every_record(handset) if record.result is DisconnectReason.NETWORK_LOST]
    assert 15 <= len(lost) <= 50
    assert all(record.answered_at and record.ended_at for record in lost)


async def test_a_broken_registrar_fails_calls_before_they_ring_for_as_long_as_it_is_broken() -> None:
    times = Times()
    begins_s = times.wall_s + 3600
    handset, _ = a_handset(times=times, troubles=(broken_registrar((DEVICE,), begins_s, begins_s + 3600),))
    failed = []
    for _ in range(3):
        for _ in range(50):
            handset.end_call(handset.begin_call(60.0))
        found = await every_record(handset)
        failed.append(sum(record.sip_code in {503, 408} and record.answered_at is None for record in found))
        times.wall_s += 3600
    assert failed[1] > 20
    assert failed[0] + failed[2] < 10


async def test_whoever_is_not_understood_dials_the_same_number_again() -> None:
    handset, _ = a_handset(troubles=(broken_handset(DEVICE),))
    dialled = []
    for _ in range(200):
        call = handset.begin_call(60.0)
        if (number := handset.end_call(call)) is not None:
            again = handset.begin_call(60.0, number)
            handset.end_call(again)
            dialled.append((again.direction, again.number == call.number))
    assert len(dialled) > 10
    assert set(dialled) == {(CallDirection.OUTGOING, True)}
    found = await every_record(handset)
    stopped = [record for record in found if record.result is DisconnectReason.INTERRUPTED]
    assert len(stopped) > 10
    assert {record.ended_at for record in stopped} == {None}


@pytest.mark.parametrize(
    ("error", "year", "synced"),
    [(ClockError.NONE, "2026", True), (ClockError.BEGINS_IN_1970, "1970", False), (ClockError.STEPS, "1970", False)],
)
async def test_a_record_has_the_times_that_its_handset_believed_in(error: ClockError, year: str, synced: bool) -> None:
    handset, _ = a_handset(error=error)
    handset.end_call(handset.begin_call(60.0))
    [record] = await records(handset)
    assert (record.started_at[:4], record.clock_quality.synced) == (year, synced)


async def test_a_clock_that_is_set_during_a_call_makes_it_no_longer() -> None:
    times = Times()
    handset, _ = a_handset(error=ClockError.STEPS, times=times)
    call = handset.begin_call(60.0)
    handset.clock.set_right()
    handset.end_call(call)
    handset.end_call(handset.begin_call(60.0))
    during, after = await records(handset)
    assert during.ended_at is not None
    assert (during.started_at[:4], during.ended_at[:4]) == ("1970", "1970")
    assert (after.started_at[:4], after.clock_quality.synced) == ("2026", True)


async def test_what_the_operator_sends_has_its_outcomes_once() -> None:
    times = Times()
    handset, _ = a_handset(times=times)
    for _ in range(2):
        await handset.received(DownTopic.NOTICE, b"a notice")
        await handset.received(DownTopic.BUNDLE, b"a bundle")
        await handset.received(DownTopic.BUNDLE, b"")
    times.do_what_was_put_off()
    told = await outcomes(handset)
    digests = {hashlib.sha256(text).hexdigest(): text for text in (b"a notice", b"a bundle")}
    assert [(digests[each.message], each.code.value) for each in told] == [
        (b"a notice", "taken"), (b"a notice", "shown"), (b"a notice", "acknowledged"), (b"a bundle", "applied"),
    ]  # fmt: skip


async def test_some_do_not_take_what_the_operator_sends() -> None:
    handset, _ = a_handset(failures=1.0)
    await handset.received(DownTopic.BUNDLE, b"a bundle")
    [told] = await outcomes(handset)
    assert told.code.value in {"reverted_lines", "reverted_broker", "no_space"}


async def test_a_collectors_word_is_read_as_a_handset_reads_it() -> None:
    handset, counts = a_handset()
    handset.end_call(handset.begin_call(60.0))
    [message] = await waiting(handset, Topic.CDR)
    await handset.received(DownTopic.ACK, b'{"collector": "office", "messages": "all"}')
    assert counts.acked == 0
    of_it = RecordRange(epoch=EPOCH, first=message.key.seq, last=message.key.seq)
    ack = AckMessage(collector="office", messages=(of_it,))
    await handset.received(DownTopic.ACK, ack.written())
    assert counts.acked == 1


async def test_a_request_that_nobody_answers_is_late_after_five_working_days() -> None:
    times = Times()
    handset, _ = a_handset(times=times)
    handset.holder.ask()
    states = []
    for _ in range(9):
        handset.say_consent()
        [message] = await waiting(handset, Topic.CONSENT)
        states.append(msgspec.convert(message.payload, ConsentMessage).requests[0].state)
        times.wall_s += 86_400
    assert states[:5] == [RequestState.OPEN] * 5
    assert states[-1] is RequestState.OVERDUE
    assert MODELS[Topic.CONSENT] is ConsentMessage
