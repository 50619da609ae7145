"""The whole handset whose memory the PIN opens: what it does before the PIN is typed, and what is there afterwards."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from firmware.services.account.factory_reset import REQUEST_NAME
from tests.lab.handset import Handset
from tests.lab.person import Person
from tests.lab.pin_at_start import switch_on, type_pin
from tests.lab.stage import Stage

PIN = "258036"
EMERGENCY = "999"
SPOKEN_HZ = 1000


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    with stage.heard_here():
        stage.start(handset=False)
        try:
            stage.kamailio.route(EMERGENCY, stage.peer_uri)
            yield stage
        finally:
            stage.stop()


@asynccontextmanager
async def started(handset: Handset) -> AsyncIterator[Person]:
    """Run a handset until its plug is pulled."""
    handset.start()
    try:
        async with Person(handset) as person:
            await person.wait_for_line()
            yield person
        assert handset.sync.is_running()
    finally:
        handset.sync.kill()
        handset.main.kill()


async def call_for_help(stage: Stage, person: Person) -> None:
    """Call the emergency number and be heard."""
    await person.dial(EMERGENCY)
    await person.reads("Emergency call")
    mark = len(stage.peer.events)
    await person.lift()
    await person.wait_for_call("active")
    stage.peer.wait_for("echoing", after=mark)
    await person.hears_the_echo_of(SPOKEN_HZ)
    await person.hang_up()


async def test_before_the_pin_is_typed_help_can_be_called_and_afterwards_everything_is_there(stage: Stage) -> None:
    handset = stage.new_handset("guarded")
    async with started(handset) as person:
        handset.command("contacts", "add", "Anna Schmidt", "+493055501")
        await switch_on(person, PIN)
    # The plug is pulled in the middle of what comes before the PIN, too.
    async with started(handset) as person:
        await person.wait_for(lambda status: "until the holder's PIN" in status["store"])
        assert not (await person.status())["problems"]
        with pytest.raises(subprocess.CalledProcessError):
            handset.command("contacts", "list")
        await call_for_help(stage, person)
    async with started(handset) as person:
        await type_pin(person, "000000")
        await person.reads("Wrong PIN.")
        await person.dial(PIN)
        await person.press("ok")
        await person.wait_for(lambda status: status["store"] == "open")
        assert "Anna Schmidt" in handset.command("contacts", "list")
        [call] = handset.ask("log")
        assert (call["number"], call["answered"]) == (EMERGENCY, True)
        assert "the holder's PIN" in (await person.status())["stolen_card"]
        assert "The store has a new key." in handset.command("store", "rotate-key")
    (request := handset.state_dir / REQUEST_NAME).write_text("471108152342")
    async with started(handset) as person:
        await type_pin(person, PIN)
        await person.wait_for(lambda status: status["store"] == "open")
        assert "Anna Schmidt" in handset.command("contacts", "list")
        assert not request.exists(), "whoever knows the PIN needs no erasure"
    # The name of the tests' own folder, which the log repeats, has a number that counts up.
    log = handset.main.log.replace(str(handset.folder), "")
    assert EMERGENCY not in log
    assert PIN not in log
