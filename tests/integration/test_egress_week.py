"""Every frame that leaves a home in a week of a handset's life, with something planted in all that it keeps.

The real processes have a network namespace of their own, with one cable out. All of theirs that passes it is kept: SIP
and audio without encryption, TLS to the broker ended at a relay, so that nothing is out of sight.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from contract.consent import Purpose
from firmware.display.model import Icon
from firmware.phone.contact import Contact, ContactNumber
from firmware.store.contacts import StoredContacts
from firmware.store.recordings import FOLDER_NAME
from tests.lab.audio import play, tone
from tests.lab.by_keys import choose, prove, set_pin
from tests.lab.captured import DISCOVERY_TOPIC, RECORD_FIELDS, Capture, check_connections, check_publishes
from tests.lab.disguises import disguises, pieces_of, unpacked
from tests.lab.documents import Operator
from tests.lab.guarded_store import open_store_of
from tests.lab.microphone import MicrophoneWatch, Open
from tests.lab.mosquitto import Operator as Sender
from tests.lab.person import Person
from tests.lab.planted import LOOKED_FOR, TABLES, plant, rows_of, undecided
from tests.lab.relay import Relay, Way
from tests.lab.scripted_peer import ScriptedPeer
from tests.lab.sync_site import PREFIX
from tests.lab.watched_home import BROKER, FLEET, FRIEND, OUTSIDE, PERSON, REGISTRAR, WatchedHome, watched_home
from tests.lab.wire import Protocol, Wire

# The first test lives through the whole week.
pytestmark = pytest.mark.timeout(300)

FRIEND_NAME: Final = "Planted Penelope"
BLOCKED: Final = "0495550107"
BLOCKED_NAME: Final = "Planted Blocked"
MISSED: Final = "0495550108"
WRITER: Final = "0495550109"
READER: Final = "609"
BARRED: Final = "0905550110"
ABANDONED: Final = "0495550111"
PIN: Final = "73915826"
RECEIVED: Final = "planted words that somebody wrote to this phone"
# One press for each letter, and never the same key twice: "dampwatjgdmatpgw".
SENT, SENT_KEYS = "Dampwatjgdmatpgw", "3267928543628749"
POLICY_WORDS: Final = "Planted rules of the operator."
NOTICE_TITLE: Final = "Plantleak"
PICTURE: Final = "Planted holiday"
ADDED: Final = ("Planted Added", "0495550112", "0495550113")
IMPORTED: Final = ("Planted Imported", "0495550114")

TONE_HZ: Final = 700
AT_ONCE_S: Final = 0.1
"""How long before its answer is on the wire a call that was lifted for may have its audio."""
SOON_S: Final = 2
"""How long PulseAudio may take to tell of the end of a stream."""

SECRETS: Final = {
    "friend's name": FRIEND_NAME,
    "blocked caller": BLOCKED,
    "blocked caller's name": BLOCKED_NAME,
    "missed caller": MISSED,
    "writer": WRITER,
    "barred digits": BARRED,
    "digits that were given up": ABANDONED,
    "PIN": PIN,
    "text that came": RECEIVED,
    "text that was sent": SENT,
    "words of a policy": POLICY_WORDS,
    "words of a notice": NOTICE_TITLE,
    "picture": PICTURE,
    "contact's name": ADDED[0],
    "contact's number": ADDED[1],
    "contact's other number": ADDED[2],
    "imported name": IMPORTED[0],
    "imported number": IMPORTED[1],
    "password of the account": "planted-password-of-the-account",
}

ALLOWED: Final = {
    ("blocked caller", Protocol.SIP): "the answer to a call repeats who calls (RFC 3261 section 8.2.6.2)",
    ("missed caller", Protocol.SIP): "as above",
    ("writer", Protocol.SIP): "as above",
    ("text that was sent", Protocol.SIP): "the message itself",
    ("writer", Protocol.KERNEL): "the word that a port is shut quotes the packet that came there (RFC 792)",
    ("text that came", Protocol.KERNEL): "as above",
}
"""What a protocol cannot do without."""

CONFIGURATION: Final = f"""
[dialing]
digit_map = ["6xx", "x.T"]
barred = ["090*"]

[recording]
announce = "tone"

[operator]
name = "Planted operator"

[[trust.keys]]
public = "{Operator().trusted.public}"
signs = ["policy", "notice"]
"""


@dataclass(frozen=True, slots=True)
class Week:
    """What there is to be looked at when it is over.

    Attributes:
        wire: what left by the cable.
        lost: frames that the capture missed.
        relay: what the broker was told, without TLS.
        microphone: when it was open.
        secrets: what must not be in it, by what it is.
        kept: everything in the store at its end, as text.
        recorded: the file of the call that was recorded.
        sealed: the handset's own files that hold something, all of them encrypted.
    """

    wire: Wire
    lost: int
    relay: Relay
    microphone: list[Open]
    secrets: dict[str, str | bytes]
    kept: str
    recorded: bytes
    sealed: dict[str, bytes]

    @property
    def told(self) -> Capture:
        return Capture(self.relay)

    def heard(self, protocol: Protocol) -> bytes:
        """What left as a protocol, of the broker's without TLS."""
        if protocol is Protocol.BROKER:
            return self.relay.bytes_that_went(Way.TO_BROKER)
        return self.wire.sent_as(protocol)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Week]:
    with watched_home(tmp_path_factory.mktemp("week"), extra=CONFIGURATION) as home:
        yield asyncio.run(live_through(home))


# --- the week ---------------------------------------------------------------------------------------------------------


async def live_through(home: WatchedHome) -> Week:
    await prepare(home)
    async with home.relay() as relay:
        with MicrophoneWatch(home.pulse) as microphone:
            await asyncio.to_thread(home.start_handset, sync=True)
            async with home.person() as person:
                speaker = start_speaking(home)
                await calls(home, person, microphone)
                await asyncio.to_thread(speaker.join)
                await callers(home, person)
                await text_messages(home, person)
                recorded = await address_book_and_pictures(home, person)
                await documents_of_the_operator(home, person)
                await menus(person)
                await rights(person)
                await the_end(home, person, relay)
            await asyncio.to_thread(home.handset.stop)
        store = await open_store_of(home.handset.state_dir)
        kept = await rows_of(store)
        keys = await store.run(
            lambda database: database.query(
                "SELECT 'sealing key', sealing_key FROM recordings "
                "UNION SELECT 'sealing key', sealing_key FROM pictures "
                "UNION SELECT 'PIN as it is kept', code FROM pins"
            )
        )
        await store.stop()
    secrets: dict[str, str | bytes] = {**SECRETS, **LOOKED_FOR}
    secrets |= {f"{name} {index}": value for index, (name, value) in enumerate(keys)}
    sealed = {
        str(path.relative_to(home.handset.state_dir)): path.read_bytes()
        for path in home.handset.state_dir.rglob("*")
        if path.is_file() and path.suffix not in {".json", ".tar"}
    }
    return Week(
        Wire(home, home.trace.frames), home.trace.lost, relay, microphone.streams, secrets, kept, recorded, sealed
    )


async def prepare(home: WatchedHome) -> None:
    """Plant, before the first start."""
    home.handset.prepare()
    store = await open_store_of(home.handset.state_dir)
    await plant(store)
    contacts = StoredContacts(store, "GB")
    await contacts.save(Contact(0, FRIEND_NAME, (ContactNumber(FRIEND),)))
    await contacts.save(Contact(0, BLOCKED_NAME, (ContactNumber(BLOCKED),), blocked=True))
    await store.stop()


def start_speaking(home: WatchedHome) -> threading.Thread:
    """Sound a tone at the microphone for as long as the calls take, and longer."""
    arguments = ("mic", tone([TONE_HZ], 10), {**os.environ, **home.pulse.environment})
    speaker = threading.Thread(target=play, args=arguments, daemon=True)
    speaker.start()
    return speaker


async def command(home: WatchedHome, *arguments: str | Path) -> None:
    await asyncio.to_thread(home.handset.command, *map(str, arguments))


async def calls(home: WatchedHome, person: Person, microphone: MicrophoneWatch) -> None:
    """Call and be called; the second call is the first that may be reported, and it is recorded."""
    await person.call(FRIEND)
    await until(lambda: len(microphone.streams) == 1)
    await person.hang_up()
    for purpose in (Purpose.CDR_SYNC, Purpose.RECORDING):
        await command(home, "consent", "grant", purpose)
    await person.call(FRIEND)
    await person.press("ok")
    await person.press("ok")
    folder = home.handset.state_dir / FOLDER_NAME
    await until(lambda: any(path.stat().st_size > 12_000 for path in folder.glob("*")))
    await person.hang_up()
    home.friend.call(f"sip:{PERSON}@{OUTSIDE}:{home.registrar.udp_port}")
    await person.wait_for_mode("ringing")
    await person.lift()
    await person.wait_for_call("active")
    await until(lambda: len(microphone.streams) == 3)
    await person.hang_up()


async def callers(home: WatchedHome, person: Person) -> None:
    """Miss one, turn one away; dial what is barred, and something that is given up."""
    with home.stranger(MISSED) as stranger:
        await ring(stranger)
        await person.wait_for_mode("ringing")
        await asyncio.to_thread(give_up, stranger)
        await person.wait_for(lambda status: status["missed_calls"] == 1)
    with home.stranger(BLOCKED) as stranger:
        await ring(stranger)
        refused = await asyncio.to_thread(stranger.receive, 603)
        stranger.acknowledge(refused)
    await person.lift()
    await person.send(BARRED)
    await person.reads("This number is barred here.")
    await person.rest()
    await person.lift()
    await person.dial(ABANDONED)
    await person.hang_up()


async def ring(stranger: ScriptedPeer) -> None:
    stranger.invite(PERSON, sender=f'"{stranger.user}" <sip:{stranger.user}@localhost>')


def give_up(stranger: ScriptedPeer) -> None:
    stranger.receive(180)
    stranger.cancel()
    stranger.acknowledge(stranger.receive(487))


async def text_messages(home: WatchedHome, person: Person) -> None:
    """Get one and send one."""
    with home.stranger(WRITER) as stranger:
        stranger.write(PERSON, RECEIVED)
        await asyncio.to_thread(stranger.receive, 200, method="MESSAGE")
        await person.sees_icons((Icon.REGISTERED, 0), (Icon.MESSAGE, 1))
        home.registrar.route(READER, stranger.uri)
        await person.dial(READER)
        await person.press("menu")
        await person.reads(f"To {READER}")
        await person.dial(SENT_KEYS)
        await person.press("ok")
        message = await asyncio.to_thread(stranger.receive, "MESSAGE")
        assert SENT in message.body
        stranger.reply(message, 200)
        await person.reads("Message sent")
        await person.rest()


async def address_book_and_pictures(home: WatchedHome, person: Person) -> bytes:
    """Add, edit, import and delete; return the recording's file."""
    card = home.folder / "cards.vcf"
    card.write_bytes(f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{IMPORTED[0]}\r\nTEL:{IMPORTED[1]}\r\nEND:VCARD\r\n".encode())
    picture = home.folder / f"{PICTURE}.png"
    Image.effect_noise((300, 200), 90).convert("RGB").save(picture)
    for words in (
        ("contacts", "add", ADDED[0], ADDED[1]),
        ("contacts", "add", ADDED[0], ADDED[1], ADDED[2]),
        ("import", card),
        ("picture", "add", picture, "--contact", ADDED[0]),
    ):
        await command(home, *words)
    listed = await asyncio.to_thread(home.handset.command, "contacts", "list")
    [added] = [line for line in listed.splitlines() if ADDED[0] in line]
    await command(home, "contacts", "remove", added.split()[0])
    [recording] = (home.handset.state_dir / FOLDER_NAME).glob("*")
    return recording.read_bytes()


async def documents_of_the_operator(home: WatchedHome, person: Person) -> None:
    """Have a policy and a notice come by the broker, and read both."""
    operator = Operator(datetime.now(UTC))
    policy = operator.policy(7, "planted-2", "contact_import", words=POLICY_WORDS, fleet=FLEET)
    notice = operator.notice(7, title=NOTICE_TITLE, fleet=FLEET)

    def send() -> None:
        with Sender(home.broker) as sender:
            sender.send(f"{PREFIX}/policy", policy, retain=True)
            sender.send(f"{PREFIX}/notice", notice, retain=True)

    await asyncio.to_thread(send)
    await person.reads("Important notice")
    await person.press("ok")
    await person.reads(NOTICE_TITLE)
    await person.dial("1")
    await person.reads_the_beginning_of(f"{NOTICE_TITLE}, ")
    await person.press("ok")
    await person.reads("A list was lost.")
    await person.press("ok")
    await person.reads("Notices")
    await person.rest()


async def menus(person: Person) -> None:
    """Read what the phone shows of its calls and of what leaves, and set a PIN."""
    for keys, titles in (("73", ("This phone", "Statistics")), ("85", ("Privacy", "Who got what"))):
        await choose(person, keys, *titles)
        await person.press("menu")
    await set_pin(person, PIN)


async def rights(person: Person) -> None:
    """Have copies wait for a stick, ask the operator for something, and have the text messages erased."""
    await choose(person, "8923", "Privacy", "My data", "A copy")
    await prove(person, PIN)
    await person.reads_the_beginning_of("Whoever finds the copy")
    await person.press("ok")
    await person.reads_the_beginning_of("Ready: plug a stick in within 10 minutes.")
    await person.press("menu")
    await choose(person, "1#3", "Contacts", "Contacts")
    await prove(person, PIN)
    await person.reads("4 contacts. Ready: plug a stick in within 10 minutes. Anybody can read it.")
    await person.press("menu")
    await choose(person, "8941", "Privacy", "My data", "Requests")
    await prove(person, PIN)
    await person.reads("See data")
    await person.dial("1")
    await person.reads_the_beginning_of("Request 2 is filed.")
    await person.press("menu")
    await choose(person, "893", "Privacy", "My data")
    await prove(person, PIN)
    await person.reads("Everything")
    await person.dial("4")
    await person.reads_the_beginning_of("Messages: 3. There is no way back.")
    await person.press("ok")
    await person.reads_the_beginning_of("3 deleted.")
    await person.press("menu")


async def the_end(home: WatchedHome, person: Person, relay: Relay) -> None:
    """Forget all calls, begin private mode, and wait until everybody has heard of it."""
    await until(lambda: len(Capture(relay).calls) >= 4)
    await choose(person, "35", "Calls", "All calls are deleted. Sure?")
    await person.press("ok")
    await until(lambda: bool(Capture(relay).erased))
    await person.rest()
    await person.press_down("do_not_disturb")
    await until(lambda: Capture(relay).is_granted[-1] is False)
    await person.release("do_not_disturb")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - nothing tells of what has passed a wire or come to a disk
            await asyncio.sleep(0.05)


# --- what left --------------------------------------------------------------------------------------------------------


def test_nothing_was_missed_and_everything_that_should_happen_did(week: Week) -> None:
    assert week.lost == 0
    assert len(week.wire.talks) == 3
    assert len(week.recorded) > 12_000
    gone = {name for name, secret in LOOKED_FOR.items() if repr(secret).strip("b'\"") not in week.kept}
    # All calls and messages were erased, and a new key for pseudonyms parts what comes from them.
    assert {name for name in gone if not name.startswith(("calls.", "messages."))} == {"pseudonym_key.key"}
    [request] = week.told.documents("consent")[-1]["requests"]
    assert set(request) == {"number", "epoch", "kind", "due", "state", "objected"}
    topics = {publish.topic.removeprefix(f"{PREFIX}/") for publish in week.told.publishes}
    assert topics == {"cdr", "consent", "erasure", "outcome", "status", DISCOVERY_TOPIC}


def test_a_table_or_column_of_which_nothing_was_decided_is_noticed() -> None:
    decided = {name: set(columns) for name, columns in TABLES.items() if not isinstance(columns, str)}
    left = {name: {"anything"} for name, columns in TABLES.items() if isinstance(columns, str)}
    assert not undecided(decided | left)
    assert undecided(decided | left | {"novelties": {"what"}}) == {"novelties.what"}
    assert undecided(decided | left | {"calls": decided["calls"] | {"mood"}}) == {"calls.mood"}


def test_every_packet_goes_to_somebody_who_is_expected_as_what_is_expected(week: Week) -> None:
    strange = [frame.content for kind, frame in week.wire.frames if kind is Protocol.STRANGE]
    assert not strange
    assert {kind for kind, _ in week.wire.frames} == set(Protocol) - {Protocol.STRANGE}
    assert week.wire.names_asked_for == {REGISTRAR, BROKER}


def test_the_broker_is_told_the_allowed_fields_of_the_allowed_messages(week: Week) -> None:
    assert week.wire.connections == len(week.relay.recordings)
    check_connections(week.told)
    check_publishes(week.told)
    records = [record for document in week.told.documents("cdr") for record in document["records"]]
    assert len(week.told.calls) == 4, "the first call was made before anybody agreed to tell of it"
    for record in records:
        assert set(record) == RECORD_FIELDS
        assert record["number"].startswith("p:"), "a number crossed the border"


@pytest.mark.parametrize("protocol", [kind for kind in Protocol if kind is not Protocol.STRANGE])
def test_nothing_that_was_planted_is_in_what_left(week: Week, protocol: Protocol) -> None:
    content = week.heard(protocol)
    assert content
    content += b"\n".join(unpacked(content))
    found = {name for name, secret in week.secrets.items() if any(form in content for form in disguises(secret))}
    assert found <= {name for name, allowed in ALLOWED if allowed is protocol}


@pytest.mark.parametrize("protocol", [kind for kind in Protocol if kind is not Protocol.STRANGE])
def test_no_piece_of_any_file_is_in_what_left_however_well_it_is_sealed(week: Week, protocol: Protocol) -> None:
    assert {Path(name).parts[0] for name in week.sealed} >= {"store.db", "recordings", "pictures"}
    assert pieces_of(week.heard(protocol), [*week.sealed.values(), week.recorded]) == 0


def test_audio_leaves_in_calls_only(week: Week) -> None:
    assert len(week.wire.audio) > 100
    outside = [
        frame.at
        for frame in week.wire.audio
        if not any(talk.began_at - AT_ONCE_S <= frame.at <= talk.ended_at for talk in week.wire.talks)
    ]
    assert not outside


def test_the_microphone_is_open_in_calls_only(week: Week) -> None:
    assert len(week.microphone) == len(week.wire.talks)
    for stream in week.microphone:
        assert any(
            talk.began_at - AT_ONCE_S <= stream.began_at and stream.ended_at <= talk.ended_at + SOON_S
            for talk in week.wire.talks
        ), "the microphone was open without a call"
