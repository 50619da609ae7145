"""Records calls: ties the recorder's thread to the store, and lets everybody in a call hear that it is recorded."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from firmware.base.errors import HandsetError, MediaError
from firmware.phone.call import CallId
from firmware.phone.events import (
    CallerFellSilent,
    Event,
    RecordingAnnounced,
    RecordingEnded,
    RecordingStarted,
    RecordingsTrimmed,
)
from firmware.phone.recording import RecordingEnd, RecordingId, RecordingNotice
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.ports.voice import Voice
from firmware.store.errors import StoreFullError
from firmware.store.recording_files import RecordingWriter
from firmware.store.recordings import StoredRecordings
from firmware.voice.audio.recorder import RecordingFate, SoundRecorder
from firmware.voice.audio.sound_format import best_format, make_encoder
from firmware.voice.audio.tones import recording_end_tone, recording_tone

_log = logging.getLogger(__name__)

_ROOM_CHECK_S: Final = 5.0
_STOP_PATIENCE_S: Final = 5.0
_BITS_A_KILOBIT: Final = 1000

_SILENT_S: Final = 10.0
"""Who says nothing for so long has left the message; people who think of a word take less."""

_PAUSE: Final = bytes(2 * SOUND_RATE_HZ // 4)


_Begin = Callable[[SoundFormat], Awaitable[tuple[RecordingId, RecordingWriter]]]


class CallRecorder:
    """Implements the Recorder port; everything here happens in the main thread.

    What the far end is sent is on the left and what is heard of it on the right, mixed with whoever else takes part in
    a conference. While a call is on hold the recording is paused: it goes on where it left off, without the silence,
    the music and the other calls in between.
    """

    def __init__(
        self, sound: SoundRecorder, recordings: StoredRecordings, post: Callable[[Event], None], *, bitrate_kbps: int
    ) -> None:
        """`post` takes what becomes of recordings; never from within a call to this."""
        self._sound = sound
        self._recordings = recordings
        self._post = post
        self._bitrate = bitrate_kbps * _BITS_A_KILOBIT
        self._call_id: CallId | None = None
        self._task: asyncio.Task[None] | None = None
        self._end_wanted: asyncio.Future[RecordingEnd] | None = None
        self._is_paused = False

    def begin(self, call_id: CallId, number: str, name: str, *, message: bool = False) -> None:
        loop = asyncio.get_running_loop()
        if self._is_wanted:
            if call_id != self._call_id:
                loop.call_soon(self._post, RecordingEnded(call_id, RecordingEnd.FAILED))
            return
        self._call_id = call_id
        self._is_paused = False
        self._end_wanted = loop.create_future()
        begin = partial(self._recordings.begin, call_id, number, name, message=message)
        recording = self._record(call_id, begin, self._end_wanted, before=self._task, is_message=message)
        self._task = loop.create_task(recording, name="recording")

    def pause(self) -> None:
        self._is_paused = True
        self._sound.pause()

    def resume(self) -> None:
        self._is_paused = False
        if self._is_wanted:
            self._sound.resume()

    def end(self, reason: RecordingEnd) -> None:
        if self._end_wanted is not None and not self._end_wanted.done():
            # At once: what is said from here on is not recorded, whenever the rest of it happens.
            self._sound.finish()
            self._end_wanted.set_result(reason)

    async def stop(self) -> None:
        """Bring what is being recorded to its end."""
        self.end(RecordingEnd.CALL_OVER)
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_STOP_PATIENCE_S)

    @property
    def _is_wanted(self) -> bool:
        """Whether a recording is under way that nobody has ended."""
        return self._end_wanted is not None and not self._end_wanted.done()

    async def _record(
        self,
        call_id: CallId,
        begin: "_Begin",
        end_wanted: "asyncio.Future[RecordingEnd]",
        *,
        before: "asyncio.Task[None] | None",
        is_message: bool,
    ) -> None:
        if before is not None:
            # The end of the one before may still be on its way to the card.
            await asyncio.wait({before})
        try:
            reason = await self._try_to_record(call_id, begin, end_wanted, is_message=is_message)
        except StoreFullError as error:
            _log.warning("A call is not recorded: %s", error)
            reason = RecordingEnd.DISK_FULL
        except HandsetError as error:
            _log.warning("A call is not recorded: %s", error)
            reason = RecordingEnd.FAILED
        if self._end_wanted is end_wanted:
            self._call_id = self._end_wanted = None
        self._post(RecordingEnded(call_id, reason))

    async def _try_to_record(
        self, call_id: CallId, begin: "_Begin", end_wanted: "asyncio.Future[RecordingEnd]", *, is_message: bool
    ) -> RecordingEnd:
        # Looking for the encoder's library may take a while.
        sound_format = await asyncio.to_thread(best_format)
        if sound_format is None:
            raise MediaError("Calls cannot be recorded, because there is no encoder: apt install libopus0.")
        encoder = make_encoder(sound_format, self._bitrate)
        await self._make_room()
        if end_wanted.done():
            return end_wanted.result()
        recording_id, writer = await begin(sound_format)
        over: asyncio.Future[RecordingFate] = asyncio.get_running_loop().create_future()
        if end_wanted.done():
            await self._recordings.end(recording_id, complete=True, lost_s=0)
            return end_wanted.result()
        try:
            tell = partial(_tell_from_thread, over)
            self._sound.record(encoder, writer, tell, is_paused=self._is_paused)
        except MediaError:
            await self._recordings.end(recording_id, complete=False, lost_s=0)
            raise
        self._post(RecordingStarted(call_id, recording_id))
        when_silent = partial(self._post, CallerFellSilent(call_id)) if is_message else _do_nothing
        reason = await self._follow(over, end_wanted, when_silent)
        fate = over.result()
        if fate.fault is not None:
            _log.warning("A recording ended: %s", fate.fault)
            reason = RecordingEnd.DISK_FULL if isinstance(fate.fault, StoreFullError) else RecordingEnd.FAILED
        if fate.lost_s:
            _log.warning("%.1f s of a recording are silence, because the card was too slow", fate.lost_s)
        try:
            complete = reason not in {RecordingEnd.DISK_FULL, RecordingEnd.FAILED}
            await self._recordings.end(recording_id, complete=complete, lost_s=fate.lost_s)
            if is_message and fate.is_silent:
                # Whoever hung up at the tone has left nothing to be listened to.
                await self._recordings.delete(recording_id)
        except HandsetError as error:
            # Its file says as much; the next start reads it.
            _log.warning("How a recording ended was not written down: %s", error)
        return reason

    async def _follow(
        self,
        over: "asyncio.Future[RecordingFate]",
        end_wanted: "asyncio.Future[RecordingEnd]",
        when_silent: Callable[[], None],
    ) -> RecordingEnd:
        """Look after a recording until nothing more comes of it; return why it was to end."""
        news: set[asyncio.Future[Any]] = {over, end_wanted}
        while not over.done():
            await asyncio.wait(news, timeout=_ROOM_CHECK_S, return_when=asyncio.FIRST_COMPLETED)
            if end_wanted.done():
                self._sound.finish()
                await over
                return end_wanted.result()
            if self._sound.silent_s >= _SILENT_S:
                when_silent()
            try:
                await self._make_room()
            except StoreFullError as error:
                _log.warning("A recording ends: %s", error)
                self._sound.finish()
                await over
                return RecordingEnd.DISK_FULL
            except HandsetError as error:
                _log.warning("Whether recordings have room cannot be told now: %s", error)
        return RecordingEnd.FAILED

    async def _make_room(self) -> None:
        room = await self._recordings.make_room()
        if room.deleted:
            self._post(RecordingsTrimmed(room.deleted))
        if not room.is_enough:
            raise StoreFullError(
                "There is no room for recordings. Delete some, keep fewer, raise [recording] limit_mb, or free space "
                "on the card."
            )


def _do_nothing() -> None:
    """Let a call be silent that is not a message."""


def _tell_from_thread(over: "asyncio.Future[RecordingFate]", fate: RecordingFate) -> None:
    # Nobody waits any more where the loop is closed.
    with suppress(RuntimeError):
        over.get_loop().call_soon_threadsafe(_tell, over, fate)


def _tell(over: "asyncio.Future[RecordingFate]", fate: RecordingFate) -> None:
    if not over.done():
        over.set_result(fate)


class Announcer:
    """Implements the RecordingAnnouncer port; everything here happens in the main thread."""

    def __init__(
        self,
        voice: Voice,
        post: Callable[[RecordingAnnounced], None],
        say: Callable[[], bytes] | None,
        greet: Callable[[], bytes],
    ) -> None:
        """Set up.

        Args:
            voice: carries what is to be heard to both ends.
            post: takes what became of an announcement; never from within a call to this.
            say: returns how the words of the announcement sound at SOUND_RATE_HZ, or raises MediaError; it may take a
                while. None where a tone every few seconds is what the other end is told by. Where nothing can be said,
                the tone is, too.
            greet: as `say`, for the answering machine.
        """
        self._voice = voice
        self._post = post
        self._say = say
        self._greet = greet
        self._tone = recording_tone(SOUND_RATE_HZ)
        self._words: bytes | None = None
        self._task: asyncio.Task[None] | None = None

    def announce(self, notice: RecordingNotice) -> None:
        match notice:
            case RecordingNotice.BEGINNING:
                self._task = asyncio.get_running_loop().create_task(
                    self._begin(self._announcement), name="announcement"
                )
            case RecordingNotice.GREETING:
                self._task = asyncio.get_running_loop().create_task(self._begin(self._greeting), name="greeting")
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

    async def _announcement(self) -> bytes | None:
        await self.prepare()
        return self._words if self._say is not None else None

    async def _greeting(self) -> bytes | None:
        """Say it anew each time: the language may have changed, and nobody waits who would not hear ringing."""
        try:
            return _PAUSE + await asyncio.to_thread(self._greet)
        except MediaError as error:
            _log.warning("The answering machine greets by a tone, since its greeting cannot be said: %s", error)
            return None

    async def _begin(self, say: Callable[[], Awaitable[bytes | None]]) -> None:
        try:
            words = await say()
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
