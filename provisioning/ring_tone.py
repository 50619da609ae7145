"""Ring tones: which WAV files a handset rings with, and what is in one."""

import io
import wave
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

RING_TONES: Final = "ring_tones"
"""Their folder in a bundle."""

MOST_BYTES: Final = 2 * 1024 * 1024
MOST_S: Final = 10
_SAMPLE_BYTES: Final = 2
_MOST_CHANNELS: Final = 2
_LOWEST_HZ: Final = 8000
_HIGHEST_HZ: Final = 48_000
# 30 dB below full scale: what is fainter is no ring, but a file that came out of a mixer with its faders down.
_LEAST_PEAK: Final = 1000


@dataclass(frozen=True, slots=True)
class RingTone:
    """A ring tone.

    Attributes:
        rate_hz: of its samples.
        channels: 1, or 2 whose samples take turns.
        samples: 16-bit PCM.
    """

    rate_hz: int
    channels: int
    samples: bytes = field(repr=False)


def open_ring_tone(path: Path) -> RingTone:
    """Read the ring tone in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: a handset does not ring with it, and why.
    """
    if path.exists() and not path.is_file():
        # Whoever opens a pipe waits for the other end.
        raise ValueError("this is no file")
    with path.open("rb") as file:
        return read_ring_tone(file)


def read_ring_tone(file: BinaryIO) -> RingTone:
    """Read a ring tone.

    Raises:
        OSError: it cannot be read.
        ValueError: a handset does not ring with it, and why.
    """
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"this ring tone has more than {MOST_BYTES} bytes; shorten it, or take fewer samples a second")
    try:
        with wave.open(io.BytesIO(content)) as tone:
            shape = tone.getparams()
            samples = tone.readframes(shape.nframes)
    except (wave.Error, EOFError, RuntimeError):
        raise ValueError("this is no WAV file of 16-bit PCM samples, mono or stereo") from None
    if shape.sampwidth != _SAMPLE_BYTES or shape.nchannels > _MOST_CHANNELS:
        raise ValueError(
            f"this is no WAV file of 16-bit PCM samples, mono or stereo, but of {8 * shape.sampwidth}-bit samples on "
            f"{shape.nchannels} channel(s)"
        )
    if not _LOWEST_HZ <= shape.framerate <= _HIGHEST_HZ:
        raise ValueError(
            f"this ring tone has {shape.framerate} samples a second, and not {_LOWEST_HZ} to {_HIGHEST_HZ}"
        )
    if len(samples) != shape.nframes * shape.nchannels * _SAMPLE_BYTES:
        raise ValueError("this WAV file ends before its time; save it once more")
    if shape.nframes > MOST_S * shape.framerate:
        raise ValueError(f"this ring tone is {shape.nframes / shape.framerate:.1f} s long, and at most {MOST_S} s ring")
    levels = array("h", samples)
    if not levels or (max(levels) < _LEAST_PEAK and min(levels) > -_LEAST_PEAK):
        raise ValueError("nobody would hear this ring tone: it is silent, or nearly so")
    return RingTone(shape.framerate, shape.nchannels, samples)
