"""The microphone's sign on the whole handset: it tells what the kernel says, whatever voice says."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.lab.handset import Handset
from tests.lab.person import Person
from tests.lab.stage import PEER_USER, Stage

pytestmark = pytest.mark.feature("voice in a process of its own")

SIGN = "The microphone is on without a call."


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    # A simulated phone looks there for what the kernel says.
    status = _status(stage.handset)
    status.parent.mkdir(parents=True)
    status.write_text("closed\n")
    with stage.heard_here():
        stage.start(sync=False)
        try:
            yield stage
        finally:
            stage.stop()


@pytest_asyncio.fixture
async def person(stage: Stage) -> AsyncIterator[Person]:
    async with Person(stage.handset) as person:
        await person.wait_for_line()
        yield person
        _shut(stage.handset)
        # The sign may stand behind another fault's, such as that the line starts again.
        await person.wait_for(lambda status: not status["problems"])
        await person.no_longer_reads(SIGN)
        await person.wait_for_line()


def _status(handset: Handset) -> Path:
    return handset.folder / "run/asound/card0/pcm0c/sub0/status"


def _open(handset: Handset, pid: int) -> None:
    """Have the kernel say that a process records."""
    _write(handset, f"state: RUNNING\nowner_pid   : {pid}\ntrigger_time: 1.0\n")


def _shut(handset: Handset) -> None:
    _write(handset, "closed\n")


def _write(handset: Handset, words: str) -> None:
    # In place: the phone keeps the file open, as it does the kernel's.
    descriptor = os.open(_status(handset), os.O_WRONLY)
    try:
        os.pwrite(descriptor, words.encode(), 0)
        os.ftruncate(descriptor, len(words))
    finally:
        os.close(descriptor)


async def test_a_voice_that_records_without_a_call_is_shown_and_replaced(stage: Stage, person: Person) -> None:
    handset = stage.handset
    pid = handset.voice.pid
    _open(handset, pid)
    await person.reads(SIGN)
    await person.wait_for(lambda _status: handset.voice.pid != pid)
    _shut(handset)
    await person.no_longer_reads(SIGN)


async def test_in_a_call_the_microphone_is_meant_to_be_open_and_after_it_no_longer(
    stage: Stage, person: Person
) -> None:
    handset = stage.handset
    pid = handset.voice.pid
    await person.call(PEER_USER)
    _open(handset, pid)
    await asyncio.sleep(4)
    assert not (await person.status())["problems"]
    assert handset.voice.pid == pid
    await person.hang_up()
    await person.reads(SIGN)
    await person.wait_for(lambda _status: handset.voice.pid != pid)


async def test_another_program_that_records_is_shown_and_ends_no_call(stage: Stage, person: Person) -> None:
    handset = stage.handset
    # These tests are another program.
    _open(handset, os.getpid())
    await person.reads(SIGN)
    await person.wait_for_line()
    pid = handset.voice.pid
    await person.call(PEER_USER)
    await asyncio.sleep(4)
    assert (await person.status())["call"] == "active"
    assert handset.voice.pid == pid
    await person.hang_up()
