"""The whole handset is killed while it records a call: what was said until then is there when it is back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from contract.consent import Purpose
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.store.recording_files import RecordingState
from firmware.store.recordings import FOLDER_NAME
from tests.lab.audio import Sound, level, start_playing, tone
from tests.lab.patience import wait_until
from tests.lab.person import Person
from tests.lab.recordings import recordings_of
from tests.lab.stage import PEER_USER, Choices, Stage

NEAR_HZ, FAR_HZ = 700, 1000


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path, Choices(extra={"recording": {"announce": "tone"}}))
    with stage.heard_here():
        stage.start(handset=False)
        try:
            yield stage
        finally:
            stage.stop()


async def listen_to_what_was_cut_off(person: Person) -> None:
    """Find it in the menu and hear it in the handset."""
    await person.press("menu")
    await person.reads("Menu")
    await person.dial("9")
    await person.reads(PEER_USER)
    await person.dial("1")
    await person.reads("Listen")
    await person.dial("1")
    await person.reads("Lift the handset")
    async with person.hearing([NEAR_HZ]):
        await person.lift()
    await person.replace()


async def test_a_handset_that_is_killed_while_it_records_has_the_call_up_to_the_last_second(stage: Stage) -> None:
    handset = stage.new_handset("killed")
    folder = handset.state_dir / FOLDER_NAME
    handset.start(sync=False)
    handset.command("consent", "grant", Purpose.RECORDING)
    speaker = start_playing("mic", tone([NEAR_HZ], 12.0))
    async with Person(handset) as person:
        await person.wait_for_line()
        await person.call(PEER_USER)
        for _ in range(2):
            await person.press("ok")
        await asyncio.to_thread(wait_until, lambda: folder.exists() and any(folder.iterdir()))
        [path] = folder.iterdir()
        await asyncio.to_thread(wait_until, lambda: path.stat().st_size > 4 * 3750)
        recorded_s = (path.stat().st_size - 1000) / 3920
        handset.cut_power()
    await asyncio.to_thread(speaker.join)
    handset.start(sync=False)
    async with Person(handset) as person:
        await person.wait_for_line()
        await person.hang_up()
        await listen_to_what_was_cut_off(person)
    handset.stop()
    [(recording, sound)] = await recordings_of(handset.state_dir)
    assert recording.state is RecordingState.INCOMPLETE
    assert recording.number == PEER_USER
    assert recording.duration_s >= int(recorded_s)
    assert len(sound) == 4 * SOUND_RATE_HZ * recording.duration_s
    left = Sound(np.frombuffer(sound, "<i2").reshape(-1, 2)[:, 0].astype(np.float64), SOUND_RATE_HZ)
    assert level(left.between(1, recording.duration_s), NEAR_HZ) > 1000
