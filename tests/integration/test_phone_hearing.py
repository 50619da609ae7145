"""The whole handset for an ear that hears less, and for eyes that see nothing: a held 0 has the phone speak."""

from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from tests.lab.audio import Recorder, Sound, find_tone
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.stage import PEER_USER, Choices, Stage

pytestmark = pytest.mark.feature("an ear that hears less")

SPOKEN_HZ = 1000
LOW_HZ = 300
HIGH_HZ = 2700
LOUD_ENOUGH = 1000
SPOKEN_S = 0.2
# The limiter's 29,204, and what PulseAudio's resampler overshoots by.
LOUDEST = 29_800
KEYS = [
    ["1", "2", "3", "volume_up", "transfer"],
    ["4", "5", "6", "volume_down", "conference"],
    ["7", "8", "9", "mute", "speaker"],
    ["*", "0", "#", "hold", "boost"],
    ["cancel", "menu", "ok", "redial", "do_not_disturb"],
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    # A tone that never changes is noise to a suppressor.
    sound = {"noise_suppression": "never", "gain_control": "never", "volume_percent": 70}
    stage = Stage(tmp_path_factory.mktemp("stage"), Choices(extra={"sound": sound, "keypad": {"keys": KEYS}}))
    with stage, stage.heard_here():
        yield stage


@pytest.fixture
async def person(stage: Stage) -> AsyncIterator[Person]:
    async with Person(stage.handset) as person:
        await person.wait_for_line()
        yield person
        await person.rest()


async def level_db(person: Person, hz: float) -> tuple[float, float]:
    """Speak a tone, and return how loud its echo is at the ear, in dB, and its peak."""
    heard = await person.say(hz, 1.0)
    span = max(find_tone(heard, [hz]), key=lambda span: span.duration_s)
    middle = heard.between(span.start_s + 0.1, span.end_s - 0.1).samples
    return float(20 * np.log10(middle.std())), float(np.abs(heard.samples).max())


async def test_holding_the_key_makes_the_ear_12_db_louder_and_letting_go_ends_it(stage: Stage, person: Person) -> None:
    await person.call(PEER_USER)
    await person.hears_the_echo_of(SPOKEN_HZ)
    before, _ = await level_db(person, SPOKEN_HZ)
    await person.press_down("boost")
    louder, _ = await level_db(person, SPOKEN_HZ)
    await person.release("boost")
    after, _ = await level_db(person, SPOKEN_HZ)
    assert louder - before == pytest.approx(12, abs=1)
    assert after == pytest.approx(before, abs=1)


async def test_at_full_volume_the_held_key_overdrives_nothing(stage: Stage, person: Person) -> None:
    await person.call(PEER_USER)
    for _ in range(3):
        await person.press("volume_up")
    await person.hears_the_echo_of(SPOKEN_HZ)
    before, _ = await level_db(person, SPOKEN_HZ)
    await person.press_down("boost")
    louder, peak = await level_db(person, SPOKEN_HZ)
    await person.release("boost")
    for _ in range(3):
        await person.press("volume_down")
    assert louder > before + 6
    assert peak <= LOUDEST


async def test_the_holder_chooses_a_clearer_ear_in_the_menu(stage: Stage, person: Person) -> None:
    async def presence_db() -> float:
        await person.call(PEER_USER)
        await person.hears_the_echo_of(SPOKEN_HZ)
        high, _ = await level_db(person, HIGH_HZ)
        low, _ = await level_db(person, LOW_HZ)
        await person.hang_up()
        return high - low

    async def choose(digit: str) -> None:
        # Settings, Sounds, Handset sound
        for key in ("menu", "6", "1", "5", digit):
            await person.press(key)
        for _ in range(4):
            await person.press("cancel")

    usual = await presence_db()
    await choose("2")
    clearer = await presence_db()
    await choose("1")
    assert clearer - usual == pytest.approx(11.4, abs=2)
    assert await presence_db() == pytest.approx(usual, abs=1)


@pytest.mark.feature("speech on demand")
async def test_a_held_0_is_answered_by_speech_on_the_ringer_and_in_a_call_in_the_ear(
    stage: Stage, person: Person
) -> None:
    def spoken_s(sound: Sound) -> float:
        return float((np.abs(sound.samples) > LOUD_ENOUGH).sum()) / sound.rate_hz

    with Recorder("bell_monitor") as bell:
        await person.press_down("0")
        await person.wait_for(lambda _: spoken_s(bell.sound) > SPOKEN_S)
        await person.release("0")
    await person.wait_for_mode("idle")
    await person.call(PEER_USER)
    with Recorder("ear_monitor") as ear:
        await person.press_down("0")
        await person.wait_for(lambda _: spoken_s(ear.sound) > SPOKEN_S, 2 * PATIENCE_S)
        await person.release("0")
