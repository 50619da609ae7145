"""Makes sound, plays and records it, and finds it again: tones with their gaps, chirps with their delay."""

import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import alsaaudio
import numpy as np
import numpy.typing as npt

from tests.lab.priority import carry_sound

Samples = npt.NDArray[np.float64]

RATE_HZ = 48_000
_PERIOD_FRAMES = 240
_ENVELOPE_WINDOW_S = 0.01


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono sound, full scale being 32767.

    Attributes:
        began_at: `time.monotonic()` at the first sample, where it was recorded.
    """

    samples: Samples
    rate_hz: int = RATE_HZ
    began_at: float = 0.0

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate_hz

    @property
    def pcm(self) -> bytes:
        """The sound as 16-bit little-endian frames."""
        return bytes(np.clip(np.rint(self.samples), -32768, 32767).astype("<i2").tobytes())

    @classmethod
    def from_pcm(cls, pcm: bytes, rate_hz: int, began_at: float = 0.0) -> Self:
        return cls(np.frombuffer(pcm, "<i2").astype(np.float64), rate_hz, began_at)

    def between(self, start_s: float, end_s: float) -> "Sound":
        """Cut out the part between two moments, in seconds from the beginning."""
        first, last = max(0, round(start_s * self.rate_hz)), max(0, round(end_s * self.rate_hz))
        return Sound(self.samples[first:last], self.rate_hz, self.began_at + first / self.rate_hz)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a recording, in seconds from its beginning."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Latency:
    """How long chirps took from one PCM to another.

    Attributes:
        sent: how many chirps were seen where they were played.
        values_ms: the delay of each that arrived.
    """

    sent: int
    values_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        return float(np.median(self.values_ms))

    @property
    def p95_ms(self) -> float:
        return float(np.percentile(self.values_ms, 95))

    def __str__(self) -> str:
        if not self.values_ms:
            return f"none of {self.sent} chirps arrived"
        low, high = min(self.values_ms), max(self.values_ms)
        return f"{len(self.values_ms)} of {self.sent}: {low:.0f}/{self.median_ms:.0f}/{high:.0f} ms"


# --- making -----------------------------------------------------------------------------------------------------------


def tone(
    frequencies_hz: Sequence[float],
    duration_s: float,
    *,
    rate_hz: int = RATE_HZ,
    amplitude: float = 8000,
    ramp_s: float = 0.005,
) -> Sound:
    """Make a sum of sines that peaks at `amplitude`, with ramps so that it starts and ends without a click."""
    moments = np.arange(round(duration_s * rate_hz)) / rate_hz
    samples = np.sum([np.sin(2 * np.pi * frequency * moments) for frequency in frequencies_hz], axis=0)
    samples *= amplitude / len(frequencies_hz)
    ramp = np.linspace(0, 1, round(ramp_s * rate_hz))
    if len(ramp):
        samples[: len(ramp)] *= ramp
        samples[-len(ramp) :] *= ramp[::-1]
    return Sound(samples, rate_hz)


def chirp(*, rate_hz: int = RATE_HZ, amplitude: float = 16_000) -> Sound:
    """Make 20 ms that rise from 400 to 3,000 Hz: narrow-band codecs pass it, and a matched filter finds it exactly."""
    length_s = 0.02
    moments = np.arange(round(length_s * rate_hz)) / rate_hz
    phase = 2 * np.pi * (400 * moments + (3000 - 400) / (2 * length_s) * moments**2)
    return Sound(amplitude * np.sin(phase) * np.hanning(len(moments)), rate_hz)


def chirp_train(count: int, *, seed: int = 1) -> Sound:
    """Make chirps some 0.9 s apart, at distances that no 10 or 20 ms frame divides."""
    random = np.random.default_rng(seed)
    one = chirp().samples
    samples = np.zeros(round(RATE_HZ * (count * 0.9 + 1)))
    for number in range(count):
        first = round(RATE_HZ * (0.5 + number * 0.9 + random.random() * 0.1))
        samples[first : first + len(one)] += one
    return Sound(samples)


# --- playing and recording --------------------------------------------------------------------------------------------


class Recorder:
    """Records a PCM until it is stopped; use it as a context manager or by `start` and `stop`."""

    def __init__(self, pcm: str) -> None:
        self._name = pcm
        self._frames: list[bytes] = []
        self._recorded = 0
        self._began_at = float("inf")
        self._stopping = False
        self._flowing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"record-{pcm}", daemon=True)

    def start(self) -> Self:
        """Return once sound flows in."""
        self._thread.start()
        if not self._flowing.wait(10):
            raise RuntimeError(f"{self._name} gave no sound within 10 s")
        return self

    def stop(self) -> Sound:
        """Return what was recorded."""
        self._stopping = True
        self._thread.join(5)
        return self.sound

    @property
    def sound(self) -> Sound:
        """What has been recorded so far."""
        return Sound.from_pcm(b"".join(self._frames), RATE_HZ, self._began_at)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        carry_sound(threading.get_native_id())
        pcm = alsaaudio.PCM(
            alsaaudio.PCM_CAPTURE, alsaaudio.PCM_NORMAL, device=self._name, rate=RATE_HZ, channels=1,
            format=alsaaudio.PCM_FORMAT_S16_LE, periodsize=_PERIOD_FRAMES, periods=40,
        )  # fmt: skip
        settling = 20
        while not self._stopping:
            length, frames = pcm.read()
            if length <= 0:
                continue
            self._frames.append(frames)
            self._recorded += length
            if settling:
                settling -= 1
                if not settling:
                    self._flowing.set()
                continue
            # A read may be late but never early: the earliest estimate of the beginning is the best one.
            self._began_at = min(self._began_at, time.monotonic() - self._recorded / RATE_HZ)
        pcm.close()


def record(pcm: str, duration_s: float) -> Sound:
    """Record a PCM for a time."""
    recorder = Recorder(pcm).start()
    threading.Event().wait(duration_s)
    return recorder.stop()


@contextmanager
def playing(sink: str, sound: Sound, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Play to a PulseAudio sink meanwhile; what is left at the end is not heard."""
    # Not by a pipe: once its other end is closed, paplay spins until the server takes what it has read.
    with tempfile.TemporaryFile() as pcm:
        pcm.write(sound.pcm)
        pcm.seek(0)
        player = subprocess.Popen(
            [
                "paplay", "--raw", "--format=s16le", "--channels=1", f"--rate={sound.rate_hz}", "--latency-msec=200",
                f"--device={sink}",
            ],
            env=environment,
            stdin=pcm,
        )  # fmt: skip
    try:
        carry_sound(player.pid)
        yield player
    finally:
        player.kill()
        player.wait()


def play(sink: str, sound: Sound, environment: dict[str, str] | None = None) -> None:
    """Play to a PulseAudio sink and return when the last sample is out."""
    with playing(sink, sound, environment) as player:
        code = player.wait(timeout=sound.duration_s + 15)
    assert code == 0, "paplay failed"


def start_playing(sink: str, sound: Sound) -> threading.Thread:
    """Play in the background; join the thread to wait for the end."""
    thread = threading.Thread(target=play, args=(sink, sound), name=f"play-{sink}", daemon=True)
    thread.start()
    return thread


# --- finding ----------------------------------------------------------------------------------------------------------


def envelope(sound: Sound, frequency_hz: float) -> Samples:
    """Return the amplitude of one frequency over time, one value a sample, smoothed over 10 ms.

    A moving average is symmetrical: a gap longer than its window is as long in the envelope, measured at half height.
    """
    moments = np.arange(len(sound.samples)) / sound.rate_hz
    shifted = sound.samples * np.exp(-2j * np.pi * frequency_hz * moments)
    window = round(_ENVELOPE_WINDOW_S * sound.rate_hz)
    sums = np.cumsum(np.concatenate([np.zeros(1), shifted]))
    average = (sums[window:] - sums[:-window]) / window
    padding = np.zeros(window // 2)
    height: Samples = 2 * np.abs(np.concatenate([padding, average, padding]))
    return height[: len(sound.samples)]


def find_tone(
    sound: Sound, frequencies_hz: Sequence[float], *, threshold: float = 500, shortest_s: float = 0.005
) -> list[Span]:
    """Return where all the frequencies sound at once, each at an amplitude above `threshold`."""
    present = np.ones(len(sound.samples), dtype=bool)
    for frequency in frequencies_hz:
        present &= envelope(sound, frequency) > threshold
    return [span for span in _spans(present, sound.rate_hz) if span.duration_s >= shortest_s]


def gaps(sound: Sound, frequency_hz: float, *, shortest_s: float = 0.005) -> list[Span]:
    """Return where a lone steady tone is missing, between its first and its last moment.

    Two tones less than 200 Hz apart beat within the envelope's window and would look like gaps.
    """
    level = envelope(sound, frequency_hz)
    present = level > np.percentile(level, 90) / 2
    if not present.any():
        return [Span(0.0, sound.duration_s)]
    first, last = int(np.argmax(present)), len(present) - int(np.argmax(present[::-1]))
    offset_s = first / sound.rate_hz
    return [
        Span(span.start_s + offset_s, span.end_s + offset_s)
        for span in _spans(~present[first:last], sound.rate_hz)
        if span.duration_s >= shortest_s
    ]


def level(sound: Sound, frequency_hz: float) -> float:
    """Return the amplitude of one frequency in the whole of a sound (Goertzel)."""
    if not len(sound.samples):
        return 0.0
    turns = np.exp(-2j * np.pi * frequency_hz * np.arange(len(sound.samples)) / sound.rate_hz)
    return float(2 * np.abs(np.mean(sound.samples * turns)))


def first_heard_at(sound: Sound, frequencies_hz: Sequence[float], *, threshold: float = 500) -> float | None:
    """Return `time.monotonic()` at the first moment of a recorded tone, None where it never sounds."""
    spans = find_tone(sound, frequencies_hz, threshold=threshold)
    return sound.began_at + spans[0].start_s if spans else None


def loudest(sound: Sound, frequency_hz: float, window_s: float = 0.2) -> float:
    """Return the amplitude of one frequency where a sound has most of it, over a window."""
    starts = np.arange(0, max(sound.duration_s - window_s, 0) + window_s / 4, window_s / 4)
    return max(level(sound.between(start, start + window_s), frequency_hz) for start in starts)


def loudest_frequencies(sound: Sound, count: int) -> list[float]:
    """Return the `count` strongest frequencies in Hz, in rising order, to within some 2 Hz."""
    padded = 1 << (max(len(sound.samples), sound.rate_hz * 2) - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(sound.samples * np.hanning(len(sound.samples)), padded))
    found: list[float] = []
    skirt = max(1, round(padded * 4 / len(sound.samples)))
    for _ in range(count):
        peak = int(np.argmax(spectrum))
        found.append(peak * sound.rate_hz / padded)
        spectrum[max(0, peak - skirt) : peak + skirt] = 0
    return sorted(found)


def chirps(sound: Sound, *, threshold: float = 0.5) -> list[float]:
    """Return when chirps begin, in seconds from the beginning of the recording."""
    match = _match(sound)
    moments, index, limit = [], 0, float(np.max(match, initial=0.0)) * threshold
    above = np.flatnonzero(match > limit) if limit > 0 else np.array([], dtype=int)
    while len(above := above[above >= index]):
        first = int(above[0])
        peak = first + int(np.argmax(match[first : first + round(0.03 * sound.rate_hz)]))
        moments.append(peak / sound.rate_hz)
        index = peak + round(0.5 * sound.rate_hz)
    return moments


def measure_latency(sink: str, sent_at: str, heard_at: str, *, count: int = 10) -> Latency:
    """Play chirps into a sink and measure how long each takes from one PCM to another.

    Args:
        sink: the PulseAudio sink that a phone's microphone listens to.
        sent_at: the PCM that monitors that sink.
        heard_at: the PCM that monitors the other phone's earpiece.
        count: how many chirps, 0.9 s each.
    """
    sent, heard = Recorder(sent_at).start(), Recorder(heard_at).start()
    play(sink, chirp_train(count))
    threading.Event().wait(0.7)
    return latency_between(sent.stop(), heard.stop())


def latency_between(sent: Sound, heard: Sound) -> Latency:
    """Find each chirp of one recording in another, up to 0.7 s later."""
    match = _match(heard)
    faint = max(0.15 * float(np.max(match, initial=0.0)), 1.0)
    moments = chirps(sent)
    values = []
    for moment in moments:
        expected = moment + sent.began_at - heard.began_at
        first = max(0, round((expected - 0.01) * heard.rate_hz))
        part = match[first : first + round(0.7 * heard.rate_hz)]
        if len(part) and np.max(part) >= faint:
            values.append(((first + int(np.argmax(part))) / heard.rate_hz - expected) * 1000)
    return Latency(len(moments), tuple(values))


def _match(sound: Sound) -> Samples:
    """Matched filter: the height is the amplitude of a chirp that begins at that sample."""
    pattern = chirp(rate_hz=sound.rate_hz, amplitude=1).samples
    if len(sound.samples) < len(pattern):
        return np.zeros(0)
    length = 1 << (len(sound.samples) + len(pattern) - 1).bit_length()
    spectrum = np.fft.rfft(sound.samples, length) * np.conj(np.fft.rfft(pattern, length))
    match = np.fft.irfft(spectrum, length)[: len(sound.samples) - len(pattern) + 1]
    height: Samples = np.abs(match) / float(np.sum(pattern**2))
    return height


def _spans(mask: npt.NDArray[np.bool_], rate_hz: int) -> list[Span]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [Span(int(first) / rate_hz, int(last) / rate_hz) for first, last in edges.reshape(-1, 2)]
