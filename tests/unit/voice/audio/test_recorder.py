"""The recorder's thread behind its pipe, with sinks that are slow, full or broken."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from firmware.base.errors import MediaError, StorageError
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.store.errors import StoreFullError
from firmware.voice.audio.recorder import RecordingFate, SoundRecorder
from firmware.voice.audio.sound_pipe import PipeTap
from tests.lab.patience import PATIENCE_S

PERIOD = 160
NEAR, FAR = np.full(PERIOD, 1000, "<i2").tobytes(), np.full(PERIOD, -2000, "<i2").tobytes()


class PlainEncoder:
    """Encodes nothing, so that a test sees every sample."""

    def head(self) -> bytes:
        return b"head"

    def encode(self, sound: bytes, *, is_last: bool = False) -> bytes:
        return sound


class Sink:
    """Keeps chunks; a gate may hold it up, a fault break it."""

    def __init__(self) -> None:
        self.chunks: list[tuple[bytes, int]] = []
        self.is_finished = False
        self.fault: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.is_held_up = threading.Event()
        self.written = threading.Semaphore(0)

    @property
    def samples(self) -> list[list[int]]:
        """Pairs of near and far."""
        sound = b"".join(chunk for chunk, _ in self.chunks[1:])
        return np.frombuffer(sound, "<i2").reshape(-1, 2).tolist()

    def write(self, chunk: bytes, samples: int) -> None:
        if not self.gate.is_set():
            self.is_held_up.set()
        assert self.gate.wait(PATIENCE_S)
        if self.fault is not None:
            raise self.fault
        self.chunks.append((chunk, samples))
        self.written.release()

    def finish(self) -> None:
        self.is_finished = True


class Studio:
    def __init__(self, rate_hz: int = SOUND_RATE_HZ, period_frames: int = PERIOD) -> None:
        self.tap = PipeTap(period_frames=period_frames)
        self.now_s = 0.0
        self.beats = 0
        self.recorder = SoundRecorder(
            self.tap.open, self._beat, rate_hz=rate_hz, period_frames=period_frames, clock=lambda: self.now_s
        )
        self.sink = Sink()
        self.fates: list[RecordingFate] = []
        self._over = threading.Event()

    def record(self) -> None:
        self.recorder.record(PlainEncoder(), self.sink, self._take)

    def hear(self, seconds: float, near: bytes | None = NEAR, far: bytes = FAR) -> None:
        for _ in range(round(seconds * 100)):
            self.now_s += 0.01
            self.tap.put(near, far)

    def is_tapped(self) -> bool:
        """Whether what is said from now on goes anywhere."""
        self.hear(0.01)
        return self.tap._write_end is not None

    def wait_for_chunks(self, count: int) -> None:
        for _ in range(count):
            assert self.sink.written.acquire(timeout=PATIENCE_S)

    def wait_for_fate(self) -> RecordingFate:
        assert self._over.wait(PATIENCE_S)
        self._over.clear()
        return self.fates[-1]

    def _take(self, fate: RecordingFate) -> None:
        self.fates.append(fate)
        self._over.set()

    def _beat(self) -> None:
        self.beats += 1


@pytest.fixture
def studio(request: pytest.FixtureRequest) -> Iterator[Studio]:
    studio = Studio(*getattr(request, "param", ()))
    studio.recorder.start()
    yield studio
    studio.sink.gate.set()
    studio.recorder.stop()


def test_each_second_is_a_chunk_and_the_rest_comes_with_the_end(studio: Studio) -> None:
    studio.record()
    studio.hear(2.5)
    studio.wait_for_chunks(3)
    assert [samples for _, samples in studio.sink.chunks] == [0, 16_000, 16_000]
    studio.recorder.finish()
    assert studio.wait_for_fate() == RecordingFate(0.0, None)
    assert studio.sink.is_finished
    assert [samples for _, samples in studio.sink.chunks] == [0, 16_000, 16_000, 8_000]
    assert studio.sink.chunks[0][0] == b"head"


def test_near_is_left_far_is_right_and_mute_is_silence(studio: Studio) -> None:
    studio.record()
    studio.hear(0.5)
    studio.hear(0.5, near=None)
    studio.recorder.finish()
    studio.wait_for_fate()
    assert studio.sink.samples == [[1000, -2000]] * 8000 + [[0, -2000]] * 8000


@pytest.mark.parametrize(("studio", "period"), [((8_000, 80), 80), ((48_000, 480), 480)], indirect=["studio"])
def test_a_card_of_another_rate_is_recorded_at_16_khz(studio: Studio, period: int) -> None:
    studio.record()
    near, far = (np.full(period, value, "<i2").tobytes() for value in (1000, -2000))
    studio.hear(2, near, far)
    studio.recorder.finish()
    studio.wait_for_fate()
    assert len(studio.sink.samples) == pytest.approx(32_000, abs=4)
    assert studio.sink.samples[100] == pytest.approx([1000, -2000], abs=2)


def test_what_is_heard_before_and_in_a_pause_is_not_recorded(studio: Studio) -> None:
    studio.hear(1, far=NEAR)
    studio.record()
    studio.hear(0.25)
    studio.recorder.pause()
    studio.hear(1, far=NEAR)
    studio.recorder.resume()
    studio.hear(0.25)
    studio.recorder.finish()
    studio.hear(1, far=NEAR)
    studio.wait_for_fate()
    assert studio.sink.samples == [[1000, -2000]] * 8000


def test_a_finished_recording_cannot_be_resumed(studio: Studio) -> None:
    studio.record()
    studio.recorder.finish()
    studio.recorder.resume()
    studio.wait_for_fate()
    assert not studio.is_tapped()


def test_a_recorder_that_is_behind_loses_sound_counts_it_and_puts_silence_in_its_place(studio: Studio) -> None:
    studio.sink.gate.clear()
    studio.record()
    assert studio.sink.is_held_up.wait(PATIENCE_S)
    studio.hear(20)
    studio.sink.gate.set()
    studio.wait_for_chunks(1 + 15)
    studio.hear(1)
    studio.recorder.finish()
    fate = studio.wait_for_fate()
    assert 4 < fate.lost_s <= 5.0
    assert fate.fault is None
    lost_samples = round(fate.lost_s * 16_000)
    kept, lost = [[1000, -2000]], [[0, 0]]
    assert studio.sink.samples == kept * (20 * 16_000 - lost_samples) + lost * lost_samples + kept * 16_000


@pytest.mark.parametrize("fault", [StoreFullError("There is no room."), StorageError("The card is gone.")])
def test_a_sink_that_fails_ends_the_recording_and_says_why(studio: Studio, fault: StorageError) -> None:
    studio.record()
    studio.hear(1)
    studio.wait_for_chunks(2)
    studio.sink.fault = fault
    studio.hear(1)
    assert studio.wait_for_fate() == RecordingFate(0.0, fault)
    assert not studio.sink.is_finished
    assert not studio.is_tapped()
    studio.sink = Sink()
    studio.record()
    studio.hear(1)
    studio.recorder.finish()
    assert studio.wait_for_fate().fault is None


def test_a_mistake_in_the_encoder_ends_the_recording_and_not_the_thread(studio: Studio) -> None:
    studio.sink.fault = ZeroDivisionError()
    studio.record()
    assert isinstance(studio.wait_for_fate().fault, MediaError)
    studio.sink.fault = None
    studio.record()
    studio.recorder.finish()
    assert studio.wait_for_fate().fault is None


def test_one_call_is_recorded_at_a_time(studio: Studio) -> None:
    studio.record()
    with pytest.raises(MediaError, match="recorded already"):
        studio.record()


def test_stopping_brings_a_recording_to_its_end(studio: Studio) -> None:
    studio.record()
    studio.hear(0.5)
    studio.recorder.stop()
    assert studio.sink.is_finished
    assert studio.fates == [RecordingFate(0.0, None)]


def test_the_thread_shows_signs_of_life_while_it_records(studio: Studio) -> None:
    studio.record()
    before = studio.beats
    studio.hear(3)
    studio.wait_for_chunks(4)
    studio.recorder.finish()
    studio.wait_for_fate()
    assert studio.beats > before
