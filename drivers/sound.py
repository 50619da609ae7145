"""The earpiece and the microphone: ALSA PCMs chosen by name."""

import errno
import select
from contextlib import closing
from typing import Any

import alsaaudio

from drivers.alsa import close_pcm, devices, is_missing, open_pcm, reason
from drivers.errors import DeviceError

# The PCMs move sound in steps of at most this length, whatever the period: a sound server adds delay to longer ones.
_LONGEST_STEP_S = 0.01
# Enough to ride out a scheduler that stalls us for some time; the empty part of a buffer costs no delay.
_CAPTURE_STEPS = 6
_FEWEST_PLAYBACK_STEPS = 4
_STALL_TIMEOUT_MS = 1000


class AlsaSoundCard:
    """One earpiece and one microphone, which may sit on different cards."""

    def __init__(
        self,
        *,
        playback: str = "default",
        capture: str = "default",
        mixer_card: str | None = None,
        mixer_element: str = "Speaker",
        rate_hz: int = 16_000,
        period_frames: int = 160,
        prefill_frames: int = 80,
    ) -> None:
        """Remember what to open; nothing is opened yet.

        Args:
            playback: the earpiece's PCM name.
            capture: the microphone's PCM name.
            mixer_card: control device with the hardware volume, None where there is none.
            mixer_element: the mixer element on it.
            rate_hz: the sample rate of both PCMs.
            period_frames: samples a period.
            prefill_frames: samples of silence queued ahead of the first frame, and again after each underrun.
        """
        self._playback = playback
        self._capture = capture
        self._mixer_card = mixer_card
        self._mixer_element = mixer_element
        self._rate_hz = rate_hz
        self._period_frames = period_frames
        self._prefill_frames = prefill_frames
        self._step_frames = min(period_frames, round(_LONGEST_STEP_S * rate_hz))

    @property
    def rate_hz(self) -> int:
        return self._rate_hz

    @property
    def period_frames(self) -> int:
        return self._period_frames

    @property
    def prefill_frames(self) -> int:
        return self._prefill_frames

    @property
    def has_mixer(self) -> bool:
        return self._mixer_card is not None

    def devices(self) -> frozenset[str]:
        return devices()

    def open_capture(self) -> "AlsaCapture":
        return AlsaCapture(self._capture_pcm(), self._capture, self._period_frames)

    def look_for_capture(self) -> None:
        if is_missing(self._capture, "capture"):
            raise DeviceError(
                f"The microphone's sound card {self._capture!r} is not plugged in. Plug it in, or name another one in "
                "[sound] capture; `arecord -L` lists them."
            )

    def check_capture(self) -> None:
        # A PCM that is not read from has not started: nothing is recorded.
        close_pcm(self._capture_pcm())

    def open_playback(self) -> "AlsaPlayback":
        buffer_frames = self._prefill_frames + self._period_frames + self._step_frames
        pcm = open_pcm(
            self._playback,
            "playback",
            rate_hz=self._rate_hz,
            period_frames=self._step_frames,
            periods=max(_FEWEST_PLAYBACK_STEPS, -(-buffer_frames // self._step_frames)),
            setting="[sound] playback",
        )
        return AlsaPlayback(pcm, self._playback, self._period_frames, self._prefill_frames)

    def _capture_pcm(self) -> Any:
        return open_pcm(
            self._capture,
            "capture",
            rate_hz=self._rate_hz,
            period_frames=self._step_frames,
            periods=_CAPTURE_STEPS,
            setting="[sound] capture",
        )

    def set_volume(self, percent: int) -> None:
        """Set the hardware volume.

        Raises:
            DeviceError: there is no such mixer element.
        """
        card = self._mixer_card or "default"
        try:
            with closing(alsaaudio.Mixer(control=self._mixer_element, device=card)) as mixer:
                mixer.setvolume(percent)
        except alsaaudio.ALSAAudioError as error:
            raise DeviceError(
                f"The volume {self._mixer_element!r} of the sound card {card!r} cannot be set: {reason(error)}. "
                f"`amixer -D {card} scontrols` lists the names that [sound] mixer_element may have."
            ) from error


class AlsaCapture:
    """An open microphone; it records from the moment it is made."""

    def __init__(self, pcm: Any, name: str, period_frames: int) -> None:
        self._pcm = pcm
        self._name = name
        self._period_bytes = 2 * period_frames
        self._partial = b""
        self._poller = _poller(pcm)
        self.overruns = 0
        # A capture PCM starts at its first read, which in non-blocking mode returns at once.
        self._take()

    @property
    def is_ready(self) -> bool:
        return bool(self._poller.poll(0))

    def read(self) -> bytes:
        while True:
            events = self._poller.poll(_STALL_TIMEOUT_MS)
            frame = self._take()
            if frame:
                return frame
            _settle(self._pcm, events, self._name, "recording")

    def close(self) -> None:
        close_pcm(self._pcm)

    def _take(self) -> bytes:
        """Return a period as soon as it is whole, and nothing before that."""
        try:
            length, frames = self._pcm.read()
            if length == -errno.EPIPE:
                # pyalsaaudio has prepared the PCM again, but only a read starts it.
                self.overruns += 1
                self._partial = b""
                length, frames = self._pcm.read()
        except alsaaudio.ALSAAudioError as error:
            raise _failed(self._name, "recording", error) from error
        whole: bytes = self._partial + frames if self._partial else frames
        if len(whole) < self._period_bytes:
            self._partial = whole
            return b""
        self._partial = whole[self._period_bytes :]
        return whole[: self._period_bytes]


class AlsaPlayback:
    """An open earpiece."""

    def __init__(self, pcm: Any, name: str, period_frames: int, prefill_frames: int) -> None:
        self._pcm = pcm
        self._name = name
        self._period_frames = period_frames
        self._buffer_frames: int = pcm.info()["buffer_size"]
        self._silence = bytes(2 * prefill_frames)
        self._poller = _poller(pcm)
        self._running = False
        self.underruns = 0

    @property
    def queued_frames(self) -> int:
        free = self._free()
        return self._buffer_frames - free if free >= 0 else 0

    def write(self, frame: bytes) -> None:
        try:
            if not self._running:
                self._pcm.write(self._silence)
                self._running = True
            if self._pcm.write(frame) == -errno.EPIPE:
                self.underruns += 1
                self._pcm.write(self._silence)
                self._pcm.write(frame)
        except alsaaudio.ALSAAudioError as error:
            raise _failed(self._name, "playing", error) from error

    def wait(self) -> None:
        while 0 <= self._free() < self._period_frames:
            _settle(self._pcm, self._poller.poll(_STALL_TIMEOUT_MS), self._name, "playing")

    def close(self) -> None:
        close_pcm(self._pcm)

    def _free(self) -> int:
        """Return the room in the buffer, or -EPIPE after an underrun, which the next write repairs."""
        free: int = self._pcm.avail()
        if free < 0 and free != -errno.EPIPE:
            raise DeviceError(f"The sound card {self._name!r} is gone. Plug it in again.")
        return free


def _poller(pcm: Any) -> select.poll:
    poller = select.poll()
    for descriptor, events in pcm.polldescriptors():
        poller.register(descriptor, events)
    return poller


def _settle(pcm: Any, events: list[tuple[int, int]], name: str, doing: str) -> None:
    """Let a plug-in tidy up a descriptor that may have been ready for its own reasons."""
    if not events:
        raise DeviceError(f"The sound card {name!r} has stopped {doing}. Unplug it and plug it in again.")
    try:
        pcm.polldescriptors_revents(events)
    except alsaaudio.ALSAAudioError as error:
        raise _failed(name, doing, error) from error


def _failed(name: str, doing: str, error: alsaaudio.ALSAAudioError) -> DeviceError:
    return DeviceError(
        f"The sound card {name!r} failed while {doing}: {reason(error)}. "
        "Plug it in again; sound goes on by itself when it is back."
    )
