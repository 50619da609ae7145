"""The whole handset answers by itself: a caller hears the greeting, speaks after the tone, and is heard later."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from contract.consent import Purpose
from firmware.display.model import Icon
from firmware.store.recording_files import RecordingState
from firmware.store.recordings import FOLDER_NAME
from tests.lab.audio import Sound, find_tone, level
from tests.lab.office import BOB, PERSON, RECORDING_KEYS, TONES_HZ, Office, OpenEar, hears, speaking
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.person import Person
from tests.lab.recordings import recordings_of
from tests.lab.stage import Choices

pytestmark = [pytest.mark.feature("answering machine"), pytest.mark.story]

BEEP_HZ = 1400
_WORDS = 200.0
_GROWS_S = 1.5


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    choices = Choices(extra={"keypad": {"keys": RECORDING_KEYS}})
    with Office(tmp_path_factory.mktemp("office"), choices).running() as office:
        office.stage.handset.command("consent", "grant", Purpose.RECORDING)
        yield office


async def choose(clerk: Person, digits: str, *titles: str) -> None:
    """Walk through the menu."""
    await clerk.press("menu")
    for digit, title in zip(digits, titles, strict=True):
        await clerk.press(digit)
        await clerk.reads(title)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def switched_on(office: Office) -> None:
    """Have the machine answer after ten seconds."""
    async with Person(office.stage.handset) as clerk:
        await clerk.wait_for_line()
        await choose(clerk, "59", "Incoming calls", "Take messages")
        await clerk.press("1")
        await clerk.reads_the_beginning_of("Record what callers say when nobody answers? They are told first.")
        await clerk.press("ok")
        await clerk.reads("on")
        await clerk.press("2")
        await clerk.reads("15 s")
        await clerk.press("1")
        await clerk.press("menu")
        await clerk.wait_for_mode("idle")


async def leave_a_message(office: Office, clerk: Person) -> Sound:
    """Call, and wait until what is said is recorded; return what the caller heard until then."""
    office.bob.call(PERSON)
    await clerk.wait_for_mode("ringing")
    await clerk.wait_for_mode("taking_message", 10 + PATIENCE_S)
    began = time.monotonic()
    await clerk.reads("Lift the handset")
    return await asyncio.to_thread(_hear_the_beep, office, began)


def _hear_the_beep(office: Office, began: float) -> Sound:
    while True:
        sound = office.bob.phone.last_heard(time.monotonic() - began)
        if beeps := find_tone(sound, [BEEP_HZ]):
            return sound.between(0.0, beeps[-1].start_s)
        assert time.monotonic() - began < 10 + PATIENCE_S, "there was no tone"
        time.sleep(0.05)


async def kept_seconds(office: Office, seconds: int) -> Path:
    """Wait until so much of the message that is being left is on the card; return its file."""
    folder, found = office.stage.handset.state_dir / FOLDER_NAME, list[Path]()

    def is_kept() -> bool:
        grows = [path for path in folder.glob("*") if time.time() - path.stat().st_mtime < _GROWS_S]
        found[:] = [path for path in grows if path.stat().st_size > seconds * 3750]
        return bool(found)

    await asyncio.to_thread(wait_until, is_kept)
    return found[0]


async def shows_a_new_message(clerk: Person) -> None:
    """Wait until the list of messages has a new one selected."""
    await clerk.wait_until(lambda page: "new" in page.state["text"], PATIENCE_S)


async def sees_one_message(clerk: Person) -> None:
    await clerk.sees_icons((Icon.REGISTERED, 0), (Icon.MISSED, 1), (Icon.VOICEMAIL, 1))


@pytest.mark.usefixtures("switched_on")
async def test_a_caller_whom_nobody_answers_is_greeted_speaks_and_is_heard_by_the_voicemail_key(
    office: Office, clerk: Person
) -> None:
    with OpenEar() as ear, speaking():
        heard = await leave_a_message(office, clerk)
        # The greeting was said before the tone, and nothing of it is this room: the microphone is shut.
        assert np.sqrt(np.mean(heard.samples**2)) > _WORDS
        status = await clerk.status()
        assert not status["microphone_open"]
        await kept_seconds(office, 4)
        assert level(await asyncio.to_thread(office.bob.phone.last_heard, 1.0), TONES_HZ[PERSON]) < 150
        await hears(ear)
        office.bob.hang_up()
        await clerk.wait_for_mode("idle")
    await sees_one_message(clerk)
    assert office.newest_call()["decision"] == "message_taken"
    await clerk.press("voicemail")
    await shows_a_new_message(clerk)
    await clerk.press("ok")
    await clerk.reads("Lift the handset to listen.")
    async with clerk.hearing([TONES_HZ[BOB]]):
        await clerk.lift()
    await clerk.replace()
    await clerk.wait_for_mode("menu")
    await clerk.press("menu")
    await clerk.sees_icons((Icon.REGISTERED, 0), (Icon.MISSED, 1))
    await clerk.press("cancel")
    await clerk.sees_icons((Icon.REGISTERED, 0))


@pytest.mark.usefixtures("switched_on")
async def test_whoever_lifts_the_handset_takes_the_call_over(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await leave_a_message(office, clerk)
        await kept_seconds(office, 3)
        await clerk.lift()
        await clerk.wait_for_call("active")
        await hears(ear, BOB)
        await hears(office.bob, PERSON)
        await clerk.hang_up()
    await clerk.sees_icons((Icon.REGISTERED, 0), (Icon.VOICEMAIL, 1))


@pytest.mark.usefixtures("switched_on")
async def test_killed_in_a_message_the_handset_has_all_but_its_last_second(office: Office) -> None:
    handset = office.stage.handset
    async with Person(handset) as clerk:
        await clerk.wait_for_line()
        await leave_a_message(office, clerk)
        path = await kept_seconds(office, 4)
        recorded_s = (path.stat().st_size - 1000) / 3920
        handset.cut_power()
    office.rest()
    handset.start(sync=False)
    async with Person(handset) as clerk:
        await clerk.wait_for_line()
        await clerk.press("voicemail")
        await shows_a_new_message(clerk)
        await clerk.press("ok")
        async with clerk.hearing([TONES_HZ[BOB]]):
            await clerk.lift()
        await clerk.replace()
        await clerk.press("menu")
    handset.stop()
    try:
        recording, _ = (await recordings_of(handset.state_dir))[0]
        assert (recording.state, recording.message) == (RecordingState.INCOMPLETE, "heard")
        assert recording.duration_s >= int(recorded_s)
    finally:
        handset.start(sync=False)
