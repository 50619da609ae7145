"""The whole handset when it is new: it asks by itself, is a phone all the while, and asks until all is answered."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.lab.handset import Handset
from tests.lab.newcomer import PIN, Newcomer
from tests.lab.office import BOB, PERSON, Office
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.stage import Choices

READY = "The handset is ready"
_POLL_S = 0.05


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office(tmp_path_factory.mktemp("office"), Choices(new=True)).running() as office:
        yield office


@pytest.fixture
def handset(office: Office) -> Iterator[Handset]:
    """The office's handset, which nobody has set up and which has just started."""
    handset = office.stage.handset
    yield handset
    office.rest()
    handset.main.stop()
    handset.main.start()


async def test_in_the_middle_of_its_first_run_the_phone_is_called_and_calls_for_nobody_else(
    office: Office, handset: Handset
) -> None:
    async with Newcomer(handset) as newcomer:
        await newcomer.wait_for_line()
        await newcomer.goes_on_to("Your age")

        office.bob.call(PERSON)
        await newcomer.reads("Incoming call")
        await newcomer.lift()
        await newcomer.wait_for_call("active")
        await newcomer.replace()
        await newcomer.reaches("Your age")

        await newcomer.lift()
        await newcomer.send(BOB)
        await newcomer.reads("Set the phone up first")
        await newcomer.replace()
        await newcomer.reaches("Your age")


async def test_after_a_power_cut_it_asks_again_and_has_kept_what_was_chosen(handset: Handset) -> None:
    async with Newcomer(handset) as newcomer:
        await newcomer.reaches("Language")
        await newcomer.dial("2")
        await newcomer.reads("2/6 年龄")
        await newcomer.press("volume_up")
        await newcomer.press("ok")
        await newcomer.reads("3/6 PIN码")
    await asyncio.to_thread(handset.main.kill)
    await asyncio.to_thread(handset.main.start)
    async with Newcomer(handset) as newcomer:
        await newcomer.reads("1/6 语言")
        await newcomer.dial("1")
        await newcomer.reaches("Your age")


async def test_it_asks_until_somebody_has_come_to_its_end_and_again_after_a_reset(handset: Handset) -> None:
    async with Newcomer(handset) as newcomer:
        await newcomer.goes_on_to("Service")
        await newcomer.finishes()
    await asyncio.to_thread(handset.main.stop)
    await asyncio.to_thread(handset.main.start)
    async with Newcomer(handset) as holder:
        await holder.wait_for_line()
        await holder.wait_for_mode("idle")
        before = handset.main.log.count(READY)
        await _reset(holder)
        await _starts_anew(handset, before)
    async with Newcomer(handset) as newcomer:
        await newcomer.reaches("Language")


async def _reset(holder: Person) -> None:
    for key, words in (("menu", "Menu"), ("6", "Settings"), ("7", "Deleted"), ("ok", "PIN")):
        await holder.press(key)
        await holder.reads(words)
    await holder.dial(PIN)
    await holder.press("ok")
    await holder.reads_the_beginning_of("Everything that you and your calls have left here is deleted.")
    await holder.press("ok")
    await holder.reads_the_beginning_of("There is no way back. Delete everything?")
    await holder.press("ok")


async def _starts_anew(handset: Handset, before: int) -> None:
    ends_at = time.monotonic() + 2 * PATIENCE_S
    while handset.main.log.count(READY) == before:
        assert time.monotonic() < ends_at, "the handset did not start anew"
        await asyncio.sleep(_POLL_S)
