"""On the hook no audio leaves and the microphone is shut, whatever anybody sends.

The handset's only way out is watched. Somebody sends RTP and RTCP to each port that its audio may have, without an end.
All files that its process opens are watched too: its microphone is a PCM that opens one.
"""

import asyncio
import re
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import pytest
import pytest_asyncio

from tests.lab.person import Person
from tests.lab.scripted_peer import ScriptedPeer, SipMessage, sdp
from tests.lab.system_calls import FileTrace, Opened
from tests.lab.watched_home import FRIEND, HOME, OUTSIDE, PERSON, WatchedHome, watched_home
from tests.lab.wire import Protocol, Wire

CALLER: Final = "0495550120"
AUDIO_PORTS: Final = 40
ON_HOOK_KINDS: Final = {Protocol.SIP, Protocol.DNS, Protocol.KERNEL}
ANSWER_BY_ITSELF: Final = (
    "Alert-Info: <http://localhost>;info=alert-autoanswer",
    "Call-Info: <sip:localhost>;answer-after=0",
    "Answer-Mode: Auto",
    "Priv-Answer-Mode: Auto",
    "P-Auto-Answer: normal",
)
AT_ONCE_S: Final = 0.1
SOON_S: Final = 2


class Talker:
    """Sends RTP and RTCP to every port of the handset's audio, from the port that a caller offers."""

    def __init__(self, first_port: int) -> None:
        self._ports = range(first_port, first_port + AUDIO_PORTS)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((OUTSIDE, 0))
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._talk, name="talker", daemon=True)
        self.rounds = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ending.set()
        self._thread.join()
        self._socket.close()

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    def _talk(self) -> None:
        while not self._ending.wait(0.02):
            self.rounds += 1
            audio = struct.pack("!BBHII", 0x80, 8, self.rounds & 0xFFFF, 160 * self.rounds, 7) + bytes(160)
            receiver_report = struct.pack("!BBHI", 0x80, 201, 1, 7)
            for port in self._ports:
                self._socket.sendto(receiver_report if port % 2 else audio, (HOME, port))


@dataclass(frozen=True, slots=True)
class Watch:
    """The handset at home, with somebody outside who may do anything.

    Attributes:
        files: what the handset's process opens.
        microphone: the file that its capture PCM opens.
    """

    home: WatchedHome
    talker: Talker
    files: FileTrace
    microphone: Path

    def left_since(self, began_at: float) -> Wire:
        """Return what passed since a time of the monotonic clock, whenever this process was given a turn to look."""
        return Wire(self.home, [frame for frame in self.home.trace.frames if frame.at >= began_at])


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    folder = tmp_path_factory.mktemp("on-hook")
    microphone = folder / "microphone"
    microphone.symlink_to("/dev/zero")
    files = FileTrace(folder / "files.strace")
    with watched_home(folder, broker=False, capture="watched") as home:
        pcm = (
            f'pcm.watched {{ type file slave.pcm "mic_monitor" file "/dev/null" infile "{microphone}" format "raw" }}\n'
        )
        with (folder / "pulse/asound.conf").open("a") as configuration:
            configuration.write(pcm)
        home.handset.voice.process.watched_by = files.command
        home.start_handset(sync=False)
        with home.outside.entered():
            talker = Talker(home.rtp_port)
        with talker:
            yield Watch(home, talker, files, microphone)


@pytest_asyncio.fixture
async def person(watch: Watch) -> AsyncIterator[Person]:
    async with watch.home.person() as person:
        yield person
        await person.rest()


@pytest.fixture
def caller(watch: Watch) -> Iterator[ScriptedPeer]:
    with watch.home.stranger(CALLER) as caller:
        yield caller


async def hears_for_a_while(watch: Watch) -> None:
    """Let fifty rounds of audio come in."""
    last = watch.talker.rounds + 50
    async with asyncio.timeout(20):
        while watch.talker.rounds < last:  # noqa: ASYNC110 - nothing tells of what has been sent
            await asyncio.sleep(0.02)


async def receive(caller: ScriptedPeer, wanted: int | str, method: str = "") -> SipMessage:
    return await asyncio.to_thread(lambda: caller.receive(wanted, method=method))


async def give_up(caller: ScriptedPeer) -> None:
    caller.cancel()
    caller.acknowledge(await receive(caller, 487))


async def test_audio_that_comes_to_a_phone_at_rest_is_answered_by_none(watch: Watch, person: Person) -> None:
    begin = time.monotonic()
    await hears_for_a_while(watch)
    assert {kind for kind, _ in watch.left_since(begin).frames} <= ON_HOOK_KINDS


@pytest.mark.parametrize(
    ("headers", "offer"),
    [
        ((), True),
        ((), False),
        (("Require: 100rel",), True),
        (("Supported: 100rel", "P-Early-Media: sendrecv"), True),
        (ANSWER_BY_ITSELF, True),
    ],
    ids=["with an offer", "without one", "reliably", "early media", "to be answered by itself"],
)
async def test_nothing_is_sent_to_whoever_only_rings(
    watch: Watch, person: Person, caller: ScriptedPeer, headers: tuple[str, ...], offer: bool
) -> None:
    begin = time.monotonic()
    body = sdp(watch.talker.port, address=OUTSIDE) if offer else ""
    caller.invite(PERSON, *headers, body=body)
    response = await receive(caller, 180)
    caller.establish(response)
    if response.header("RSeq"):
        caller.send("PRACK", f"RAck: {response.header('RSeq')} 1 INVITE")
        await receive(caller, 200, method="PRACK")
    caller.send("UPDATE", body=sdp(watch.talker.port, version=2, address=OUTSIDE))
    await receive_any(caller, "UPDATE")
    await hears_for_a_while(watch)
    assert (await person.status())["mode"] == "ringing"
    await give_up(caller)
    left = watch.left_since(begin)
    assert not left.talks
    assert {kind for kind, _ in left.frames} <= ON_HOOK_KINDS


async def receive_any(caller: ScriptedPeer, method: str) -> SipMessage:
    """Receive any final response to a request."""
    return await asyncio.to_thread(
        caller.receive_where, lambda message: message.code >= 200 and message.method == method
    )


async def test_after_a_call_nothing_brings_its_audio_back(watch: Watch, person: Person, caller: ScriptedPeer) -> None:
    caller.invite(PERSON, body=sdp(watch.talker.port, address=OUTSIDE))
    await person.wait_for_mode("ringing")
    await person.lift()
    answer = await receive(caller, 200, method="INVITE")
    caller.establish(answer)
    caller.acknowledge(answer)
    await person.wait_for_call("active")
    begin = time.monotonic()
    async with asyncio.timeout(10):
        while not watch.left_since(begin).sends_from(audio_port(answer)):  # noqa: ASYNC110 - a wire tells nobody
            await asyncio.sleep(0.05)
    await person.replace()
    caller.reply(await receive(caller, "BYE"), 200)
    await person.wait_for_mode("idle")
    begin = time.monotonic()
    for body in (sdp(watch.talker.port, version=3, address=OUTSIDE), ""):
        for method in ("INVITE", "UPDATE"):
            caller.send(method, body=body)
    caller.send("ACK", body=sdp(watch.talker.port, version=4, address=OUTSIDE), sequence=1)
    await hears_for_a_while(watch)
    assert (await person.status())["mode"] == "idle"
    assert {kind for kind, _ in watch.left_since(begin).frames} <= ON_HOOK_KINDS


def audio_port(message: SipMessage) -> int:
    found = re.search(r"^m=audio (\d+) ", message.body, re.MULTILINE)
    assert found
    return int(found[1])


async def test_answers_to_calls_that_nobody_made_open_nothing(
    watch: Watch, person: Person, caller: ScriptedPeer
) -> None:
    begin = time.monotonic()
    caller.invite(PERSON, body=sdp(watch.talker.port, address=OUTSIDE))
    await person.wait_for_mode("ringing")
    [contact] = watch.home.registrar.contacts(PERSON)
    for code in (183, 200):
        caller.send_to(contact, forged(code, caller, watch.talker.port))
    await hears_for_a_while(watch)
    await give_up(caller)
    left = watch.left_since(begin)
    assert {kind for kind, _ in left.frames} <= ON_HOOK_KINDS


def forged(code: int, caller: ScriptedPeer, port: int) -> str:
    """Make a response, with an answer, to an INVITE that the handset never sent."""
    body = sdp(port, address=OUTSIDE)
    return "\r\n".join(
        [
            f"SIP/2.0 {code} Forged",
            f"Via: SIP/2.0/UDP {HOME};rport;branch=z9hG4bKforged",
            f"From: <sip:{PERSON}@localhost>;tag=forged",
            f"To: <sip:{caller.user}@localhost>;tag=forged-too",
            f"Call-ID: {caller.dialog.call_id}",
            "CSeq: 1 INVITE",
            f"Contact: <{caller.uri}>",
            "Content-Type: application/sdp",
            f"Content-Length: {len(body)}",
            "",
            body,
        ]
    )


async def test_the_process_opens_its_microphone_for_calls_only(watch: Watch, person: Person) -> None:
    begin = time.monotonic()
    await person.lift()
    await person.wait_for_mode("collecting_digits")
    await person.hang_up()
    for _ in range(2):
        await person.call(FRIEND)
        await until(lambda: any(stream.ended_at == float("inf") for stream in opened(watch)))
        await person.hang_up()
        await until(lambda: all(stream.ended_at < float("inf") for stream in opened(watch)))
        await until(lambda: all(talk.ended_at < float("inf") for talk in watch.left_since(0).talks))
    talks = watch.left_since(0).talks
    assert len(watch.left_since(begin).talks) == 2
    for stream in opened(watch):
        assert any(talk.began_at - AT_ONCE_S <= stream.began_at <= talk.ended_at for talk in talks), (
            "opened on the hook"
        )
        assert any(abs(stream.ended_at - talk.ended_at) < SOON_S for talk in talks), (
            f"still open after the call: {stream} {talks}"
        )
    assert not [file for file in watch.files.files if file.path.startswith("/dev/snd/")], "another way to a card"


def opened(watch: Watch) -> list[Opened]:
    return [file for file in watch.files.files if file.path == str(watch.microphone)]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not holds():  # noqa: ASYNC110 - nothing tells of a line that strace has written
            await asyncio.sleep(0.1)
