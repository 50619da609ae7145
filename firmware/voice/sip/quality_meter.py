"""How a call sounds at this end, from the statistics of its streams: one after another, since hold makes a new one."""

from dataclasses import dataclass
from typing import Any

from firmware.phone.call import CallQuality
from firmware.phone.quality import estimate_mos
from firmware.voice.sip.native import Line


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """What one stream has seen of the far end's packets so far.

    Attributes:
        received: packets that came, those too late included.
        lost: packets that never came, or too late.
        missing: packets that never came.
        jitter_ms: interarrival jitter (RFC 3550 section 6.4.1).
        round_trip_ms: by RTCP, None where no report has come.
        delay_ms: what the jitter buffer adds.
        codec: its name.
    """

    received: int
    lost: int
    missing: int
    jitter_ms: float
    round_trip_ms: float | None
    delay_ms: float
    codec: str


def counts_of(statistics: Any, stream: Any, line: Line) -> StreamCounts:
    """Read pjsua2's statistics of a stream."""
    far = statistics.rtcp.rxStat
    round_trip = statistics.rtcp.rttUsec
    return StreamCounts(
        received=int(far.pkt),
        lost=int(far.loss) + int(far.discard),
        missing=int(far.loss),
        jitter_ms=far.jitterUsec.last / 1000,
        round_trip_ms=round_trip.last / 1000 if round_trip.n else None,
        delay_ms=max(0.0, line.wait_ms),
        codec=str(stream.codecName),
    )


class QualityMeter:
    """Adds up the streams of one call."""

    def __init__(self) -> None:
        self._received = self._lost = self._missing = 0
        self._last: StreamCounts | None = None

    def stream_ended(self, counts: StreamCounts) -> None:
        """Keep what a stream has seen; another may follow."""
        self._received += counts.received
        self._lost += counts.lost
        self._missing += counts.missing
        if counts.received or self._last is None:
            self._last = counts

    def measure(self, running: StreamCounts | None, *, encrypted: bool) -> CallQuality | None:
        """Return how the call sounds, None where it never had a stream.

        Args:
            running: what the current stream has seen.
            encrypted: the audio is SRTP.
        """
        latest = running or self._last
        if latest is None:
            return None
        received = self._received + (running.received if running else 0)
        lost = self._lost + (running.lost if running else 0)
        expected = received + self._missing + (running.missing if running else 0)
        loss_percent = min(100.0, 100 * lost / expected) if expected else 0.0
        mos = 0.0
        if received:
            mos = estimate_mos(loss_percent, latest.jitter_ms, latest.round_trip_ms, latest.delay_ms, latest.codec)
        return CallQuality(
            loss_percent=loss_percent,
            jitter_ms=latest.jitter_ms,
            round_trip_ms=latest.round_trip_ms,
            codec=latest.codec,
            encrypted=encrypted,
            mos=mos,
        )
