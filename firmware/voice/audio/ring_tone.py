"""Turns the file of a ring tone into what the ringer plays."""

import audioop
from pathlib import Path

from firmware.base.errors import MediaError
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.voice.audio.tones import Resampler
from provisioning.ring_tone import open_ring_tone


def load_ring_tone(path: Path) -> bytes:
    """Return a ring tone as 16-bit mono samples at SOUND_RATE_HZ.

    Raises:
        MediaError: there is none that could be played; the words name no file, which may be called after somebody.
    """
    try:
        tone = open_ring_tone(path)
    except OSError as error:
        raise MediaError(_sentence(f"its file cannot be read ({error.strerror})")) from error
    except ValueError as error:
        raise MediaError(_sentence(str(error))) from error
    samples = audioop.tomono(tone.samples, 2, 0.5, 0.5) if tone.channels > 1 else tone.samples
    return Resampler(tone.rate_hz, SOUND_RATE_HZ).convert(samples)


def _sentence(reason: str) -> str:
    return f"The ring tone cannot be played: {reason}. The phone rings with its own; correct [ringer] tone."
