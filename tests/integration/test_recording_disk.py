"""Recording on a card that is full: the recording ends and says so, and calls are still written."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from firmware.phone.events import RecordingEnded, RecordingStarted, RecordingsTrimmed
from firmware.phone.recording import RecordingEnd
from firmware.services.recording import recorder as call_recorder
from firmware.store.recording_files import RecordingState
from firmware.store.recordings import FOLDER_NAME, RoomLimits
from tests.lab.patience import wait_until
from tests.lab.recording_desk import CALL, RecordingDesk
from tests.lab.small_disk import fill, small_disk

DISK_BYTES = 4 * 1024 * 1024
NOISE = np.random.default_rng(1).normal(0, 4000, 160).astype("<i2").tobytes()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", DISK_BYTES) as folder:
        yield folder


@pytest.fixture
async def desk(disk: Path) -> AsyncIterator[RecordingDesk]:
    desk = RecordingDesk(disk)
    await desk.start()
    yield desk
    await desk.stop()


async def test_a_card_that_is_full_ends_the_recording_with_all_that_fitted(desk: RecordingDesk, disk: Path) -> None:
    await desk.begin()
    desk.hear(3)
    [writer] = desk.lab.recordings._writers.values()
    await asyncio.to_thread(wait_until, lambda: writer.duration_s >= 3)
    fill(disk)
    desk.hear(10)
    assert await desk.wait_for(RecordingEnded) == RecordingEnded(CALL, RecordingEnd.DISK_FULL)
    (disk / "ballast").unlink()
    lab = desk.lab
    await lab.restart()
    for recording_id in await lab.recordings.sweep():
        await lab.recordings.recover(recording_id)
    [recording] = (await lab.recordings.listed(0, 10))[1]
    assert recording.state is RecordingState.INCOMPLETE
    assert 3 <= recording.duration_s <= 13
    reader = await lab.recordings.open(recording.recording_id)
    assert reader is not None
    assert reader.measure().duration_s == recording.duration_s, "noise at the end of the file"
    await lab.make_call()


async def test_a_card_that_is_full_before_a_recording_lets_none_begin_and_leaves_nothing(
    desk: RecordingDesk, disk: Path
) -> None:
    ballast = fill(disk)
    desk.recorder.begin(CALL, "2345", "Anna")
    assert await desk.wait_for(RecordingEnded) == RecordingEnded(CALL, RecordingEnd.DISK_FULL)
    ballast.unlink()
    assert await desk.listed() == []
    assert not (disk / FOLDER_NAME).exists() or not list((disk / FOLDER_NAME).iterdir())
    await desk.begin()


async def test_the_oldest_go_before_the_card_is_so_full_that_calls_could_not_be_written(
    desk: RecordingDesk, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_recorder, "_ROOM_CHECK_S", 0.05)
    for _ in range(3):
        await desk.begin()
        desk.hear(10, NOISE)
        await desk.end()
    oldest = (await desk.listed())[-1].recording_id
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        reserve_bytes = 1024 * 1024
        desk.lab.recordings.limits = RoomLimits(100_000_000, reserve_bytes)
        ballast.write(bytes(desk.lab.recordings._free_bytes() - reserve_bytes + 4096))
        await desk.begin()
        assert await desk.wait_for(RecordingsTrimmed) == RecordingsTrimmed(1)
        assert oldest not in {each.recording_id for each in await desk.listed()}
        # More than deleting the others would give back, so they stay.
        ballast.write(bytes(desk.lab.recordings._free_bytes() - reserve_bytes + 200_000))
        assert await desk.wait_for(RecordingEnded) == RecordingEnded(CALL, RecordingEnd.DISK_FULL)
    await desk.lab.make_call()
    assert [type(event) for event in desk.events] == [
        RecordingsTrimmed,
        RecordingStarted,
        RecordingEnded,
    ]
