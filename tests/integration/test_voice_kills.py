"""Voice is killed at moments of chance: it registers again within a second, no record is lost or doubled, every
recording is whole, and nothing else starts anew.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from contract.consent import Purpose
from tests.lab import chance
from tests.lab.call_log import logged_calls, new_calls
from tests.lab.display_reader import says
from tests.lab.handset import Handset
from tests.lab.office import BOB, PERSON, RECORDING_KEYS, Office, speaking, talk
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.recordings import recordings_of
from tests.lab.sipp import Sipp
from tests.lab.stage import Choices

pytestmark = [
    pytest.mark.soak,
    pytest.mark.feature("voice in a process of its own"),
    pytest.mark.timeout(chance.counted(7200, 600)),
]

KILLS = chance.counted(200, 12)
LONGEST_P95_S = 1.0
# A busy machine may be slow for a dozen kills; a phone that starts slowly is so each time.
TRIES = 3
EMERGENCY = "112"

Activity = Callable[[Office, Person], Awaitable[int]]
"""Does something with a phone, and returns how many calls that begins."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    choices = Choices(extra={"recording": {"announce": "tone"}, "keypad": {"keys": RECORDING_KEYS}})
    office = Office(tmp_path_factory.mktemp("office"), choices)
    # As it is on a phone: a start that loads all that voice needs.
    office.stage.handset.voice.process._may_fork = False
    with office.running():
        office.stage.handset.command("consent", "grant", Purpose.RECORDING)
        yield office


async def killed(handset: Handset, clerk: Person) -> float:
    """Kill voice, and return how long the phone was not registered."""
    killed_at = time.monotonic()
    handset.voice.die()
    await clerk.wait_for(lambda status: status["registration"] != "registered")
    await clerk.wait_for_line()
    return time.monotonic() - killed_at


async def be_idle(_office: Office, _clerk: Person) -> int:
    return 0


async def read_menus(_office: Office, clerk: Person) -> int:
    await clerk.press("menu")
    await clerk.wait_for_mode("menu")
    return 0


async def be_called(office: Office, clerk: Person) -> int:
    office.bob.call(PERSON)
    await clerk.wait_for_mode("ringing")
    return 1


async def call_out(office: Office, clerk: Person) -> int:
    await clerk.lift()
    await clerk.send(BOB)
    office.bob.is_called()
    await clerk.wait_for_call("alerting")
    return 1


async def be_in_a_call(office: Office, clerk: Person) -> int:
    await talk(clerk, office.bob)
    return 1


async def record_a_call(office: Office, clerk: Person) -> int:
    await talk(clerk, office.bob)
    await clerk.press("record")
    await clerk.wait_until(lambda page: any(says(page.frame, f"Recording 0:{s:02}") for s in range(1, 60)), PATIENCE_S)
    return 1


ACTIVITIES: tuple[Activity, ...] = (be_idle, read_menus, be_called, call_out, be_in_a_call, record_a_call)


async def test_killed_at_moments_of_chance_it_is_back_within_a_second_and_all_is_written_down(office: Office) -> None:
    handset = office.stage.handset
    dice = chance.dice()
    pid, starts = handset.main.pid, handset.voice.starts
    recorded_s: list[float] = []
    for tried in range(1, TRIES + 1):
        order = [ACTIVITIES[number % len(ACTIVITIES)] for number in range(KILLS)]
        dice.shuffle(order)
        away_s = [await killed_amid(activity, office, dice, recorded_s) for activity in order]
        assert handset.main.pid == pid
        assert handset.voice.starts == starts + tried * KILLS
        p95_s = statistics.quantiles(away_s, n=20, method="inclusive")[-1]
        print(f"{KILLS} kills: back after {statistics.median(away_s):.2f} s, p95 {p95_s:.2f}")  # noqa: T201 - figures
        if p95_s <= LONGEST_P95_S:
            break
    assert p95_s <= LONGEST_P95_S
    await assert_recorded_to_the_last_second(handset, recorded_s)


async def killed_amid(activity: Activity, office: Office, dice: random.Random, recorded_s: list[float]) -> float:
    """Kill voice at a moment of chance, and return how long the phone was not registered.

    Adds to `recorded_s` how long a recording had lasted by then, where there was one.
    """
    handset = office.stage.handset
    async with Person(handset) as clerk:
        await clerk.wait_for_line()
        before = await asyncio.to_thread(logged_calls, handset)
        with speaking():
            begun = await activity(office, clerk)
            began_at = time.monotonic()
            await asyncio.sleep(dice.uniform(0, 3))
            if activity is record_a_call:
                recorded_s.append(time.monotonic() - began_at)
            away_s = await killed(handset, clerk)
        office.rest()
        await clerk.rest()
        new = new_calls(await asyncio.to_thread(logged_calls, handset), before)
        assert len(new) == begun, f"{activity.__name__}: {new}"
        assert all(call["result"] == "interrupted" for call in new), f"{activity.__name__}: {new}"
        assert [call["answered"] for call in new] == [activity in {be_in_a_call, record_a_call}] * begun
    return away_s


async def assert_recorded_to_the_last_second(handset: Handset, recorded_s: list[float]) -> None:
    handset.stop()
    try:
        kept = await recordings_of(handset.state_dir)
        assert len(kept) == len(recorded_s)
        for (recording, sound), least_s in zip(reversed(kept), recorded_s, strict=True):
            assert recording.duration_s >= least_s - 1
            assert sound
    finally:
        handset.start(sync=False)


async def test_a_call_for_help_that_nobody_has_answered_yet_goes_out_again(
    office: Office, clerk: Person, tmp_path: Path
) -> None:
    server = office.stage.kamailio
    with Sipp(tmp_path / "ring", "uas_ring") as busy, Sipp(tmp_path / "answer", "uas_answer") as services:
        server.route(EMERGENCY, busy.uri)
        await clerk.lift()
        await clerk.send(EMERGENCY)
        await clerk.wait_for_call("alerting")
        server.route(EMERGENCY, services.uri)
        before = await asyncio.to_thread(logged_calls, office.stage.handset)
        office.stage.handset.voice.die()
        # Nobody presses a key.
        await clerk.wait_for_call("active")
        await clerk.hang_up()
        services.finish()
    after = await asyncio.to_thread(logged_calls, office.stage.handset)
    assert len(after) == len(before)
    assert (after[0]["number"], after[0]["answered"]) == (EMERGENCY, True)


async def test_a_call_for_help_that_is_dialled_while_voice_is_away_goes_out_when_it_is_back(
    office: Office, clerk: Person, tmp_path: Path
) -> None:
    handset = office.stage.handset
    with Sipp(tmp_path / "answer", "uas_answer") as services:
        office.stage.kamailio.route(EMERGENCY, services.uri)
        handset.voice.kill()
        try:
            await clerk.reads("The line is starting again.")
            await clerk.lift()
            await clerk.send(EMERGENCY)
            # Longer than any other call waits.
            await asyncio.sleep(10)
        finally:
            handset.voice.launch()
        await clerk.wait_for_call("active")
        await clerk.hang_up()
        services.finish()


async def test_dial_tone_comes_back_and_a_call_that_is_cut_off_is_said_to_be(office: Office, clerk: Person) -> None:
    await clerk.lift()
    await clerk.wait_for_mode("collecting_digits")
    office.stage.handset.voice.die()
    await clerk.listen_for([350, 440])
    await clerk.send(BOB)
    office.bob.answers()
    await clerk.wait_for_call("active")
    office.stage.handset.voice.die()
    await clerk.wait_for_mode("call_ended")
