"""What menus ask about the recordings of calls; each is answered by an event of `recording_answers`."""

from dataclasses import dataclass

from firmware.phone.call import CallId
from firmware.phone.recording import RecordingId


@dataclass(frozen=True, slots=True)
class ListRecordings:
    """Read a stretch of the recordings, newest first; RecordingsListed follows."""

    first: int
    limit: int


@dataclass(frozen=True, slots=True)
class FindRecordings:
    """Read the recordings of one call; RecordingsFound follows."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class DeleteRecording:
    """Destroy a recording and its key; RecordingsChanged follows."""

    recording_id: RecordingId


@dataclass(frozen=True, slots=True)
class KeepRecording:
    """Keep a recording from being deleted to make room, or no longer; RecordingsChanged follows.

    Attributes:
        recording_id: which one.
        keep: whether it is kept.
        days: for how many days from now; 0 is for good.
    """

    recording_id: RecordingId
    keep: bool
    days: int = 0


@dataclass(frozen=True, slots=True)
class PlayRecording:
    """Play a recording in place of the one before; PlaybackProgressed follows twice a second, and once at its end.

    It is heard wherever the earpiece or the loudspeaker is open with the microphone shut; opening the microphone gives
    it up.
    """

    recording_id: RecordingId
    from_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PausePlaying:
    """Let what is played wait; PlaybackProgressed follows."""


@dataclass(frozen=True, slots=True)
class ResumePlaying:
    """Go on with what waits; PlaybackProgressed follows."""


@dataclass(frozen=True, slots=True)
class SeekRecording:
    """Go forward in what is played, or back where the seconds are negative; PlaybackProgressed follows."""

    delta_s: float


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """Give up what is played; PlaybackProgressed follows where anything was."""


RecordingErrand = (
    ListRecordings
    | FindRecordings
    | DeleteRecording
    | KeepRecording
    | PlayRecording
    | PausePlaying
    | ResumePlaying
    | SeekRecording
    | StopPlaying
)
