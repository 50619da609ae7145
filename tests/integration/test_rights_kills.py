"""A handset killed at every step of erasing and of cancelling: all as it was, or nothing left and everybody told."""

import asyncio
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.consent import Actor, Channel, Purpose
from firmware.configuration.loading import load
from firmware.phone.call import CallId
from firmware.phone.my_data import DataCategory
from firmware.pictures.pixels import Pixels
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services.account.factory_reset import finish_reset
from firmware.services.account.outbox import CancellationOutbox
from firmware.services.account.steps import AccountCancellation, go_on, resume_reset
from firmware.services.account.tombstone import TOMBSTONE_NAME
from firmware.services.data_copy import DataCopy
from firmware.services.exports import Exports
from firmware.store.erasure import ERASABLE
from provisioning.parsing import parse_configuration
from tests.lab import kills
from tests.lab.copy_sources import sources_of
from tests.lab.store import StoreLab

kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak]
CONFIGURATION = """
version = 1
[device]
id = "handset-7"
fleet = "lab"
country = "CN"
[[accounts]]
username = "201"
domain = "sip.example.org"
[sync]
host = "broker.example.org"
"""


# --- in the process that is killed ------------------------------------------------------------------------------------


async def fill(lab: StoreLab) -> None:
    """Leave something of each kind, of which a record has left."""
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.consents.grant(Purpose.RECORDING)
    await lab.add_contact("Anna", ["1001"])
    await lab.make_call()
    batch = await lab.outbox.next_batch(9)
    await lab.outbox.hand_over([message.key for message in batch])
    await lab.outbox.complete([message.key for message in batch])
    await lab.pictures.add("cat", Pixels(1, 1, bytes(3)))
    recording_id, writer = await lab.recordings.begin(CallId("c" * 32), "1001", "Anna", SoundFormat.FLAC)
    writer.write(b"head", 0)
    writer.write(b"a second of sound", SOUND_RATE_HZ)
    writer.finish()
    await lab.recordings.end(recording_id, complete=True, lost_s=0)


def prepare(folder: Path) -> None:
    async def run() -> None:
        lab = StoreLab(folder)
        await lab.start()
        await fill(lab)
        await lab.stop()

    asyncio.run(run())
    (folder / "config.toml").write_text(CONFIGURATION)


def erase(folder: Path) -> None:
    async def run() -> None:
        lab = StoreLab(folder)
        await lab.start()
        await lab.erasure.erase(ERASABLE, actor=Actor.HOLDER, channel=Channel.KEYPAD)
        await lab.stop()

    asyncio.run(run())


def cancel(folder: Path) -> None:
    async def run() -> None:
        lab = StoreLab(folder)
        await lab.start()
        stored = AccountCancellation(lab.store, lab.outbox, lab.consents)
        await stored.begin(Actor.HOLDER, Channel.KEYPAD)
        await go_on(stored, folder, parse_configuration(CONFIGURATION), CONFIGURATION)
        await lab.stop()

    asyncio.run(run())
    start(folder)
    say(folder)


def start(folder: Path) -> None:
    """Do what the handset does when it starts, before and once it opens its store."""
    loaded = load(folder / "config.toml", folder)
    if loaded.cancelled:
        resume_reset(folder)
    finish_reset(folder, {})
    if loaded.configuration is None:
        return

    async def take_up() -> None:
        lab = StoreLab(folder)
        await lab.start()
        stored = AccountCancellation(lab.store, lab.outbox, lab.consents)
        if await stored.is_begun():
            await go_on(stored, folder, parse_configuration(CONFIGURATION), CONFIGURATION)
        await lab.pictures.sweep()
        await lab.recordings.sweep()
        await lab.stop()

    asyncio.run(take_up())
    if (folder / "factory-reset").exists():
        start(folder)


def say(folder: Path) -> None:
    """Be the sync process and the broker; the diary is what the world hears."""

    async def carry() -> None:
        cancellation = CancellationOutbox(folder, None, None, lambda: None)
        while batch := await cancellation.next_batch(1):
            await cancellation.hand_over([message.key for message in batch])
            with (folder.parent / f"{folder.name}.diary").open("a") as diary:
                diary.writelines(json.dumps([message.topic, dict(message.payload)]) + "\n" for message in batch)
            await cancellation.complete([message.key for message in batch])

    asyncio.run(carry())


def copy(folder: Path) -> None:
    async def run() -> None:
        lab = StoreLab(folder)
        await lab.start()
        sources = sources_of(lab, {})
        await DataCopy(sources, Exports(folder)).write("", lambda _percent: None)
        await lab.stop()

    asyncio.run(run())


# --- what the test makes of it ----------------------------------------------------------------------------------------


@pytest.fixture
def whole(memory: Path) -> Path:
    """A phone that has something of each kind."""
    folder = memory / "whole"
    folder.mkdir()
    prepare(folder)
    return folder


def killed_everywhere(whole: Path, change: Callable[[Path], None]) -> Iterator[Path]:
    """Give what is left after kills at statements, and after kills at what touches files."""
    for trap in (kills.at_statement, kills.at_touch):
        for cut in kills.cuts(whole, change, trap, one_in=5):
            yield cut.folder
            (whole.parent / f"{cut.folder.name}.diary").unlink(missing_ok=True)


@pytest.mark.timeout(400)
def test_whatever_the_step_all_is_as_it_was_or_all_of_it_is_gone_and_recipients_are_told(whole: Path) -> None:
    async def look(place: Path) -> tuple[int, int, bool]:
        lab = StoreLab(place)
        await lab.start()
        await lab.pictures.sweep()
        await lab.recordings.sweep()
        counts = await lab.my_data.counts()
        # The file of a picture whose row never came is swept away.
        files = [
            path for name in ("pictures", "recordings") if (place / name).is_dir() for path in (place / name).iterdir()
        ]
        kinds = (DataCategory.CONTACTS, DataCategory.CALLS, DataCategory.PICTURES, DataCategory.RECORDINGS)
        told = any(message.topic == "erasure" for message in await lab.outbox.next_batch(20))
        assert (await lab.consents.state()).intact
        await lab.stop()
        return sum(counts[kind] for kind in kinds), len(files), told

    seen = set()
    for place in killed_everywhere(whole, erase):
        found = asyncio.run(look(place))
        assert found in {(4, 2, False), (0, 0, True)}, place.name
        seen.add(found)
    assert kills.all_met(seen, {(4, 2, False), (0, 0, True)})


@pytest.mark.timeout(400)
def test_a_cancellation_is_not_begun_or_comes_to_its_end_whatever_the_step(whole: Path) -> None:
    seen = set()
    for place in killed_everywhere(whole, cancel):
        start(place)
        start(place)
        say(place)
        loaded = load(place / "config.toml", place)
        diary = place.parent / f"{place.name}.diary"
        told = [json.loads(line) for line in diary.read_text().splitlines()] if diary.exists() else []
        if loaded.configuration is not None:
            assert not told
            assert (place / "store.db").exists()
        else:
            assert told[0][0] == "erasure"
            assert {topic for topic, _ in told} == {"erasure", "consent"}
            assert all(payload["cancelled"] for topic, payload in told if topic == "erasure")
            left = {path.name for path in place.iterdir()}
            assert left <= {"config.toml", "cancelled", "configuration.last-good.toml"}, place.name
            assert not (place / TOMBSTONE_NAME).exists()
        seen.add(loaded.cancelled)
    assert kills.all_met(seen, {True, False})


@pytest.mark.timeout(400)
def test_a_copy_has_its_final_name_once_all_of_it_is_on_the_stick(whole: Path) -> None:
    seen = set()
    for cut in kills.cuts(whole, copy):
        stick = cut.folder / "stick"
        copies = list(stick.glob("*.tar")) if stick.exists() else []
        for finished in copies:
            with tarfile.open(finished) as archive:
                assert archive.getnames()[-1] == "manifest.json"
        seen.add(len(copies))
    assert kills.all_met(seen, {0, 1})
