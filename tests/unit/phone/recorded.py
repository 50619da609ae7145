"""Recordings in the menu of a telephone on a desk."""

from firmware.phone.recording import RecordingId
from firmware.phone.requests.recordings import ListRecordings, RecordingRow, RecordingsListed
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import choose, open_page


def recorded(place: int = 1, **more: object) -> RecordingRow:
    facts: dict[str, object] = {
        "name": f"Anna {place}",
        "number": f"23{place:02}",
        "at": f"25 Nov 14:{place:02}",
        "duration_s": 95.0,
        "size_bytes": 400_000,
        "complete": True,
        "kept": False,
    }
    return RecordingRow(RecordingId(f"r{place}"), **(facts | more))  # type: ignore[arg-type]


def list_recordings(desk: Desk, *rows: RecordingRow, unheard: int = 0) -> None:
    """Answer what the list of recordings asks for."""
    size_bytes = sum(row.size_bytes for row in rows)
    desk.reply(ListRecordings, RecordingsListed(0, len(rows), rows, size_bytes, 500_000_000, unheard))


def open_recordings(desk: Desk, *rows: RecordingRow) -> None:
    open_page(desk, "Recordings")
    list_recordings(desk, *rows)


def listen_to_a_recording(desk: Desk, recording: RecordingRow | None = None) -> RecordingRow:
    """Open a recording's page and lift the handset to hear it."""
    recording = recording or recorded()
    open_recordings(desk, recording)
    desk.press("1")
    choose(desk, "Listen")
    desk.lift()
    return recording
