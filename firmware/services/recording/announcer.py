"""Lets everybody in a call hear that it is recorded: by a tone now and then, or in words when it begins."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from firmware.base.errors import MediaError
from firmware.phone.events import RecordingAnnounced
from firmware.phone.recording import RecordingNotice
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.ports.voice import Voice
from firmware.voice.audio.tones import recording_end_tone, recording_tone

_log = logging.getLogger(__name__)

_PAUSE: Final = bytes(2 * SOUND_RATE_HZ // 4)


class Announcer:
    """Implements the RecordingAnnouncer port; everything here happens in the main thread."""

    def __init__(
        self,
        voice: Voice,
        post: Callable[[RecordingAnnounced], None],
        say: Callable[[], bytes] | None,
    ) -> None:
        """Set up.

        Args:
            voice: carries what is to be heard to both ends.
            post: takes what became of an announcement; never from within a call to this.
            say: returns how the words of the announcement sound at SOUND_RATE_HZ, or raises MediaError; it may take a
                while. None where a tone every few seconds is what the other end is told by. Where nothing can be said,
                the tone is, too.
        """
        self._voice = voice
        self._post = post
        self._say = say
        self._tone = recording_tone(SOUND_RATE_HZ)
        self._words: bytes | None = None
        self._task: asyncio.Task[None] | None = None

    def announce(self, notice: RecordingNotice) -> None:
        match notice:
            case RecordingNotice.BEGINNING:
                self._task = asyncio.get_running_loop().create_task(self._begin(), name="announcement")
            case RecordingNotice.REMINDER if self._say is None:
                self._voice.announce(self._tone, _take_no_note)
            case RecordingNotice.END:
                if self._task is not None:
                    # Words that are not ready yet would come after the end.
                    self._task.cancel()
                self._voice.announce(recording_end_tone(SOUND_RATE_HZ), _take_no_note)

    async def prepare(self) -> None:
        """Have the words ready, so that nobody waits for them in a call."""
        if self._say is None or self._words is not None:
            return
        try:
            self._words = await asyncio.to_thread(self._say)
        except MediaError as error:
            _log.warning("Recordings are announced by a tone, since their announcement cannot be said: %s", error)
            self._say = None

    async def _begin(self) -> None:
        try:
            await self.prepare()
            words = self._words if self._say is not None else None
            sound = words + _PAUSE + self._tone if words is not None else self._tone
            self._voice.announce(sound, self._tell)
        except Exception as error:  # noqa: BLE001 - whatever fails, the recording must not wait for ever to begin
            # Its own text may quote what was to be said.
            _log.error("A recording could not be announced (%s), so the call is not recorded", type(error).__name__)
            self._tell(False)

    def _tell(self, made: bool) -> None:
        self._post(RecordingAnnounced(made))


def _take_no_note(_made: bool) -> None:
    """Leave it at that: a call that is recorded has been told so before."""
