"""What a fleet hears of a phone that cannot call: all its processes, a registrar that goes, a reader at the broker."""

import asyncio
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from tests.lab.mosquitto import Observer, Received
from tests.lab.stage import DEVICE, FLEET, Choices, Stage

TOPIC = f"wecall/v1/{FLEET}/{DEVICE}/status"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path, Choices(extra={"sync": {"retry_base_s": 0.1, "retry_cap_s": 1}}))
    stage.handset.folder.mkdir()
    stage.handset.make_hasty()
    with stage:
        yield stage


@pytest.mark.feature("status")
async def test_a_phone_whose_registrar_is_away_says_so_through_every_restart_and_never_that_it_is_online(
    stage: Stage,
) -> None:
    handset, wanted = stage.handset, []
    with Observer(stage.broker) as observer:
        await asyncio.to_thread(observer.wait_for, lambda received: words(received)[-1:] == [b'{"state":"online"}'], 60)
        before = len(words(observer.received))

        async def says(state: str) -> None:
            wanted.append(f'{{"state":"{state}"}}'.encode())
            await asyncio.to_thread(observer.wait_for, lambda received: words(received)[before:] == wanted, 60)

        await asyncio.to_thread(stage.kamailio.kill)
        await says("no_line")
        await asyncio.to_thread(handset.sync.kill)
        await says("offline")
        await asyncio.to_thread(handset.sync.start)
        await says("no_line")
        await asyncio.to_thread(handset.main.kill)
        await says("offline")
        await asyncio.to_thread(handset.main.start)
        await says("no_line")
        await asyncio.to_thread(stage.kamailio.start)
        await says("online")
        # Without voice there is no line, whatever it said before.
        await asyncio.to_thread(handset.voice.stop)
        await says("no_line")
        handset.voice.launch()
        await says("online")


def words(received: list[Received]) -> list[bytes]:
    """Return what came of the status, byte for byte and without repetitions; what the broker had kept counts."""
    return [payload for payload, _ in groupby(message.payload for message in received if message.topic == TOPIC)]
