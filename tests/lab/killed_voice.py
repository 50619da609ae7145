"""Kills voice amid whatever a phone is at, and sees that each call is written down once."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from contract.consent import Purpose
from tests.lab.audio import Recorder
from tests.lab.call_log import logged_calls, new_calls
from tests.lab.display_reader import says
from tests.lab.handset import Handset
from tests.lab.office import BOB, PERSON, RECORDING_KEYS, Office, speaking, talk
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.stage import Choices

Activity = Callable[[Office, Person], Awaitable[int]]
"""Does something with a phone, and returns how many calls that begins."""

_REGISTERED: Final = "Line: registered."


@dataclass(frozen=True, slots=True)
class Death:
    """What came of one kill.

    Attributes:
        away_s: how long the phone was not registered, by the clock on the wall.
        cpu_s: what the new process had computed until it was.
        recorded_s: how long a recording had lasted by then, by the microphone's own clock; None where there was none.
    """

    away_s: float
    cpu_s: float
    recorded_s: float | None


@contextmanager
def office_that_records(folder: Path) -> Iterator[Office]:
    """Run an office whose handset has a key to record by, and may; its voice loads all that it needs at each start."""
    choices = Choices(extra={"recording": {"announce": "tone"}, "keypad": {"keys": RECORDING_KEYS}})
    office = Office(folder, choices)
    office.stage.handset.voice.process._may_fork = False
    with office.running():
        office.stage.handset.command("consent", "grant", Purpose.RECORDING)
        yield office


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


ACTIVITIES: Final[tuple[Activity, ...]] = (be_idle, read_menus, be_called, call_out, be_in_a_call, record_a_call)


def shuffled_activities(count: int, dice: random.Random) -> list[Activity]:
    """Return so many activities, all equally often, in an order of chance."""
    order = [ACTIVITIES[number % len(ACTIVITIES)] for number in range(count)]
    dice.shuffle(order)
    return order


async def killed_amid(activity: Activity, office: Office, after_s: float) -> Death:
    """Kill voice so long after an activity began.

    Raises:
        AssertionError: a call was not written down, or twice, or as something else than one that was interrupted.
    """
    handset = office.stage.handset
    async with Person(handset) as clerk:
        await clerk.wait_for_line()
        before = await asyncio.to_thread(logged_calls, handset)
        with speaking(), Recorder("mic_monitor") as microphone:
            begun = await activity(office, clerk)
            began_s = microphone.sound.duration_s
            await asyncio.sleep(after_s)
            recorded_s = microphone.sound.duration_s - began_s
            away_s, cpu_s = await _killed(handset, clerk)
        office.rest()
        await clerk.rest()
        new = new_calls(await asyncio.to_thread(logged_calls, handset), before)
    assert len(new) == begun, f"{activity.__name__}: {new}"
    assert all(call["result"] == "interrupted" for call in new), f"{activity.__name__}: {new}"
    assert [call["answered"] for call in new] == [activity in {be_in_a_call, record_a_call}] * begun
    return Death(away_s, cpu_s, recorded_s if activity is record_a_call else None)


async def _killed(handset: Handset, clerk: Person) -> tuple[float, float]:
    told = len(clerk.lines)
    killed_at = time.monotonic()
    handset.voice.die()
    await clerk.wait_until(lambda page: _REGISTERED in page.lines[told:], PATIENCE_S)
    away_s = time.monotonic() - killed_at
    used = psutil.Process(handset.voice.pid).cpu_times()
    return away_s, used.user + used.system
