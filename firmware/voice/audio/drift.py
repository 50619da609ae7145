"""Keeps the playback queue at one depth, whatever the clocks of microphone and earpiece do.

The two may sit on different cards. The loop is paced by the microphone, so a faster microphone would pile sound up
ahead of the earpiece (delay that creeps), a slower one would let it run dry (clicks). Frames are therefore made a
sample or two longer or shorter, which nobody hears: a splice without a seam.
"""

import audioop

# One sample in 160 is 10 cents of pitch, for as long as a correction lasts.
_SAMPLES_PER_CORRECTION = 160
OBSERVATIONS_A_WINDOW = 25
_CALM_WINDOWS = 30
_MOST_MARGIN_FRAMES = 3


class DriftCompensator:
    """Decides how many samples each frame should gain or lose.

    It aims at a queue of the prefill and some slack when the next frame is about to be written, and deeper by a
    margin that each underrun raises and thirty calm windows lower: a busy machine pays with delay, not with clicks.
    """

    def __init__(self, *, frame_samples: int, prefill_samples: int) -> None:
        self._frame_samples = frame_samples
        self._prefill_samples = prefill_samples
        # Cards report their position in steps, often of a period: half of one to either side is no drift.
        self._slack = frame_samples // 2
        self._most_a_frame = max(1, frame_samples // _SAMPLES_PER_CORRECTION)
        self._margin = 0
        self._calm = 0
        self._underruns = 0
        self.restart()

    @property
    def aim_samples(self) -> int:
        """How many samples should be queued when the next frame is about to be written."""
        return self._prefill_samples + self._slack + self._margin

    def restart(self) -> None:
        """Forget the queue, since playback has begun anew; what was learned of the machine stays."""
        self._deepest = 0
        self._seen = 0
        self._excess = 0
        self._underruns = 0

    def observe(self, queued_samples: int, underruns: int) -> None:
        """Learn how deep the queue is when the next frame is about to be written.

        The deepest queue of a window counts: a loop that wakes late finds less in the queue, never more.

        Args:
            queued_samples: what waits to be played.
            underruns: how often the stream has run dry so far.
        """
        if underruns != self._underruns:
            self._widen(underruns)
        elif not self._excess:
            self._deepest = max(self._deepest, queued_samples)
            self._seen += 1
            if self._seen >= OBSERVATIONS_A_WINDOW:
                self._judge()

    def correction(self) -> int:
        """Return how many samples the next frame should gain (positive) or lose (negative)."""
        if not self._excess:
            return 0
        step = max(-self._most_a_frame, min(self._most_a_frame, self._excess))
        self._excess -= step
        return -step

    def _judge(self) -> None:
        excess = self._deepest - self.aim_samples
        if abs(excess) > self._slack:
            self._excess = excess
        self._deepest = 0
        self._seen = 0
        self._calm += 1
        if self._calm >= _CALM_WINDOWS:
            self._calm = 0
            self._margin = max(0, self._margin - self._frame_samples // 4)

    def _widen(self, underruns: int) -> None:
        self._underruns = underruns
        self._margin = min(_MOST_MARGIN_FRAMES * self._frame_samples, self._margin + self._frame_samples // 2)
        self._deepest = 0
        self._seen = 0
        self._excess = 0
        self._calm = 0


def stretch(frame: bytes, extra_samples: int) -> bytes:
    """Return the frame made longer (or shorter) by some samples; its first and its last sample stay as they are."""
    intervals = len(frame) // 2 - 1
    return audioop.ratecv(frame, 2, 1, intervals, intervals + extra_samples, None)[0]
