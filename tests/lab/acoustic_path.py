"""A loudspeaker, a room and a microphone in numbers, and voices to send through them."""

import subprocess
import tempfile
import wave
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from tests.lab.audio import Samples, Sound

RATE_HZ: Final = 16_000
_FULL_SCALE: Final = 32768.0
_RECORDED: Final = ("Front_Center", "Rear_Left", "Side_Right", "Front_Right", "Rear_Center", "Side_Left")
_PAUSE_S: Final = 0.2
# Later images of the hall are below its noise.
_MOST_IMAGES: Final = 20
_SPOKEN: Final = {
    "en-us": "The train to the coast leaves at seven in the morning from platform nine. Please bring two sandwiches, "
    "since the buffet is closed. If it rains we shall meet under the big clock.",
    "en-gb": "She had your dark suit in greasy wash water all year. Do not ask me to carry an oily rag like that.",
    "en-us+f3": "The quick brown fox jumps over the lazy dog, while the judge packs five dozen liquor jugs. My sister "
    "will carry the blue umbrella so that you can find us, and the band plays until the lights go out.",
}


class EchoSource(Protocol):
    """Whatever makes an echo."""

    def heard(self, played: Samples) -> Samples: ...


@dataclass(frozen=True, slots=True)
class AcousticPath:
    """From what is given to a loudspeaker to what a microphone hears of it.

    Attributes:
        delay_ms: until the direct sound arrives, with the queues of both PCMs.
        coupling_db: by how much the microphone hears less than was played.
        reverberation_s: until the room's answer has fallen by 60 dB.
        direct_db: by how much the direct sound is above all of the room's answer.
        noise_dbfs: the microphone's own.
        distortion: how far the loudspeaker is driven into its bend, by tanh; 0 where it has none.
    """

    delay_ms: float = 60
    coupling_db: float = 20
    reverberation_s: float = 0.1
    direct_db: float = 6
    noise_dbfs: float = -90
    distortion: float = 0

    def heard(self, played: Samples) -> Samples:
        """Return what the microphone hears of a sound, as long as the sound."""
        if self.distortion:
            played = np.tanh(played * self.distortion / _FULL_SCALE) * _FULL_SCALE / self.distortion
        return _through(self.impulse_response, played, self.noise_dbfs)

    @property
    def impulse_response(self) -> Samples:
        length = round(1.5 * self.reverberation_s * RATE_HZ)
        room = np.random.default_rng(1).standard_normal(length)
        room *= 10 ** (-3 * np.arange(length) / RATE_HZ / self.reverberation_s)
        # Reflections come after the direct sound: the nearest wall is some 30 cm away.
        room[:32] = 0
        room *= 10 ** (-self.direct_db / 20) / np.linalg.norm(room)
        room[0] = 1
        room *= 10 ** (-self.coupling_db / 20) / np.linalg.norm(room)
        return np.concatenate([np.zeros(round(self.delay_ms * RATE_HZ / 1000)), room])


@dataclass(frozen=True, slots=True)
class Moved:
    """A phone that is moved: the way of the echo changes at once."""

    before: EchoSource
    after: EchoSource
    after_s: float

    def heard(self, played: Samples) -> Samples:
        """Return what the microphone hears of a sound, as long as the sound."""
        first = round(self.after_s * RATE_HZ)
        return np.concatenate([self.before.heard(played)[:first], self.after.heard(played)[first:]])


@dataclass(frozen=True, slots=True)
class Room:
    """A room of six walls by their images (pyroomacoustics); places in metres from a corner.

    Attributes:
        size: length, width, height.
        reverberation_s: until the room's answer has fallen by 60 dB.
        loudspeaker, microphone: where they are.
        delay_ms: of both PCMs' queues.
        coupling_db: by how much the microphone hears less than was played.
        noise_dbfs: the microphone's own.
    """

    size: tuple[float, float, float]
    reverberation_s: float
    loudspeaker: tuple[float, float, float]
    microphone: tuple[float, float, float]
    delay_ms: float = 60
    coupling_db: float = 20
    noise_dbfs: float = -80

    def heard(self, played: Samples) -> Samples:
        """Return what the microphone hears of a sound, as long as the sound."""
        rooms = import_module("pyroomacoustics")
        absorption, order = rooms.inverse_sabine(self.reverberation_s, self.size)
        room = rooms.ShoeBox(
            self.size, fs=RATE_HZ, materials=rooms.Material(absorption), max_order=min(order, _MOST_IMAGES)
        )
        room.add_source(self.loudspeaker)
        room.add_microphone(self.microphone)
        room.compute_rir()
        answer = np.asarray(room.rir[0][0])
        answer *= 10 ** (-self.coupling_db / 20) / np.linalg.norm(answer)
        return _through(
            np.concatenate([np.zeros(round(self.delay_ms * RATE_HZ / 1000)), answer]), played, self.noise_dbfs
        )


def _through(answer: Samples, played: Samples, noise_dbfs: float) -> Samples:
    length = 1 << (len(played) + len(answer)).bit_length()
    echo = np.fft.irfft(np.fft.rfft(played, length) * np.fft.rfft(answer, length), length)[: len(played)]
    noise = np.random.default_rng(5).standard_normal(len(played)) * _FULL_SCALE * 10 ** (noise_dbfs / 20)
    heard: Samples = echo + noise
    return heard


@cache
def far_voice(*, dbfs: float = -20) -> Sound:
    """Return some 25 s of synthetic speech by three speakers."""
    return Sound(_levelled(np.concatenate([_spoken(*each) for each in _SPOKEN.items()]), dbfs), RATE_HZ)


@cache
def near_voice(*, dbfs: float = -24) -> Sound:
    """Return some 9 s of a recorded voice."""
    pause = np.zeros(round(_PAUSE_S * RATE_HZ))
    words = [_read(Path(f"/usr/share/sounds/alsa/{name}.wav")) for name in _RECORDED]
    return Sound(_levelled(np.concatenate([piece for word in words for piece in (word, pause)]), dbfs), RATE_HZ)


def level_db(samples: Samples) -> float:
    """Return the mean power, in dB below a square wave of full scale."""
    return float(10 * np.log10(max(float(np.mean(np.square(samples))), 1e-3)) - 20 * np.log10(_FULL_SCALE))


def _spoken(voice: str, text: str) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-w", path, text], check=True)
        return _read(path)


def _read(path: Path) -> Samples:
    """Return a file's first channel at our rate, band-limited."""
    with wave.open(str(path)) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        length = round(len(frames) * RATE_HZ / file.getframerate())
    spectrum = np.fft.rfft(frames[:, 0])[: length // 2 + 1]
    spectrum = np.pad(spectrum, (0, length // 2 + 1 - len(spectrum)))
    samples: Samples = np.fft.irfft(spectrum, length) * (length / len(frames))
    return samples


def _levelled(samples: Samples, dbfs: float) -> Samples:
    """Bring speech to a level, measured while somebody speaks."""
    pieces = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    loudness = np.sqrt(np.mean(pieces**2, axis=1))
    spoken = np.sqrt(np.mean(loudness[loudness > loudness.max() / 20] ** 2))
    levelled: Samples = samples * _FULL_SCALE * 10 ** (dbfs / 20) / spoken
    return levelled
