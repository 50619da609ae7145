"""The rings: which there are beside the country's own, and how each sounds. All of them are synthesised here."""

import functools
import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

RATE_HZ: Final = 16_000
_FADE_S: Final = 0.005
_FULL: Final = 32767

# Told apart with closed eyes, from each other and from every country's own ringing: one short burst, two long ones, an
# urgent row, two short and a long. (The sources that RFC 7462 names, and what exchanges of both continents use.)
PATTERNS_MS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "internal": (400, 2600),
        "external": (800, 400, 800, 4000),
        "priority": (300, 100, 300, 100, 300, 100, 300, 800),
        "recall": (250, 150, 250, 150, 900, 3000),
    }
)


@dataclass(frozen=True, slots=True)
class Melody:
    """Notes that are struck and die away, and the silence behind them.

    Attributes:
        notes_hz: the tone of each note, all of them as long.
        step_ms: from one note to the next.
        partials: what a note is made of, as multiples of its tone and amplitudes.
        decay_ms: how long a note takes to lose 8.7 dB; 0 for one that sounds evenly until the next.
        pause_ms: silence after the last note's step.
    """

    notes_hz: tuple[float, ...]
    step_ms: int
    partials: tuple[tuple[float, float], ...]
    decay_ms: int
    pause_ms: int


# What age takes first is the high tones, and what hearing aids take for their own whistling is a tone that stands
# alone. So "hearing" changes between two low tones, each with strong overtones, all of it between 500 and 2000 Hz. The
# lower one is that of the alarm for sleepers who hear little (NFPA 72, low frequency signal): of the hard of hearing
# it woke 92 in 100, more than any other sound (Bruck and Thomas for the Fire Protection Research Foundation, 2007).
MELODIES: Final[Mapping[str, Melody]] = MappingProxyType(
    {
        "hearing": Melody((520, 650) * 4, 250, ((1, 1.0), (2, 0.6), (3, 0.6)), 0, 1500),
        # Two gongs of brass and a clapper that strikes each 12 times a second.
        "bell": Melody((1050, 1320) * 24, 40, ((1, 1.0), (2.02, 0.5), (2.74, 0.35)), 180, 2500),
        "chime": Melody((659.3, 523.3), 700, ((1, 1.0), (2, 0.35), (3, 0.15)), 350, 1600),
        "marimba": Melody((523.3, 659.3, 784, 1046.5) * 2, 160, ((1, 1.0), (3.9, 0.2)), 90, 1500),
        "harp": Melody((1046.5, 880, 784, 659.3, 523.3, 440), 220, ((1, 1.0), (2, 0.5), (3, 0.25)), 260, 1800),
        "clock": Melody((830.6, 740, 659.3, 493.9), 480, ((1, 1.0), (1.19, 0.3), (2, 0.5)), 500, 2200),
    }
)


@functools.cache
def sound_of(ring: str) -> bytes:
    """Return one round of a melody, its pause included, as 16-bit samples at RATE_HZ that reach full scale."""
    melody = MELODIES[ring]
    step = melody.step_ms * RATE_HZ // 1000
    round_samples = len(melody.notes_hz) * step + melody.pause_ms * RATE_HZ // 1000
    mixed = array("d", bytes(8 * round_samples))
    notes = {hz: _note(hz, melody) for hz in set(melody.notes_hz)}
    for index, hz in enumerate(melody.notes_hz):
        first = index * step
        for n, value in enumerate(notes[hz][: round_samples - first], first):
            mixed[n] += value
    loudest = max(map(abs, mixed))
    return array("h", (round(_FULL * value / loudest) for value in mixed)).tobytes()


def _note(hz: float, melody: Melody) -> array[float]:
    """Return a note; one that dies away is over at a thousandth of what it was."""
    decay = melody.decay_ms / 1000
    length = round(RATE_HZ * (7 * decay if decay else melody.step_ms / 1000))
    shrink = math.exp(-1 / (decay * RATE_HZ)) if decay else 1.0
    note = array("d", bytes(8 * length))
    for ratio, level in melody.partials:
        # A sine that dies away follows from its last two samples: much cheaper than a sine for each.
        step = 2 * math.pi * hz * ratio / RATE_HZ
        turn, loss = 2 * shrink * math.cos(step), shrink * shrink
        before, now = 0.0, level * shrink * math.sin(step)
        for n in range(1, length):
            note[n] += now
            before, now = now, turn * now - loss * before
    fade = round(_FADE_S * RATE_HZ)
    for n in range(fade):
        note[-1 - n] *= n / fade
    return note
