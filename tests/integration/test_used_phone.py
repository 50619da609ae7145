"""Somebody has used a phone, has it forget what it knows, and sells it: what is left of them, and who has been told.

The handset is the real process on a card with a file system of its own; every byte of the card is looked through, with
every key that is on it. A collector confirms what it is told.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contract.calls import CallDirection
from contract.consent import Purpose
from firmware.base.errors import StorageError
from firmware.phone.call import CallerId, TextMessage
from firmware.phone.contact import Contact, ContactNumber
from firmware.phone.preferences import Preferences
from firmware.pictures.pixels import Pixels
from firmware.ports.recording import SoundFormat
from firmware.services.account.last_word import read_last_word
from firmware.services.account.tombstone import TOMBSTONE_NAME
from firmware.store.key_wrap import KeyWrap, load_host_keys
from firmware.store.keyring import WRAP_NAME
from tests.lab.by_keys import choose, prove, set_pin
from tests.lab.card import Card
from tests.lab.display_reader import begins, says
from tests.lab.guarded_store import GuardedStore
from tests.lab.handset import Handset
from tests.lab.mosquitto import Observer, Operator
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.person import Person
from tests.lab.stage import DEVICE, FLEET, Choices, Stage
from tests.lab.thief import Thief

# Looking through every byte computes for a while, and longer where others compute too.
pytestmark = pytest.mark.timeout(300)

PREFIX = f"wecall/v1/{FLEET}/{DEVICE}"
PIN = "258013"
NAME, NUMBER = "Planted Penelope", "+49305550114"
IMPORTED, IMPORTED_NUMBER = "Imported Ingrid", "+49305550115"
MAIL, NOTE = "ingrid.planted@example.org", "a note on a card that was planted"
TEXT, PICTURE, SPOKEN = "a text message that was planted", "Picture of Penelope", "what a call's sound was, planted"
DIALLED, SPEED_DIAL = "0305550117", "0305550118"
ON_CARD = (IMPORTED, IMPORTED_NUMBER, MAIL, NOTE)
PLANTED = (NAME, NUMBER, *ON_CARD, TEXT, PICTURE, SPOKEN, DIALLED, SPEED_DIAL)
KINDS = {"2": "Contacts", "3": "Calls", "4": "Messages", "5": "Recordings", "6": "Pictures", "7": "Settings"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    choices = Choices(extra={"sync": {"complete": "ack", "retry_base_s": 0.1, "retry_cap_s": 1}})
    stage = Stage(tmp_path_factory.mktemp("stage"), choices)
    with stage.heard_here():
        stage.start(handset=False)
        try:
            yield stage
        finally:
            stage.stop()


class Collector:
    """Confirms each record and each erasure notice that it sees.

    Attributes:
        reasons: why things are to be deleted.
        came: of which runs of the phone something came; taken_back: of which all is to be deleted.
    """

    def __init__(self, observer: Observer, operator: Operator) -> None:
        self._observer = observer
        self._operator = operator
        self._seen = 0
        self.reasons: list[str] = []
        self.came: set[int] = set()
        self.taken_back: set[int] = set()

    async def run(self) -> None:
        while True:
            received = self._observer.received
            for message in received[self._seen :]:
                if message.topic == f"{PREFIX}/erasure":
                    self.reasons.append(message.document["reason"])
                    self.taken_back |= {each["epoch"] for each in message.document["records"]}
                    await self._confirm([(message.document["epoch"], message.document["seq"])])
                elif "reset" in self.reasons or message.retain:
                    # The next holder's, and what the broker keeps of the one in the test before.
                    continue
                elif message.topic == f"{PREFIX}/consent" and message.payload:
                    self.came.add(message.document["epoch"])
                elif message.topic == f"{PREFIX}/cdr":
                    self.came |= {each["epoch"] for each in message.document["records"]}
                    await self._confirm([(each["epoch"], each["seq"]) for each in message.document["records"]])
            self._seen = len(received)
            await asyncio.sleep(0.05)

    async def _confirm(self, numbers: list[tuple[int, int]]) -> None:
        messages = [{"epoch": epoch, "first": seq, "last": seq} for epoch, seq in numbers]
        document = {"collector": "the-office", "messages": messages}
        await asyncio.to_thread(self._operator.send, f"{PREFIX}/ack", json.dumps(document).encode())


@asynccontextmanager
async def collecting(stage: Stage) -> AsyncIterator[Collector]:
    with Observer(stage.broker) as observer, Operator(stage.broker) as operator:
        collector = Collector(observer, operator)
        running = asyncio.create_task(collector.run())
        yield collector
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


# --- a month of use ---------------------------------------------------------------------------------------------------


async def plant(handset: Handset) -> None:
    """Write into the store of a handset that does not run what calls, callers and its holder leave there."""
    host = load_host_keys(handset.state_dir / "store.key", handset.state_dir / "store.db", {})
    lab = GuardedStore(handset.state_dir, host)
    await lab.start()
    await lab.contacts.save(Contact(0, NAME, (ContactNumber(NUMBER),)))
    await lab.messages.keep(TextMessage(32 * "a", CallDirection.INCOMING, CallerId(NUMBER), TEXT))
    await lab.pictures.add(PICTURE, Pixels(2, 2, b"\xff\0\0" * 4))
    await lab.preferences.save(Preferences(speed_dials=(("3", SPEED_DIAL),)))
    await lab.consents.grant(Purpose.RECORDING)
    call_id = await lab.make_call(NUMBER)
    recording_id, writer = await lab.recordings.begin(call_id, NUMBER, NAME, SoundFormat.OPUS)
    await asyncio.to_thread(writer.write, SPOKEN.encode(), 16_000)
    await asyncio.to_thread(writer.finish)
    await lab.recordings.end(recording_id, complete=True, lost_s=0)
    await lab.stop()


def store_key(handset: Handset) -> bytes:
    """Return the key of the store as whoever has the card can have it; nothing where there is none any more."""
    try:
        wrap = KeyWrap.read((handset.state_dir / WRAP_NAME).read_bytes())
        return wrap.open(
            load_host_keys(handset.state_dir / "store.key", handset.state_dir / "store.db", {}), None
        ).newest
    except (OSError, StorageError):
        return b""


async def use(handset: Handset, stick: Path) -> None:
    """Call, import, set a PIN, and have things taken away by a stick; one of them still waits at the end."""
    await asyncio.to_thread(handset.start)
    for purpose in ("cdr_sync", "contact_import"):
        await asyncio.to_thread(handset.command, "consent", "grant", purpose)
    folder = handset.state_dir / "exchange"
    await asyncio.to_thread(folder.mkdir)
    lines = ("BEGIN:VCARD", "VERSION:3.0", f"FN:{IMPORTED}", f"TEL:{IMPORTED_NUMBER}", f"EMAIL:{MAIL}", f"NOTE:{NOTE}")
    await asyncio.to_thread((folder / "friends.vcf").write_text, "\r\n".join((*lines, "END:VCARD", "")))
    async with Person(handset) as person:
        await person.wait_for_line()
        await person.lift()
        await person.send(DIALLED)
        await person.wait_for_mode("call_ended")
        await person.hang_up()
        await person.rest()
        await choose(person, "1#2", "Contacts", "Contacts")
        await person.reads("1 contact added.")
        await person.press("menu")
    await asyncio.to_thread(handset.stop)
    await plant(handset)
    await asyncio.to_thread(handset.start)
    async with Person(handset) as person:
        await person.wait_for_line()
        await set_pin(person, PIN)
        await export_contacts(person)
        assert await asyncio.to_thread(plug_in, handset, stick) == ["contacts.vcf"]
        taken = await asyncio.to_thread((stick / "contacts.vcf").read_text)
        assert [planted for planted in ON_CARD if planted not in taken] == []
        await export_contacts(person)
        await choose(person, "8923", "Privacy", "My data", "A copy")
        await prove(person, PIN)
        await person.reads_the_beginning_of("Whoever finds the copy")
        await person.press("ok")
        await person.reads_the_beginning_of("Ready: plug a stick in")
        await person.press("menu")


async def export_contacts(person: Person) -> None:
    await choose(person, "1#3", "Contacts", "Contacts")
    await prove(person, PIN)
    await person.reads("2 contacts. Ready: plug a stick in within 10 minutes. Anybody can read it.")
    await person.press("menu")


def plug_in(handset: Handset, stick: Path) -> list[str]:
    """Return what is on an empty stick after it was in the phone."""
    stick.mkdir()
    command = [sys.executable, "-m", "firmware.cli", "stick", str(stick), "--runtime-dir", str(handset.folder / "run")]
    subprocess.run(command, check=True, timeout=60)
    subprocess.run([*command, "--part", "leave", "--outgoing", stick], check=True, timeout=60)
    return sorted(path.name for path in stick.iterdir() if not path.name.startswith("identity"))


# --- and then ---------------------------------------------------------------------------------------------------------


async def keep_everything(_handset: Handset, _person: Person) -> None: ...


async def erase_each_kind(handset: Handset, person: Person) -> None:
    for key, kind in KINDS.items():
        await erase(person, key, kind)


async def erase_all(handset: Handset, person: Person) -> None:
    await erase(person, "1", "Everything")


async def erase(person: Person, key: str, kind: str) -> None:
    questions = [f"{kind}: {count}. There is no way back." for count in range(50)]

    def asks(frame: bytes) -> bool:
        return any(begins(frame, question) for question in questions)

    def is_done(frame: bytes) -> bool:
        said = [f"{count} deleted." for count in range(50)]
        return any(says(frame, words) or begins(frame, f"{words} Whoever got some is told: see") for words in said)

    await choose(person, "893", "Privacy", "My data")
    await prove(person, PIN)
    await person.reads("Everything")
    await person.dial(key)
    await person.wait_until(lambda page: asks(page.frame), PATIENCE_S)
    await person.press("ok")
    await person.wait_until(lambda page: is_done(page.frame), PATIENCE_S)
    await person.press("menu")


async def cancel(handset: Handset, person: Person) -> None:
    await choose(person, "68", "Settings", "Cancel account")
    await person.press("ok")
    await prove(person, PIN)
    await person.reads_the_beginning_of("The account is cancelled")
    await person.press("ok")
    await person.reads_the_beginning_of("There is no way back, and no calls until it is set up anew. Cancel it?")
    await person.press("ok")


async def reset_by_menu(handset: Handset, person: Person) -> None:
    await choose(person, "67", "Settings", "Reset")
    await person.press("ok")
    await prove(person, PIN)
    await person.reads_the_beginning_of("Everything that you and your calls have left here is deleted.")
    await person.press("ok")
    await person.reads_the_beginning_of("There is no way back. Delete everything?")
    await person.press("ok")


async def reset_by_command(handset: Handset, person: Person) -> None:
    assert "erases everything now" in await asyncio.to_thread(handset.command, "factory-reset", "--yes")


async def reset_of_what_cannot_be_read(handset: Handset, person: Person) -> None:
    await asyncio.to_thread(handset.main.kill)
    await asyncio.to_thread((handset.state_dir / "store.key").write_bytes, bytes(32))
    await asyncio.to_thread(handset.main.start)
    await reset_by_command(handset, person)


Way = Callable[[Handset, Person], Awaitable[None]]
WAYS: dict[Way, set[str]] = {
    erase_each_kind: {"erased"},
    erase_all: {"erased"},
    cancel: {"cancelled"},
    reset_by_menu: {"reset"},
    reset_by_command: {"reset"},
    reset_of_what_cannot_be_read: {"reset"},
    keep_everything: set(),
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_nothing_is_left_of_whoever_had_the_phone_and_recipients_have_forgotten_them(
    stage: Stage, tmp_path: Path, way: Way
) -> None:
    assert stage.pulse is not None
    card = Card(tmp_path / "card")
    with card.mounted() as root:
        assert stage.handset.configuration is not None
        handset = Handset(root / "w", stage.handset.configuration, stage.pulse.environment)
        try:
            async with collecting(stage) as collector:
                await use(handset, tmp_path / "stick")
                async with Person(handset) as person:
                    before = store_key(handset)
                    await way(handset, person)
                    await wait_until_told(handset, collector, WAYS[way])
                    if way is not keep_everything:
                        await asyncio.to_thread(wait_until, lambda: store_key(handset) != before, "the key is new")
                        await the_next_holder_finds_nothing(handset, tmp_path / "another stick")
        finally:
            await asyncio.to_thread(handset.stop)
    thief = await asyncio.to_thread(Thief, card, tmp_path / "loot")
    assert await asyncio.to_thread(thief.finds, ["[[accounts]]"]), "the card cannot be read, so this shows nothing"
    # What the holder has put on the card for an import is there as it came, until it is erased.
    raw = [] if way is not keep_everything else list(ON_CARD)
    assert await asyncio.to_thread(thief.finds, PLANTED) == raw
    opened = await asyncio.to_thread(lambda: thief.reads(PLANTED, thief.store_keys()))
    assert opened == ([] if way is not keep_everything else list(PLANTED))


async def wait_until_told(handset: Handset, collector: Collector, reasons: set[str]) -> None:
    await asyncio.to_thread(wait_until, lambda: reasons <= set(collector.reasons), "recipients are told")
    assert set(collector.reasons) == reasons
    await asyncio.to_thread(wait_until, lambda: not (handset.state_dir / TOMBSTONE_NAME).exists(), "they confirm")
    if reasons == {"reset"}:
        assert len(collector.came) > 1
        assert collector.came <= collector.taken_back, "something of a run of the phone stays with recipients"
    if reasons & {"reset", "cancelled"}:
        left = {path.name for path in handset.state_dir.iterdir()}
        assert left.isdisjoint({"pictures", "recordings", "exchange-left"})
        # The next holder's state of consent may have left already.
        word = read_last_word(handset.state_dir)
        assert word is None or collector.came.isdisjoint(word.epochs)


async def the_next_holder_finds_nothing(handset: Handset, stick: Path) -> None:
    assert not list(await asyncio.to_thread(lambda: list((handset.state_dir / "exchange").glob("*"))))
    # A stick gets nothing that somebody ordered before.
    assert await asyncio.to_thread(plug_in, handset, stick) == []
    for words in (("contacts", "list"), ("log",)):
        with contextlib.suppress(subprocess.CalledProcessError):
            said = await asyncio.to_thread(handset.command, *words)
            assert not [planted for planted in PLANTED if planted in said]
