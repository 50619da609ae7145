"""What a recorder believes of a pipe whose other end somebody may have taken over."""

import logging
import os
import threading
from collections.abc import Iterator

import pytest

from firmware.ports.sound import SOUND_RATE_HZ
from firmware.voice.audio.recorder import RecordingFate, SoundRecorder
from firmware.voice.audio.sound_pipe import PERIOD_NUMBER, PipeTap
from firmware.voice.audio.tap_reader import TapReader
from tests.lab.patience import PATIENCE_S
from tests.unit.voice.audio.test_recorder import PlainEncoder, Sink

PERIOD = 160
NEAR, FAR, SILENCE = b"n" * 2 * PERIOD, b"f" * 2 * PERIOD, bytes(2 * PERIOD)
PERIODS_A_SECOND = 100


def record(number: int, near: bytes = NEAR, far: bytes = FAR) -> bytes:
    return PERIOD_NUMBER.pack(number) + near + far


class Line:
    """A reader in a time of its own, and the end that somebody else writes to."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.reader = TapReader(rate_hz=SOUND_RATE_HZ, period_frames=PERIOD, clock=lambda: self.now_s)
        self._write_ends: list[int] = []
        self.open()

    def open(self) -> None:
        write_end = self.reader.open()
        assert write_end is not None
        os.set_blocking(write_end, False)
        self._write_ends.append(write_end)

    def write(self, data: bytes) -> None:
        os.write(self._write_ends[-1], data)

    def flood(self) -> None:
        """Write numbered periods until no more fit."""
        number = 0
        try:
            while True:
                self.write(record(number))
                number += 1
        except BlockingIOError:
            pass

    def hang_up(self) -> None:
        os.close(self._write_ends.pop())

    def stop(self) -> None:
        self.reader.end()
        while self._write_ends:
            self.hang_up()


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.stop()


def test_a_pipe_holds_what_is_said_while_a_card_is_stuck(line: Line) -> None:
    line.flood()
    line.now_s += 20
    near, far = line.reader.take()
    assert len(near) == len(far) > 15 * 2 * SOUND_RATE_HZ


def test_what_comes_while_the_thread_is_held_up_is_not_too_much(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    read = os.read

    def read_late(descriptor: int, size: int) -> bytes:
        line.now_s += 2.0
        for number in range(2 * PERIODS_A_SECOND):
            line.write(record(number))
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", read_late)
    near, _ = line.reader.take()
    assert len(near) == 2 * 2 * SOUND_RATE_HZ


def test_a_missing_period_is_silence_on_both_sides(line: Line) -> None:
    line.write(record(0) + record(3) + record(4))
    assert line.reader.take() == (NEAR + 2 * SILENCE + 2 * NEAR, FAR + 2 * SILENCE + 2 * FAR)
    assert line.reader.lost_s == pytest.approx(0.02)


def test_what_comes_after_the_reader_was_closed_is_refused_at_once(line: Line) -> None:
    line.write(record(0))
    line.reader.close()
    with pytest.raises(BrokenPipeError):
        line.write(record(1))
    line.open()
    line.write(record(0, FAR, NEAR))
    assert line.reader.take() == (NEAR + FAR, FAR + NEAR)
    assert line.reader.lost_s == 0
    line.reader.end()
    assert line.reader.open() is None


def test_an_open_reader_keeps_its_pipe(line: Line) -> None:
    assert line.reader.open() is None
    line.write(record(0))
    assert line.reader.take() == (NEAR, FAR)


def test_half_a_period_waits_for_its_other_half_and_not_for_the_next_pipe(line: Line) -> None:
    line.write(record(0)[:100])
    assert line.reader.take() == (b"", b"")
    line.write(record(0)[100:] + record(1)[:7])
    assert line.reader.take() == (NEAR, FAR)
    line.reader.close()
    line.open()
    line.write(record(0))
    assert line.reader.take() == (NEAR, FAR)


def test_all_that_was_written_is_read_when_the_other_end_is_gone(line: Line) -> None:
    line.write(record(0))
    line.hang_up()
    assert line.reader.take() == (NEAR, FAR)
    assert line.reader.take() == (b"", b"")


def test_no_more_sound_is_believed_than_time_has_passed_and_that_is_said_once(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    began_s, bytes_believed = line.now_s, 0
    with caplog.at_level(logging.WARNING):
        for _ in range(40):
            line.flood()
            line.now_s += 0.5
            bytes_believed += len(line.reader.take()[0])
            line.reader.close()
            line.open()
    believed_s = bytes_believed / 2 / SOUND_RATE_HZ
    assert 20 <= believed_s <= 1.001 * (line.now_s - began_s) + 1
    assert len(caplog.records) == 1


@pytest.mark.parametrize("number", [2**31, 2**32 - 1, 10**6])
def test_a_number_out_of_the_blue_makes_no_silence(line: Line, number: int) -> None:
    line.now_s += 3600
    line.write(record(0) + record(number))
    assert line.reader.take() == (NEAR, FAR)


def test_an_hour_without_a_word_is_believed_to_be_a_minute_of_silence_at_most(line: Line) -> None:
    line.now_s += 3600
    for number in range(0, 10**6, 5000):
        line.write(record(number))
    near, _ = line.reader.take()
    assert len(near) <= 60 * 2 * SOUND_RATE_HZ


class Recorder:
    """A recorder's real thread in real time, and a tap in the hands of a stranger."""

    def __init__(self) -> None:
        self.write_end = -1
        self.beats = threading.Semaphore(0)
        self.sink = Sink()
        self.fate: RecordingFate | None = None
        self.is_over = threading.Event()
        self.sound = SoundRecorder(self._tap, self.beats.release, rate_hz=SOUND_RATE_HZ, period_frames=PERIOD)
        self.sound.start()
        self.sound.record(PlainEncoder(), self.sink, self._take)

    def _tap(self, write_end: int) -> None:
        os.set_blocking(write_end, False)
        self.write_end = write_end

    def _take(self, fate: RecordingFate) -> None:
        self.fate = fate
        self.is_over.set()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.sound.stop()
    os.close(recorder.write_end)


@pytest.mark.parametrize("garbage", [b"", b"?", os.urandom(60_001)])
def test_a_recorder_outlives_whatever_a_tap_says_and_never_waits_for_its_end(
    recorder: Recorder, garbage: bytes
) -> None:
    os.write(recorder.write_end, garbage)
    for _ in range(3):
        assert recorder.beats.acquire(timeout=PATIENCE_S)
    recorder.sound.finish()
    assert recorder.is_over.wait(PATIENCE_S)
    assert recorder.fate is not None
    assert recorder.fate.fault is None
    assert recorder.sink.is_finished


def test_a_tap_goes_wherever_the_recorder_wants_it_and_only_while_it_does() -> None:
    tap, opened = PipeTap(period_frames=PERIOD), list[int]()

    def open_tap(write_end: int) -> None:
        opened.append(write_end)
        tap.open(write_end)

    sound = SoundRecorder(open_tap, lambda: None, rate_hz=SOUND_RATE_HZ, period_frames=PERIOD)
    sound.resume()
    assert opened == []
    sound.record(PlainEncoder(), Sink(), lambda _fate: None, is_paused=True)
    assert opened == []
    sound.resume()
    sound.resume()
    assert len(opened) == 1
    sound.pause()
    sound.resume()
    assert len(opened) == 2
    sound.finish()
    sound.resume()
    assert len(opened) == 2
    tap.close()
