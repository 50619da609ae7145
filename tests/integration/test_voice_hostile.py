"""The whole handset with a voice that a packet has taken over: it works on, tells it nothing and keeps what it has."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
import pytest_asyncio

from firmware.phone.contact import Contact, ContactNumber
from firmware.phone.news import Problem
from firmware.phone.phrases import PROBLEMS
from firmware.store.contacts import StoredContacts
from firmware.store.recording_files import RecordingWriter
from firmware.store.recordings import FOLDER_NAME
from tests.lab import chance
from tests.lab.disguises import disguises
from tests.lab.guarded_store import open_store_of
from tests.lab.handset import Handset
from tests.lab.hostile_voice import HostileVoice
from tests.lab.kept_process import KeptProcess
from tests.lab.measured import RecordProperty, assert_within, processor_s
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.person import Person
from tests.lab.planted import LOOKED_FOR, plant, rows_of
from tests.lab.random_news import MARK
from tests.lab.stage import PEER_USER, Choices, Stage

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]

MESSAGES: Final = chance.counted(100_000, 10_000)
FLAPS: Final = chance.counted(20_000, 2_000)
MENUS: Final = 5
EMERGENCY: Final = "999"
AWAY: Final = PROBLEMS[Problem.VOICE_AWAY].text
NAME, NUMBER = "Planted Penelope", "02079460123"
RECORDED: Final = b"planted sound of a call that was recorded" * 20
SOON_S: Final = 0.05
"""So much may the handset compute, of the seconds that what is said costs it, before it is somebody's own turn."""
MOST_GROWTH_BYTES: Final = 32 * 2**20
LINES_A_MINUTE: Final = 100
# As firmware.voice.news_gate has it.
WRITTEN_AT_ONCE, WRITTEN_PER_S = 120, 0.5
REPLACED_S: Final = 10.0


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"), Choices(transport="udp", srtp="off"))
    stage.start(handset=False)
    try:
        stage.kamailio.route(EMERGENCY, stage.peer_uri)
        yield stage
    finally:
        stage.stop()


@dataclass(frozen=True, slots=True)
class Home:
    """A handset that has something to lose, which runs without a voice.

    Attributes:
        rows: all that was in its store before the first start.
        recording: the file of a recording, as it was then.
    """

    handset: Handset
    rows: frozenset[str]
    recording: Path
    sealed: bytes

    def secrets(self) -> dict[str, str | bytes]:
        """Return what nobody may hear, by what it is."""
        return {**LOOKED_FOR, "name": NAME, "number": NUMBER, "recording": RECORDED, "sealed recording": self.sealed}

    def kept(self) -> list[str]:
        """Return what an administrator reads of contacts and consents; the rest is looked for in the store itself."""
        return [
            self.handset.command(*words) for words in (("contacts", "list"), ("consent", "list"), ("ledger", "show"))
        ]


@pytest.fixture(scope="module")
def home(stage: Stage) -> Iterator[Home]:
    handset = stage.new_handset("handset")
    handset.prepare()
    recording = handset.state_dir / FOLDER_NAME / str(LOOKED_FOR["recordings.recording_id"])
    key = LOOKED_FOR["recordings.sealing_key"]
    assert isinstance(key, bytes)
    writer = RecordingWriter(recording, key)
    writer.write(RECORDED, 16_000)
    writer.close()
    with ThreadPoolExecutor(1) as elsewhere:
        rows = elsewhere.submit(asyncio.run, fill(handset)).result()
        handset.simulator.start()
        handset.main.start()
        try:
            yield Home(handset, rows, recording, recording.read_bytes())
        finally:
            handset.stop()


async def fill(handset: Handset) -> frozenset[str]:
    store = await open_store_of(handset.state_dir)
    await plant(store)
    await StoredContacts(store, "GB").save(Contact(0, NAME, (ContactNumber(NUMBER),)))
    rows = await rows_of(store)
    await store.stop()
    return frozenset(rows.split("\n"))


@pytest_asyncio.fixture
async def person(home: Home) -> Any:
    async with Person(home.handset) as person:
        yield person


def taken_over(home: Home, script: str, messages: int) -> HostileVoice:
    handset = home.handset
    folder = handset.folder / script
    return HostileVoice(handset.folder / "run", folder, script, messages, chance.dice().getrandbits(32))


@dataclass(slots=True)
class Reactions:
    """What the handset computed at most while somebody waited: a busy computer only takes longer over it.

    Attributes:
        pid: the handset's process.
        answer_s: while an administrator waited for an answer.
        menu_s: while somebody waited for the menu.
        menus: how often that was tried.
    """

    pid: int
    answer_s: float = 0.0
    menu_s: float = 0.0
    menus: int = 0

    async def note(self, person: Person) -> None:
        """Ask, and press a key where no call is in front."""
        before_s = processor_s(self.pid)
        status = await person.status()
        self.answer_s = max(self.answer_s, processor_s(self.pid) - before_s)
        if status["mode"] != "idle":
            # A caller is turned away, a menu left.
            await person.press("cancel")
            return
        before_s = processor_s(self.pid)
        await person.press("menu")
        seen = await person.wait_for(lambda now: now["mode"] != "idle")
        if seen["mode"] == "menu":
            self.menus += 1
            self.menu_s = max(self.menu_s, processor_s(self.pid) - before_s)


async def reactions_to(
    hostile: HostileVoice, home: Home, person: Person, are_enough: Callable[[Reactions], bool] = lambda _: False
) -> Reactions:
    """Use the phone for as long as a hostile voice speaks, or until that is enough."""
    reactions = Reactions(home.handset.main.pid)
    hostile.launch()
    try:
        while hostile.is_running() and not are_enough(reactions):
            await reactions.note(person)
            await asyncio.sleep(0.05)
    finally:
        hostile.kill()
    return reactions


async def open_menu(person: Person) -> None:
    await person.wait_for_mode("idle")
    await person.press("menu")
    await person.wait_for_mode("menu")
    await person.press("menu")
    await person.wait_for_mode("idle")


async def be_left_alone(person: Person) -> None:
    """Wait until the calls of the voice that has gone are over."""
    await person.wait_for(lambda status: status["call"] is None and AWAY in status["problems"])
    await person.rest()


async def assert_calls_work(home: Home, stage: Stage, person: Person) -> None:
    """Have an honest voice in its place, and call with it."""
    voice = home.handset.voice
    voice.launch()
    try:
        await person.wait_for_line()
        for number in (EMERGENCY, PEER_USER):
            mark = len(stage.peer.events)
            await person.call(number)
            stage.peer.wait_for("answered", after=mark)
            await person.hang_up()
            stage.peer.wait_for("ended 200", after=mark)
        await person.wait_for(lambda status: not status["problems"])
    finally:
        voice.stop()


async def test_whatever_a_voice_says_the_handset_works_on_and_gives_nothing_away(
    stage: Stage, home: Home, person: Person, record_property: RecordProperty
) -> None:
    handset, process = home.handset, psutil.Process(home.handset.main.pid)
    kept = await asyncio.to_thread(home.kept)
    await open_menu(person)
    memory, files = process.memory_full_info().uss, process.num_fds()
    logged, began_s = len(handset.main.log.splitlines()), time.monotonic()
    hostile = taken_over(home, "everything", MESSAGES)
    reactions = await reactions_to(hostile, home, person)
    took_s = time.monotonic() - began_s
    print(f"{hostile.told} messages in {took_s:.1f} s: {reactions}, {process.memory_full_info().uss - memory:+} bytes")  # noqa: T201 - figures
    assert hostile.told >= MESSAGES
    assert_within(record_property, "answer_beside_a_hostile_voice", reactions.answer_s, SOON_S)
    assert_within(record_property, "menu_beside_a_hostile_voice", reactions.menu_s, SOON_S)
    assert reactions.menus
    await be_left_alone(person)
    await open_menu(person)

    assert handset.main.pid == process.pid
    assert handset.main.is_running()
    assert process.memory_full_info().uss - memory < MOST_GROWTH_BYTES
    wait_until(lambda: process.num_fds() <= files, "all that it opened for the voice is shut")
    lines = handset.main.log.splitlines()[logged:]
    assert len(lines) < LINES_A_MINUTE * max(1.0, took_s / 60), "\n".join(lines[-200:])
    assert not [line for line in lines if "Traceback" in line or MARK in line]

    heard = hostile.heard
    assert b"Configure" in heard
    # It was told its settings, and what each voice is told: what it says itself may come to nothing by chance.
    assert b"SetVolume" in heard
    told = {what for what, secret in home.secrets().items() if any(form in heard for form in disguises(secret))}
    assert not told

    assert await asyncio.to_thread(home.kept) == kept
    await assert_calls_work(home, stage, person)
    await assert_all_is_there(home, took_s)


async def assert_all_is_there(home: Home, took_s: float) -> None:
    """Look into the store of a handset that has stopped, and start it again."""
    handset = home.handset
    assert await asyncio.to_thread(handset.main.stop) == 0
    store = await open_store_of(handset.state_dir)
    rows = (await rows_of(store)).split("\n")
    await store.stop()
    # How a contact is sorted and spelled the handset itself writes at its start.
    gone = {row for row in home.rows - set(rows) if str(LOOKED_FOR["contacts.name"]) not in row}
    assert not [row for row in gone if any(repr(secret)[1:-1] in row for secret in home.secrets().values())]
    assert sum(MARK in row for row in rows) <= WRITTEN_AT_ONCE + WRITTEN_PER_S * took_s
    assert home.recording.read_bytes() == home.sealed
    await asyncio.to_thread(handset.main.start)


async def test_a_line_that_comes_and_goes_without_an_end_is_shown_now_and_then(
    stage: Stage, home: Home, person: Person
) -> None:
    seen = len(person.lines)
    hostile = taken_over(home, "flap", 0)
    began_s = time.monotonic()
    # Whoever waited until all of it was heard would wait for ever.
    await reactions_to(hostile, home, person, lambda reactions: hostile.told >= FLAPS and reactions.menus >= MENUS)
    took_s = time.monotonic() - began_s
    changes = [line for line in person.lines[seen:] if line.startswith("Line:")]
    assert 20 <= len(changes) <= 22 + took_s / 5
    await be_left_alone(person)
    await assert_calls_work(home, stage, person)


async def test_a_voice_that_says_nothing_to_a_call_for_help_is_replaced_and_the_next_one_places_it(
    stage: Stage, home: Home, person: Person
) -> None:
    handset = home.handset
    honest = handset.voice
    handset.voice = kept = KeptProcess(taken_over(home, "mute", 0), honest.process)
    kept.launch()
    try:
        await person.wait_for(lambda status: AWAY not in status["problems"])
        mark = len(stage.peer.events)
        await person.lift()
        await person.dial(EMERGENCY)
        await person.wait_for_mode("outgoing")
        await person.wait_for_call("active", REPLACED_S + PATIENCE_S)
        assert kept.starts == 2
        stage.peer.wait_for("answered", after=mark)
        await person.hang_up()
        stage.peer.wait_for("ended 200", after=mark)
    finally:
        kept.stop()
        handset.voice = honest
