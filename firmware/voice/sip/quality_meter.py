"""How a call sounds at both ends, from the statistics of its streams: one after another, since hold makes a new one."""

from dataclasses import astuple, dataclass
from typing import Any, Final

from firmware.phone.call import AudioTrouble, CallQuality
from firmware.phone.quality import burst_ratio, estimate_mos
from firmware.voice.sip.native import UNTOLD, FarReport, Line

_WHOLE: Final = 256  # VoIP metrics tell parts of it (RFC 3611 section 4.7.1)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the far end's packets, and what was heard of them.

    Attributes:
        received: packets that came, those too late included.
        late: packets that came too late.
        missing: packets that never came.
        heard_ms: how long the sound was.
        made_up_ms: what concealment made of it.
        from_fec_ms: what the codec's own FEC made of it.
        gaps: how often concealment began.
    """

    received: int = 0
    late: int = 0
    missing: int = 0
    heard_ms: float = 0.0
    made_up_ms: float = 0.0
    from_fec_ms: float = 0.0
    gaps: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(one + another for one, another in zip(astuple(self), astuple(other), strict=True)))

    @property
    def expected(self) -> int:
        """How many packets the far end sent."""
        return self.received + self.missing

    @property
    def loss_percent(self) -> float:
        """What the line lost, or brought too late."""
        return min(100.0, 100 * (self.late + self.missing) / self.expected) if self.expected else 0.0

    def percent_heard(self, part_ms: float) -> float:
        """Return how much of what was heard this part is."""
        return min(100.0, 100 * part_ms / self.heard_ms) if self.heard_ms else 0.0

    @property
    def burst(self) -> float:
        """How much longer gaps are than by chance (BurstR of G.107)."""
        return burst_ratio(self.expected, self.expected * self.percent_heard(self.made_up_ms) / 100, self.gaps)


@dataclass(frozen=True, slots=True)
class FarEnd:
    """How we are heard.

    Attributes:
        loss_percent: packets of ours that were missing; those that were repaired are left out where it says so.
        mos: its own estimate, None where it tells none.
    """

    loss_percent: float
    mos: float | None = None


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """What one stream has seen so far.

    Attributes:
        tally: of the far end's packets.
        jitter_ms: interarrival jitter (RFC 3550 section 6.4.1).
        round_trip_ms: by RTCP, None where no report has come.
        delay_ms: how long sound waits for what is late.
        codec: its name.
        far_end: what it told; None where it has told nothing.
    """

    tally: Tally
    jitter_ms: float
    round_trip_ms: float | None
    delay_ms: float
    codec: str
    far_end: FarEnd | None = None


@dataclass(frozen=True, slots=True)
class FarLosses:
    """What the far end's reports say that it lost of a stream of ours.

    Attributes:
        reports: how many have come since the stream began.
        lost: packets of the stream that never came there, by the newest; below 0 where packets came twice.
    """

    reports: int
    lost: int


class FarCount:
    """The far end's count of lost packets, of which each stream of a call takes its own part.

    We keep SSRC and sequence from stream to stream: whoever keeps its RTP session counts on over all of them (RFC 3550
    section 6.4.1), and others count anew.
    """

    def __init__(self) -> None:
        self._before = 0

    def read(self, told: FarReport | None) -> FarLosses | None:
        """Return what the running stream has lost, None where nothing was told about it."""
        if told is None or not told.reports:
            return None
        if told.lost < self._before:
            # Packets that were overtaken make a count a little less; one that begins anew is far less.
            self._before = told.lost if 2 * told.lost > self._before else 0
        return FarLosses(told.reports, told.lost - self._before)

    def stream_ended(self, told: FarReport | None) -> None:
        """Keep what was told last; another stream may follow."""
        if told is not None and told.reports:
            self._before = told.lost


def counts_of(
    statistics: Any, stream: Any, line: Line, told: FarReport | None, losses: FarLosses | None
) -> StreamCounts:
    """Read a stream's statistics: of pjsua2's, of its line, and what the far end told about it."""
    far = statistics.rtcp.rxStat
    round_trip = statistics.rtcp.rttUsec
    tally = Tally(
        received=int(far.pkt),
        late=line.late,
        missing=int(far.loss),
        heard_ms=_duration_ms(line.played, line.rate_hz),
        made_up_ms=_duration_ms(line.concealed, line.rate_hz),
        from_fec_ms=_duration_ms(line.coarse, line.rate_hz),
        gaps=line.gaps,
    )
    return StreamCounts(
        tally=tally,
        jitter_ms=far.jitterUsec.last / 1000,
        round_trip_ms=round_trip.last / 1000 if round_trip.n else None,
        delay_ms=max(0.0, line.wait_ms),
        codec=str(stream.codecName),
        far_end=far_end_of(told, losses, int(statistics.rtcp.txStat.pkt)),
    )


def _duration_ms(samples: int, rate_hz: int) -> float:
    return 1000 * samples / rate_hz if rate_hz else 0.0  # a stream without a line has none


def far_end_of(told: FarReport | None, losses: FarLosses | None, sent: int) -> FarEnd | None:
    """Return how we are heard by what the far end told, None where it told nothing.

    Args:
        told: its newest reports, of which the metrics are read.
        losses: what its plain reports say of this stream.
        sent: how many packets of this stream it was sent.
    """
    if told is not None and told.metrics:
        missing = told.loss_rate + told.discard_rate
        # That of listening says how we sound; that of the conversation counts the delay as well.
        mos = next((tenths / 10 for tenths in (told.mos_lq, told.mos_cq) if tenths != UNTOLD), None)
        return FarEnd(min(100.0, 100 * missing / _WHOLE), mos)
    if losses is not None and sent:
        return FarEnd(min(100.0, 100 * max(0, losses.lost) / sent))
    return None


class QualityMeter:
    """Adds up the streams of one call."""

    def __init__(self) -> None:
        self._ended = Tally()
        self._last: StreamCounts | None = None

    def stream_ended(self, counts: StreamCounts) -> None:
        """Keep what a stream has seen; another may follow."""
        self._ended += counts.tally
        if counts.tally.received or self._last is None:
            self._last = counts

    def measure(
        self, running: StreamCounts | None, *, encrypted: bool, trouble: AudioTrouble | None = None
    ) -> CallQuality | None:
        """Return how the call sounds, None where it never had a stream.

        Args:
            running: what the current stream has seen.
            encrypted: the audio is SRTP.
            trouble: why somebody hears nothing.
        """
        latest = running or self._last
        if latest is None:
            return None
        all_of_it = self._ended + running.tally if running else self._ended
        made_up_percent = all_of_it.percent_heard(all_of_it.made_up_ms)
        mos = 0.0
        if all_of_it.received:
            mos = estimate_mos(
                made_up_percent,
                latest.jitter_ms,
                latest.round_trip_ms,
                latest.delay_ms,
                latest.codec,
                fec_percent=all_of_it.percent_heard(all_of_it.from_fec_ms),
                burst=all_of_it.burst,
            )
        return CallQuality(
            loss_percent=all_of_it.loss_percent,
            jitter_ms=latest.jitter_ms,
            round_trip_ms=latest.round_trip_ms,
            codec=latest.codec,
            encrypted=encrypted,
            mos=mos,
            repaired_percent=max(0.0, all_of_it.loss_percent - made_up_percent),
            far_loss_percent=latest.far_end.loss_percent if latest.far_end else None,
            far_mos=latest.far_end.mos if latest.far_end else None,
            trouble=trouble,
        )
