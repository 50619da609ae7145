"""What the store knows of a recording."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware.phone.call import CallId
from firmware.phone.recording import RecordingId
from firmware.ports.recording import SoundFormat
from firmware.store.database import Row

COLUMNS: Final = (
    "recording_id, call_id, number, name, sound_format, began_at, clock_synced, state, duration_s, lost_s, size_bytes, "
    "kept, kept_until"
)


class RecordingState(StrEnum):
    """How a recording stands.

    Attributes:
        RUNNING: it is being recorded, or its writer has died and nobody has looked since.
        COMPLETE: it has its end.
        INCOMPLETE: it ends before its call or the person wanted: the power went, or the card was full.
    """

    RUNNING = "running"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """What is known of a recording.

    Attributes:
        recording_id: names it.
        call_id: the call that it is of, whether the call log still has that or not.
        number, name: the other end's; the name is the address book's where it has one.
        sound_format: what its file holds.
        began_at: seconds since the epoch; `clock_synced` says whether the clock was right.
        state: how it stands.
        duration_s: how long it plays.
        lost_s: how much of that is silence because the recorder was behind.
        size_bytes: what it takes on the card.
        kept: it makes no room for others, `kept_until` a moment or for good.
    """

    recording_id: RecordingId
    call_id: CallId
    number: str
    name: str
    sound_format: SoundFormat
    began_at: float
    clock_synced: bool
    state: RecordingState
    duration_s: float
    lost_s: float
    size_bytes: int
    kept: bool
    kept_until: float | None


def recording_in(row: Row) -> StoredRecording:
    """Return the recording that a row of COLUMNS tells of."""
    recording_id, call_id, number, name, sound_format, began_at, synced, state, *rest = row
    duration_s, lost_s, size_bytes, kept, kept_until = rest
    return StoredRecording(
        recording_id=RecordingId(recording_id),
        call_id=CallId(call_id),
        number=number,
        name=name,
        sound_format=SoundFormat(sound_format),
        began_at=began_at,
        clock_synced=bool(synced),
        state=RecordingState(state),
        duration_s=duration_s,
        lost_s=lost_s,
        size_bytes=size_bytes,
        kept=bool(kept),
        kept_until=kept_until,
    )
