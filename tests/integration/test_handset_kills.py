"""The handset's process is killed while voice has calls: their sound goes on, and the next one goes on with them."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from contract.consent import Purpose
from firmware.phone.call import CallState
from firmware.phone.orders import AnswerCall
from tests.lab import chance
from tests.lab.call_log import Call, logged_calls, new_calls
from tests.lab.display_reader import says
from tests.lab.measured import RecordProperty, assert_within
from tests.lab.office import (
    BOB,
    CAROL,
    PERSON,
    RECORDING_KEYS,
    Colleague,
    Office,
    OpenEar,
    gaps_lately,
    hears,
    speaking,
    talk,
    talk_to_both,
)
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.priority import ran_and_waited_s
from tests.lab.sipp import Sipp
from tests.lab.stage import Choices

pytestmark = [
    pytest.mark.soak,
    pytest.mark.feature("voice in a process of its own"),
    pytest.mark.timeout(chance.counted(7200, 600)),
]

KILLS = chance.counted(100, 10)
EMERGENCY = "112"
# A phone whose sound breaks off when the handset's process ends does so each time. Who takes sound from the network is
# no realtime program, and waits for what is late on a busy computer: that is a short gap in half of the calls, and
# seldom a longer one. How often there is none at all is measured by `make bench PART=promises`.
LONGEST_GAP_S = 0.04
STUTTER_S = 0.4


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    choices = Choices(extra={"recording": {"announce": "tone"}, "keypad": {"keys": RECORDING_KEYS}})
    office = Office(tmp_path_factory.mktemp("office"), choices)
    with office.running():
        office.stage.handset.command("consent", "grant", Purpose.RECORDING)
        yield office


@pytest_asyncio.fixture
async def clerk(office: Office) -> AsyncIterator[Person]:
    async with Person(office.stage.handset) as clerk:
        await clerk.wait_for_line()
        yield clerk
    office.rest()
    # The page of the handset that was killed has gone with it.
    async with Person(office.stage.handset) as clerk:
        await clerk.rest()


async def replaced(office: Office, pause_s: float = 0.0) -> None:
    """Kill the handset's process and start another; voice and the page are the same ones after it."""
    handset = office.stage.handset
    voice, starts = handset.voice.pid, handset.voice.starts
    await asyncio.to_thread(handset.main.kill)
    await asyncio.sleep(pause_s)
    await asyncio.to_thread(handset.main.start)
    assert (handset.voice.pid, handset.voice.starts) == (voice, starts)


async def newest_records(office: Office, before: list[Call]) -> list[Call]:
    return new_calls(await asyncio.to_thread(logged_calls, office.stage.handset), before)


async def test_killed_in_calls_the_sound_goes_on_and_each_call_has_one_whole_record(
    office: Office, record_property: RecordProperty
) -> None:
    dice = chance.dice()
    with office.others_talking() as others:
        undue_s = [await undue_gap_s(office, others, dice.uniform(0, 2), dice.uniform(0, 1)) for _ in range(KILLS)]
    assert_within(record_property, "least_undue_gap", min(undue_s), LONGEST_GAP_S)
    assert_within(record_property, "longest_undue_gap", max(undue_s), STUTTER_S)


async def undue_gap_s(office: Office, others: tuple[Colleague, Colleague], talked_s: float, pause_s: float) -> float:
    """Kill the handset's process in a call, and return for how long too much anybody heard nothing.

    That is for longer than in the others' call, and than voice waited for a processor: its threads share a lock, and
    one that carries no sound and is not let run while it has it keeps the audio thread waiting.
    """
    async with Person(office.stage.handset) as clerk:
        await clerk.wait_for_line()
        before = await asyncio.to_thread(logged_calls, office.stage.handset)
        with speaking(), OpenEar() as ear:
            began_s = time.monotonic()
            await talk(clerk, office.bob)
            answered_s = time.monotonic()
            await hears(ear, BOB)
            await hears(office.bob, PERSON)
            await asyncio.sleep(talked_s)
            voice = office.stage.handset.voice.pid
            killed_s, (_, waited_before_s) = time.monotonic(), ran_and_waited_s(voice)
            await replaced(office, pause_s)
            found = await gaps_lately(office, ear, others, time.monotonic() - killed_s + 0.2)
            not_let_run_s = ran_and_waited_s(voice)[1] - waited_before_s
        async with Person(office.stage.handset) as same:
            await same.wait_for_call("active")
            lasted_s = time.monotonic() - answered_s
            await same.hang_up()
            most_s = time.monotonic() - began_s
        office.bob.rest()
        (call,) = await newest_records(office, before)
        assert (call["number"], call["answered"], call["result"]) == (BOB, True, "local_hangup")
        assert lasted_s - 1 <= call["duration_s"] <= most_s + 1
    return max(0.0, found.excess_s - not_let_run_s)


async def hold(office: Office, clerk: Person) -> None:
    await talk(clerk, office.bob)
    await clerk.press("hold")
    await clerk.wait_for_call("held")


async def take_back(office: Office, clerk: Person) -> None:
    await clerk.wait_for_call("held")
    await clerk.press("hold")
    await clerk.wait_for_call("active")
    with OpenEar() as ear:
        await hears(ear, BOB)


async def be_called(office: Office, clerk: Person) -> None:
    office.bob.call(PERSON)
    await clerk.wait_for_mode("ringing")


async def answer(office: Office, clerk: Person) -> None:
    await clerk.wait_for_mode("ringing")
    await clerk.lift()
    await clerk.wait_for_call("active")


async def mute(office: Office, clerk: Person) -> None:
    await talk(clerk, office.bob)
    await clerk.press("mute")
    await clerk.reads("You are muted")


async def is_still_muted(office: Office, clerk: Person) -> None:
    await clerk.wait_for_call("active")
    with speaking():
        await asyncio.sleep(0.5)
        await hears(office.bob)
        await clerk.press("mute")
        await hears(office.bob, PERSON)


async def call_out(office: Office, clerk: Person) -> None:
    await clerk.lift()
    await clerk.send(BOB)
    office.bob.is_called()
    await clerk.wait_for_call("alerting")


async def is_answered(office: Office, clerk: Person) -> None:
    await clerk.wait_for_call("alerting")
    office.bob.phone.stack.order(AnswerCall(office.bob._calls[-1]))
    await clerk.wait_for_call("active")


async def record(office: Office, clerk: Person) -> None:
    await talk(clerk, office.bob)
    await clerk.press("record")
    await clerk.wait_until(lambda page: any(says(page.frame, f"Recording 0:{s:02}") for s in range(1, 60)), PATIENCE_S)


async def goes_on(_office: Office, clerk: Person) -> None:
    await clerk.wait_for_call("active")


async def call_two(office: Office, clerk: Person) -> None:
    await talk_to_both(office, clerk)


async def swap(office: Office, clerk: Person) -> None:
    await clerk.wait_for_call("active")
    await clerk.press("hold")
    with OpenEar() as ear:
        await hears(ear, BOB)


Deed = Callable[[Office, Person], Awaitable[None]]


@pytest.mark.parametrize(
    ("begin", "go_on", "records"),
    [
        (hold, take_back, 1),
        (be_called, answer, 1),
        (mute, is_still_muted, 1),
        (call_out, is_answered, 1),
        (record, goes_on, 1),
        (call_two, swap, 2),
    ],
)
async def test_whatever_a_call_is_at_the_next_handset_goes_on_with_it(
    office: Office, clerk: Person, begin: Deed, go_on: Deed, records: int
) -> None:
    before = await asyncio.to_thread(logged_calls, office.stage.handset)
    await begin(office, clerk)
    await replaced(office)
    async with Person(office.stage.handset) as same:
        await go_on(office, same)
        await same.replace()
        # Whoever is on hold is not forgotten: the phone would ring for them.
        office.rest()
        await same.rest()
    calls = await newest_records(office, before)
    assert len(calls) == records
    assert all(call["answered"] for call in calls)
    assert "interrupted" not in {call["result"] for call in calls}


async def test_a_call_for_help_goes_on_as_one(office: Office, clerk: Person, tmp_path: Path) -> None:
    with Sipp(tmp_path / "sipp", "uas_answer") as services:
        office.stage.kamailio.route(EMERGENCY, services.uri)
        await clerk.lift()
        await clerk.send(EMERGENCY)
        await clerk.wait_for_call("active")
        await replaced(office)
        async with Person(office.stage.handset) as same:
            await same.wait_for_call("active")
            await same.reads(EMERGENCY)
            await same.hang_up()
        services.finish()


async def test_a_call_that_ended_while_no_handset_was_there_has_its_own_end(office: Office, clerk: Person) -> None:
    before = await asyncio.to_thread(logged_calls, office.stage.handset)
    began_s = time.monotonic()
    await talk(clerk, office.bob)
    handset = office.stage.handset
    await asyncio.to_thread(handset.main.kill)
    office.bob.hang_up()
    office.bob.sees_newest(CallState.DISCONNECTED)
    most_s = time.monotonic() - began_s
    await asyncio.sleep(3)
    await asyncio.to_thread(handset.main.start)
    async with Person(handset) as same:
        await same.rest()
    (call,) = await newest_records(office, before)
    assert (call["answered"], call["result"]) == (True, "remote_hangup")
    assert call["duration_s"] <= most_s + 1


async def test_whoever_calls_while_no_handset_is_there_is_heard_of(office: Office, clerk: Person) -> None:
    handset = office.stage.handset
    await asyncio.to_thread(handset.main.kill)
    office.carol.call(PERSON)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(handset.main.start)
    async with Person(handset) as same:
        await same.wait_for_mode("ringing")
        await same.reads(CAROL)
        await same.lift()
        await same.wait_for_call("active")
        await same.hang_up()
