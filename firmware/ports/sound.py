"""Sound between the sound card, the SIP stack and whatever else is to be heard.

Drivers raise OSError (their own subclass of it) when a card is missing or fails.
"""

from typing import Final, Protocol

SOUND_RATE_HZ: Final = 16_000
"""Rate of the sounds that `play` takes: 16-bit little-endian mono."""


class CaptureStream(Protocol):
    """An open microphone PCM: 16-bit little-endian mono frames. It records from the moment it is open."""

    @property
    def overruns(self) -> int:
        """How often sound was lost because nobody read it in time."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether `read` would return at once."""
        ...

    def read(self) -> bytes:
        """Wait for one period and return it.

        Raises:
            OSError: the card is gone.
        """
        ...

    def close(self) -> None: ...


class PlaybackStream(Protocol):
    """An open earpiece PCM: 16-bit little-endian mono frames."""

    @property
    def underruns(self) -> int:
        """How often the queue ran empty."""
        ...

    @property
    def queued_frames(self) -> int:
        """How many samples wait to be played."""
        ...

    def write(self, frame: bytes) -> None:
        """Queue a frame of any length without waiting; an empty queue is prefilled with silence first.

        Raises:
            OSError: the card is gone.
        """
        ...

    def wait(self) -> None:
        """Wait until one more period fits, so that playback alone can pace a loop."""
        ...

    def close(self) -> None: ...


class SoundCard(Protocol):
    """The earpiece and the microphone, chosen by PCM name."""

    @property
    def rate_hz(self) -> int: ...
    @property
    def period_frames(self) -> int: ...
    def devices(self) -> frozenset[str]:
        """Return what there is on this system to open; another answer means that something came or went."""
        ...

    def open_capture(self) -> CaptureStream: ...
    def open_playback(self) -> PlaybackStream: ...
    def look_for_capture(self) -> None:
        """See whether there is a microphone, without opening it, as far as that can be said.

        Raises:
            OSError: there is none.
        """
        ...

    def check_capture(self) -> None:
        """Open the microphone and shut it again at once, before it records anything.

        Raises:
            OSError: it does not open.
        """
        ...

    @property
    def prefill_frames(self) -> int:
        """How many samples of silence an empty queue is filled with: the delay that playback should keep."""
        ...

    @property
    def has_mixer(self) -> bool:
        """Whether the card has a volume of its own; otherwise sound is scaled before it is written."""
        ...

    def set_volume(self, percent: int) -> None:
        """Set the card's own volume.

        Raises:
            OSError: the mixer does not answer.
        """
        ...


class AudioPort(Protocol):
    """The SIP stack's end of the audio path: one conference bridge, pumped by whoever calls `exchange`."""

    @property
    def rate_hz(self) -> int: ...
    @property
    def frame_samples(self) -> int: ...
    def attach(self) -> None:
        """Make the calling thread known to the SIP stack; once, before its first exchange."""
        ...

    def exchange(self, near: bytes | None) -> bytes:
        """Give one frame of the microphone (None for silence) and take the frame that is due at the earpiece."""
        ...


class SoundSource(Protocol):
    """Sound that comes piece by piece."""

    def next_frame(self, duration_ms: int) -> bytes | None:
        """Return what is due, mono at SOUND_RATE_HZ and at most so long; None where that is nothing. Never waits."""
        ...

    def give_up(self) -> None:
        """Hear that no more will be taken."""
        ...
