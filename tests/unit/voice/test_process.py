"""The voice process without its instruments: whom it serves, and what it does without a handset."""

import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Self

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.base.heartbeats import Health
from firmware.phone import news as n
from firmware.phone import orders as o
from firmware.phone.call import CallerId, CallId, CallState, SipUri, TextMessage
from firmware.voice import channel, instruments, process
from firmware.voice.channel import ClosedError
from firmware.voice.messages import (
    AskReport,
    Configure,
    Hello,
    Leave,
    News,
    Order,
    OrderTaken,
    PlaySound,
    Report,
    decode_news,
    encode,
)
from firmware.voice.process import Voice
from firmware.voice.settings import VoiceSettings, pack
from tests.lab.patience import PATIENCE_S, wait_until

CALL = CallId("c" * 32)
ANNA = CallerId("100", "Anna")
PLACE = o.PlaceCall(CALL, SipUri("sip:100@sip.example"))
ACTIVE = n.CallStateChanged(CALL, CallState.ACTIVE)
END = n.CallStateChanged(CALL, CallState.DISCONNECTED, DisconnectReason.LOCAL_HANGUP)
SETTINGS, OTHERS = VoiceSettings("DE"), VoiceSettings("FR")
REPORT = Report("2.16", "", ())


def text(number: int) -> n.MessageReceived:
    return n.MessageReceived(TextMessage(f"{number:032x}", CallDirection.INCOMING, ANNA, "x" * 500))


class Instruments:
    """Keeps what it is to do; its calls end where it is told to end them."""

    def __init__(self, settings: VoiceSettings, health: Health, tell: Callable[[News], None]) -> None:
        self.settings = settings
        self.tell = tell
        self.done: queue.Queue[tuple[Order, bytes | None]] = queue.Queue()
        self.gone: queue.Queue[bool] = queue.Queue()
        self.starts = 0
        self.stops = 0
        self.call_ends = 0

    def start(self) -> None:
        self.starts += 1

    def stop(self) -> None:
        self.stops += 1
        self.tell(END)

    def handset_gone(self, *, has_calls: bool) -> None:
        self.gone.put(has_calls)

    def end_calls(self) -> None:
        self.call_ends += 1
        self.tell(END)

    def report(self) -> Report:
        return REPORT

    def do(self, order: Order, file: int | None) -> None:
        self.done.put((order, None if file is None else os.pread(file, 1000, 0)))


class Handset:
    """The handset's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_S)
        self._connection = connection

    def order(self, order: Order, content: bytes | None = None) -> None:
        file = None
        if content is not None:
            file = os.memfd_create("content")
            os.pwrite(file, content, 0)
        channel.send(self._connection, encode(order), file)
        channel.close(file)

    def send(self, data: bytes) -> None:
        self._connection.send(data)

    def hear(self) -> News:
        return decode_news(channel.receive(self._connection)[0])

    def hear_all(self) -> list[News]:
        """Return what is said until voice closes the connection."""
        heard: list[News] = []
        try:
            while True:
                heard.append(self.hear())
        except ClosedError:
            return heard

    def greeted(self) -> tuple[Hello, n.CallsFound]:
        hello, found = self.hear(), self.hear()
        assert isinstance(hello, Hello)
        assert isinstance(found, n.CallsFound)
        return hello, found

    def configure(self, settings: VoiceSettings = SETTINGS) -> None:
        self.order(Configure(), pack(settings))

    def settle(self) -> None:
        """Wait until all that was ordered is done."""
        self.order(AskReport())
        assert self.hear() == REPORT

    def go(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.go()


class Bench:
    """A voice that runs, and a socket on which handsets wait for it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / channel.SOCKET_NAME
        self.made: list[Instruments] = []
        self.voice = Voice(self.path)
        self._thread = threading.Thread(target=self.voice.run, name="voice", daemon=True)

    def make(self, settings: VoiceSettings, health: Health, tell: Callable[[News], None]) -> Instruments:
        self.made.append(Instruments(settings, health, tell))
        return self.made[-1]

    @property
    def instruments(self) -> Instruments:
        wait_until(lambda: self.made, "voice has its settings")
        [made] = self.made
        return made

    def start(self) -> None:
        self._thread.start()

    def listen(self) -> socket.socket:
        listener = channel.listen(self.path)
        listener.settimeout(PATIENCE_S)
        listener.listen()
        return listener

    def meet(self) -> Handset:
        """Return a handset that listens until voice has come, and is the only one it comes to."""
        with closing(self.listen()) as listener:
            return Handset(listener.accept()[0])

    def configured(self) -> Handset:
        handset = self.meet()
        handset.greeted()
        handset.configure()
        return handset

    def ends(self) -> bool:
        self._thread.join(PATIENCE_S)
        return not self._thread.is_alive()

    @property
    def runs(self) -> bool:
        return self._thread.is_alive()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    monkeypatch.setattr(instruments, "Instruments", bench.make)
    bench.start()
    yield bench
    bench.voice.stop()
    assert bench.ends()


def test_a_handset_hears_who_is_there_and_what_stands(bench: Bench) -> None:
    with bench.meet() as handset:
        assert handset.greeted() == (Hello(channel.PROGRAM, ""), n.CallsFound(()))


def test_voice_runs_with_what_it_is_told_and_says_so_to_the_next_handset(bench: Bench) -> None:
    with bench.configured() as handset:
        handset.settle()
        assert bench.instruments.settings == SETTINGS
        assert bench.instruments.starts == 1
    with bench.meet() as handset:
        hello, _ = handset.greeted()
        assert hello.settings == sha256(pack(SETTINGS)).hexdigest()


def test_what_comes_before_the_settings_is_not_done(bench: Bench) -> None:
    with bench.meet() as handset:
        handset.order(PLACE)
        handset.greeted()
        handset.configure()
        handset.settle()
        assert bench.instruments.done.empty()


@pytest.mark.parametrize("content", [None, b"", b"garbage"])
def test_settings_that_are_none_are_not_taken_and_later_ones_are(bench: Bench, content: bytes | None) -> None:
    with bench.meet() as handset:
        handset.greeted()
        handset.order(Configure(), content)
        handset.configure()
        handset.settle()
        assert bench.instruments.settings == SETTINGS


def test_the_same_settings_again_change_nothing(bench: Bench) -> None:
    with bench.configured() as handset:
        handset.configure()
        handset.settle()
        assert bench.instruments.starts == 1
        assert bench.instruments.stops == 0


def test_other_settings_end_voice_and_the_handset_hears_how_calls_end(bench: Bench) -> None:
    with bench.configured() as handset:
        handset.order(PLACE)
        handset.configure(OTHERS)
        assert handset.hear_all() == [OrderTaken(CALL), END]
        assert bench.ends()
        assert bench.instruments.stops == 1


@pytest.mark.parametrize("how", ["leave", "stop"])
def test_voice_that_is_to_end_says_how_its_calls_end(bench: Bench, how: str) -> None:
    with bench.configured() as handset:
        handset.order(PLACE)
        assert handset.hear() == OrderTaken(CALL)
        if how == "leave":
            handset.order(Leave())
        else:
            bench.voice.stop()
        assert handset.hear_all() == [END]
        assert bench.ends()


def test_an_order_is_done_with_the_file_that_came_with_it(bench: Bench) -> None:
    with bench.configured() as handset:
        handset.order(PlaySound(in_ear=True), b"click")
        handset.order(o.StopTone())
        handset.settle()
        done = bench.instruments.done
        assert [done.get(), done.get()] == [(PlaySound(in_ear=True), b"click"), (o.StopTone(), None)]


def test_a_call_that_is_ordered_again_is_placed_once_and_answered_twice(bench: Bench) -> None:
    with bench.configured() as handset:
        handset.order(PLACE)
        handset.order(PLACE)
        assert [handset.hear(), handset.hear()] == [OrderTaken(CALL)] * 2
        handset.settle()
        assert bench.instruments.done.qsize() == 1


def test_what_is_no_order_is_dropped_and_the_next_one_done(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with bench.configured() as handset:
        handset.send(b"secret")
        handset.send(encode(OrderTaken(CALL)))
        handset.order(o.StopTone())
        handset.settle()
        assert bench.instruments.done.get() == (o.StopTone(), None)
    assert "not understood" in caplog.text
    assert "secret" not in caplog.text


def test_calls_outlive_the_handset_and_the_next_one_finds_them(bench: Bench) -> None:
    with bench.configured() as handset:
        handset.order(PLACE)
        assert handset.hear() == OrderTaken(CALL)
        bench.instruments.tell(ACTIVE)
        assert handset.hear() == ACTIVE
    assert bench.instruments.gone.get(timeout=PATIENCE_S) is True
    with bench.meet() as handset:
        _, found = handset.greeted()
        assert [(each.call_id, each.state) for each in found.calls] == [(CALL, CallState.ACTIVE)]
        assert bench.instruments.stops == 0
        assert bench.instruments.call_ends == 0


def test_without_calls_all_is_shut_when_the_handset_goes(bench: Bench) -> None:
    with bench.configured() as handset:
        handset.order(PLACE)
        handset.hear()
        bench.instruments.tell(END)
        handset.hear()
    assert bench.instruments.gone.get(timeout=PATIENCE_S) is False
    assert bench.runs


def test_what_happens_without_a_handset_is_heard_by_the_next(bench: Bench) -> None:
    with bench.configured() as handset:
        handset.settle()
    bench.instruments.gone.get(timeout=PATIENCE_S)
    incoming = n.IncomingCallReceived(CALL, ANNA)
    for news in (text(1), incoming, END):
        bench.instruments.tell(news)
    with bench.meet() as handset:
        handset.greeted()
        assert [handset.hear() for _ in range(3)] == [text(1), incoming, END]


def test_what_a_handset_takes_no_more_is_heard_by_the_next(bench: Bench) -> None:
    with bench.configured() as stuck:
        stuck.settle()
        told = 0
        while bench.voice._connection is not None:
            told += 1
            bench.instruments.tell(text(told))
            assert told < 100_000
        heard = [news for news in stuck.hear_all() if isinstance(news, n.MessageReceived)]
    with bench.meet() as handset:
        handset.greeted()
        handset.order(AskReport())
        while (news := handset.hear()) != REPORT:
            assert isinstance(news, n.MessageReceived)
            heard.append(news)
    assert heard == [text(number) for number in range(1, told + 1)]


def test_calls_whose_handset_does_not_come_back_are_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with bench.configured() as handset:
        handset.order(PLACE)
        handset.hear()
    assert bench.instruments.gone.get(timeout=PATIENCE_S) is True
    assert bench.instruments.call_ends == 0
    monkeypatch.setattr(process, "_ORPHANED_S", 0.05)
    wait_until(lambda: bench.instruments.call_ends == 1)
    with bench.meet() as handset:
        _, found = handset.greeted()
        assert [each.state for each in found.calls] == [CallState.DISCONNECTED]


def test_a_handset_that_turns_voice_away_is_none_and_is_not_asked_without_a_pause(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with bench.configured() as handset:
        handset.order(PLACE)
        handset.hear()
    bench.instruments.gone.get(timeout=PATIENCE_S)
    caplog.clear()
    monkeypatch.setattr(process, "_ORPHANED_S", 0.1)
    with closing(bench.listen()) as listener:
        began_s, tries = time.monotonic(), 0
        while not bench.instruments.call_ends:
            listener.accept()[0].close()
            tries += 1
            assert time.monotonic() - began_s < PATIENCE_S
        # It waits 10 ms at least.
        assert tries <= 100 * (time.monotonic() - began_s) + 1
    assert "The handset is there." not in caplog.messages
