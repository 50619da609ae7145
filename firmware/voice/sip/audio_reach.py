"""Whether a call's audio gets from end to end, by counters alone.

It is judged here and nowhere else: page, log, doctor and help code repeat it. What no counter shows is not said.
"""

from dataclasses import dataclass
from typing import Final

from firmware.phone.call import AudioTrouble

SETTLED_S: Final = 4.0
"""A stream that is younger is not judged."""

# Two seconds of sound, which no report can have overtaken.
_SOME_PACKETS: Final = 100
# Reports come every five seconds, give or take half (RFC 3550 section 6.2), as turns do. Who never reports may have
# fallen silent, for a while.
_SILENT_TURNS: Final = 2
_UNREPORTED_TURNS: Final = 4


@dataclass(frozen=True, slots=True)
class ReachCounts:
    """What the counters of one stream, which is to carry sound both ways, show.

    Attributes:
        received: packets that came from where signalling says.
        sent: packets that left.
        forbidden: packets that this machine's firewall kept in.
        told: reports of the other end that say what came there, or that nothing did; the rest is of the newest.
        highest: the newest packet of ours that it knows of, as an extended sequence number.
        far_sent: how many packets it says that it has sent.
        sent_then: `sent` when the report came.
        received_then: `received` when it came.
    """

    received: int = 0
    sent: int = 0
    forbidden: int = 0
    told: int = 0
    highest: int = 0
    far_sent: int = 0
    sent_then: int = 0
    received_then: int = 0


class AudioReach:
    """Follows the streams of one call, one after another, and judges the running one turn by turn."""

    def __init__(self) -> None:
        self.stream_began()

    def stream_began(self) -> None:
        """Begin anew: nothing has come or gone over this stream yet."""
        self._last = self._reported = ReachCounts()
        self._silent_turns = 0
        # What the newest report says: nothing of ours came there; of what was sent there, nothing came here.
        self._is_unheard = self._is_missing = False

    def judge(self, now: ReachCounts, *, shut_out: bool) -> AudioTrouble | None:
        """Return what is wrong with the audio since the last turn, None where nothing is known to be.

        Args:
            now: the counters.
            shut_out: the firewall was asked to let this call's audio through and has not done so.
        """
        last, self._last = self._last, now
        arrives, leaves = now.received > last.received, now.sent > last.sent
        self._silent_turns = 0 if arrives or now.told > last.told else self._silent_turns + 1
        self._read_report(now)
        if (now.forbidden > last.forbidden and not leaves) or (shut_out and not arrives):
            return AudioTrouble.BLOCKED
        if not arrives and self._should_arrive(now):
            return AudioTrouble.NOTHING_HEARD
        return AudioTrouble.NOT_HEARD if self._is_unheard else None

    def _read_report(self, now: ReachCounts) -> None:
        before = self._reported
        if now.told == before.told:
            return
        self._reported = now
        self._is_unheard = now.highest == before.highest and now.sent_then - before.sent_then >= _SOME_PACKETS
        self._is_missing = now.received_then == before.received_then and now.far_sent - before.far_sent >= _SOME_PACKETS

    def _should_arrive(self, now: ReachCounts) -> bool:
        """Say whether silence is a fault: whoever has sent sound may fall silent, as a mailbox does that records."""
        patience = _SILENT_TURNS if now.told else _UNREPORTED_TURNS
        return now.received == 0 or self._is_missing or self._silent_turns >= patience
