"""How call progress tones, and the faint rustle of a line that would be dead silent, become frames.

A tone is rendered once into frames that repeat without a seam; playing it then only walks through a tuple.
"""

import audioop
import math
import os
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from firmware.voice.audio.tone_plans import ToneShape

# A full-scale sine is +3.14 dBm0 in A-law (G.711); below it by this much lies 0 dBm0.
_FULL_SCALE_DBM0 = 3.14
_RAMP_S = 0.005
# Where E.180 says "400 x 25", an amplitude modulation; its depth is left open, and exchanges use about this.
_MODULATION_DEPTH = 0.9

# Within what a narrow earpiece passes on, and gone before the next key.
_CLICK_HZ = 1600
_CLICK_S = 0.012
_CLICK_DECAY_S = 0.002
_CLICK_DBM0 = -9.0

# What people know for the tone of a recorder (E.180 Supplement 2), and a lower one, twice, for the end of it.
_RECORDING_HZ = 1400
_RECORDING_MS = (500,)
_RECORDING_END_HZ = 700
_RECORDING_END_MS = (150, 100, 150)
_FRAMES_A_SECOND = 100

# RFC 3389 leaves the level to the receiver where none is sent; this is a quiet room's, far below speech.
_LEVEL_DBOV: Final = -62
_LENGTH_S: Final = 1.0
_SILENCE_BEFORE_S: Final = 0.06
# What codecs make of digital silence: Opus and µ-law stay within ±1, A-law at its smallest step, 8, and G.722 between
# -4 and 3. The quietest room that a microphone hears swings wider, and is left as it is.
_SILENT_SWING: Final = 7


@dataclass(frozen=True, slots=True)
class RenderedTone:
    """A tone as frames: `lead` once, then `cycle` for ever (never where it is empty)."""

    lead: tuple[bytes, ...]
    cycle: tuple[bytes, ...]


def render(shape: ToneShape, rate_hz: int, frame_samples: int) -> RenderedTone:
    """Turn a tone into 16-bit frames; on and off times are rounded to whole frames (E.180 allows 10 %)."""
    loop = _seamless_loop(shape, rate_hz, frame_samples)
    lead = _rhythm(loop, shape.lead_ms, rate_hz, frame_samples)
    if not shape.cadence_ms:
        return RenderedTone((*lead, fade_in(loop[0], rate_hz), *loop[1:]), loop)
    frames = _rhythm(loop, shape.cadence_ms, rate_hz, frame_samples)
    return RenderedTone(lead, frames) if shape.repeats else RenderedTone((*lead, *frames), ())


def _rhythm(loop: Sequence[bytes], cadence_ms: Sequence[int], rate_hz: int, frame_samples: int) -> tuple[bytes, ...]:
    silence = bytes(2 * frame_samples)
    frames: list[bytes] = []
    for index, duration_ms in enumerate(cadence_ms):
        count = max(1, round(duration_ms * rate_hz / 1000 / frame_samples))
        if index % 2:
            frames += [silence] * count
            continue
        burst = [loop[number % len(loop)] for number in range(count)]
        burst[0] = fade_in(burst[0], rate_hz)
        burst[-1] = fade_out(burst[-1], rate_hz)
        frames += burst
    return tuple(frames)


def key_click(rate_hz: int) -> bytes:
    """Return the click of a key as 16-bit samples: short and soft, as of a small lever."""
    amplitude = 32767 * 10 ** ((_CLICK_DBM0 - _FULL_SCALE_DBM0) / 20)
    step = 2 * math.pi * _CLICK_HZ / rate_hz
    decay = 1 / (_CLICK_DECAY_S * rate_hz)
    length = round(_CLICK_S * rate_hz)
    samples = array("h", (round(amplitude * math.exp(-decay * n) * math.sin(step * n)) for n in range(length)))
    return fade_out(samples.tobytes(), rate_hz)


def recording_tone(rate_hz: int) -> bytes:
    """Return the tone by which both ends of a call know that it is recorded, as 16-bit samples."""
    return _played_once(ToneShape((_RECORDING_HZ,), _RECORDING_MS, repeats=False), rate_hz)


def recording_end_tone(rate_hz: int) -> bytes:
    """Return the tone by which both ends know that no more is recorded, as 16-bit samples."""
    return _played_once(ToneShape((_RECORDING_END_HZ,), _RECORDING_END_MS, repeats=False), rate_hz)


def _played_once(shape: ToneShape, rate_hz: int) -> bytes:
    return b"".join(render(shape, rate_hz, rate_hz // _FRAMES_A_SECOND).lead)


class TonePlayer:
    """Walks through a rendered tone, frame by frame."""

    __slots__ = ("_cycle", "_frames", "_position")

    def __init__(self, tone: RenderedTone) -> None:
        self._frames = tone.lead or tone.cycle
        self._cycle = tone.cycle
        self._position = 0

    def next_frame(self) -> bytes | None:
        """Return the frame that is due, or None once a tone that does not repeat is over."""
        if self._position == len(self._frames):
            self._frames = self._cycle
            self._position = 0
            if not self._frames:
                return None
        frame = self._frames[self._position]
        self._position += 1
        return frame


def fade_in(frame: bytes, rate_hz: int) -> bytes:
    """Let a frame begin from silence, so that it does not click."""
    return _faded(frame, rate_hz, 1)


def fade_out(frame: bytes, rate_hz: int) -> bytes:
    """Let a frame end in silence, so that it does not click."""
    return _faded(frame, rate_hz, -1)


def _faded(frame: bytes, rate_hz: int, step: int) -> bytes:
    samples = array("h", frame)[::step]
    ramp = min(len(samples), round(_RAMP_S * rate_hz))
    for index in range(ramp):
        samples[index] = samples[index] * index // ramp
    return samples[::step].tobytes()


def _seamless_loop(shape: ToneShape, rate_hz: int, frame_samples: int) -> tuple[bytes, ...]:
    """Return the steady tone as whole frames, of which the last leads into the first."""
    fundamental_hz = math.gcd(*shape.frequencies_hz, shape.modulation_hz, rate_hz)
    length = math.lcm(rate_hz // fundamental_hz, frame_samples)
    amplitude = _amplitude(shape)
    steps = [2 * math.pi * frequency / rate_hz for frequency in shape.frequencies_hz]
    samples = array("h", (round(amplitude * sum(math.sin(step * n) for step in steps)) for n in range(length)))
    if shape.modulation_hz:
        step = 2 * math.pi * shape.modulation_hz / rate_hz
        for n in range(length):
            swing = (1 + _MODULATION_DEPTH * math.cos(step * n)) / (1 + _MODULATION_DEPTH)
            samples[n] = round(samples[n] * swing)
    pcm = samples.tobytes()
    return tuple(pcm[first : first + 2 * frame_samples] for first in range(0, len(pcm), 2 * frame_samples))


def _amplitude(shape: ToneShape) -> float:
    """Return each frequency's amplitude, such that all together have the tone's level."""
    total: float = 32767 * 10 ** ((shape.level_dbm0 - _FULL_SCALE_DBM0) / 20)
    return total / math.sqrt(len(shape.frequencies_hz))


class ComfortNoise:
    """Fills in frames once the far end has been silent for more than 60 ms; shorter gaps are the line's own."""

    def __init__(self, *, rate_hz: int, frame_samples: int) -> None:
        self._rate_hz = rate_hz
        self._frames = _render(rate_hz, frame_samples)
        self._frames_before = round(_SILENCE_BEFORE_S * rate_hz / frame_samples)
        self._silent_frames = 0

    def fill(self, frame: bytes) -> bytes:
        """Return the frame, or noise in its place."""
        lowest, highest = audioop.minmax(frame, 2)
        if highest - lowest > _SILENT_SWING:
            self._silent_frames = 0
            return frame
        self._silent_frames += 1
        number = self._silent_frames - self._frames_before
        if number <= 0:
            return frame
        noise = self._frames[number % len(self._frames)]
        return fade_in(noise, self._rate_hz) if number == 1 else noise


def _render(rate_hz: int, frame_samples: int) -> tuple[bytes, ...]:
    samples = round(_LENGTH_S * rate_hz / frame_samples) * frame_samples
    white = os.urandom(2 * samples)
    # ratecv's own weights are a low-pass filter: white noise hisses, this rustles.
    noise, _ = audioop.ratecv(white, 2, 1, rate_hz, rate_hz, None, 1, 3)
    noise = audioop.mul(noise, 2, 32767 * 10 ** (_LEVEL_DBOV / 20) / max(1, audioop.rms(noise, 2)))
    size = 2 * frame_samples
    return tuple(noise[first : first + size] for first in range(0, len(noise) - size + 1, size))


class Resampler:
    """Remembers between pieces where it stands, so that they fit together without a click."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from_hz = from_hz
        self._to_hz = to_hz
        self._state: tuple[int, tuple[tuple[int, int], ...]] | None = None

    def convert(self, sound: bytes) -> bytes:
        """Return the next piece at the other rate."""
        if self._from_hz == self._to_hz or not sound:
            return sound
        converted, self._state = audioop.ratecv(sound, 2, 1, self._from_hz, self._to_hz, self._state)
        return converted
