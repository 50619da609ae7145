"""What becomes of the errands of `recording_errands`: events for the menu that is open."""

from dataclasses import dataclass

from firmware.phone.call import CallId
from firmware.phone.recording import Playback, RecordingId


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


@dataclass(frozen=True, slots=True)
class RecordingsListed:
    """A stretch of the recordings, newest first; all `total` of them take `size_bytes` of the limit."""

    first: int
    total: int
    recordings: tuple[RecordingRow, ...]
    size_bytes: int
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class RecordingsFound:
    """All recordings of one call, newest first."""

    call_id: CallId
    recordings: tuple[RecordingRow, ...]


@dataclass(frozen=True, slots=True)
class RecordingsChanged:
    """Recordings were deleted or kept, or one has come to its end: a list of them is to be read again."""


@dataclass(frozen=True, slots=True)
class PlaybackProgressed:
    """What is played has come so far."""

    recording_id: RecordingId
    at_s: float
    duration_s: float
    playback: Playback


RecordingAnswer = RecordingsListed | RecordingsFound | RecordingsChanged | PlaybackProgressed
