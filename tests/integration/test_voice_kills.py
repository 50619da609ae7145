"""Voice is killed at moments of chance: it registers again, no record is lost or doubled, every recording is whole, and
nothing else starts anew. How soon it is back by the clock is measured by `make bench PART=promises`.
"""

import asyncio
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import chance
from tests.lab.call_log import logged_calls
from tests.lab.handset import Handset
from tests.lab.killed_voice import killed_amid, office_that_records, shuffled_activities
from tests.lab.measured import RecordProperty, assert_within
from tests.lab.office import BOB, Office
from tests.lab.person import Person
from tests.lab.recordings import recordings_of
from tests.lab.sipp import Sipp

pytestmark = [
    pytest.mark.soak,
    pytest.mark.feature("voice in a process of its own"),
    pytest.mark.timeout(chance.counted(7200, 600)),
]

KILLS = chance.counted(200, 12)
# Of the second in which it is back. Most of its start is computing.
MOST_CPU_S = 0.5
EMERGENCY = "112"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office_that_records(tmp_path_factory.mktemp("office")) as office:
        yield office


async def test_killed_at_moments_of_chance_it_is_back_for_little_work_and_all_is_written_down(
    office: Office, record_property: RecordProperty
) -> None:
    handset = office.stage.handset
    dice = chance.dice()
    async with Person(handset) as clerk:
        await clerk.wait_for_line()
    pid, starts = handset.main.pid, handset.voice.starts
    order = shuffled_activities(KILLS, dice)
    deaths = [await killed_amid(activity, office, dice.uniform(0, 3)) for activity in order]
    assert handset.main.pid == pid
    assert handset.voice.starts == starts + KILLS
    cpu_s = statistics.median(death.cpu_s for death in deaths)
    record_property("voice_back_s", statistics.median(death.away_s for death in deaths))
    assert_within(record_property, "voice_start_cpu", cpu_s, MOST_CPU_S)
    await assert_recorded_to_the_last_second(
        handset, [death.recorded_s for death in deaths if death.recorded_s is not None]
    )


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
