"""The whole handset whose configuration says no country, from before it had to: it asks, and keeps the answer."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from firmware.configuration.loading import keep_country, read_country
from tests.lab.handset import Handset
from tests.lab.office import Office
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.person import Person
from tests.lab.stage import Choices

CHOSEN = "The country was chosen on the display"
READY = "The handset is ready"
QUESTION = "Country +"
EMERGENCY = "Emergency call"
_POLL_S = 0.05


@pytest.fixture
def handset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handset]:
    silent = Choices(extra={"device": {"country": None}})
    with Office(tmp_path_factory.mktemp("office"), silent).running() as office:
        yield office.stage.handset


async def test_it_asks_where_it_stands_and_knows_it_from_then_on(handset: Handset) -> None:
    assert "country" not in handset.configuration_path.read_text()
    async with Person(handset) as person:
        await person.reads(QUESTION)
        await person.dial("911")
        await person.reads("911: lift for help")
        await person.press("menu")
        await person.wait_for_mode("idle")
        await person.dial("144")
        await person.reads("144")
        assert not person.sees(EMERGENCY)
    await asyncio.to_thread(handset.main.stop)
    await asyncio.to_thread(handset.main.start)

    async with Person(handset) as person:
        await person.reads(QUESTION)
        await person.dial("43")
        await person.reads("Austria")
        await person.press("ok")
        await person.reads_the_beginning_of("For help you call 112 there. Is the phone in this country?")
        await person.press("ok")
        ends_at = time.monotonic() + 2 * PATIENCE_S
        while READY not in handset.main.log.partition(CHOSEN)[2]:
            assert time.monotonic() < ends_at, "the handset did not start anew"
            await asyncio.sleep(_POLL_S)
    assert read_country(handset.state_dir) == "AT"

    for kill in (False, True):
        if kill:
            await asyncio.to_thread(handset.main.kill)
            await asyncio.to_thread(handset.main.start)
        async with Person(handset) as person:
            await person.wait_for_line()
            await person.wait_for_mode("idle")
            await person.dial("144")
            await person.reads(EMERGENCY)


async def test_after_a_reset_it_asks_the_next_holder(handset: Handset) -> None:
    await asyncio.to_thread(handset.main.stop)
    keep_country(handset.state_dir, "AT")
    await asyncio.to_thread(handset.main.start)
    async with Person(handset) as person:
        await person.wait_for_line()
        await person.dial("144")
        await person.reads(EMERGENCY)
        await person.press("cancel")
        await asyncio.to_thread(handset.command, "factory-reset", "--yes")

    def log_of_the_reset() -> str:
        return handset.main.log.partition("A factory reset begins")[2]

    # Once to erase, and once more without what that run had read before.
    await asyncio.to_thread(wait_until, lambda: log_of_the_reset().count(READY) == 2, "it starts anew")
    async with Person(handset) as person:
        await person.reads(QUESTION)
    assert log_of_the_reset().count("The factory reset is finished") == 1
    assert log_of_the_reset().count(READY) == 2
