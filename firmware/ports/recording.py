"""Recordings of calls: who makes them, who tells of them, where they are kept."""

from enum import StrEnum
from typing import Protocol

from firmware.phone.call import CallId
from firmware.phone.recording import RecordingEnd, RecordingNotice


class SoundFormat(StrEnum):
    """How the sound of a recording is encoded; the values are how its files' names end."""

    OPUS = "opus"
    FLAC = "flac"


class RecordingSink(Protocol):
    """Where a recording is kept, chunk by chunk."""

    def write(self, chunk: bytes, samples: int) -> None:
        """Keep a chunk that makes the recording so many samples at SOUND_RATE_HZ longer; on the disk on return.

        Raises:
            StorageError: there is no room for it, or the disk is broken; what was kept before can be played.
        """
        ...

    def finish(self) -> None:
        """Say that this is all of it.

        Raises:
            StorageError: as above.
        """
        ...


class RecordingAnnouncer(Protocol):
    """Lets everybody in a call hear that it is recorded."""

    def announce(self, notice: RecordingNotice) -> None:
        """Begin to tell; after BEGINNING and GREETING, RecordingAnnounced follows."""
        ...


class Recorder(Protocol):
    """Keeps how calls sound, one at a time. Every method returns at once; what became of it arrives as events.

    What it keeps is what the far end is sent (silence while muted) on the left and what is heard on the right.
    RecordingStarted follows once the recording's key is on the disk, and nothing is kept before; RecordingEnded follows
    once all of it is there, or where it could not begin. While it is a message CallerFellSilent tells of silence.
    """

    def begin(self, call_id: CallId, number: str, name: str, *, message: bool = False) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def end(self, reason: RecordingEnd) -> None: ...
