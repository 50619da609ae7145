"""A handset that is set up takes bundles over the network: a real broker keeps them, and hears what became of each."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware.configuration.config_store import ConfigStore
from tests.lab.bundle_site import BundleSite, Stick, set_up_first, somebody_at
from tests.lab.mosquitto import Observer, Operator, Received
from tests.lab.patience import PATIENCE_S
from tests.lab.stage import DEVICE, FLEET, PEER_USER

PREFIX = f"wecall/v1/{FLEET}/{DEVICE}"


class Office:
    """The operator's: sends bundles that the broker keeps, and hears what becomes of them."""

    def __init__(self, site: BundleSite) -> None:
        self._broker = site.stage.broker
        self.observer = Observer(self._broker)

    async def send(self, bundle: bytes) -> str:
        """Have the broker keep a bundle; return what its outcome names it by."""

        def publish() -> None:
            with Operator(self._broker) as operator:
                operator.send(f"{PREFIX}/bundle", bundle, retain=True)

        await asyncio.to_thread(publish)
        return hashlib.sha256(bundle).hexdigest()

    async def outcome(self, digest: str) -> str:
        """Wait until it is known what became of a bundle."""

        def found(received: list[Received]) -> bool:
            return bool(outcomes(received, digest))

        [code] = outcomes(await asyncio.to_thread(self.observer.wait_for, found, 90), digest)
        return code


def outcomes(received: list[Received], digest: str) -> list[str]:
    return [
        message.document["code"]
        for message in received
        if message.topic == f"{PREFIX}/outcome" and message.document["message"] == digest
    ]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[BundleSite]:
    site = BundleSite(tmp_path / "stage")
    try:
        await asyncio.to_thread(site.start)
        yield site
    finally:
        await asyncio.to_thread(site.stage.stop)


async def test_a_bundle_that_the_broker_keeps_is_tried_kept_or_taken_back_and_each_outcome_told_once(
    site: BundleSite,
) -> None:
    identity = await set_up_first(site, Stick(site.handset))
    office = Office(site)
    with office.observer:
        good = site.bundle(2, identity)
        assert await office.outcome(await office.send(good)) == "applied"
        wrong = await office.send(site.bundle(3, identity, password="wrong"))
        assert await office.outcome(wrong) == "reverted_lines"
        damaged = await office.send(site.bundle(4, identity)[:-1] + b"?")
        assert await office.outcome(damaged) == "forged"

        # While somebody calls, it waits; the call is not cut.
        async with somebody_at(site.handset) as person:
            await person.wait_for_line()
            await person.call(PEER_USER)
            last = await office.send(site.bundle(5, identity))
            await staged(site, 5)
            assert (await person.status())["call"] == "active"
            assert not outcomes(office.observer.received, last)
            await person.replace()
        assert await office.outcome(last) == "applied"

        # What the broker keeps has come again with each connection since.
        received = office.observer.received
    assert [len(outcomes(received, digest)) for digest in (wrong, damaged, last)] == [1, 1, 1]


async def staged(site: BundleSite, number: int) -> None:
    """Wait until all of a bundle has been looked at."""
    folder = ConfigStore(site.handset.state_dir).folder_of(number)
    async with asyncio.timeout(PATIENCE_S):
        while not folder.is_dir():  # noqa: ASYNC110 - nothing tells of a folder of another process
            await asyncio.sleep(0.05)
