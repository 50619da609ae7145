"""How a call sounds, estimated by the E-model: ITU-T G.107 for narrowband, G.107.1 for wideband codecs.

All parameters that this end cannot know have the recommendations' default values: no echo, no noise. What remains is
delay, codec and loss. Both scales give one kind of MOS, so that calls compare whatever their codec. A packet whose
audio came all the same, in a later one, is not lost.
"""

import math
from dataclasses import dataclass
from typing import Final

_MOST_RATING: Final = 100.0
_MOST_MOS: Final = 4.5
_DELAY_WITHOUT_IMPAIRMENT_MS: Final = 100.0
# One RTP packet of 20 ms is gathered before it leaves, and sound cards hold about as much at both ends.
_TERMINAL_DELAY_MS: Final = 40.0
_MOST_LOSS_PERCENT: Final = 100.0
_JITTERS_IN_BUFFER: Final = 2
# Beyond this the formula of the delay says nothing new, and its powers stay small.
_MOST_DELAY_MS: Final = 10_000.0


@dataclass(frozen=True, slots=True)
class _Codec:
    """One codec's values on its scale.

    Attributes:
        most_r: the transmission rating R of a call without any impairment (G.107 table 3, G.107.1 clause 6.2).
        scale: by which R is divided for the MOS (G.107.1 annex A).
        impairment: Ie, or Ie,WB.
        robustness: Bpl, the packet loss in percent that costs half of what can be lost.
    """

    most_r: float
    scale: float
    impairment: float
    robustness: float


# G.113 appendix I: Ie 0; Bpl 25.1 with loss concealment, for losses that come one by one.
_G711: Final = _Codec(most_r=93.2, scale=1.0, impairment=0.0, robustness=25.1)
# G.113 on wideband codecs: Ie,WB 13 for G.722 at 64 kbit/s. It names no Bpl for it, and nothing for Opus: those are
# fitted to PESQ (docs/adr/0027-quality-is-judged-by-the-e-model.md).
_G722: Final = _Codec(most_r=129.0, scale=1.29, impairment=13.0, robustness=3.5)
_OPUS: Final = _Codec(most_r=129.0, scale=1.29, impairment=9.0, robustness=3.5)
_CODECS: Final = {"PCMU": _G711, "PCMA": _G711, "G722": _G722, "OPUS": _OPUS}
# In-band FEC of Opus is a rougher copy: by PESQ, ten packets that it repairs cost as much as one that is lost.
_FEC_COST: Final = 0.1
# PESQ finds three lost packets in a row hardly worse than three apart. Clause 7.5 of G.107, which was made for codecs
# that bear more, would take a whole point off for them.
_MOST_BURST_RATIO: Final = 1.2

# The lower ends of G.107 annex B's categories, as MOS: users satisfied (R 80), some dissatisfied (70), many (60),
# nearly all (50).
_BARS: Final = (2.58, 3.10, 3.60, 4.03)


def estimate_mos(
    loss_percent: float,
    jitter_ms: float,
    round_trip_ms: float | None,
    jitter_buffer_ms: float,
    codec: str,
    *,
    fec_percent: float = 0.0,
    burst: float = 1.0,
) -> float:
    """Return the mean opinion score that a call would be given, between 1 and 4.5.

    Args:
        loss_percent: how much of what was heard had to be made up.
        jitter_ms: interarrival jitter (RFC 3550 section 6.4.1): a buffer that copes with it is about twice as deep,
            whatever it says of itself.
        round_trip_ms: of the network, half of which is taken for the way here; None counts as none.
        jitter_buffer_ms: how long packets wait before they are heard.
        codec: its name in SDP; an unknown one is rated as G.711.
        fec_percent: how much of what was heard the codec's own FEC repaired.
        burst: what `burst_ratio` returns.
    """
    values = _CODECS.get(codec.partition("/")[0].upper(), _G711)
    buffered_ms = max(_positive(jitter_buffer_ms), _JITTERS_IN_BUFFER * _positive(jitter_ms))
    delay_ms = _positive(round_trip_ms or 0.0) / 2 + buffered_ms + _TERMINAL_DELAY_MS
    loss = min(_MOST_LOSS_PERCENT, _positive(loss_percent) + _FEC_COST * _positive(fec_percent))
    rating = values.most_r - _delay_impairment(delay_ms) - _effective_impairment(values, loss, burst)
    return _mos(rating / values.scale)


def burst_ratio(expected: float, lost: float, gaps: int) -> float:
    """Return BurstR of G.107 clause 7.5: how much longer gaps are than those of packets that are lost one by one.

    Args:
        expected: how many packets should have been heard.
        lost: how many of them were not.
        gaps: in how many stretches they were lost.
    """
    if gaps <= 0 or not 0 < lost < expected:
        return 1.0
    return max(1.0, lost / gaps * (1 - lost / expected))


def bars(mos: float) -> int:
    """Return how many of four bars show this score; 0 also where nothing was received."""
    return sum(mos >= lower_end for lower_end in _BARS)


def _positive(value: float) -> float:
    """Return a measurement as it can only be; what is not a number tells nothing."""
    return 0.0 if math.isnan(value) else max(0.0, value)


def _delay_impairment(delay_ms: float) -> float:
    """Idd of G.107 clause 7.4."""
    delay_ms = min(delay_ms, _MOST_DELAY_MS)
    if delay_ms <= _DELAY_WITHOUT_IMPAIRMENT_MS:
        return 0.0
    x = math.log2(delay_ms / _DELAY_WITHOUT_IMPAIRMENT_MS)
    return float(25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2))


def _effective_impairment(codec: _Codec, loss: float, burst: float) -> float:
    """Ie,eff of G.107 clause 7.5. G.107.1 has the same formula, for losses that come one by one alone."""
    burst = min(max(1.0, burst), _MOST_BURST_RATIO)
    return codec.impairment + (95 - codec.impairment) * min(1.0, loss / (loss / burst + codec.robustness))


def _mos(rating: float) -> float:
    """MOS of G.107 annex B. Its polynomial dips below 1 at the lower end."""
    if rating <= 0:
        return 1.0
    if rating >= _MOST_RATING:
        return _MOST_MOS
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (_MOST_RATING - rating) * 7e-6)
