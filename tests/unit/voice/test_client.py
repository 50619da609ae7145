"""The handset's end, on a real socket with a scripted voice at its other end."""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.base.peer import Peer
from firmware.phone import news as n
from firmware.phone import orders as o
from firmware.phone.call import CallerId, CallId, CallState, RegistrationState, RejectReason, SipUri, TextMessage
from firmware.phone.events import Event
from firmware.phone.key import Key
from firmware.phone.news import Problem
from firmware.phone.requests.handset import Loudness
from firmware.voice import channel, client, link, placing
from firmware.voice.client import Ties, VoiceClient
from firmware.voice.link import REPLACE_NAME
from firmware.voice.messages import (
    Announce,
    AnnouncementOver,
    AskLoudness,
    AskReport,
    Configure,
    Hello,
    Leave,
    ListenTo,
    News,
    Order,
    OrderTaken,
    PlaySound,
    Report,
    RingerFault,
    SoundTried,
    Tap,
    TrySound,
    UseRingTone,
    decode_order,
    encode,
)
from tests.lab.patience import PATIENCE_S

T = TypeVar("T")

SETTINGS = b"all that voice is told"
DIGEST = sha256(SETTINGS).hexdigest()
CALL, OTHER = CallId("c" * 32), CallId("d" * 32)
TEXT_ID = "e" * 32
ANNA = CallerId("100", "Anna")
PLACE = o.PlaceCall(CALL, SipUri("sip:100@sip.example"))
CALL_HELP = o.PlaceCall(CALL, SipUri("sip:112@sip.example"))
SEND = o.SendMessage(TEXT_ID, SipUri("sip:100@sip.example"), "Hi")
AWAY, BACK = n.ProblemRaised(Problem.VOICE_AWAY), n.ProblemCleared(Problem.VOICE_AWAY)
INTERRUPTED = n.CallStateChanged(CALL, CallState.DISCONNECTED, DisconnectReason.INTERRUPTED)
# Another process of whoever runs the handset; what it says is its second argument.
OTHER_VOICE = """
import sys
from pathlib import Path
from firmware.phone.news import (CallsFound, VoicemailCounted)
from firmware.voice import channel
from firmware.voice.messages import Hello, encode

connection = channel.connect(Path(sys.argv[1]))
hello = encode(Hello(channel.PROGRAM, ""))
for data in {
    "garbage": [hello, b"\\xc1" * 100],
    "too much at once": [hello, b"x" * 40_000],
    "no hello": [encode(VoicemailCounted(1, account="home"))],
    "nothing of orders": [hello, encode(CallsFound(()))],
}[sys.argv[2]]:
    connection.send(data)
while connection.recv(1_000_000):
    pass
"""


class ScriptedVoice:
    """A voice that says what the test wants, and keeps the orders that it hears, each with what is in its file."""

    def __init__(self, path: Path) -> None:
        connection = channel.connect(path)
        assert connection is not None
        connection.setblocking(False)
        self.connection = connection
        self.heard: list[tuple[Order, bytes | None]] = []
        self.files: list[int] = []
        self.is_over = False
        self.changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(connection, self._read)

    def _read(self) -> None:
        self.changed.set()
        try:
            data, file = channel.receive(self.connection)
        except channel.ClosedError:
            self.is_over = True
            self._loop.remove_reader(self.connection)
            return
        content = None
        if file is not None:
            self.files.append(file)
            with suppress(OSError):
                content = os.pread(file, 1000, 0)
        self.heard.append((decode_order(data), content))

    @property
    def orders(self) -> list[Order]:
        return [order for order, _ in self.heard]

    def say(self, *news: News) -> None:
        for each in news:
            channel.send(self.connection, encode(each))

    def greet(self, settings: str = "", *found: n.FoundCall, joined: tuple[CallId, ...] = ()) -> None:
        self.say(Hello(channel.PROGRAM, settings), n.CallsFound(found, joined=joined))

    async def hear(self, kind: type[T], count: int = 1) -> list[T]:
        """Wait until so many orders of a kind have come, and return all that have."""
        await until(self, lambda: sum(isinstance(order, kind) for order in self.orders) >= count)
        return [order for order in self.orders if isinstance(order, kind)]

    def go(self) -> None:
        """Be gone, as the kernel leaves it when a process dies."""
        self._loop.remove_reader(self.connection)
        self.connection.close()
        for file in self.files:
            os.close(file)
        self.files.clear()


class Phone:
    """What is told of voice."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.found: list[n.CallsFound] = []
        self.ringer_faults: list[str] = []
        self.talks: list[bool] = []
        self.pids: list[int | None] = []
        self.changed = asyncio.Event()

    @property
    def ties(self) -> Ties:
        return Ties(
            self._taker(self.events),
            self._taker(self.found),
            self._taker(self.ringer_faults),
            self._taker(self.talks),
            self._taker(self.pids),
        )

    def _taker(self, told: list[T]) -> Callable[[T], None]:
        def take(what: T) -> None:
            told.append(what)
            self.changed.set()

        return take

    async def hears(self, event: Event) -> None:
        await until(self, lambda: event in self.events)

    def ends(self) -> list[n.CallStateChanged]:
        return [
            event
            for event in self.events
            if isinstance(event, n.CallStateChanged) and event.state is CallState.DISCONNECTED
        ]


async def until(whose: ScriptedVoice | Phone, condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            whose.changed.clear()
            await whose.changed.wait()


class Bench:
    """A client with its phone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / channel.SOCKET_NAME
        self.phone = Phone()
        self.client = VoiceClient(folder, SETTINGS, ("home",), lambda uri: uri.startswith("sip:112@"))
        self.voices: list[ScriptedVoice] = []

    def voice(self) -> ScriptedVoice:
        """Return a voice that has connected and said nothing yet."""
        voice = ScriptedVoice(self.path)
        self.voices.append(voice)
        return voice

    async def ready_voice(self) -> ScriptedVoice:
        """Return a voice that has its settings."""
        voice = self.voice()
        voice.greet()
        met = len(self.phone.pids)
        await until(self.phone, lambda: len(self.phone.pids) > met and self.phone.pids[-1] is not None)
        return voice

    async def lose(self, voice: ScriptedVoice) -> None:
        """Have a voice die, and the phone hear of it."""
        lost = self.phone.events.count(AWAY)
        voice.go()
        await until(self.phone, lambda: self.phone.events.count(AWAY) > lost)

    async def settle(self) -> None:
        """Wait until all that was ordered and said so far has been heard: voice is asked, and answers."""
        [voice] = [each for each in self.voices if each.connection.fileno() >= 0 and not each.is_over]
        asked = voice.orders.count(AskReport())
        report = asyncio.create_task(self.client.report())
        await voice.hear(AskReport, asked + 1)
        voice.say(Report("", "", ()))
        assert await report is not None


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which processes were to be killed; this one, which plays voice, is not."""
    killed: list[int] = []
    kill = os.kill

    def note(pid: int, number: int) -> None:
        killed.append(pid)
        if pid != os.getpid():
            kill(pid, number)

    monkeypatch.setattr(os, "kill", note)
    return killed


@pytest.fixture
async def bench(tmp_path: Path, kills: list[int], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(client, "_LEAVE_S", 0.01)
    # A test that wants them to be over sets its own.
    monkeypatch.setattr(placing, "_PATIENCE_S", PATIENCE_S)
    monkeypatch.setattr(placing, "_IGNORED_S", PATIENCE_S)
    monkeypatch.setattr(client, "_ANSWER_S", PATIENCE_S)
    bench = Bench(tmp_path)
    bench.client.listen(0)
    bench.client.start(bench.phone.ties)
    yield bench
    await bench.client.stop()
    for voice in bench.voices:
        if voice.connection.fileno() >= 0:
            voice.go()


@pytest.fixture
def other_voice(bench: Bench) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(what: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", OTHER_VOICE, bench.path, what])
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait()


# --- how voice comes, and what it is told first -----------------------------------------------------------------------


async def test_a_voice_is_told_its_settings_and_then_what_to_do(bench: Bench) -> None:
    voice = await bench.ready_voice()
    await voice.hear(Configure)
    assert voice.heard == [(Configure(), SETTINGS)]
    assert bench.phone.pids == [os.getpid()]
    assert bench.phone.found == [n.CallsFound(())]
    bench.client.order(o.PlayTone(o.Tone.DIAL))
    assert await voice.hear(o.PlayTone) == [o.PlayTone(o.Tone.DIAL)]


async def test_a_voice_that_keeps_its_settings_is_told_them_and_goes_on(bench: Bench) -> None:
    voice = bench.voice()
    voice.greet(DIGEST)
    bench.client.order(o.PlayTone(o.Tone.DIAL))
    await voice.hear(o.PlayTone)
    assert voice.heard[0] == (Configure(), SETTINGS)


async def test_a_voice_with_other_settings_is_told_the_new_ones_and_nothing_else(bench: Bench) -> None:
    old = bench.voice()
    old.greet("0" * 64)
    await old.hear(Configure)
    bench.client.order(o.StartRinging("recall"))
    assert await bench.client.report() is None
    old.go()
    voice = await bench.ready_voice()
    assert await voice.hear(o.StartRinging) == [o.StartRinging("recall")]
    assert old.orders == [Configure()]


async def test_a_voice_with_another_firmware_is_sent_away_once(bench: Bench) -> None:
    old = bench.voice()
    old.say(Hello("/opt/wecall/old", ""))
    await old.hear(Leave)
    assert old.orders == [Leave()]
    await bench.lose(old)
    voice = bench.voice()
    voice.say(Hello("/opt/wecall/old", ""))
    assert await voice.hear(Configure)


async def test_what_voice_said_before_the_phone_began_is_heard_then(tmp_path: Path, kills: list[int]) -> None:
    bench = Bench(tmp_path)
    registered = n.RegistrationChanged(RegistrationState.REGISTERED, account="home")
    found = n.FoundCall(CALL, CallDirection.OUTGOING, CallState.ACTIVE, ANNA)
    waiting = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def come() -> None:
        while waiting.connect_ex(str(bench.path)):
            pass
        for news in (Hello(channel.PROGRAM, ""), n.CallsFound((found,)), registered):
            channel.send(waiting, encode(news))

    with waiting:
        coming = asyncio.create_task(asyncio.to_thread(come))
        await asyncio.to_thread(bench.client.listen, PATIENCE_S)
        await coming
        data, file = channel.receive(waiting)
        channel.close(file)
        assert decode_order(data) == Configure()
        bench.client.start(bench.phone.ties)
        await bench.phone.hears(registered)
        assert bench.phone.found == [n.CallsFound((found,))]
    await bench.client.stop()


async def test_a_voice_that_says_nothing_holds_no_phone_up(
    tmp_path: Path, kills: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_HELLO_S", 0.01)
    monkeypatch.setattr(client, "_LEAVE_S", 0.01)
    bench = Bench(tmp_path)
    silent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def come() -> None:
        while silent.connect_ex(str(bench.path)):
            pass

    with silent:
        coming = asyncio.create_task(asyncio.to_thread(come))
        await asyncio.to_thread(bench.client.listen, PATIENCE_S)
        await coming
        bench.client.start(bench.phone.ties)
        voice = await bench.ready_voice()
        assert kills == []
    await bench.client.stop()
    voice.go()


async def test_where_nobody_can_be_listened_for_the_phone_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path / "nowhere")
    bench.client.listen(PATIENCE_S)
    bench.client.start(bench.phone.ties)
    bench.client.order(o.PlayTone(o.Tone.DIAL))
    await bench.client.stop()
    assert "cannot listen for voice" in caplog.text


async def test_the_socket_is_for_voices_group_and_goes_with_the_handset(bench: Bench) -> None:
    assert bench.path.stat().st_mode & 0o777 == 0o660
    await bench.client.stop()
    assert not bench.path.exists()


async def test_that_no_voice_comes_is_said_after_a_moment(bench: Bench) -> None:
    await bench.phone.hears(AWAY)
    await bench.ready_voice()
    await bench.phone.hears(BACK)


# --- what still counts ------------------------------------------------------------------------------------------------


async def test_a_new_voice_is_told_what_still_counts_and_nothing_else(bench: Bench) -> None:
    bench.client.order(o.PlayTone(o.Tone.BUSY))
    voice = await bench.ready_voice()
    bench.client.use_ring_tone(b"chime")
    for order in (
        o.SetVolume(o.AudioRoute.RINGER, 30),
        o.SetVolume(o.AudioRoute.EARPIECE, 40),
        o.SetVolume(o.AudioRoute.RINGER, 50),
        o.OpenAudio(talk=True, speaker=True),
        o.PlayTone(o.Tone.DIAL),
        o.StopTone(),
        o.StartRinging("recall"),
        o.SetMute(muted=True),
        o.SetEar(o.EarPreset.CLEAR, boosted=True),
        o.SetEar(o.EarPreset.CLEAR),
        o.LowerNoise(False),
        o.SendDtmf(CALL, Key.DIGIT_5),
        o.JoinCalls((CALL, OTHER)),
        o.HangUpCall(CALL),
        SEND,
    ):
        bench.client.order(order)
    bench.client.play(b"click", in_ear=True)
    await voice.hear(PlaySound)
    assert voice.orders[1] == o.PlayTone(o.Tone.BUSY)
    await bench.lose(voice)
    voice = await bench.ready_voice()
    await voice.hear(UseRingTone)
    assert voice.heard[0] == (Configure(), SETTINGS)
    assert voice.heard[-1] == (UseRingTone(), b"chime")
    assert set(voice.orders[1:-1]) == {
        o.SetVolume(o.AudioRoute.RINGER, 50),
        o.SetVolume(o.AudioRoute.EARPIECE, 40),
        o.OpenAudio(talk=True, speaker=True),
        o.StopTone(),
        o.StartRinging("recall"),
        o.SetMute(muted=True),
        o.SetEar(o.EarPreset.CLEAR),
        o.LowerNoise(False),
    }
    assert len(voice.orders) == 10


async def test_whether_the_microphone_is_wanted_is_told(bench: Bench) -> None:
    bench.client.order(o.OpenAudio(talk=True))
    bench.client.order(o.OpenAudio(talk=False))
    bench.client.order(o.CloseAudio())
    assert bench.phone.talks == [True, False, False]


# --- calls ------------------------------------------------------------------------------------------------------------


async def test_the_calls_of_a_voice_that_died_are_interrupted_and_its_lines_unregistered(bench: Bench) -> None:
    voice = await bench.ready_voice()
    bench.client.order(PLACE)
    await voice.hear(o.PlaceCall)
    active = n.CallStateChanged(CALL, CallState.ACTIVE)
    voice.say(n.RegistrationChanged(RegistrationState.REGISTERED, account="home"))
    voice.say(OrderTaken(CALL), active, n.IncomingCallReceived(OTHER, ANNA, "home"))
    await bench.phone.hears(active)
    await bench.settle()
    await bench.lose(voice)
    other = n.CallStateChanged(OTHER, CallState.DISCONNECTED, DisconnectReason.INTERRUPTED)
    await bench.phone.hears(other)
    assert bench.phone.ends() == [INTERRUPTED, other]
    await bench.phone.hears(n.RegistrationChanged(RegistrationState.UNREGISTERED, account="home"))
    assert bench.phone.pids == [os.getpid(), None]
    voice = await bench.ready_voice()
    await bench.phone.hears(BACK)
    await bench.settle()
    assert o.PlaceCall not in map(type, voice.orders)


async def test_a_call_that_is_dialled_while_voice_is_away_goes_out_once_it_is_back(bench: Bench) -> None:
    bench.client.order(PLACE)
    voice = await bench.ready_voice()
    assert await voice.hear(o.PlaceCall) == [PLACE]
    voice.say(OrderTaken(CALL))
    await bench.settle()
    assert bench.phone.ends() == []


async def test_a_call_that_a_voice_did_not_take_before_it_died_goes_to_the_next(bench: Bench) -> None:
    voice = await bench.ready_voice()
    bench.client.order(PLACE)
    await voice.hear(o.PlaceCall)
    await bench.lose(voice)
    voice = await bench.ready_voice()
    assert await voice.hear(o.PlaceCall) == [PLACE]
    voice.say(OrderTaken(CALL), n.CallStateChanged(CALL, CallState.ALERTING))
    await bench.phone.hears(n.CallStateChanged(CALL, CallState.ALERTING))
    assert bench.phone.ends() == []


async def test_a_call_that_a_voice_took_before_it_died_is_not_placed_twice(bench: Bench) -> None:
    voice = await bench.ready_voice()
    bench.client.order(PLACE)
    voice.say(OrderTaken(CALL))
    await bench.settle()
    await bench.lose(voice)
    await bench.phone.hears(INTERRUPTED)
    voice = await bench.ready_voice()
    await bench.settle()
    assert o.PlaceCall not in map(type, voice.orders)


async def test_a_call_waits_for_a_voice_and_then_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "_PATIENCE_S", 0.02)
    bench.client.order(PLACE)
    await bench.phone.hears(n.CallStateChanged(CALL, CallState.DISCONNECTED, DisconnectReason.UNREACHABLE))
    voice = await bench.ready_voice()
    await bench.settle()
    assert o.PlaceCall not in map(type, voice.orders)


async def test_a_call_that_was_given_up_does_not_go_out_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "_PATIENCE_S", 0.02)
    voice = await bench.ready_voice()
    bench.client.order(PLACE)
    await bench.phone.hears(n.CallStateChanged(CALL, CallState.DISCONNECTED, DisconnectReason.UNREACHABLE))
    # Voice was busy with something else, and finds both orders now.
    await voice.hear(o.HangUpCall)
    assert voice.orders[-2:] == [PLACE, o.HangUpCall(CALL)]


async def test_a_call_that_was_hung_up_while_voice_is_away_never_goes_out(bench: Bench) -> None:
    bench.client.order(PLACE)
    bench.client.order(o.HangUpCall(CALL))
    await bench.phone.hears(n.CallStateChanged(CALL, CallState.DISCONNECTED, DisconnectReason.CANCELLED))
    voice = await bench.ready_voice()
    await bench.settle()
    assert voice.orders == [Configure(), AskReport()]


async def test_an_emergency_call_is_ordered_until_it_is_dialled(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "_REPEAT_S", 0.01)
    voice = await bench.ready_voice()
    bench.client.order(CALL_HELP)
    await voice.hear(o.PlaceCall, 3)
    voice.say(OrderTaken(CALL))
    await bench.settle()
    await voice.hear(o.PlaceCall, voice.orders.count(CALL_HELP) + 3)
    voice.say(n.CallStateChanged(CALL, CallState.DIALING))
    await bench.phone.hears(n.CallStateChanged(CALL, CallState.DIALING))
    await bench.settle()
    ordered = voice.orders.count(CALL_HELP)
    for _ in range(10):
        await asyncio.sleep(0.01)
    assert voice.orders.count(CALL_HELP) == ordered


async def test_an_emergency_call_goes_to_one_voice_after_another_until_somebody_answers(bench: Bench) -> None:
    for state in (None, CallState.DIALING, CallState.ALERTING):
        voice = await bench.ready_voice()
        if state is None:
            bench.client.order(CALL_HELP)
        await voice.hear(o.PlaceCall)
        voice.say(OrderTaken(CALL))
        if state is not None:
            voice.say(n.CallStateChanged(CALL, state))
            await bench.phone.hears(n.CallStateChanged(CALL, state))
        await bench.settle()
        await bench.lose(voice)
    assert bench.phone.ends() == []
    voice = await bench.ready_voice()
    assert await voice.hear(o.PlaceCall) == [CALL_HELP]
    answered = n.CallStateChanged(CALL, CallState.ACTIVE)
    voice.say(answered)
    await bench.phone.hears(answered)
    await bench.lose(voice)
    await bench.phone.hears(INTERRUPTED)
    voice = await bench.ready_voice()
    await bench.settle()
    assert o.PlaceCall not in map(type, voice.orders)


async def test_an_emergency_call_does_not_end_where_no_voice_comes_for_long(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "_PATIENCE_S", 0.01)
    monkeypatch.setattr(placing, "_REPEAT_S", 0.01)
    monkeypatch.setattr(placing, "_IGNORED_S", 0.01)
    bench.client.order(CALL_HELP)
    await bench.phone.hears(AWAY)
    assert bench.phone.ends() == []
    voice = await bench.ready_voice()
    await voice.hear(o.PlaceCall)
    voice.say(n.CallStateChanged(CALL, CallState.DIALING))
    await bench.phone.hears(n.CallStateChanged(CALL, CallState.DIALING))


async def test_an_emergency_call_that_was_hung_up_is_ordered_no_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "_REPEAT_S", 0.01)
    voice = await bench.ready_voice()
    bench.client.order(CALL_HELP)
    bench.client.order(o.HangUpCall(CALL))
    await voice.hear(o.HangUpCall)
    await bench.lose(voice)
    await bench.phone.hears(INTERRUPTED)
    voice = await bench.ready_voice()
    for _ in range(5):
        await asyncio.sleep(0.01)
    await bench.settle()
    assert o.PlaceCall not in map(type, voice.orders)


async def test_a_voice_that_ignores_an_emergency_call_is_killed_and_the_next_one_calls(
    bench: Bench, other_voice: Callable[[str], subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "_REPEAT_S", 0.01)
    monkeypatch.setattr(placing, "_IGNORED_S", 0.05)
    deaf = other_voice("nothing of orders")
    await until(bench.phone, lambda: bench.phone.pids == [deaf.pid])
    bench.client.order(CALL_HELP)
    assert await asyncio.to_thread(deaf.wait, PATIENCE_S) == -signal.SIGKILL
    monkeypatch.setattr(placing, "_IGNORED_S", PATIENCE_S)
    voice = await bench.ready_voice()
    assert (await voice.hear(o.PlaceCall))[0] == CALL_HELP
    assert bench.phone.ends() == []


async def test_calls_that_wait_for_a_voice_go_to_the_next_where_one_dies_at_once(bench: Bench) -> None:
    other = o.PlaceCall(OTHER, PLACE.uri)
    bench.client.order(CALL_HELP)
    bench.client.order(other)
    first = bench.voice()
    first.greet()
    await bench.lose(first)
    second = await bench.ready_voice()
    assert set(await second.hear(o.PlaceCall, 2)) == {CALL_HELP, other}
    assert bench.phone.ends() == []


async def test_what_is_said_of_calls_that_nobody_knows_is_dropped(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    voice = await bench.ready_voice()
    voice.say(n.CallStateChanged(CALL, CallState.ACTIVE), n.CallPartyChanged(OTHER, ANNA))
    voice.say(n.IncomingCallReceived(OTHER, ANNA, "not mine"), n.MessageSent(TEXT_ID, accepted=True))
    voice.say(OrderTaken(CALL), AnnouncementOver(1, made=True), SoundTried(""), Report("", "", ()))
    await bench.settle()
    assert bench.phone.events == []
    assert "cannot be" in caplog.text
    assert "Anna" not in caplog.text


async def test_calls_that_a_voice_has_after_the_phone_gave_them_up_are_hung_up(bench: Bench) -> None:
    voice = await bench.ready_voice()
    await bench.lose(voice)
    voice = bench.voice()
    found = [n.FoundCall(each, CallDirection.INCOMING, CallState.ACTIVE, ANNA) for each in (CALL, OTHER)]
    voice.greet(DIGEST, *found)
    assert await voice.hear(o.HangUpCall, 2) == [o.HangUpCall(CALL), o.HangUpCall(OTHER)]
    assert bench.phone.found == [n.CallsFound(())]


async def test_calls_that_are_found_at_the_beginning_go_on(bench: Bench) -> None:
    voice = bench.voice()
    found = n.FoundCall(CALL, CallDirection.INCOMING, CallState.ACTIVE, ANNA)
    end = n.CallStateChanged(CALL, CallState.DISCONNECTED, DisconnectReason.REMOTE_HANGUP)
    voice.greet(DIGEST, found)
    voice.say(end)
    await bench.phone.hears(end)
    assert bench.phone.found == [n.CallsFound((found,))]


# --- texts, sounds, questions -----------------------------------------------------------------------------------------


async def test_a_text_is_sent_and_what_became_of_it_is_heard(bench: Bench) -> None:
    voice = await bench.ready_voice()
    bench.client.order(SEND)
    assert await voice.hear(o.SendMessage) == [SEND]
    voice.say(n.MessageSent(TEXT_ID, accepted=True, sip_code=200))
    await bench.phone.hears(n.MessageSent(TEXT_ID, accepted=True, sip_code=200))
    received = n.MessageReceived(TextMessage("f" * 32, CallDirection.INCOMING, ANNA, "Hi"))
    voice.say(received)
    await bench.phone.hears(received)


async def test_a_text_is_not_sent_where_voice_is_away_and_not_later(bench: Bench) -> None:
    bench.client.order(SEND)
    assert bench.phone.events == []
    await bench.phone.hears(n.MessageSent(TEXT_ID, accepted=False))
    voice = await bench.ready_voice()
    await bench.settle()
    assert o.SendMessage not in map(type, voice.orders)


async def test_a_text_that_was_on_its_way_when_voice_died_was_not_sent(bench: Bench) -> None:
    voice = await bench.ready_voice()
    bench.client.order(SEND)
    await voice.hear(o.SendMessage)
    await bench.lose(voice)
    await bench.phone.hears(n.MessageSent(TEXT_ID, accepted=False))


async def test_sounds_go_out_as_files(bench: Bench) -> None:
    voice = await bench.ready_voice()
    bench.client.play(b"click", in_ear=True)
    bench.client.play(b"", in_ear=False)
    bench.client.use_ring_tone(b"chime")
    await voice.hear(UseRingTone)
    assert voice.heard[1:] == [(PlaySound(True), b"click"), (PlaySound(False), None), (UseRingTone(), b"chime")]


async def test_an_announcement_ends_once(bench: Bench) -> None:
    voice = await bench.ready_voice()
    over: list[tuple[str, bool]] = []
    bench.client.announce(b"beep", lambda made: over.append(("first", made)))
    bench.client.announce(b"boop", lambda made: over.append(("second", made)))
    first, second = await voice.hear(Announce, 2)
    assert [content for order, content in voice.heard if isinstance(order, Announce)] == [b"beep", b"boop"]
    voice.say(AnnouncementOver(second.number, made=True), AnnouncementOver(second.number, made=False))
    await bench.settle()
    assert over == [("second", True)]
    await bench.lose(voice)
    assert over == [("second", True), ("first", False)]
    assert first.number != second.number


async def test_an_announcement_is_over_at_once_where_voice_is_away(bench: Bench) -> None:
    over: list[bool] = []
    bench.client.announce(b"beep", over.append)
    assert over == [False]


@pytest.mark.parametrize("is_away", [False, True])
@pytest.mark.parametrize("kind", [Tap, ListenTo])
async def test_the_end_of_a_pipe_goes_to_voice_and_is_open_nowhere_else(
    bench: Bench, kind: type[Tap | ListenTo], *, is_away: bool
) -> None:
    voice = None if is_away else await bench.ready_voice()
    read_end, write_end = os.pipe()
    passed, kept = (write_end, read_end) if kind is Tap else (read_end, write_end)
    (bench.client.tap if kind is Tap else bench.client.listen_to)(passed)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(passed)
    if voice is not None:
        await voice.hear(kind)
        assert len(voice.files) == 2
        there = voice.files[1]
        if kind is Tap:
            os.write(there, b"said")
            assert os.read(kept, 9) == b"said"
        else:
            os.write(kept, b"said")
            assert os.read(there, 9) == b"said"
    os.close(kept)


async def test_voice_says_how_everything_is(bench: Bench) -> None:
    voice = await bench.ready_voice()
    reports = asyncio.gather(bench.client.report(), bench.client.report())
    trial = asyncio.create_task(bench.client.try_sound())
    loudness = asyncio.create_task(bench.client.loudness())
    await voice.hear(TrySound)
    await voice.hear(AskLoudness)
    report = Report("2.16", "periods=1", (("eth0", "192.0.2.1"),))
    voice.say(report, SoundTried("microphone"), Loudness(20, 3000))
    assert set(await reports) == {report}
    assert await trial == "microphone"
    assert await loudness == Loudness(20, 3000)


async def test_a_question_is_answered_with_nothing_where_voice_is_away_or_does_not_say(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await bench.client.report() is None
    assert await bench.client.try_sound() is None
    assert await bench.client.loudness() == Loudness()
    monkeypatch.setattr(client, "_ANSWER_S", 0.01)
    monkeypatch.setattr(client, "_TRIAL_S", 0.01)
    voice = await bench.ready_voice()
    assert await bench.client.report() is None
    assert await bench.client.try_sound() is None
    # An answer that comes too late is none to the next question.
    voice.say(Report("late", "", ()), SoundTried("sound"))
    monkeypatch.setattr(client, "_ANSWER_S", PATIENCE_S)
    await bench.settle()


async def test_why_the_phone_cannot_ring_is_told(bench: Bench) -> None:
    voice = await bench.ready_voice()
    voice.say(RingerFault("The ringer is gone."), RingerFault(""))
    await until(bench.phone, lambda: bench.phone.ringer_faults == ["The ringer is gone.", ""])


# --- a voice that is not itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["garbage", "too much at once", "no hello"])
async def test_a_voice_that_does_not_keep_to_the_list_is_killed_and_the_next_one_served(
    bench: Bench,
    other_voice: Callable[[str], subprocess.Popen[bytes]],
    caplog: pytest.LogCaptureFixture,
    what: str,
) -> None:
    strange = other_voice(what)
    assert await asyncio.to_thread(strange.wait, PATIENCE_S) == -signal.SIGKILL
    assert "Voice is replaced" in caplog.text
    voice = await bench.ready_voice()
    bench.client.order(o.PlayTone(o.Tone.DIAL))
    await voice.hear(o.PlayTone)


async def test_the_process_that_was_killed_is_not_served_again(bench: Bench, kills: list[int]) -> None:
    voice = await bench.ready_voice()
    voice.connection.send(b"garbage")
    await until(voice, lambda: voice.is_over)
    assert kills == [os.getpid()]
    again = bench.voice()
    await until(again, lambda: again.is_over)
    assert again.orders == []


async def test_a_voice_of_another_user_is_ended_by_root(
    bench: Bench, kills: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    group = bench.path.stat().st_gid
    monkeypatch.setattr(link, "peer_of", lambda _connection: Peer(4711, 12345, frozenset({group})))
    voice = bench.voice()
    voice.greet()
    await until(bench.phone, lambda: bench.phone.pids == [4711])
    assert not (bench.folder / REPLACE_NAME).exists()
    voice.connection.send(b"garbage")
    await until(voice, lambda: voice.is_over)
    assert (bench.folder / REPLACE_NAME).exists()
    assert kills == []


async def test_a_stranger_is_not_served(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    nobodys = max(os.getgroups(), default=0) + 1
    monkeypatch.setattr(link, "peer_of", lambda _connection: Peer(4711, 12345, frozenset({nobodys})))
    stranger = bench.voice()
    await until(stranger, lambda: stranger.is_over)
    assert stranger.orders == []


async def test_a_second_voice_is_not_served_and_the_first_goes_on(bench: Bench) -> None:
    voice = await bench.ready_voice()
    second = bench.voice()
    await until(second, lambda: second.is_over)
    assert second.orders == []
    bench.client.order(o.PlayTone(o.Tone.DIAL))
    await voice.hear(o.PlayTone)


async def test_a_voice_that_greets_twice_is_killed(bench: Bench, kills: list[int]) -> None:
    voice = await bench.ready_voice()
    bench.client.order(o.StartRinging())
    await voice.hear(o.StartRinging)
    voice.greet(DIGEST)
    await until(voice, lambda: voice.is_over)
    assert kills == [os.getpid()]
    assert voice.orders == [Configure(), o.StartRinging()]


async def test_a_voice_that_does_not_get_ready_is_killed(
    bench: Bench, kills: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_READY_S", 0.01)
    voice = bench.voice()
    await until(voice, lambda: voice.is_over)
    assert kills == [os.getpid()]


async def test_a_voice_that_floods_is_heard_no_faster_than_a_person_could_follow(
    bench: Bench, kills: list[int]
) -> None:
    voice = await bench.ready_voice()
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    loop.remove_reader(voice.connection)
    for number in range(3000):
        await loop.sock_sendall(voice.connection, encode(n.VoicemailCounted(number, account="home")))
    loop.add_reader(voice.connection, voice._read)
    await bench.settle()
    assert 0 < len(bench.phone.events) <= 21 + (loop.time() - began_s) / 5
    assert kills == []


async def test_calls_that_are_too_many_are_turned_away(bench: Bench) -> None:
    voice = await bench.ready_voice()
    ids = [CallId(f"{number:032x}") for number in range(9)]
    for each in ids:
        voice.say(n.IncomingCallReceived(each, ANNA, "home"))
    assert await voice.hear(o.RejectCall) == [o.RejectCall(ids[8], RejectReason.BUSY)]
    assert [event.call_id for event in bench.phone.events if isinstance(event, n.IncomingCallReceived)] == ids[:8]


async def test_a_voice_that_takes_no_orders_is_killed(bench: Bench, kills: list[int]) -> None:
    voice = await bench.ready_voice()
    asyncio.get_running_loop().remove_reader(voice.connection)
    for _ in range(100_000):
        bench.client.play(b"click", in_ear=True)
        if kills:
            break
    assert kills == [os.getpid()]
    await bench.phone.hears(AWAY)


async def test_a_voice_that_is_gone_is_not_killed_again(bench: Bench, kills: list[int]) -> None:
    voice = await bench.ready_voice()
    voice.go()
    bench.client.order(o.PlayTone(o.Tone.DIAL))
    await bench.phone.hears(AWAY)
    assert kills == []
    voice = await bench.ready_voice()
    await voice.hear(o.PlayTone)


async def test_the_last_words_of_a_voice_are_heard_though_it_takes_no_order_any_more(bench: Bench) -> None:
    voice = await bench.ready_voice()
    bench.client.order(PLACE)
    voice.say(OrderTaken(CALL))
    await bench.settle()
    end = n.CallStateChanged(CALL, CallState.DISCONNECTED, DisconnectReason.REMOTE_HANGUP, 200)
    voice.say(end)
    voice.go()
    bench.client.order(o.PlayTone(o.Tone.BUSY))
    await bench.phone.hears(AWAY)
    assert bench.phone.ends() == [end]


async def test_what_is_wrong_with_voice_is_logged_without_its_words(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    voice = await bench.ready_voice()
    voice.connection.send(b"secret")
    await until(voice, lambda: voice.is_over)
    assert "Voice is replaced" in caplog.text
    assert "secret" not in caplog.text


async def test_a_voice_that_was_replaced_is_not_let_in_again_but_whoever_has_its_number_later_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = await bench.ready_voice()
    voice.connection.send(b"no news")
    await until(voice, lambda: voice.is_over)
    again = bench.voice()
    await until(again, lambda: again.is_over)
    monkeypatch.setattr(link, "_REFUSED_S", 0.0)
    voice = await bench.ready_voice()
    bench.client.order(o.PlayTone(o.Tone.DIAL))
    await voice.hear(o.PlayTone)


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("had_another", [False, True])
async def test_leaving_hears_how_the_calls_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, had_another: bool
) -> None:
    monkeypatch.setattr(client, "_LEAVE_S", PATIENCE_S)
    voice = await bench.ready_voice()
    if had_another:
        await bench.lose(voice)
        voice = await bench.ready_voice()
    bench.client.order(PLACE)
    bench.client.order(o.PlaceCall(OTHER, PLACE.uri))
    await voice.hear(o.PlaceCall, 2)
    voice.say(OrderTaken(CALL), OrderTaken(OTHER))
    await bench.settle()
    leaving = asyncio.create_task(bench.client.stop())
    await voice.hear(Leave)
    assert not leaving.done()
    end = n.CallStateChanged(CALL, CallState.DISCONNECTED, DisconnectReason.LOCAL_HANGUP, 200)
    unregistered = n.RegistrationChanged(RegistrationState.UNREGISTERED, account="home")
    # What the phone orders of a voice that is on its way out is not read.
    bench.client.order(o.StopTone())
    voice.say(end, unregistered)
    voice.go()
    await leaving
    interrupted = n.CallStateChanged(OTHER, CallState.DISCONNECTED, DisconnectReason.INTERRUPTED)
    assert bench.phone.ends() == [end, interrupted]
    assert bench.phone.events.count(AWAY) == had_another


async def test_a_voice_that_does_not_leave_holds_nobody_up(bench: Bench) -> None:
    voice = await bench.ready_voice()
    await bench.client.stop()
    await until(voice, lambda: voice.is_over)
    assert voice.orders[-1] == Leave()


async def test_whoever_comes_after_the_end_is_not_served(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_LEAVE_S", PATIENCE_S)
    voice = await bench.ready_voice()
    leaving = asyncio.create_task(bench.client.stop())
    await voice.hear(Leave)
    late = bench.voice()
    await until(late, lambda: late.is_over)
    voice.go()
    await leaving
