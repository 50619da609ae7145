"""Call progress tones by country: what they are (ITU-T E.180 Supplement 2) and how they become frames.

A tone is rendered once into frames that repeat without a seam; playing it then only walks through a tuple.
"""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from firmware.phone.commands import Tone

# A full-scale sine is +3.14 dBm0 in A-law (G.711); below it by this much lies 0 dBm0.
_FULL_SCALE_DBM0 = 3.14
_RAMP_S = 0.005
# Where E.180 says "400 x 25", an amplitude modulation; its depth is left open, and exchanges use about this.
_MODULATION_DEPTH = 0.9


@dataclass(frozen=True, slots=True)
class ToneShape:
    """One tone.

    Attributes:
        frequencies_hz: what sounds together.
        cadence_ms: on, off, on, off...; empty for a continuous tone.
        modulation_hz: the frequency that modulates the amplitude, 0 for none.
        repeats: False for a tone that is played once.
        level_dbm0: the level of all frequencies together while it is on.
    """

    frequencies_hz: tuple[int, ...]
    cadence_ms: tuple[int, ...] = ()
    modulation_hz: int = 0
    repeats: bool = True
    level_dbm0: float = -13.0


@dataclass(frozen=True, slots=True)
class TonePlan:
    """A country's tones, and the rhythm in which its telephones ring."""

    tones: Mapping[Tone, ToneShape]
    ring_cadence_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RenderedTone:
    """A tone as frames: `lead` once, then `cycle` for ever (never where it is empty)."""

    lead: tuple[bytes, ...]
    cycle: tuple[bytes, ...]


def tone_plan(country: str) -> TonePlan:
    """Return the plan of a country that the configuration may name.

    Raises:
        KeyError: there is no such country.
    """
    return _PLANS[country]


def render(shape: ToneShape, rate_hz: int, frame_samples: int) -> RenderedTone:
    """Turn a tone into 16-bit frames; on and off times are rounded to whole frames (E.180 allows 10 %)."""
    loop = _seamless_loop(shape, rate_hz, frame_samples)
    if not shape.cadence_ms:
        return RenderedTone((fade_in(loop[0], rate_hz), *loop[1:]), loop)
    silence = bytes(2 * frame_samples)
    frames: list[bytes] = []
    for index, duration_ms in enumerate(shape.cadence_ms):
        count = max(1, round(duration_ms * rate_hz / 1000 / frame_samples))
        if index % 2:
            frames += [silence] * count
            continue
        burst = [loop[number % len(loop)] for number in range(count)]
        burst[0] = fade_in(burst[0], rate_hz)
        burst[-1] = fade_out(burst[-1], rate_hz)
        frames += burst
    return RenderedTone((), tuple(frames)) if shape.repeats else RenderedTone(tuple(frames), ())


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


def _plan(
    *,
    dial: ToneShape,
    ringback: ToneShape,
    busy: ToneShape,
    reorder: ToneShape,
    ring_cadence_ms: Sequence[int] = (),
) -> TonePlan:
    # E.180 leaves the confirmation tone to each country; three short bursts of dial tone is North America's, and is
    # understood elsewhere.
    confirmation = ToneShape(
        dial.frequencies_hz, (100, 100, 100, 100, 100, 100), modulation_hz=dial.modulation_hz, repeats=False
    )
    tones = {
        Tone.DIAL: dial,
        Tone.RINGBACK: ringback,
        Tone.BUSY: busy,
        Tone.REORDER: reorder,
        Tone.CONFIRMATION: confirmation,
    }
    return TonePlan(MappingProxyType(tones), tuple(ring_cadence_ms) or ringback.cadence_ms)


_BRITISH_RING = (400, 200, 400, 2000)

# The precise tone plan of North America (Telcordia GR-506) sets levels for each tone.
_NORTH_AMERICA = _plan(
    dial=ToneShape((350, 440), level_dbm0=-10),
    ringback=ToneShape((440, 480), (2000, 4000), level_dbm0=-16),
    busy=ToneShape((480, 620), (500, 500), level_dbm0=-21),
    reorder=ToneShape((480, 620), (250, 250), level_dbm0=-21),
)

_PLANS: Mapping[str, TonePlan] = {
    "AU": _plan(
        dial=ToneShape((413, 438)),
        ringback=ToneShape((413, 438), _BRITISH_RING),
        busy=ToneShape((425,), (375, 375)),
        reorder=ToneShape((425,), (375, 375), level_dbm0=-18),
    ),
    "CA": _NORTH_AMERICA,
    "CN": _plan(
        dial=ToneShape((450,)),
        ringback=ToneShape((450,), (1000, 4000)),
        busy=ToneShape((450,), (350, 350)),
        reorder=ToneShape((450,), (700, 700)),
    ),
    "DE": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), (1000, 4000)),
        busy=ToneShape((425,), (480, 480)),
        reorder=ToneShape((425,), (240, 240)),
    ),
    "ES": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), (1500, 3000)),
        busy=ToneShape((425,), (200, 200)),
        reorder=ToneShape((425,), (200, 200, 200, 200, 200, 600)),
    ),
    "FR": _plan(
        dial=ToneShape((440,)),
        ringback=ToneShape((440,), (1500, 3500)),
        busy=ToneShape((440,), (500, 500)),
        reorder=ToneShape((440,), (250, 250)),
    ),
    "GB": _plan(
        dial=ToneShape((350, 440)),
        ringback=ToneShape((400, 450), _BRITISH_RING),
        busy=ToneShape((400,), (375, 375)),
        reorder=ToneShape((400,), (400, 350, 225, 525)),
    ),
    "IE": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((400, 450), _BRITISH_RING),
        busy=ToneShape((425,), (500, 500)),
        reorder=ToneShape((425,), (250, 250)),
    ),
    "IN": _plan(
        dial=ToneShape((400,), modulation_hz=25),
        ringback=ToneShape((400,), _BRITISH_RING, modulation_hz=25),
        busy=ToneShape((400,), (750, 750)),
        reorder=ToneShape((400,), (250, 250)),
    ),
    "IT": _plan(
        dial=ToneShape((425,), (200, 200, 600, 1000)),
        ringback=ToneShape((425,), (1000, 4000)),
        busy=ToneShape((425,), (500, 500)),
        reorder=ToneShape((425,), (200, 200)),
    ),
    "JP": _plan(
        dial=ToneShape((400,)),
        ringback=ToneShape((400,), (1000, 2000), modulation_hz=16),
        busy=ToneShape((400,), (500, 500)),
        reorder=ToneShape((400,), (500, 500)),
    ),
    "NL": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), (1000, 4000)),
        busy=ToneShape((425,), (500, 500)),
        reorder=ToneShape((425,), (250, 250)),
    ),
    "NZ": _plan(
        dial=ToneShape((400,)),
        ringback=ToneShape((400, 450), _BRITISH_RING),
        busy=ToneShape((400,), (500, 500)),
        reorder=ToneShape((400,), (250, 250)),
    ),
    "US": _NORTH_AMERICA,
}
