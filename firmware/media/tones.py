"""Call progress tones by country: what they are (ITU-T E.180 Supplement 2) and how they become frames.

A tone is rendered once into frames that repeat without a seam; playing it then only walks through a tuple.
"""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from firmware.phone.commands import Tone

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


@dataclass(frozen=True, slots=True)
class ToneShape:
    """One tone.

    Attributes:
        frequencies_hz: what sounds together.
        cadence_ms: on, off, on, off...; empty for a continuous tone.
        modulation_hz: the frequency that modulates the amplitude, 0 for none.
        repeats: False for a tone that is played once.
        level_dbm0: the level of all frequencies together while it is on.
        lead_ms: on, off, on, off... once before the cadence.
    """

    frequencies_hz: tuple[int, ...]
    cadence_ms: tuple[int, ...] = ()
    modulation_hz: int = 0
    repeats: bool = True
    level_dbm0: float = -13.0
    lead_ms: tuple[int, ...] = ()


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


# Under the voice that it sounds over, yet not under a faint one.
_OVER_A_CALL_DBM0 = -20.0
_STUTTER_MS = (100, 100) * 5
# Once every 15 s: a reminder, where a held call would otherwise be forgotten.
_HOLD_REMINDER_MS = (120, 120, 120, 14_640)
# Higher than any country's other tones: nobody should take it for one of them.
_WARNING_HZ = (1000,)
_WARNING_MS = (120, 80, 120, 80)


def _plan(
    *,
    dial: ToneShape,
    ringback: ToneShape,
    busy: ToneShape,
    reorder: ToneShape,
    call_waiting_ms: Sequence[int],
    call_waiting_hz: int | None = None,
    ring_cadence_ms: Sequence[int] = (),
) -> TonePlan:
    # E.180 leaves these to each country. Three short bursts of dial tone confirm in North America, and bursts ahead of
    # it say there that something waits; both are understood elsewhere. Most use the busy tone's pitch over a call.
    over_a_call_hz = (call_waiting_hz or busy.frequencies_hz[0],)
    tones = {
        Tone.DIAL: dial,
        Tone.RINGBACK: ringback,
        Tone.BUSY: busy,
        Tone.REORDER: reorder,
        Tone.CONFIRMATION: replace(dial, cadence_ms=(100,) * 6, repeats=False),
        Tone.STUTTER_DIAL: replace(dial, lead_ms=_STUTTER_MS),
        Tone.CALL_WAITING: ToneShape(over_a_call_hz, tuple(call_waiting_ms), level_dbm0=_OVER_A_CALL_DBM0),
        Tone.HOLD_REMINDER: ToneShape(over_a_call_hz, _HOLD_REMINDER_MS, level_dbm0=_OVER_A_CALL_DBM0),
        Tone.WARNING: ToneShape(_WARNING_HZ, _WARNING_MS, repeats=False),
    }
    return TonePlan(MappingProxyType(tones), tuple(ring_cadence_ms) or ringback.cadence_ms)


_BRITISH_RING = (400, 200, 400, 2000)

# The precise tone plan of North America (Telcordia GR-506) sets levels for each tone.
_NORTH_AMERICA = _plan(
    dial=ToneShape((350, 440), level_dbm0=-10),
    ringback=ToneShape((440, 480), (2000, 4000), level_dbm0=-16),
    busy=ToneShape((480, 620), (500, 500), level_dbm0=-21),
    reorder=ToneShape((480, 620), (250, 250), level_dbm0=-21),
    call_waiting_ms=(300, 10_000),
    call_waiting_hz=440,
)

_PLANS: Mapping[str, TonePlan] = {
    "AU": _plan(
        dial=ToneShape((413, 438)),
        ringback=ToneShape((413, 438), _BRITISH_RING),
        busy=ToneShape((425,), (375, 375)),
        reorder=ToneShape((425,), (375, 375), level_dbm0=-18),
        call_waiting_ms=(200, 200, 200, 4400),
    ),
    "CA": _NORTH_AMERICA,
    "CN": _plan(
        dial=ToneShape((450,)),
        ringback=ToneShape((450,), (1000, 4000)),
        busy=ToneShape((450,), (350, 350)),
        reorder=ToneShape((450,), (700, 700)),
        call_waiting_ms=(400, 4000),
    ),
    "DE": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), (1000, 4000)),
        busy=ToneShape((425,), (480, 480)),
        reorder=ToneShape((425,), (240, 240)),
        call_waiting_ms=(200, 200, 200, 5000),
    ),
    "ES": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), (1500, 3000)),
        busy=ToneShape((425,), (200, 200)),
        reorder=ToneShape((425,), (200, 200, 200, 200, 200, 600)),
        call_waiting_ms=(175, 175, 175, 3500),
    ),
    "FR": _plan(
        dial=ToneShape((440,)),
        ringback=ToneShape((440,), (1500, 3500)),
        busy=ToneShape((440,), (500, 500)),
        reorder=ToneShape((440,), (250, 250)),
        call_waiting_ms=(300, 10_000),
    ),
    "GB": _plan(
        dial=ToneShape((350, 440)),
        ringback=ToneShape((400, 450), _BRITISH_RING),
        busy=ToneShape((400,), (375, 375)),
        reorder=ToneShape((400,), (400, 350, 225, 525)),
        call_waiting_ms=(100, 4000),
    ),
    "IE": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((400, 450), _BRITISH_RING),
        busy=ToneShape((425,), (500, 500)),
        reorder=ToneShape((425,), (250, 250)),
        call_waiting_ms=(180, 200, 200, 4500),
    ),
    "IN": _plan(
        dial=ToneShape((400,), modulation_hz=25),
        ringback=ToneShape((400,), _BRITISH_RING, modulation_hz=25),
        busy=ToneShape((400,), (750, 750)),
        reorder=ToneShape((400,), (250, 250)),
        call_waiting_ms=(200, 100, 200, 7500),
    ),
    "IT": _plan(
        dial=ToneShape((425,), (200, 200, 600, 1000)),
        ringback=ToneShape((425,), (1000, 4000)),
        busy=ToneShape((425,), (500, 500)),
        reorder=ToneShape((425,), (200, 200)),
        call_waiting_ms=(400, 100, 250, 100, 150, 14_000),
    ),
    "JP": _plan(
        dial=ToneShape((400,)),
        ringback=ToneShape((400,), (1000, 2000), modulation_hz=16),
        busy=ToneShape((400,), (500, 500)),
        reorder=ToneShape((400,), (500, 500)),
        call_waiting_ms=(500, 8000),
    ),
    "NL": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), (1000, 4000)),
        busy=ToneShape((425,), (500, 500)),
        reorder=ToneShape((425,), (250, 250)),
        call_waiting_ms=(500, 9500),
    ),
    "NZ": _plan(
        dial=ToneShape((400,)),
        ringback=ToneShape((400, 450), _BRITISH_RING),
        busy=ToneShape((400,), (500, 500)),
        reorder=ToneShape((400,), (250, 250)),
        call_waiting_ms=(200, 3000),
    ),
    "US": _NORTH_AMERICA,
}
