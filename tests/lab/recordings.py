"""What a handset has recorded, read out of the store of one that does not run."""

import time
from pathlib import Path
from typing import Final

from firmware.store.call_log import Clocks
from firmware.store.contacts import StoredContacts
from firmware.store.recording_files import StoredRecording
from firmware.store.recordings import RoomLimits, StoredRecordings
from firmware.voice.audio.sound_format import joined, make_decoder
from tests.lab.guarded_store import open_store_of

_CLOCKS: Final = Clocks(time.time, time.monotonic, lambda: True, "a boot")
_MOST: Final = 1000


async def recordings_of(state_dir: Path) -> list[tuple[StoredRecording, bytes]]:
    """Return what has been recorded, newest first, and how that sounds."""
    store = await open_store_of(state_dir)
    recordings = StoredRecordings(
        store, StoredContacts(store, "CN"), state_dir, clocks=_CLOCKS, limits=RoomLimits(1 << 40, 0), joined=joined
    )
    found = []
    for recording in (await recordings.listed(0, _MOST))[1]:
        decoder = make_decoder(recording.sound_format)
        sound = b"".join(map(decoder.decode, await recordings.read_ogg(recording.recording_id)))
        found.append((recording, sound))
    await store.stop()
    return found
