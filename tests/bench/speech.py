"""Speech to send through a bad line, and how well and how late it comes out of a phone."""

import subprocess
import tempfile
import wave
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pesq

from tests.lab.audio import Samples, Sound

RATE_HZ: Final = 16_000
_NARROW_HZ: Final = 8_000
_RECORDED: Final = ("Front_Center", "Rear_Left", "Side_Right", "Front_Left", "Rear_Right")
# Two of the Harvard sentences (IEEE 297). espeak-ng would not do: between its harmonics there is nothing at all, and
# PESQ-WB takes what G.722 puts there for 1.0 to 1.2 of the scale, with no phone and no line.
_SPOKEN: Final = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background."
_PAUSE_S: Final = 0.35
_PEAK: Final = 12_000
# A quiet room, 81 dB below full scale. No microphone hears digital silence, and no judge has learned from it.
_ROOM: Final = 3.0
# How far each delay is looked for, and over what stretch of speech: a peer that was just started can be 1.3 s late.
LATEST_S: Final = 2.0
_STRETCH_S: Final = 0.8


class Voice(Enum):
    """Who speaks: a woman who was recorded, and a synthetic man whose sounds were."""

    WOMAN = "woman"
    MAN = "man"


@dataclass(frozen=True, slots=True)
class Heard:
    """How speech came out of a phone.

    Attributes:
        pesq: ITU-T P.862.2 (wideband) or P.862 mean opinion score.
        delays_ms: of each stretch of the speech.
    """

    pesq: float
    delays_ms: tuple[float, ...]

    @property
    def delay_ms(self) -> float:
        """Median over the speech."""
        return float(np.median(self.delays_ms))


@cache
def speech(voice: Voice = Voice.WOMAN) -> Sound:
    """Return some 6 to 8 s of speech in a quiet room."""
    match voice:
        case Voice.WOMAN:
            parts = [_read(Path(f"/usr/share/sounds/alsa/{name}.wav")) for name in _RECORDED]
        case Voice.MAN:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "spoken.wav"
                subprocess.run(["flite", "-voice", "kal16", "-t", _SPOKEN, "-o", path], check=True)
                parts = [_read(path)]
    pause = np.zeros(round(_PAUSE_S * RATE_HZ))
    joined = np.concatenate([piece for part in parts for piece in (_trimmed(part), pause)])
    return Sound(joined + room(len(joined)).samples, RATE_HZ)


def room(length: int) -> Sound:
    """Return that many samples of a quiet room, the same ones each time."""
    return Sound(np.random.default_rng(1).normal(0, _ROOM, length), RATE_HZ)


def judge(sent: Sound, heard: Sound, *, wideband: bool) -> Heard:
    """Compare what a phone played with what was said to it.

    Args:
        sent: `began_at` says when the first sample would have entered a microphone.
        heard: `began_at` says when recording began; it goes on well after the end of what was sent.
        wideband: of the codec.

    Raises:
        ValueError: nothing like speech was heard.
    """
    delays_s = _delays_s(sent, heard)
    played = part_heard(sent, heard, float(np.median(delays_s)))
    rate_hz = RATE_HZ if wideband else _NARROW_HZ
    try:
        score = pesq.pesq(
            rate_hz, resampled(sent, rate_hz).samples, resampled(played, rate_hz).samples, "wb" if wideband else "nb"
        )
    except pesq.PesqError as error:
        raise ValueError(f"PESQ finds no speech in what was heard: {error}") from error
    return Heard(float(score), tuple(delay_s * 1000 for delay_s in delays_s))


def part_heard(sent: Sound, heard: Sound, delay_s: float) -> Sound:
    """Cut what was sent, and came so much later, out of what was heard, with a little before and after it."""
    start_s = sent.began_at + delay_s - heard.began_at
    return heard.between(start_s - 0.2, start_s + sent.duration_s + 0.3)


def located(said: Sound, recorded: Sound) -> Sound:
    """Find what was said in what a microphone was given, and return it as it was given there, with its moment.

    Raises:
        ValueError: it is not there.
    """
    narrow = resampled(recorded, RATE_HZ)
    if len(narrow.samples) < len(said.samples):
        raise ValueError("The microphone was given less than what was said.")
    first = int(np.argmax(_correlation(narrow.samples, said.samples)))
    given = narrow.samples[first : first + len(said.samples)]
    return Sound(given, RATE_HZ, narrow.began_at + first / RATE_HZ)


class LossJudge:
    """PLCMOS (Interspeech 2023): a network that has learned from people how lost packets and their concealment sound.

    It knows no reference, so that its figures compare phones that say the same, and no others.
    """

    def __init__(self) -> None:
        # Installed for the benchmark alone.
        from speechmos.plcmos import PLCMOS  # noqa: PLC0415

        self._model: Any = PLCMOS()

    def judge(self, played: Sound) -> float:
        """Return its mean opinion score."""
        # It asks fifteen listeners that it draws by lot from numpy's own generator: the same ones for everybody.
        np.random.seed(1)  # noqa: NPY002
        return float(self._model.get_mos(np.clip(resampled(played, RATE_HZ).samples / 32768, -1, 1)))


def resampled(sound: Sound, rate_hz: int) -> Sound:
    """Return the sound at another rate, band-limited."""
    length = round(len(sound.samples) * rate_hz / sound.rate_hz)
    spectrum = np.fft.rfft(sound.samples)[: length // 2 + 1]
    spectrum = np.pad(spectrum, (0, length // 2 + 1 - len(spectrum)))
    return Sound(np.fft.irfft(spectrum, length) * length / len(sound.samples), rate_hz, sound.began_at)


def _delays_s(sent: Sound, heard: Sound) -> list[float]:
    heard = resampled(heard, RATE_HZ)
    stretch = round(_STRETCH_S * RATE_HZ)
    delays = []
    for first in range(0, len(sent.samples) - stretch, stretch):
        piece = sent.samples[first : first + stretch]
        expected = round((sent.began_at - heard.began_at) * RATE_HZ) + first
        window = heard.samples[max(0, expected) : expected + round(LATEST_S * RATE_HZ) + stretch]
        if len(window) > stretch and piece.std() > _PEAK / 50:
            delays.append(int(np.argmax(_correlation(window, piece))) / RATE_HZ)
    if not delays:
        raise ValueError("Nothing was recorded while speech was sent.")
    return delays


def _correlation(window: Samples, piece: Samples) -> Samples:
    """Return the normalized correlation at each lag, so that a loud moment elsewhere does not win."""
    length = 1 << (len(window) + len(piece)).bit_length()
    spectrum = np.fft.rfft(window, length) * np.conj(np.fft.rfft(piece, length))
    match = np.fft.irfft(spectrum, length)[: len(window) - len(piece) + 1]
    energy = np.cumsum(np.concatenate([np.zeros(1), window**2]))
    loudness = np.sqrt(np.maximum(energy[len(piece) :] - energy[: -len(piece)], 1.0))
    height: Samples = np.abs(match) / np.maximum(loudness, loudness.max() / 10)
    return height


def _read(path: Path) -> Sound:
    with wave.open(str(path)) as file:
        return resampled(Sound.from_pcm(file.readframes(file.getnframes()), file.getframerate()), RATE_HZ)


def _trimmed(sound: Sound) -> Samples:
    loud = np.flatnonzero(np.abs(sound.samples) > np.abs(sound.samples).max() / 50)
    samples = sound.samples[loud[0] : loud[-1]]
    scaled: Samples = samples * _PEAK / np.abs(samples).max()
    return scaled
