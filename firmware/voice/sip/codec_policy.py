"""Which codec a line needs: G.722 where it is clean and near, Opus where it loses packets or is far.

G.722 waits for nothing and sounds as well on a clean line. A lost packet is a gap in it, while Opus carries each packet
once more in the next, coarser (RFC 6716 section 2.1.7), and needs half of the bandwidth. What a call has seen of its
line goes in and a judgement comes out.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

OPUS: Final = "opus"
# What may be left for Opus: the codecs that repair nothing by themselves.
_PLAIN: Final = frozenset({"g722", "pcmu", "pcma"})

# At 5 % G.722 sounds like 2.2 and Opus with its copies like 3.6 (PESQ-WB); at 1 % there is hardly a difference.
_LOSSY: Final = 0.03
_LOSSLESS: Final = 0.01
# Most of these seconds must have seen losses, and all together as many: one outage says nothing of what comes. A line
# that loses 8 % shows it in six to twelve seconds, one that loses 1 % not in hours, if each packet is lost by itself.
_LOOKS: Final = 8
_LOSSY_LOOKS: Final = 6
# Of theirs the other end tells every five seconds (RFC 3550 section 6.2), in a number for all of them.
_REPORTS: Final = 2
# The line is far where talk turns into turns (G.114: 150 ms one way are not noticed, 400 are too many).
_FAR_MS: Final = 250.0
_NEAR_MS: Final = 200.0
# A line that was bad is clean again after as long without losses as its packets go on to be sent again (redundancy.py).
_CLEAN_LOOKS: Final = 30
# Less than this in a look says nothing: the other end is silent, or the stream has just begun.
_FEWEST_PACKETS: Final = 10
# Both ends may want another codec; who follows the other waits that long before wanting something else.
_SETTLED_S: Final = 10.0


class LineState(Enum):
    """What a line is like, for a codec."""

    CLEAN = auto()
    LOSSY = auto()
    FAR = auto()


@dataclass(frozen=True, slots=True)
class LineCounts:
    """What the stream of a call has seen so far.

    Attributes:
        received: packets that came.
        missing: packets that never came.
        sent: packets of ours.
        missed: packets of ours that never came, by the last report.
        reports: how many reports came.
        round_trip_ms: by the last report, None where that cannot be told.
    """

    received: int
    missing: int
    sent: int
    missed: int
    reports: int
    round_trip_ms: float | None


@dataclass(frozen=True, slots=True)
class _Look:
    """Packets since the look before."""

    expected: int
    missing: int

    @property
    def is_lossy(self) -> bool:
        return self.missing >= _LOSSY * self.expected


@dataclass(frozen=True, slots=True)
class _Report:
    """What the other end has told."""

    lost: float
    round_trip_ms: float | None

    @property
    def is_far(self) -> bool:
        return self.round_trip_ms is not None and self.round_trip_ms > _FAR_MS


class LineJudge:
    """Judges the line of one call, which it looks at every second.

    Attributes:
        state: what the line is like; it stays so until the line has shown something else.
    """

    def __init__(self, state: LineState = LineState.CLEAN) -> None:
        """Begin with a judgement, such as the one that an earlier call over the same server ended with."""
        self.state = state
        self._before: LineCounts | None = None
        self._told_of: LineCounts | None = None
        self._looks: deque[_Look] = deque(maxlen=_CLEAN_LOOKS)
        self._reports: deque[_Report] = deque(maxlen=_REPORTS)

    def stream_began(self) -> None:
        """Counts begin at zero; the line is the same."""
        self._before = self._told_of = None

    def look(self, counts: LineCounts) -> LineState:
        """Look at the line once more."""
        if (before := self._before) is None:
            self._told_of = counts
        else:
            missing = max(0, counts.missing - before.missing)
            expected = counts.received - before.received + missing
            if expected >= _FEWEST_PACKETS:
                self._looks.append(_Look(expected, missing))
            self._read_report(counts)
        # Packets that overtake each other are missing for a moment: only more than ever before is a loss.
        missing_ever = max(counts.missing, before.missing if before else 0)
        self._before = replace(counts, missing=missing_ever)
        if self.loses_packets:
            self.state = LineState.LOSSY
        elif self.state is not LineState.LOSSY or self._is_lossless():
            self.state = self._by_distance()
        return self.state

    def _read_report(self, counts: LineCounts) -> None:
        told_of = self._told_of
        if told_of is None or counts.reports == told_of.reports:
            return
        sent = counts.sent - told_of.sent
        if sent >= _FEWEST_PACKETS:
            lost = min(sent, max(0, counts.missed - told_of.missed))
            self._reports.append(_Report(lost / sent, counts.round_trip_ms))
        self._told_of = counts

    @property
    def loses_packets(self) -> bool:
        """Whether this call itself has lost too many of late, whatever an earlier one did."""
        looks = list(self._looks)[-_LOOKS:]
        lasting = sum(look.is_lossy for look in looks) >= _LOSSY_LOOKS and _sum(looks).is_lossy
        return lasting or self._all_told(report.lost >= _LOSSY for report in self._reports)

    def _by_distance(self) -> LineState:
        if self._all_told(report.is_far for report in self._reports):
            return LineState.FAR
        was_far = self.state is LineState.FAR
        return LineState.FAR if was_far and not (self._is_lossless() and self._is_near()) else LineState.CLEAN

    def _is_near(self) -> bool:
        return all((report.round_trip_ms or 0) < _NEAR_MS for report in self._reports)

    def _all_told(self, signs: Iterable[bool]) -> bool:
        return len(self._reports) == _REPORTS and all(signs)

    def _is_lossless(self) -> bool:
        if len(self._looks) < _CLEAN_LOOKS:
            return False
        everything = _sum(self._looks)
        return everything.missing < _LOSSLESS * everything.expected and all(
            report.lost < _LOSSLESS for report in self._reports
        )


def _sum(looks: Iterable[_Look]) -> _Look:
    each = tuple(looks)
    return _Look(sum(look.expected for look in each), sum(look.missing for look in each))


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What decides, besides the line, whether a running call should go on in Opus.

    Attributes:
        codec: that is spoken now, by the name of its RTP format, in small letters.
        peer_has_opus: the other end has named it.
        is_emergency: somebody calls for help.
        is_talk: both ends send, and nothing is under way that a re-INVITE would be in the way of.
        was_asked: the other end has been asked in this call.
        changed_s: how long ago the codec has changed, None where it has not.
    """

    codec: str
    peer_has_opus: bool
    is_emergency: bool
    is_talk: bool
    was_asked: bool
    changed_s: float | None


def should_ask_for_opus(call: CallFacts, *, loses_packets: bool) -> bool:
    """Say whether the other end should be asked, by a re-INVITE, to go on in Opus.

    That happens once in a call at most, and there is no way back before the next. On a line that is only far a change
    would cost a round trip of words, and waits for the next call; in a call for help an offer in its midst could only
    harm.

    Args:
        call: the call.
        loses_packets: its line does, in this very call.
    """
    return (
        loses_packets
        and call.codec in _PLAIN
        and call.peer_has_opus
        and call.is_talk
        and not call.is_emergency
        and not call.was_asked
        and (call.changed_s is None or call.changed_s >= _SETTLED_S)
    )
