from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.calls import CallDirection
from contract.consent import Actor, Channel, Purpose, RequestKind, RequestState
from contract.messages import ErasureReason, Topic
from firmware.phone.call import CallerId, CallId, TextMessage
from firmware.phone.my_data import DataCategory
from firmware.phone.recording import RecordingId
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from tests.lab.store import StoreLab

DAY_S = 86_400
MESSAGE = TextMessage("a" * 32, CallDirection.INCOMING, CallerId("1001", "Ann"), "noon", delivered=True)


async def live(lab: StoreLab, days: int, *, clock_step_s: float = 0.0) -> None:
    """Let days go by, on each of which the handset looks what is to go."""
    for _ in range(days):
        lab.pass_time(DAY_S, clock_step_s=clock_step_s)
        await lab.retention.enforce()


async def calls(lab: StoreLab) -> int:
    return len(await lab.call_log.recent(100))


async def record(lab: StoreLab) -> RecordingId:
    recording_id, writer = await lab.recordings.begin(CallId("c" * 32), "+861012345678", "Anna", SoundFormat.OPUS)
    writer.write(b"head", 0)
    writer.write(b"a second of sound", SOUND_RATE_HZ)
    writer.finish()
    await lab.recordings.end(recording_id, complete=True, lost_s=0)
    return recording_id


async def test_a_call_goes_when_its_days_are_over_and_no_sooner(lab: StoreLab) -> None:
    lab.periods[DataCategory.CALLS] = 30
    await lab.retention.enforce()
    await lab.make_call()
    await live(lab, 30)
    assert await calls(lab) == 1
    await live(lab, 1)
    assert await calls(lab) == 0


async def test_without_a_period_nothing_goes(lab: StoreLab) -> None:
    await lab.make_call()
    await live(lab, 40)
    assert await calls(lab) == 1


@pytest.mark.parametrize("step_s", [3650 * DAY_S, -3650 * DAY_S], ids=["a clock years ahead", "a clock years behind"])
async def test_a_clock_that_is_set_by_somebody_neither_deletes_early_nor_keeps_for_ever(
    lab: StoreLab, step_s: float
) -> None:
    lab.periods |= {DataCategory.CALLS: 30, DataCategory.MESSAGES: 30}
    await lab.retention.enforce()
    await lab.make_call()
    await lab.messages.keep(MESSAGE)
    lab.pass_time(0, clock_step_s=step_s)
    await lab.retention.enforce(at_start=True)
    await live(lab, 29)
    assert await calls(lab) == 1
    assert await lab.messages.newest(9)
    await live(lab, 2)
    assert await calls(lab) == 0
    assert not await lab.messages.newest(9)


async def test_time_for_which_the_handset_was_off_makes_nothing_old(lab: StoreLab) -> None:
    lab.periods[DataCategory.CALLS] = 30
    await lab.retention.enforce()
    await lab.make_call()
    await live(lab, 20)
    await lab.stop()
    lab.boot_id, lab.monotonic_s, lab.wall_s = "another", 50.0, lab.wall_s + 400 * DAY_S
    lab.make_parts()
    await lab.start()
    await lab.retention.enforce(at_start=True)
    assert await calls(lab) == 1
    await live(lab, 12)
    assert await calls(lab) == 0


async def test_recipients_are_told_to_delete_what_has_come_to_its_end_here(lab: StoreLab) -> None:
    lab.periods[DataCategory.CALLS] = 30
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.make_call()
    batch = await lab.outbox.next_batch(9)
    await lab.outbox.hand_over([message.key for message in batch])
    await lab.outbox.complete([message.key for message in batch])
    await live(lab, 32)
    [notice] = [each for each in await lab.outbox.next_batch(9) if each.topic == Topic.ERASURE]
    assert notice.payload["reason"] == ErasureReason.RETENTION_ENDED


async def test_recordings_go_with_their_keys_and_files_unless_the_holder_keeps_them(
    lab: StoreLab, tmp_path: Path
) -> None:
    lab.periods[DataCategory.RECORDINGS] = 10
    await lab.consents.grant(Purpose.RECORDING, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    await lab.retention.enforce()
    _, kept, kept_for_a_while = [await record(lab) for _ in range(3)]
    await lab.recordings.keep(kept, keep=True)
    await lab.recordings.keep(kept_for_a_while, keep=True, until=lab.wall_s + 20 * DAY_S)
    await live(lab, 12)
    assert {path.name for path in (tmp_path / "recordings").iterdir()} == {kept, kept_for_a_while}
    lab.synced = False
    await live(lab, 10)
    assert (await lab.recordings.listed(0, 9))[0] == 2, "no day has come while nobody knows which day it is"
    lab.synced = True
    await live(lab, 1)
    assert {path.name for path in (tmp_path / "recordings").iterdir()} == {kept}


async def test_what_is_not_over_stays_however_old_it_is(lab: StoreLab) -> None:
    lab.periods |= dict.fromkeys(DataCategory, 1)
    await lab.open_call()
    await lab.requests.file(RequestKind.ACCESS, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    await live(lab, 5)
    assert await calls(lab) == 1
    assert len(await lab.requests.listed()) == 1
    await lab.requests.close(1, RequestState.ANSWERED, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    await live(lab, 1)
    assert await lab.requests.listed() == ()


async def test_the_newest_messages_of_many_stay(lab: StoreLab) -> None:
    lab.periods[DataCategory.MESSAGES] = 3
    for number in range(10):
        await lab.messages.keep(replace(MESSAGE, message_id=f"{number:032x}"))
        await live(lab, 1)
    left = [int(message.message_id, 16) for message in await lab.messages.newest(20)]
    assert left == [9, 8, 7]


async def test_nothing_is_looked_for_between_two_nights(lab: StoreLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.periods[DataCategory.CALLS] = 1
    await lab.retention.enforce()
    looked: list[Any] = []
    monkeypatch.setattr(lab.retention, "_delete", lambda *_: looked.append(1))
    lab.pass_time(3600)
    assert await lab.retention.enforce() == 0
    assert not looked


async def test_what_was_deleted_is_not_in_the_stores_write_ahead_log_either(lab: StoreLab, tmp_path: Path) -> None:
    lab.periods[DataCategory.CALLS] = 1
    await lab.make_call()
    await live(lab, 1)
    assert (tmp_path / "store.db-wal").stat().st_size
    lab.pass_time(DAY_S)
    assert await lab.retention.enforce() == 1
    assert not (tmp_path / "store.db-wal").stat().st_size
