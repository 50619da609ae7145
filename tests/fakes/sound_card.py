"""A sound card in virtual time: minutes of sound in seconds, with clocks as wrong as a test wants them."""

import faulthandler
import sys
import threading
from collections.abc import Callable

from tests.lab.patience import PATIENCE_S

_BUFFER_PERIODS = 4


class VirtualSoundCard:
    """A SoundCard whose time stands still until `advance` lets it pass.

    Attributes:
        heard: all that the earpiece has been given, with silence where it ran dry.
        depths: what was queued each time the queue was asked.
        playback_is_missing, capture_is_missing: pull the card out, and plug it in again.
        volumes: what the mixer was set to.
    """

    def __init__(
        self,
        *,
        rate_hz: int = 16_000,
        period_frames: int = 160,
        prefill_frames: int | None = None,
        playback_ppm: float = 0,
        capture_ppm: float = 0,
        has_mixer: bool = False,
        microphone: Callable[[], bytes] | None = None,
    ) -> None:
        self.rate_hz = rate_hz
        self.period_frames = period_frames
        self.prefill_frames = period_frames // 2 if prefill_frames is None else prefill_frames
        self.has_mixer = has_mixer
        self.playback_rate_hz = rate_hz * (1 + playback_ppm / 1e6)
        self.capture_rate_hz = rate_hz * (1 + capture_ppm / 1e6)
        self.microphone = microphone or (lambda: bytes(2 * period_frames))
        self.heard = bytearray()
        self.depths: list[int] = []
        self.volumes: list[int] = []
        self.playback_is_missing = False
        self.capture_is_missing = False
        self.playback: VirtualPlayback | None = None
        self.capture: VirtualCapture | None = None
        self.now_s = 0.0
        self._limit_s = 0.0
        self._is_waiting = False
        self._moved = threading.Condition()

    def devices(self) -> frozenset[str]:
        missing = {"playback": self.playback_is_missing, "capture": self.capture_is_missing}
        return frozenset(name for name, is_missing in missing.items() if not is_missing)

    def open_playback(self) -> "VirtualPlayback":
        if self.playback_is_missing:
            raise OSError("The sound card 'virtual' cannot be opened for playback: it is not plugged in.")
        self.playback = VirtualPlayback(self)
        return self.playback

    def open_capture(self) -> "VirtualCapture":
        if self.capture_is_missing:
            raise OSError("The sound card 'virtual' cannot be opened for capture: it is not plugged in.")
        self.capture = VirtualCapture(self)
        return self.capture

    def look_for_capture(self) -> None:
        if self.capture_is_missing:
            raise OSError("The sound card 'virtual' cannot be opened for capture: it is not plugged in.")

    def check_capture(self) -> None:
        self.open_capture().close()

    def set_volume(self, percent: int) -> None:
        self.volumes.append(percent)

    def let_pass(self, duration_s: float) -> None:
        """Let time pass, whether anybody waits for it or not."""
        with self._moved:
            self._limit_s += duration_s
            self._is_waiting = False
            self._moved.notify_all()

    def advance(self, duration_s: float) -> None:
        """Let time pass, and return when the loop waits for more of it."""
        self.let_pass(duration_s)
        with self._moved:
            if not self._moved.wait_for(lambda: self._is_waiting, PATIENCE_S):
                faulthandler.dump_traceback(sys.__stderr__ or 2)
                raise TimeoutError("Nobody waits for the sound card.")

    def wait_until(self, moment_s: float, is_missing: Callable[[], bool]) -> None:
        """Called by the streams: return at a moment of virtual time.

        Raises:
            OSError: the card was pulled out meanwhile.
        """
        with self._moved:
            while moment_s > self._limit_s and not is_missing():
                self._is_waiting = True
                self._moved.notify_all()
                self._moved.wait()
        if is_missing():
            raise OSError("The sound card 'virtual' is gone.")
        self.now_s = max(self.now_s, moment_s)

    def pull_out(self) -> None:
        """Unplug both directions at once."""
        with self._moved:
            self.playback_is_missing = self.capture_is_missing = True
            self._moved.notify_all()

    def plug_in(self) -> None:
        """Undo `pull_out`."""
        self.playback_is_missing = self.capture_is_missing = False


class VirtualCapture:
    """A microphone that gives a period whenever its clock has counted one."""

    def __init__(self, card: VirtualSoundCard) -> None:
        self._card = card
        self._began_s = card.now_s
        self._periods = 0
        self.overruns = 0
        self.is_open = True

    @property
    def _due_s(self) -> float:
        return self._began_s + (self._periods + 1) * self._card.period_frames / self._card.capture_rate_hz

    @property
    def is_ready(self) -> bool:
        return self._card.now_s >= self._due_s

    def read(self) -> bytes:
        self._card.wait_until(self._due_s, lambda: self._card.capture_is_missing)
        self._periods += 1
        return self._card.microphone()

    def close(self) -> None:
        self.is_open = False


class VirtualPlayback:
    """An earpiece that eats samples by its own clock."""

    def __init__(self, card: VirtualSoundCard) -> None:
        self._card = card
        self._capacity = _BUFFER_PERIODS * card.period_frames
        self._began_s: float | None = None
        self._written = 0
        self.underruns = 0
        self.is_open = True

    @property
    def queued_frames(self) -> int:
        depth = max(0, self._depth)
        self._card.depths.append(depth)
        return depth

    @property
    def _depth(self) -> int:
        if self._began_s is None:
            return 0
        return self._written - int((self._card.now_s - self._began_s) * self._card.playback_rate_hz)

    def write(self, frame: bytes) -> None:
        if self._card.playback_is_missing:
            raise OSError("The sound card 'virtual' is gone.")
        depth = self._depth
        if self._began_s is None or depth < 0:
            if self._began_s is not None:
                self.underruns += 1
                self._card.heard += bytes(-2 * depth)
            self._began_s = self._card.now_s
            self._written = self._card.prefill_frames
            self._card.heard += bytes(2 * self._written)
        room = self._capacity - self._depth
        self._card.heard += frame[: 2 * room]
        self._written += min(room, len(frame) // 2)

    def wait(self) -> None:
        if self._began_s is not None:
            surplus = self._written + self._card.period_frames - self._capacity
            if surplus > 0:
                self._card.wait_until(
                    self._began_s + surplus / self._card.playback_rate_hz, lambda: self._card.playback_is_missing
                )
        if self._card.playback_is_missing:
            raise OSError("The sound card 'virtual' is gone.")

    def close(self) -> None:
        self.is_open = False
