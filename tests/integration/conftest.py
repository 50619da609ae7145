"""What the end-to-end tests of the phone share; each module sets a `stage` or an `office` of its own."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.lab.office import Office
from tests.lab.person import Person
from tests.lab.stage import Stage


@pytest_asyncio.fixture
async def person(stage: Stage) -> AsyncIterator[Person]:
    """Somebody at the stage's registered handset, who leaves it at rest and has seen what it missed."""
    async with Person(stage.handset) as person:
        await person.wait_for_line()
        yield person
        stage.peer.hang_up()
        await person.replace()
        await person.wait_for(lambda status: status["mode"] in {"idle", "ringing", "collecting_digits"})
        if (await person.status())["mode"] != "idle":
            await person.press("cancel")
        await person.wait_for_mode("idle")
        if (await person.status())["missed_calls"]:
            await person.press("cancel")
            await person.wait_for(lambda status: status["missed_calls"] == 0)


@pytest_asyncio.fixture
async def clerk(office: Office) -> AsyncIterator[Person]:
    """Somebody at the office's registered handset, who leaves it and the colleagues at rest, with nothing unseen."""
    async with Person(office.stage.handset) as clerk:
        await clerk.wait_for_line()
        yield clerk
        office.rest()
        await clerk.rest()
