"""Speech to send through a bad line, and how well and how late it comes out of a phone."""

import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pesq

from tests.lab.audio import Samples, Sound

RATE_HZ: Final = 16_000
_NARROW_HZ: Final = 8_000
_RECORDED: Final = ("Front_Center", "Rear_Left", "Side_Right")
_SPOKEN: Final = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background."
_PAUSE_S: Final = 0.35
_PEAK: Final = 12_000
# How far each delay is looked for, and over what stretch of speech.
_LATEST_S: Final = 1.2
_STRETCH_S: Final = 0.8


@dataclass(frozen=True, slots=True)
class Heard:
    """How speech came out of a phone.

    Attributes:
        pesq: ITU-T P.862.2 (wideband) or P.862 mean opinion score.
        delay_ms: median over the speech.
    """

    pesq: float
    delay_ms: float


def speech() -> Sound:
    """Return some 8 s of speech: a recorded voice, then a synthetic one with two of the Harvard sentences."""
    parts = [_read(Path(f"/usr/share/sounds/alsa/{name}.wav")) for name in _RECORDED]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        subprocess.run(["espeak-ng", "-v", "en-gb", "-s", "165", "-w", path, _SPOKEN], check=True)
        parts.append(_read(path))
    pause = np.zeros(round(_PAUSE_S * RATE_HZ))
    joined = np.concatenate([piece for part in parts for piece in (_trimmed(part), pause)])
    return Sound(joined, RATE_HZ)


def judge(sent: Sound, heard: Sound, *, wideband: bool) -> Heard:
    """Compare what a phone played with what was said to it.

    Args:
        sent: `began_at` says when the first sample would have entered a microphone.
        heard: `began_at` says when recording began; it goes on well after the end of what was sent.
        wideband: of the codec.

    Raises:
        ValueError: nothing like speech was heard.
    """
    delay_s = _median_delay_s(sent, heard)
    start_s = sent.began_at + delay_s - heard.began_at
    played = heard.between(start_s - 0.2, start_s + sent.duration_s + 0.3)
    rate_hz = RATE_HZ if wideband else _NARROW_HZ
    try:
        score = pesq.pesq(
            rate_hz, resampled(sent, rate_hz).samples, resampled(played, rate_hz).samples, "wb" if wideband else "nb"
        )
    except pesq.PesqError as error:
        raise ValueError(f"PESQ finds no speech in what was heard: {error}") from error
    return Heard(float(score), delay_s * 1000)


def resampled(sound: Sound, rate_hz: int) -> Sound:
    """Return the sound at another rate, band-limited."""
    length = round(len(sound.samples) * rate_hz / sound.rate_hz)
    spectrum = np.fft.rfft(sound.samples)[: length // 2 + 1]
    spectrum = np.pad(spectrum, (0, length // 2 + 1 - len(spectrum)))
    return Sound(np.fft.irfft(spectrum, length) * length / len(sound.samples), rate_hz, sound.began_at)


def _median_delay_s(sent: Sound, heard: Sound) -> float:
    heard = resampled(heard, RATE_HZ)
    stretch = round(_STRETCH_S * RATE_HZ)
    delays = []
    for first in range(0, len(sent.samples) - stretch, stretch):
        piece = sent.samples[first : first + stretch]
        expected = round((sent.began_at - heard.began_at) * RATE_HZ) + first
        window = heard.samples[max(0, expected) : expected + round(_LATEST_S * RATE_HZ) + stretch]
        if len(window) > stretch and piece.std() > _PEAK / 50:
            delays.append(int(np.argmax(_correlation(window, piece))) / RATE_HZ)
    if not delays:
        raise ValueError("Nothing was recorded while speech was sent.")
    return float(np.median(delays))


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
