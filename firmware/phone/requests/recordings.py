"""Recordings of calls: listed, kept, deleted and played."""

from dataclasses import dataclass

from firmware.phone.call import CallId
from firmware.phone.recording import Playback, RecordingId
from firmware.phone.request import Request, Stretch


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """One recording as a menu shows it.

    Attributes:
        recording_id: names it.
        name: the other end's in the address book or as it called itself, empty where neither is known.
        number: the other end's.
        at: when it began, as "25 Nov 14:03" in local time and in the display's language.
        duration_s: how long it plays.
        size_bytes: what it takes on the card.
        complete: it has its end; False where the power went, the card was full or the file was cut.
        kept: it is not deleted to make room.
        kept_until: the last day of that, as "25 Nov 2026"; empty for good, and where it is not kept.
        running: it is being recorded now.
        is_new: it is a message that nobody has heard.
    """

    recording_id: RecordingId
    name: str
    number: str
    at: str
    duration_s: float
    size_bytes: int
    complete: bool
    kept: bool
    kept_until: str = ""
    running: bool = False
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class RecordingsListed(Stretch[RecordingRow]):
    """A stretch of the recordings, newest first; all recordings take `size_bytes` of the limit.

    `unheard` is how many messages nobody has heard.
    """

    size_bytes: int
    limit_bytes: int
    unheard: int = 0


@dataclass(frozen=True, slots=True)
class ListRecordings(Request[RecordingsListed]):
    """Read a stretch of the recordings, newest first: of all, or of the answering machine's messages alone."""

    first: int
    limit: int
    messages: bool = False


@dataclass(frozen=True, slots=True)
class FindRecordings(Request[tuple[RecordingRow, ...]]):
    """Read the recordings of one call."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class DeleteRecording(Request[None]):
    """Destroy a recording and its key."""

    recording_id: RecordingId


@dataclass(frozen=True, slots=True)
class KeepRecording(Request[None]):
    """Keep a recording from being deleted to make room, or no longer.

    Attributes:
        recording_id: which one.
        keep: whether it is kept.
        days: for how many days from now; 0 is for good.
    """

    recording_id: RecordingId
    keep: bool
    days: int = 0


@dataclass(frozen=True, slots=True)
class RecordingsChanged:
    """Recordings were deleted or kept, or one has come to its end: pages that show some read them again."""


@dataclass(frozen=True, slots=True)
class PlayRecording(Request[None]):
    """Play a recording in place of the one before; PlaybackProgressed follows twice a second, and once at its end.

    It is heard wherever the earpiece or the loudspeaker is open with the microphone shut; opening the microphone gives
    it up.
    """

    recording_id: RecordingId
    from_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PausePlaying(Request[None]):
    """Let what is played wait; PlaybackProgressed follows."""


@dataclass(frozen=True, slots=True)
class ResumePlaying(Request[None]):
    """Go on with what waits; PlaybackProgressed follows."""


@dataclass(frozen=True, slots=True)
class SeekRecording(Request[None]):
    """Go forward in what is played, or back where the seconds are negative; PlaybackProgressed follows."""

    delta_s: float


@dataclass(frozen=True, slots=True)
class StopPlaying(Request[None]):
    """Give up what is played; PlaybackProgressed follows where anything was."""


@dataclass(frozen=True, slots=True)
class PlaybackProgressed:
    """What is played has come so far."""

    recording_id: RecordingId
    at_s: float
    duration_s: float
    playback: Playback
