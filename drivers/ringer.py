"""The ringer: a warble, a melody or a given tone on a PCM of its own, open while it rings or has something to say."""

import audioop
import errno
import math
import os
import select
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import alsaaudio

from drivers.alsa import close_pcm, devices, open_pcm, reason
from drivers.errors import DeviceError
from drivers.rings import MELODIES, PATTERNS_MS
from drivers.rings import RATE_HZ as _RATE_HZ
from drivers.rings import sound_of as melody_of

# 40 ms of queue: what silence() cuts off is dropped, so this bounds only how late the thread may wake.
_PERIOD_FRAMES = 160
_PERIODS = 4
_STALL_TIMEOUT_MS = 1000
# Ahead of all that makes no sound, and behind the sound of a call.
_PRIORITY = 10
_RETRY_S = 1.0
# So soon it is known that the card has gone, or is back.
_LOOK_S = 5.0
# After a sound the PCM stays open for as long as the next key takes, as a rule: opening it is what takes time.
_LINGER_PERIODS = 30
# Whoever wants to hear keys and menus wants to hear them from a ringer that is turned down, too.
_LEAST_SOUND_PERCENT = 60

# Two tones a major third apart that change places 20 times a second, as electronic telephones do. Whole cycles in each
# half, so that they meet without a click.
_WARBLE_HZ = (800, 1000)
_HALF_S = 0.05
_RAMP_S = 0.005
# Leaves a small loudspeaker some room.
_LOUDEST = 0.7
# A third harmonic lets a small loudspeaker, which has no bass, still sound full.
_HARMONICS = ((1, 0.75), (3, 0.25))
_DEFAULT_CADENCE_MS = (1000, 4000)

_NORMAL: Final = "normal"
# Whoever sits beside a ring that rises is not startled, and whoever is in another room hears it before the caller
# gives up.
_RISE_S: Final = 10.0
_FIRST_PART: Final = 0.4


class AlsaRinger:
    """Rings on its own thread; a missing card is reported and never holds anybody up."""

    def __init__(
        self,
        playback: str = "default",
        *,
        cadence_ms: Sequence[int] = _DEFAULT_CADENCE_MS,
        volume_percent: int = 80,
        on_fault: Callable[[str], None],
        on_recovery: Callable[[], None] | None = None,
    ) -> None:
        """Remember what to ring with; nothing is opened yet.

        Args:
            playback: the ringer's PCM name.
            cadence_ms: on, off, on, off... where no other pattern is asked for.
            volume_percent: how loud, 0 to 100.
            on_fault: told on the ringer's thread, once, why the phone cannot ring.
            on_recovery: told on the ringer's thread that it rings again.
        """
        self._playback = playback
        self._cadence_ms = tuple(cadence_ms)
        self._pattern = _NORMAL
        self._rises = False
        self._began = 0.0
        self._volume_percent = volume_percent
        self._tone = b""
        self._on_fault = on_fault
        self._on_recovery = on_recovery
        self._is_faulty = False
        self._changed = threading.Condition()
        self._is_ringing = False
        self._sound: bytes | None = None
        self._stopping = False
        self._silenced = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="ringer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread is None:
            return
        with self._changed:
            self._stopping = True
            self._is_ringing = False
            self._silenced.set()
            self._changed.notify()
        self._thread.join(5)
        self._thread = None

    def ring(self, pattern: str = _NORMAL, *, rises: bool = False) -> None:
        """Ring until silenced; while it rings, another pattern takes over after the burst that is sounding.

        A melody or a given tone is cut off for it: that may be long.

        Args:
            pattern: "normal", or one of PATTERNS_MS or MELODIES; a name that is not known rings as normal.
            rises: begin softly, and be as loud as the volume says after ten seconds.
        """
        with self._changed:
            self._pattern = pattern if pattern in PATTERNS_MS or pattern in MELODIES else _NORMAL
            self._rises = rises
            if not self._is_ringing:
                self._began = time.monotonic()
            self._is_ringing = True
            self._sound = None
            self._silenced.clear()
            self._changed.notify()

    def silence(self) -> None:
        with self._changed:
            self._is_ringing = False
            self._silenced.set()

    def set_volume(self, percent: int) -> None:
        """Set how loud it rings, from the next burst on; a given tone changes at once."""
        self._volume_percent = percent

    def use_tone(self, sound: bytes) -> None:
        """Ring with a sound, as `play` takes it, in place of the warble where no other pattern is asked for.

        It rings from beginning to end, and again after the cadence's last pause. Where it is empty the warble rings.
        """
        self._tone = sound + bytes(-len(sound) % (2 * _PERIOD_FRAMES))

    def play(self, sound: bytes) -> None:
        """Play a sound once, in place of the one before; nothing sounds over ringing.

        Args:
            sound: 16-bit mono at 16 kHz; empty for silence.
        """
        with self._changed:
            if not self._is_ringing:
                self._sound = sound
                self._changed.notify()

    # --- the ringer's thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        # Where the system allows it (RLIMIT_RTPRIO).
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
        seen: frozenset[str] | None = None
        while True:
            if self._is_faulty or devices() != seen:
                # Before somebody calls whom nobody would hear.
                seen = devices()
                self._attempt(self._check)
            with self._changed:
                self._changed.wait_for(lambda: self._is_ringing or self._sound or self._stopping, _LOOK_S)
                if self._stopping:
                    return
                rings, sounds = self._is_ringing, bool(self._sound)
            if not (rings or sounds):
                continue
            if rings:
                while not self._silenced.is_set():
                    if not self._attempt(self._ring_until_silenced):
                        self._silenced.wait(_RETRY_S)
            elif not self._attempt(self._play_sounds):
                self._take_sound()

    def _attempt(self, play: Callable[[], None]) -> bool:
        try:
            play()
        except DeviceError as error:
            if not self._is_faulty:
                self._is_faulty = True
                self._on_fault(str(error))
            return False
        return True

    def _check(self) -> None:
        with self._open():
            self._report_recovery()

    def _ring_until_silenced(self) -> None:
        with self._open() as write:
            while not self._silenced.is_set():
                for period in self._round(self._pattern):
                    if self._silenced.is_set():
                        return
                    write(period)

    def _round(self, pattern: str) -> Iterator[bytes]:
        if pattern in MELODIES:
            return self._sound_round(pattern, melody_of(pattern))
        if pattern == _NORMAL and self._tone:
            return self._sound_round(pattern, self._tone + silence(self._cadence_ms[-1]))
        return self._warble_round(pattern)

    def _sound_round(self, pattern: str, sound: bytes) -> Iterator[bytes]:
        """Yield a sound that ends in a pause; it may be long: another volume or pattern does not wait for its end."""
        for period in _periods(sound):
            if self._pattern != pattern:
                return
            yield audioop.mul(period, 2, _loudness(self._percent))

    def _warble_round(self, pattern: str) -> Iterator[bytes]:
        for index, duration_ms in enumerate(PATTERNS_MS.get(pattern, self._cadence_ms)):
            if self._pattern != pattern:
                return
            yield from _periods(silence(duration_ms) if index % 2 else warble(duration_ms, self._percent))

    @property
    def _percent(self) -> float:
        """How loud it rings at this moment."""
        return risen(self._volume_percent, time.monotonic() - self._began) if self._rises else self._volume_percent

    def _play_sounds(self) -> None:
        """Play what there is, and silence after it: the last of it is heard, and the next one needs no opening."""
        with self._open() as write:
            periods: Iterator[bytes] = iter(())
            silent = 0
            while silent <= _LINGER_PERIODS and not (self._is_ringing or self._stopping):
                if (newer := self._take_sound()) is not None:
                    loudness = _loudness(max(self._volume_percent, _LEAST_SOUND_PERCENT))
                    periods = _periods(audioop.mul(newer, 2, loudness))
                period = next(periods, b"")
                silent = 0 if period else silent + 1
                write(period.ljust(2 * _PERIOD_FRAMES, b"\0"))

    def _take_sound(self) -> bytes | None:
        with self._changed:
            sound, self._sound = self._sound, None
            return sound

    @contextmanager
    def _open(self) -> Iterator[Callable[[bytes], None]]:
        """Open the PCM; what is yielded writes a period as soon as there is room."""
        pcm = open_pcm(
            self._playback, "playback", rate_hz=_RATE_HZ, period_frames=_PERIOD_FRAMES, periods=_PERIODS,
            setting="[ringer] playback",
        )  # fmt: skip
        poller = select.poll()
        try:
            for descriptor, events in pcm.polldescriptors():
                poller.register(descriptor, events)
            yield lambda period: self._write(pcm, poller, period)
        except alsaaudio.ALSAAudioError as error:
            raise DeviceError(
                f"The ringer's sound card {self._playback!r} failed: {reason(error)}. Plug it in again."
            ) from error
        finally:
            close_pcm(pcm)

    def _write(self, pcm: Any, poller: select.poll, period: bytes) -> None:
        while 0 <= (free := pcm.avail()) < _PERIOD_FRAMES:
            events = poller.poll(_STALL_TIMEOUT_MS)
            if not events:
                raise DeviceError(f"The ringer's sound card {self._playback!r} has stopped playing. Plug it in again.")
            pcm.polldescriptors_revents(events)
        if free < 0 and free != -errno.EPIPE:
            raise DeviceError(f"The ringer's sound card {self._playback!r} is gone. Plug it in again.")
        if pcm.write(period) == -errno.EPIPE:
            # It has run dry, and is ready to be written to again.
            pcm.write(period)
        self._report_recovery()

    def _report_recovery(self) -> None:
        if self._is_faulty:
            self._is_faulty = False
            if self._on_recovery is not None:
                self._on_recovery()


def _periods(sound: bytes) -> Iterator[bytes]:
    return (sound[first : first + 2 * _PERIOD_FRAMES] for first in range(0, len(sound), 2 * _PERIOD_FRAMES))


def risen(percent: int, rung_s: float) -> float:
    """Return how far a volume that rises has come."""
    return percent * min(1.0, _FIRST_PART + (1 - _FIRST_PART) * rung_s / _RISE_S)


def _loudness(percent: float) -> float:
    """Return the amplitude of a volume: a cubic scale sounds even along its whole length."""
    return _LOUDEST * (percent / 100) ** 3


def warble(duration_ms: int, volume_percent: float) -> bytes:
    """Return a burst of ringing as 16-bit frames."""
    amplitude = 32767 * _loudness(volume_percent)
    half = round(_HALF_S * _RATE_HZ)
    two_tones = array("h")
    for frequency in _WARBLE_HZ:
        step = 2 * math.pi * frequency / _RATE_HZ
        two_tones.extend(
            round(amplitude * sum(level * math.sin(order * step * n) for order, level in _HARMONICS))
            for n in range(half)
        )
    length = duration_ms * _RATE_HZ // 1000
    samples = (two_tones * (length // len(two_tones) + 1))[:length]
    ramp = min(length // 2, round(_RAMP_S * _RATE_HZ))
    for n in range(ramp):
        samples[n] = samples[n] * n // ramp
        samples[-1 - n] = samples[-1 - n] * n // ramp
    return samples.tobytes()


def silence(duration_ms: int) -> bytes:
    """Return a pause as 16-bit frames."""
    return bytes(2 * (duration_ms * _RATE_HZ // 1000))
